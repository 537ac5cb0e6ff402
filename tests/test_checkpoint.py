"""Callbacks of a training: schedules, augmentation, logs, and checkpoints that lose nothing."""
import copy
import csv
import json
import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest

from common.training.augmentation import Augmentation
from common.training.averaging import Averaging
from common.training.best_weights import BestWeights
from common.training.checkpoint import Checkpoint, read_checkpoint
from common.training.log import Log
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD
from common.training.schedule import Schedule, cosine, step
from common.trainer import Trainer
from common.params import arrays_of
from common import files
from common.files import load_pickle, save_pickle

if os.name == "posix":
    from fuzz import interruptions


class Killed(Exception):
    pass


class AfterStep:
    """Calls the function after every step."""

    def __init__(self, function):
        self.on_batch_end = function


def blobs(n, seed=0):
    """Three clouds of points that overlap."""
    rng = np.random.default_rng(seed)
    t = rng.integers(3, size=n)
    return (rng.normal(0, 1.5, (n, 2)) + np.array([[0, 3], [3, 0], [-3, -3]])[t]).astype(np.float32), t


def trainer_of(*callbacks, seed=0, n=60, net=None, **settings):
    np.random.seed(seed)
    net = net or MultiLayerNetExtend(2, [6], 3, use_batchnorm=True, use_dropout=True, dropout_ration=0.2)
    return Trainer(net, *blobs(n), *blobs(30, 1),
                   **{"epochs": 4, "mini_batch_size": 16, "verbose": False, "callbacks": list(callbacks), **settings})


def numbers_of(trainer):
    """All that a training has led to, but the seconds."""
    history = {name: values for name, values in trainer.history.items() if name != "seconds"}
    arrays = {key: array.tobytes() for key, array in arrays_of(trainer.network).items()}
    return (trainer.train_loss_list, history, arrays, trainer.current_iter, trainer.optimizer.lr,
            np.random.rand(3).tolist())


# ---- schedule, augmentation ------------------------------------------------

def test_the_learning_rate_follows_the_schedule():
    trainer, rates = trainer_of(Schedule(lambda progress: progress ** 2), optimizer=SGD(lr=0.2)), []
    update = trainer.optimizer.update
    trainer.optimizer.update = lambda *args: (rates.append(trainer.optimizer.lr), update(*args))
    trainer.train()
    np.testing.assert_allclose(rates, [0.2 * ((step + 0.5) / 16) ** 2 for step in range(16)])
    assert {type(rate) for rate in rates} == {float}


def test_every_batch_is_augmented_and_evaluation_is_not():
    seen = []
    trainer = trainer_of(Augmentation(lambda x: seen.append(x.copy()) or x * 0), epochs=1)
    trainer.train()
    np.testing.assert_array_equal(np.sort(np.concatenate(seen), axis=0), np.sort(trainer.x_train, axis=0))
    assert (trainer.network.layers["Affine1"].x == 0).all()
    assert trainer.train_acc_list == [trainer.network.accuracy(trainer.x_train, trainer.t_train)]


# ---- callbacks and logs ------------------------------------------------

def test_callbacks_see_every_epoch_and_may_end_the_training():
    def good_enough(trainer):
        seen.append((trainer.current_epoch, len(trainer.history["loss"])))
        if trainer.current_epoch == 3:
            trainer.stop_training = True

    seen = []
    trainer = trainer_of(good_enough, epochs=10)
    trainer.train()
    trainer.train()
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_the_history_has_a_value_per_epoch():
    trainer = trainer_of(BestWeights(*blobs(20, 2)))
    trainer.train()
    assert list(trainer.history) == ["loss", "train_acc", "test_acc", "seconds", "val_acc"]
    assert {len(values) for values in trainer.history.values()} == {4}
    assert trainer.history["train_acc"] is trainer.train_acc_list
    assert trainer.history["test_acc"] is trainer.test_acc_list
    np.testing.assert_allclose(trainer.history["loss"], np.mean(np.reshape(trainer.train_loss_list, (4, 4)), axis=1))
    assert all(0 < seconds < 60 for seconds in trainer.history["seconds"])


@pytest.mark.parametrize("name", ["log.csv", "log.json"])
def test_a_log_holds_the_history_after_every_epoch(tmp_path, name):
    def rows():
        with open(tmp_path / name, newline="") as file:
            return list(csv.DictReader(file)) if name == "log.csv" else json.load(file)

    def check(trainer):
        logged = rows()
        assert len(logged) == trainer.current_epoch and list(logged[0]) == list(trainer.history)
        for column, values in trainer.history.items():
            assert [float(row[column]) for row in logged] == values

    trainer = trainer_of(Log(tmp_path / name), check)
    trainer.train()
    assert trainer.current_epoch == 4


def test_callbacks_may_add_to_the_history(tmp_path):
    """Numbers of NumPy's too, and a column that begins late; logs and checkpoints take them along."""
    def record(trainer):
        trainer.history.setdefault("norm", []).append(np.linalg.norm(trainer.network.params["W1"]))
        if trainer.current_epoch > 2:
            trainer.history.setdefault("late, it is", []).append(np.float32(0.5))

    trainer = trainer_of(record, Log(tmp_path / "log.json"), Log(tmp_path / "log.csv"), Checkpoint(tmp_path / "state"))
    trainer.train()
    late = [row.get("late, it is") for row in json.loads((tmp_path / "log.json").read_text())]
    assert late == [None, None, 0.5, 0.5]
    with open(tmp_path / "log.csv", newline="") as file:
        assert [row["late, it is"] for row in csv.DictReader(file)] == [None, None, "0.5", "0.5"]
    for callbacks in ([record], []):
        longer = trainer_of(*callbacks, Log(tmp_path / "log.csv"), Checkpoint(tmp_path / "longer", tmp_path / "state"),
                            epochs=5)
        longer.train()
        assert longer.history["norm"][:4] == trainer.history["norm"] and longer.history["late, it is"][:2] == [0.5, 0.5]
        assert len(longer.history["norm"]) == 4 + len(callbacks)
        assert len((tmp_path / "log.csv").read_text().splitlines()) == 6


def test_a_callback_changes_the_learning_rate():
    schedule, rates = Schedule(lambda progress: 1), []

    def halve(trainer):
        rates.append(trainer.optimizer.lr)
        if len(trainer.callbacks) == 1:
            trainer.optimizer.lr /= 2
        else:
            schedule.state["lr"] /= 2

    for callbacks in ([halve], [schedule, halve]):
        rates.clear()
        trainer = trainer_of(*callbacks, optimizer_param={"lr": 0.8})
        trainer.train()
        assert rates == [0.8, 0.4, 0.2, 0.1] and trainer.optimizer.lr == 0.05


@pytest.mark.parametrize("error", [None, ZeroDivisionError, FloatingPointError, KeyboardInterrupt])
def test_a_schedule_leaves_the_optimizer_as_it_was(error):
    def fail(trainer):
        if trainer.current_iter == 6 and error:
            raise error

    trainer = trainer_of(Schedule(cosine), AfterStep(fail), optimizer_param={"lr": 0.8})
    try:
        trainer.train()
    except (ZeroDivisionError, FloatingPointError, KeyboardInterrupt):
        assert error
    assert trainer.optimizer.lr == 0.8 and trainer.current_iter == (6 if error else 16)


def test_a_schedule_that_has_come_to_its_end_is_named():
    """It would train at a rate of 0."""
    trainer = trainer_of(Schedule(cosine))
    trainer.train()
    trainer.epochs = 6
    with pytest.raises(ValueError, match=r"schedule \[0.1, 0.5868, 0.0003\] in 4 epochs has come to its end"):
        trainer.train()
    assert trainer.current_epoch == 4


def test_a_training_broken_off_goes_on_with_the_same_trainer():
    """The steps of the broken epoch come on top; the learning rate does not rise again at the end."""
    rates = []
    trainer = trainer_of(Schedule(cosine), AfterStep(lambda trainer: rates.append(trainer.optimizer.lr)),
                         AfterStep(lambda trainer: len(rates) == 6 and signal.raise_signal(signal.SIGTERM)))
    trainer.train()
    assert trainer.interrupted and trainer.exit_code == 143 and trainer.current_epoch == 1
    trainer.train()
    assert trainer.current_epoch == 4 and len(rates) == 18
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_a_signal_at_the_last_step_of_an_epoch_counts_it():
    trainer = trainer_of(AfterStep(lambda trainer: trainer.current_iter == 8 and signal.raise_signal(signal.SIGTERM)))
    trainer.train()
    assert trainer.interrupted and trainer.current_epoch == 2 and len(trainer.history["test_acc"]) == 2


@pytest.mark.parametrize("kind, path", [(Log, "log.txt"), (Log, "missing/log.csv"), (Checkpoint, "missing/state")])
def test_files_that_cannot_be_written_are_named_before_the_training(tmp_path, kind, path):
    with pytest.raises((ValueError, FileNotFoundError), match=Path(path).parts[0]):
        trainer_of(AfterStep(pytest.fail), kind(tmp_path / path)).train()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind, name", [(Log, "log.csv"), (Log, "log.json"), (Checkpoint, "state")])
def test_a_file_that_another_program_holds_open_is_tried_again(tmp_path, monkeypatch, capsys, kind, name):
    replace = os.replace

    def held_open(trainer):
        monkeypatch.setattr(os, "replace", refuse if trainer.current_epoch in (2, 3) else replace)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    trainer_of(held_open, kind(tmp_path / name)).train()
    assert capsys.readouterr().err.count("Permission denied; next try after the next epoch") == 2
    data = (tmp_path / name).read_bytes()
    if kind is Log:
        assert data.count(b"\n") == {"log.csv": 5, "log.json": 6}[name]
    else:
        assert load_pickle(tmp_path / name)["progress"][0] == 4
    assert [path.name for path in tmp_path.iterdir()] == [name]


# ---- checkpoints ------------------------------------------------


def noise(x):
    return (x + np.random.normal(0, 0.1, x.shape)).astype(x.dtype)


def everything():
    return [Augmentation(noise), Schedule(cosine), Averaging(0.9), BestWeights(*blobs(20, 2), patience=3)]


SETTINGS = {
    "plain": (list, {}),
    "momentum": (list, {"optimizer": "Momentum"}),
    "adam": (lambda: [Schedule(cosine)], {"optimizer": "Adam"}),
    "all": (everything, {"optimizer": "AdamW"}),
}


@pytest.mark.parametrize("name, epoch", [("plain", 3), ("momentum", 1), ("adam", 1), ("all", 1), ("all", 3)])
def test_resumed_training_ends_with_the_numbers_of_an_uninterrupted_one(tmp_path, name, epoch):
    callbacks, settings = SETTINGS[name]
    whole = trainer_of(*callbacks(), **settings)
    whole.train()
    expected = numbers_of(whole)

    def kill(trainer):
        if trainer.current_epoch == epoch + 1:      # evaluated, but not saved yet
            raise Killed

    with pytest.raises(Killed):
        trainer_of(*callbacks(), kill, Checkpoint(tmp_path / "state"), **settings).train()
    resumed = trainer_of(*callbacks(), Checkpoint(resume=tmp_path / "state"), seed=99, **settings)
    resumed.train()
    assert numbers_of(resumed) == expected and resumed.current_epoch == whole.current_epoch

    before = load_pickle(tmp_path / "state")
    finished = trainer_of(*callbacks(), Checkpoint(resume=tmp_path / "state"), seed=98, **settings)
    for _ in range(3):
        np.random.set_state(before["random"])
        finished.train()                            # nothing is left to do
        assert numbers_of(finished) == expected
        after = load_pickle(tmp_path / "state")
        after["optimizer"]["lr"] = before["optimizer"]["lr"]        # a schedule has given it back
        np.testing.assert_equal(after, before)


def test_a_training_can_be_made_longer(tmp_path):
    trainer_of(Checkpoint(tmp_path / "state")).train()
    whole = trainer_of(epochs=6)
    whole.train()
    expected = numbers_of(whole)
    longer = trainer_of(Checkpoint(resume=tmp_path / "state"), seed=9, epochs=6)
    longer.train()
    assert numbers_of(longer) == expected


def test_resume_goes_on_saving_where_it_is_told(tmp_path):
    trainer_of(Checkpoint(tmp_path / "old"), epochs=1).train()
    before = (tmp_path / "old").read_bytes()
    trainer_of(Checkpoint(tmp_path / "new", tmp_path / "old")).train()
    assert (tmp_path / "old").read_bytes() == before
    assert load_pickle(tmp_path / "new")["progress"][0] == 4


def test_a_checkpoint_is_the_last_of_the_callbacks(tmp_path):
    with pytest.raises(ValueError, match="expected to be the last of the callbacks"):
        trainer_of(Checkpoint(tmp_path / "state"), lambda trainer: None).train()


@pytest.mark.parametrize("callbacks, settings, words", [
    ([], {"optimizer": "Adam"}, r"optimizer: expected SGD\(weight_decay=0.0\), got Adam\(beta1=0.9"),
    ([], {"optimizer_param": {"lr": 0.01, "weight_decay": 0.1}},
     r"optimizer: expected .*, got SGD\(weight_decay=0.1"),
    ([], {"mini_batch_size": 10}, "mini_batch_size: expected 16, got 10"),
    ([], {"n": 61}, "number of training examples: expected 60, got 61"),
    ([BestWeights(*blobs(20))], {}, r"callbacks with a state: expected none, got BestWeights\(settings=20 examples\)"),
    ([Averaging(0.99)], {}, r"callbacks with a state: expected none, got Averaging\(decay=0.99\)"),
    ([Schedule(cosine)], {},
     r"expected none, got Schedule\(settings=\[0\.1, 0\.5868, 0\.0003\] in 4 epochs\). Set it as it was"),
    ([], {"net": MultiLayerNetExtend(2, [6], 3, use_batchnorm=True).astype(np.float64)},
     "from another training: dtype of the parameters: expected .*float32.*, got .*float64"),
    ([], {"net": MultiLayerNetExtend(2, [7], 3, use_batchnorm=True)},
     r"does not fit this net; W1: expected \(2, 7\), got \(2, 6\)"),
    ([], {"net": MultiLayerNetExtend(2, [6], 3, use_batchnorm=True, weight_decay_lambda=0.1)},
     r"network: expected .*weight_decay_lambda=0\.0\), Affine.*, got .*weight_decay_lambda=0\.1\)"),
    ([], {"net": MultiLayerNetExtend(2, [6], 3, "sigmoid", use_batchnorm=True)}, r"network: .*Relu\(.*, got .*Sigmoid"),
])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, callbacks, settings, words):
    trainer_of(Checkpoint(tmp_path / "state"), epochs=1).train()
    trainer = trainer_of(*callbacks, Checkpoint(resume=tmp_path / "state"), **settings)
    before = numbers_of(trainer)
    with pytest.raises(ValueError, match=f"state .*{words}"):
        trainer.train()
    assert numbers_of(trainer)[2:4] == before[2:4] and trainer.train_loss_list == []


@pytest.mark.parametrize("kept", [dict, lambda params: params, lambda params: [{"W": params["W1"][:3]}]])
def test_an_optimizer_that_keeps_arrays_of_the_net_is_named_at_the_first_save(tmp_path, kept):
    trainer = trainer_of(Checkpoint(tmp_path / "state"))
    trainer.optimizer.kept = kept(trainer.network.params)
    with pytest.raises(ValueError, match="cannot hold a SGD that keeps arrays of the network"):
        trainer.train()
    assert trainer.train_loss_list == []


def test_a_checkpoint_of_other_examples_is_refused(tmp_path):
    trainer_of(Checkpoint(tmp_path / "state"), epochs=1).train()
    trainer = trainer_of(Checkpoint(resume=tmp_path / "state"))
    trainer.x_train = trainer.x_train + 1
    with pytest.raises(ValueError, match="checksum of the first training examples: expected"):
        trainer.train()


@pytest.mark.parametrize("callbacks, epochs, words", [
    ([Schedule(cosine)], 6, "in 4 epochs.*, got .*in 6 epochs.*only a training with a constant"),
    ([], 4, "expected .*Schedule"), ([Schedule(step)], 4, "expected .*Schedule")])
def test_a_schedule_cannot_be_changed_on_the_way(tmp_path, callbacks, epochs, words):
    """It could not have led to the learning rates so far."""
    trainer_of(Schedule(cosine), Checkpoint(tmp_path / "state")).train()
    with pytest.raises(ValueError, match=words):
        trainer_of(*callbacks, Checkpoint(resume=tmp_path / "state"), epochs=epochs).train()
    assert read_checkpoint(tmp_path / "state")["epochs"] == 4


def test_damaged_files_and_files_of_another_kind_are_refused(tmp_path):
    trainer_of(Checkpoint(tmp_path / "state"), epochs=1).train()
    (tmp_path / "cut").write_bytes((tmp_path / "state").read_bytes()[:999])
    save_pickle(tmp_path / "params", {"W1": np.zeros(3)})
    save_pickle(tmp_path / "list", [1, 2])
    for name in ("cut", "params", "list"):
        with pytest.raises(ValueError, match=name):
            trainer_of(Checkpoint(resume=tmp_path / name)).train()
    with pytest.raises(FileNotFoundError, match="absent"):
        trainer_of(Checkpoint(resume=tmp_path / "absent")).train()


# ---- what readers write themselves ------------------------------------------------

class Own:
    """A momentum whose memory is made in the first update, in one of several ways."""

    def __init__(self, memory):
        self.memory, self.steps = memory, 0

    def update(self, params, grads):
        self.steps += 1
        if isinstance(self.memory, list):
            if not self.memory:
                self.memory.extend(np.zeros_like(array) for array in params.values())
            memory = dict(zip(params, self.memory))
        else:
            if not self.memory:
                self.memory = {key: np.zeros_like(array) for key, array in params.items()}
            memory = self.memory
        for key in params:
            memory[key] *= 0.9
            memory[key] -= 0.05 * grads[key]
            params[key] += memory[key]


class LossesSeen:
    """A callback with a state."""

    def __init__(self):
        self.state = {"losses": [], "last": None}

    def on_epoch_end(self, trainer):
        self.state["losses"].append(trainer.history["loss"][-1])
        self.state["last"] = np.array(self.state["losses"])


@pytest.mark.parametrize("memory", [{}, None, []])
def test_own_optimizers_and_callbacks_resume_exactly(tmp_path, memory):
    def trainer(*callbacks, **settings):
        return trainer_of(LossesSeen(), *callbacks, optimizer=Own(copy.copy(memory)), **settings)

    whole = trainer()
    whole.train()
    expected = pickle.dumps((whole.train_loss_list, whole.callbacks[0].state))
    trainer(Checkpoint(tmp_path / "state"), epochs=2).train()
    resumed = trainer(Checkpoint(resume=tmp_path / "state"), seed=7)
    resumed.train()
    assert pickle.dumps((resumed.train_loss_list, resumed.callbacks[0].state)) == expected


@pytest.mark.parametrize("value, words", [
    (np.random.default_rng(0), "asks for .*Generator|_generator"), (len, "asks for builtins.len"),
    ({"W1": [np.array([None])]}, "an array of O8"), (blobs, "asks for test_checkpoint.blobs")])
def test_what_could_not_be_resumed_is_named_at_the_first_save(tmp_path, value, words):
    with pytest.raises(ValueError, match=f"state was not saved, because .*{words}"):
        trainer_of(AfterStep(pytest.fail), Checkpoint(tmp_path / "state"), optimizer=Own(value)).train()
    assert list(tmp_path.iterdir()) == []


def test_parameters_that_are_plain_numbers_resume(tmp_path):
    class Line:
        def __init__(self):
            self.params = {"slope": 2.0}

        def gradient(self, x, t):
            return {"slope": self.params["slope"] - x.mean()}

        def loss(self, x, t):
            return float((self.params["slope"] - x.mean()) ** 2 / 2)

        def accuracy(self, x, t):
            return 0.5

    results = []
    for parts in ([4], [2, 4]):
        for epochs in parts:
            resume = tmp_path / "state" if epochs > parts[0] else None
            trainer = trainer_of(Checkpoint(tmp_path / "state", resume), net=Line(), epochs=epochs)
            trainer.train()
        results.append((trainer.train_loss_list, trainer.network.params))
    assert results[0] == results[1]


# ---- interruptions: fuzz/interruptions.py does the same more often ------------------------------------------------

@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_training_stopped_now_and_then_ends_as_one_in_peace(tmp_path):
    assert interruptions.stopped(tmp_path, [signal.SIGKILL, signal.SIGINT]) > 0


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_full_disk_leaves_the_old_files(tmp_path):
    interruptions.full_disk(tmp_path, 1)
