"""common/trainer.py: what an epoch is, what is recorded, and that Ctrl-C loses nothing."""
import re
import signal
import threading
import warnings

import numpy as np
import pytest

from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import Adam, Momentum
from common.trainer import Trainer
from common.training.averaging import Averaging
from common.callbacks import HOOKS
from common.training.schedule import Schedule, cosine
from common.util import minibatches, shuffle_dataset


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
    assert trainer.train_acc_list == [0.01, 0.03, 0.05] and trainer.test_acc_list == [0.02, 0.04, 0.06]
    assert [count for count, _ in network.evaluated] == [n, 7] * 3


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


@pytest.mark.parametrize("optimizer, lr", [("SGD", 0.1), ("RMSprop", 0.01), ("Adam", 0.02)])
def test_optimizers_train_a_network(optimizer, lr):
    x, t = blobs()
    net = MultiLayerNetExtend(2, [8], 3, use_batchnorm=True, use_dropout=True, dropout_ration=0.1)
    trainer = Trainer(net, x, t, *blobs(50), epochs=10, mini_batch_size=16, optimizer=optimizer,
                      optimizer_param={"lr": lr}, verbose=False)
    trainer.train()
    assert trainer.history["loss"][-1] < trainer.train_loss_list[0] / 2
    assert trainer.test_acc_list[-1] > 0.9 and trainer.test_acc_list[-1] == net.accuracy(*blobs(50))


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

@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """Also where the suite was started with SIGINT ignored, by `&` in a script say."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c(*_):
    signal.raise_signal(signal.SIGINT)


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


@pytest.mark.parametrize("evaluation", [1, 6])
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


def test_ctrl_c_that_is_to_be_ignored_is_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    network = Recorder()
    network.at_step = at(2)
    trainer = trainer_of(network, epochs=2)
    trainer.train()
    assert not trainer.interrupted and trainer.current_epoch == 2
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


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


# ---- the test set is read once ------------------------------------------------

@pytest.mark.parametrize("settings, evaluations", [
    ({}, [25, 7]), ({"evaluate_sample_num_per_epoch": 7}, [7, 7]), ({"evaluate_sample_num_per_epoch": 5}, [5, 5, 7])])
def test_the_final_accuracy_is_not_measured_twice(settings, evaluations):
    network = Recorder()
    trainer = trainer_of(network, epochs=1, **settings)
    trainer.train()
    accuracy = trainer.final_accuracy()
    assert [count for count, _ in network.evaluated] == evaluations and accuracy == len(evaluations) / 100
    network.params["w"] += 1                # another network: measured anew
    assert trainer.final_accuracy() == (len(evaluations) + 1) / 100


def test_a_script_may_say_the_accuracy_itself(capsys):
    network = Recorder()
    trainer_of(network, epochs=1, verbose="epochs").train()
    assert len(capsys.readouterr().out.splitlines()) == 1 and len(network.evaluated) == 2


def test_all_epochs_are_done_and_more_can_be_had(capsys):
    trainer = trainer_of(Recorder(), epochs=2, verbose=True)
    trainer.train()
    capsys.readouterr()
    trainer.train()
    assert "all 2 epochs are done; for 5 more: trainer.epochs += 5" in capsys.readouterr().out
    trainer.epochs += 5
    trainer.train()
    assert trainer.current_epoch == 7


# ---- data of other kinds ------------------------------------------------

def same_data(x, t):
    pandas = pytest.importorskip("pandas")
    labels = np.random.permutation(len(t))          # of the rows: they say nothing
    return {"lists": (x.tolist(), t.tolist()), "pandas": (pandas.DataFrame(x, labels), pandas.Series(t, labels[::-1]))}


@pytest.mark.parametrize("kind", ["lists", "pandas"])
def test_other_containers_count_by_position(kind):
    x, t = blobs()
    results = []
    for data in ((x, t), same_data(x, t)[kind]):
        np.random.seed(0)
        trainer = Trainer(MultiLayerNetExtend(2, [8], 3), *data, *data, epochs=2, mini_batch_size=50, verbose=False)
        trainer.train()
        results.append((trainer.train_loss_list, trainer.test_acc_list))
        np.random.seed(0)
        for pair in (shuffle_dataset(*data), *minibatches(*data, 40)):
            results[-1] += tuple(np.array(part, float).tolist() for part in pair)
    if kind == "lists":             # of floats: float64
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
        assert results[0][2:] == results[1][2:]
    else:
        assert results[0] == results[1]


@pytest.mark.parametrize("low, high, dtype, warned", [
    (0, 255, np.float32, True), (0, 255, np.uint8, True), (0, 1, np.float32, False), (-255, 255, np.float32, False),
    (0, 3000, np.float32, False)])
def test_images_of_0_to_255_are_warned_of(low, high, dtype, warned):
    x, t = np.random.uniform(low, high, (90, 2)).astype(dtype), np.arange(90) % 3
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Trainer(MultiLayerNetExtend(2, [8], 3), x, t, x, t)
    assert [w.filename for w in caught] == [__file__] * warned
    assert all("divide them by 255" in str(w.message) for w in caught)


# ---- errors ------------------------------------------------

X, T = numbered(5)


@pytest.mark.parametrize("data, words", [
    ((X, T[:4], X, T), r"x_train, t_train: .*\(4,\) and \(5, 1\)"), ((X, T, X[:3], T), r"x_test.*\(5,\) and \(3, 1\)"),
    ((X[:0], T[:0], X, T), "x_train.* 0"), ((X, T, X[:0], T[:0]), "x_test.* 0"), ((7, T, X, T), "x_train"),
    ((list("abcde"), T, X, T), "x_train: expected examples of numbers, got 5 examples of <U1"),
    ((X.astype(object), T, X, T), "x_train: .* of object")])
def test_examples_that_cannot_be_meant_are_named(data, words):
    with pytest.raises((ValueError, TypeError), match=words):
        Trainer(Recorder(), *data)


class WithoutHooks:
    def on_epoch_ended(self, trainer):
        pass


class TooManyArguments:
    def on_epoch_end(self, epoch, logs):
        pass


class NothingAtAll:
    pass


@pytest.mark.parametrize("settings, words", [
    ({"mini_batch_size": 0}, "mini_batch_size >= 1, a whole number, got 0"),
    ({"mini_batch_size": 2.5}, "mini_batch_size >= 1, a whole number, got 2.5"),
    ({"epochs": -1}, "epochs >= 0, a whole number, got -1"), ({"epochs": "5"}, "epochs.*got '5'"),
    ({"evaluate_sample_num_per_epoch": 0}, "evaluate_sample_num_per_epoch.*got 0"),
    ({"evaluate_sample_num_per_epoch": 32.0}, "evaluate_sample_num_per_epoch.*got 32.0"),
    ({"optimizer": "Adamm"}, "'Adamm'.*SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam"),
    ({"optimizer": Adam}, "optimizer: expected a name or an object with update.*Adam"),
    ({"optimizer": None}, "optimizer: expected a name or an object with update.*None"),
    ({"optimizer_param": {"momentum": 0.9}}, "momentum"),
    ({"callbacks": print}, "callbacks: expected a list, got "),
    ({"callbacks": [3]}, "callbacks: 3 is none; on_epoch_end: .*some of these methods of it: on_train_begin, on_epoch"),
    ({"callbacks": [NothingAtAll()]}, "NothingAtAll.* is none"),
    ({"callbacks": [WithoutHooks()]}, "WithoutHooks.* is none; on_epoch_ended: there is no such hook"),
    ({"callbacks": [TooManyArguments()]}, "TooManyArguments.* is none; on_epoch_end: .*'logs'"),
    ({"callbacks": [lambda: None]}, "lambda.* is none; on_epoch_end: too many positional"),
    ({"callbacks": [Averaging]}, "Averaging.* is none; on_.*'trainer'"), ({"callbacks": [max]}, "max.* is none"),
])
def test_wrong_settings_are_named_before_the_first_step(settings, words):
    with pytest.raises((ValueError, TypeError), match=words):
        Trainer(Recorder(), X, T, X, T, **settings)


@pytest.mark.parametrize("keep, missing", [(lambda grads: {"W1": grads["W1"]}, "b1"), (lambda grads: None, "W1")])
def test_a_missing_gradient_is_named_and_changes_nothing(keep, missing):
    x, t = blobs()
    net = MultiLayerNetExtend(2, [8], 3)
    gradient = net.gradient
    net.gradient = lambda x, t: keep(gradient(x, t))
    before = {key: array.copy() for key, array in net.params.items()}
    with pytest.raises(KeyError, match=f"{missing}: expected a gradient, got those of"):
        Trainer(net, x, t, x, t, verbose=False).train()
    assert all(np.array_equal(before[key], array) for key, array in net.params.items())


# ---- callbacks ------------------------------------------------

class Diary:
    """Writes down which hook was called at which step."""

    def __init__(self):
        self.pages = []

        for name in HOOKS:
            setattr(self, name, lambda trainer, name=name: self.pages.append((name[3:], trainer.current_iter)))


def test_hooks_are_called_in_their_order():
    diary = Diary()
    trainer_of(Recorder(), 25, epochs=1, mini_batch_size=20, callbacks=[diary]).train()
    assert diary.pages == [("train_begin", 0), ("epoch_begin", 0), ("batch_begin", 0), ("batch_end", 1),
                           ("batch_begin", 1), ("batch_end", 2), ("test_begin", 2), ("epoch_end", 2), ("train_end", 2)]


def test_the_end_is_told_after_an_error_too():
    diary, network = Diary(), Recorder()
    network.at_step = at(2, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer_of(network, mini_batch_size=20, callbacks=[diary]).train()
    assert diary.pages[-2:] == [("batch_begin", 1), ("train_end", 1)]


def test_if_one_cannot_begin_the_end_is_told_to_those_before_it():
    class CannotBegin:
        def on_train_begin(self, trainer):
            raise ZeroDivisionError

        def on_train_end(self, trainer):
            pytest.fail("it has not begun")

    before, after = Diary(), Diary()
    with pytest.raises(ZeroDivisionError):
        trainer_of(Recorder(), callbacks=[before, CannotBegin(), after]).train()
    assert before.pages == [("train_begin", 0), ("train_end", 0)] and after.pages == []


def test_a_callback_may_replace_the_batch():
    class Backwards:
        def on_batch_begin(self, trainer):
            trainer.x_batch, trainer.t_batch = trainer.x_batch[:2], trainer.t_batch[:2]

    network = Recorder()
    trainer_of(network, epochs=1, mini_batch_size=10, callbacks=[Backwards()]).train()
    assert [len(batch) for batch in network.batches] == [2, 2, 2]


@pytest.mark.parametrize("loss", [lambda value: value, lambda value: np.array([value]), np.float32])
def test_a_loss_of_any_one_value(loss):
    network = Recorder()
    plain = network.loss
    network.loss = lambda x, t: loss(plain(x, t))
    trainer = trainer_of(network, epochs=1)
    trainer.train()
    assert type(trainer.train_loss_list[0]) is float and trainer.train_loss_list[0] == pytest.approx((10 - 12) ** 2 / 2)


def test_a_readers_own_optimizer():
    class Plain:
        def update(self, params, grads):
            for key in params:
                params[key] = params[key] - 0.5 * grads[key]

    network = Recorder()
    trainer_of(network, epochs=20, optimizer=Plain()).train()
    assert network.params["w"][0] == pytest.approx(12, abs=1e-3)
    with pytest.raises(AttributeError, match="no attribute 'lr'"):
        trainer_of(network, optimizer=Plain(), callbacks=[Schedule(cosine)]).train()


def clipped(gradient):
    return lambda x, t: {key: np.clip(grad, -1e-3, 1e-3) for key, grad in gradient(x, t).items()}


class Clipped(MultiLayerNetExtend):
    def gradient(self, x, t):
        return clipped(super().gradient)(x, t)


@pytest.mark.parametrize("kind", [Clipped, MultiLayerNetExtend])
def test_a_gradient_of_the_nets_own_is_used(kind):
    x, t = blobs()
    net = kind(2, [8], 3)
    if kind is not Clipped:             # the instance's
        net.gradient = clipped(net.gradient)
    before = {key: array.copy() for key, array in net.params.items()}
    Trainer(net, x, t, x, t, epochs=1, mini_batch_size=30, optimizer_param={"lr": 1}, verbose=False).train()
    for key, array in net.params.items():
        assert 0 < np.abs(array - before[key]).max() < 4.1e-3      # 4 steps of 1e-3 at most
