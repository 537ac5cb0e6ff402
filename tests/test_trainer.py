"""common/trainer.py: what an epoch is, what is recorded, and that Ctrl-C loses nothing."""
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import Adam, Momentum
from common.trainer import Trainer


class Recorder:
    """Only what a trainer may ask for. Its loss is (w - mean of x)^2 / 2."""

    def __init__(self):
        self.params = {"w": np.array([10.0])}
        self.batches = []           # the targets of each batch: their own positions
        self.evaluated = []         # how many examples, by each accuracy
        self.at_step = lambda step: None
        self.at_evaluation = lambda count: None

    def gradient(self, x, t):
        assert len(x) == len(t) and np.array_equal(x[:, 0], t)
        self.batches.append(list(t))
        self.at_step(len(self.batches))
        return {"w": self.params["w"] - x.mean()}

    def loss(self, x, t):
        return float((self.params["w"][0] - x.mean()) ** 2 / 2)

    def accuracy(self, x, t):
        self.evaluated.append((len(x), list(t)))
        self.at_evaluation(len(self.evaluated))
        return len(self.evaluated) / 100


def numbered(n):
    return np.arange(n, dtype=float)[:, None], np.arange(n)


def trainer_of(network, n=25, n_test=7, **settings):
    return Trainer(network, *numbered(n), *numbered(n_test), **{"verbose": False, **settings})


# ---- epochs ------------------------------------------------

@pytest.mark.parametrize("n, batch_size, sizes", [
    (25, 10, [10, 10, 5]), (20, 10, [10, 10]), (7, 100, [7]), (5, 1, [1] * 5), (101, 100, [100, 1])])
def test_an_epoch_is_every_example_once(n, batch_size, sizes):
    network = Recorder()
    trainer = trainer_of(network, n, epochs=3, mini_batch_size=batch_size)
    trainer.train()
    steps = len(sizes)
    assert [len(batch) for batch in network.batches] == sizes * 3
    orders = []
    for epoch in range(3):
        orders.append(sum(network.batches[epoch * steps:(epoch + 1) * steps], []))
        assert sorted(orders[-1]) == list(range(n))
    assert orders[0] != orders[1] != orders[2]          # shuffled anew
    assert len(trainer.train_loss_list) == 3 * steps == trainer.current_iter


@pytest.mark.parametrize("n, batch_size", [(25, 10), (20, 10), (7, 100), (13, 3)])
def test_exactly_one_accuracy_per_epoch(n, batch_size):
    network = Recorder()
    trainer = trainer_of(network, n, epochs=4, mini_batch_size=batch_size)
    trainer.train()
    assert len(trainer.train_acc_list) == len(trainer.test_acc_list) == 4
    assert trainer.train_acc_list == [0.01, 0.03, 0.05, 0.07]
    assert trainer.test_acc_list == [0.02, 0.04, 0.06, 0.08]
    assert [count for count, _ in network.evaluated] == [n, 7] * 4


def test_evaluation_on_the_first_examples_only():
    network = Recorder()
    trainer_of(network, epochs=1, evaluate_sample_num_per_epoch=3).train()
    assert network.evaluated == [(3, [0, 1, 2]), (3, [0, 1, 2])]


def test_losses_and_parameters_are_those_of_the_steps():
    network = Recorder()
    trainer = trainer_of(network, epochs=2, mini_batch_size=10, optimizer_param={"lr": 0.5})
    trainer.train()
    w, losses = 10.0, []
    for batch in network.batches:
        losses.append((w - np.mean(batch)) ** 2 / 2)
        w -= 0.5 * (w - np.mean(batch))
    np.testing.assert_allclose(trainer.train_loss_list, losses)
    assert network.params["w"][0] == pytest.approx(w)
    assert all(type(value) is float for value in trainer.train_loss_list)


def test_settings_are_the_books():
    trainer = trainer_of(Recorder())
    assert trainer.epochs == 20 and trainer.batch_size == 100
    assert type(trainer.optimizer).__name__ == "SGD" and trainer.optimizer.lr == 0.01
    trainer = trainer_of(Recorder(), optimizer="adam", optimizer_param={"lr": 0.5, "beta1": 0.8})
    assert isinstance(trainer.optimizer, Adam)
    assert (trainer.optimizer.lr, trainer.optimizer.beta1, trainer.optimizer.beta2) == (0.5, 0.8, 0.999)
    own = Momentum(0.3)
    assert trainer_of(Recorder(), optimizer=own).optimizer is own
    assert trainer_of(Recorder(), epochs=0).train() is None


# ---- networks ------------------------------------------------

def blobs(n=120):
    """Three clouds of points that a small net can tell apart."""
    rng = np.random.default_rng(0)
    t = rng.integers(3, size=n)
    return (rng.normal(0, 0.5, (n, 2)) + np.array([[0, 3], [3, 0], [-3, -3]])[t]).astype(np.float32), t


@pytest.mark.parametrize("optimizer, lr", [("SGD", 0.1), ("Momentum", 0.05), ("Nesterov", 0.05),
                                           ("AdaGrad", 0.1), ("RMSprop", 0.01), ("Adam", 0.02)])
def test_every_optimizer_trains_a_network(optimizer, lr):
    x, t = blobs()
    net = MultiLayerNetExtend(2, [8], 3, use_batchnorm=True, use_dropout=True, dropout_ration=0.1)
    trainer = Trainer(net, x, t, *blobs(50), epochs=10, mini_batch_size=16, optimizer=optimizer,
                      optimizer_param={"lr": lr}, verbose=False)
    trainer.train()
    assert trainer.train_loss_list[-1] < trainer.train_loss_list[0] / 2
    assert trainer.test_acc_list[-1] > 0.9 and trainer.test_acc_list[-1] == net.accuracy(*blobs(50))


def test_a_net_with_a_gradient_of_its_own_is_trained_by_it():
    class Clipped(MultiLayerNetExtend):
        def gradient(self, x, t):
            return {key: np.clip(grad, -1e-3, 1e-3) for key, grad in super().gradient(x, t).items()}

    x, t = blobs()
    net = Clipped(2, [8], 3)
    before = {key: array.copy() for key, array in net.params.items()}
    Trainer(net, x, t, x, t, epochs=1, mini_batch_size=30, optimizer_param={"lr": 1}, verbose=False).train()
    for key, array in net.params.items():
        assert 0 < np.abs(array - before[key]).max() < 4.1e-3      # 4 steps of 1e-3 at most


def test_one_hot_targets_give_the_same_training():
    x, t = blobs()
    results = []
    for targets in (t, np.eye(3)[t]):
        np.random.seed(1)
        trainer = Trainer(MultiLayerNetExtend(2, [8], 3), x, targets, x, targets, epochs=3, verbose=False)
        trainer.train()
        results.append((trainer.train_loss_list, trainer.train_acc_list))
    np.testing.assert_allclose(*(losses for losses, _ in results), rtol=1e-5)
    assert results[0][1] == results[1][1]


def test_the_same_seed_gives_the_same_training():
    x, t = blobs()
    runs = []
    for seed in (0, 0, 1):
        np.random.seed(seed)
        net = MultiLayerNetExtend(2, [8], 3, use_dropout=True, use_batchnorm=True)
        trainer = Trainer(net, x, t, x, t, epochs=2, mini_batch_size=16, verbose=False)
        trainer.train()
        runs.append((trainer.train_loss_list, trainer.train_acc_list, net.params["W1"].tolist()))
    assert runs[0] == runs[1] != runs[2]


def test_the_callers_arrays_stay_as_they_are():
    x, t = blobs()
    x.flags.writeable = t.flags.writeable = False
    Trainer(MultiLayerNetExtend(2, [8], 3), x, t, x, t, epochs=2, verbose=False).train()


# ---- what it says ------------------------------------------------

def test_silent_if_asked(capfd):
    trainer_of(Recorder(), epochs=3).train()
    assert capfd.readouterr() == ("", "")


def test_one_line_per_epoch_with_loss_accuracies_and_seconds(capfd):
    trainer = trainer_of(Recorder(), epochs=2, mini_batch_size=10, verbose=True)
    trainer.train()
    out, err = capfd.readouterr()
    lines = out.splitlines()
    for epoch, line in enumerate(lines[:2]):
        loss = np.mean(trainer.train_loss_list[epoch * 3:epoch * 3 + 3])
        for word in (f"{epoch + 1}/2", f"{loss:.4f}", f"{trainer.train_acc_list[epoch]:.4f}",
                     f"{trainer.test_acc_list[epoch]:.4f}"):
            assert word in line
        assert re.search(r"\d\.\d s$", line)
    assert "Final Test Accuracy" in lines[2] and f"{len(trainer.network.evaluated) / 100:.4f}" in lines[3]
    assert trainer.network.evaluated[-1][0] == len(trainer.x_test)
    assert len(lines) == 4
    assert "epoch 1/2" in err and "3/3" in err or "0/3" in err         # the progress bar


# ---- Ctrl-C ------------------------------------------------

def press_ctrl_c(*_):
    os.kill(os.getpid(), signal.SIGINT)


def at(number, action=press_ctrl_c):
    return lambda count: count == number and action()


def test_ctrl_c_ends_training_after_the_step(capfd):
    network = Recorder()
    network.at_step = at(5)
    before = signal.getsignal(signal.SIGINT)
    trainer = trainer_of(network, epochs=10, mini_batch_size=10, verbose=True)
    trainer.train()                                                    # no KeyboardInterrupt
    assert signal.getsignal(signal.SIGINT) is before
    assert trainer.interrupted
    assert len(network.batches) == len(trainer.train_loss_list) == trainer.current_iter == 5
    assert len(trainer.train_acc_list) == len(trainer.test_acc_list) == 1     # of the one whole epoch
    w = 10.0
    for batch in network.batches:                                      # the last step was made in full
        w -= 0.01 * (w - np.mean(batch))
    assert network.params["w"][0] == pytest.approx(w)
    assert "Ctrl-C" in capfd.readouterr().out

    trainer.train()                                                    # and it can go on
    assert not trainer.interrupted
    assert len(trainer.train_acc_list) == trainer.current_epoch == 10


@pytest.mark.parametrize("evaluation", [1, 2, 5, 6])
def test_ctrl_c_in_an_evaluation(evaluation, capfd):
    network = Recorder()
    network.at_evaluation = at(evaluation)
    trainer = trainer_of(network, epochs=3, mini_batch_size=10, verbose=True)
    trainer.train()
    epochs = (evaluation + 1) // 2
    assert len(trainer.train_acc_list) == len(trainer.test_acc_list) == trainer.current_epoch == epochs
    assert len(trainer.train_loss_list) == 3 * epochs
    assert "epoch 4" not in capfd.readouterr().out                     # there is none


def test_a_second_ctrl_c_ends_it_at_once():
    network = Recorder()
    network.at_step = at(2, lambda: (press_ctrl_c(), press_ctrl_c()))
    trainer = trainer_of(network)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(trainer.train_loss_list) == 1


def test_errors_pass_through_and_give_ctrl_c_back():
    network = Recorder()

    def fail():
        raise ZeroDivisionError("in the reader's own network")

    network.at_step = at(2, fail)
    with pytest.raises(ZeroDivisionError):
        trainer_of(network).train()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_training_in_another_thread():
    """Only the main thread may handle signals."""
    trainer = trainer_of(Recorder(), epochs=2)
    thread = threading.Thread(target=trainer.train)
    thread.start()
    thread.join(timeout=10)
    assert len(trainer.test_acc_list) == 2


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to another process")
def test_ctrl_c_from_the_keyboard_of_a_real_process(tmp_path):
    script = textwrap.dedent("""
        import numpy as np
        from common.multi_layer_net import MultiLayerNet
        from common.trainer import Trainer

        x, t = np.random.rand(1000, 50).astype(np.float32), np.arange(1000) % 10
        trainer = Trainer(MultiLayerNet(50, [20], 10), x, t, x, t, epochs=10 ** 6)
        trainer.train()
        assert trainer.interrupted and len(trainer.test_acc_list) >= 1
        assert len(trainer.train_loss_list) == trainer.current_iter
        trainer.network.save_params("params.pkl")
        print("saved")
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, cwd=tmp_path,
                               env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])})
    try:
        assert "epoch  1" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "Traceback" not in err and out.endswith("saved\n")
    assert os.listdir(tmp_path) == ["params.pkl"]


# ---- errors ------------------------------------------------

def test_wrong_arguments_are_named():
    x, t = numbered(5)
    for data, words in (((x, t[:4], x, t), ["x_train", "4", "5"]), ((x, t, x[:3], t), ["x_test", "5", "3"]),
                        ((x[:0], t[:0], x, t), ["x_train", "0"]), ((x, t, x[:0], t[:0]), ["x_test", "0"])):
        with pytest.raises(ValueError) as caught:
            Trainer(Recorder(), *data)
        for word in words:
            assert word in str(caught.value)
    for settings, words in (({"mini_batch_size": 0}, ["mini_batch_size >= 1", "0"]),
                            ({"epochs": -1}, ["epochs >= 0", "-1"]),
                            ({"evaluate_sample_num_per_epoch": 0}, ["evaluate_sample_num_per_epoch", "0"]),
                            ({"evaluate_sample_num_per_epoch": -5}, ["evaluate_sample_num_per_epoch", "-5"]),
                            ({"optimizer": "Adamm"},
                             ["'Adamm'", "SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam"])):
        with pytest.raises(ValueError) as caught:
            Trainer(Recorder(), x, t, x, t, **settings)
        for word in words:
            assert word in str(caught.value)
    with pytest.raises(TypeError, match="momentum"):
        Trainer(Recorder(), x, t, x, t, optimizer="SGD", optimizer_param={"momentum": 0.9})
