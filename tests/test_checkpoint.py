"""What a trainer offers beyond epochs: schedules, averages, best weights, logs, and checkpoints that lose nothing."""
import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from common.training.augmentation import distort
from common.training.checkpoint import saved_epochs
from common.initializer import random_affine, random_convolution
from common.layers import Dropout, Pooling, Relu
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network
from common.optimizer import SGD
from common.training.schedule import constant, cosine, step
from common.trainer import Trainer
from common.training.averaging import arrays_of
from common.files import load_pickle, save_pickle

if os.name == "posix":
    from fuzz import interruptions


class Killed(Exception):
    pass


def blobs(n, seed=0):
    """Three clouds of points that overlap."""
    rng = np.random.default_rng(seed)
    t = rng.integers(3, size=n)
    return (rng.normal(0, 1.5, (n, 2)) + np.array([[0, 3], [3, 0], [-3, -3]])[t]).astype(np.float32), t


def trainer_of(seed=0, n=60, **settings):
    np.random.seed(seed)
    net = MultiLayerNetExtend(2, [6], 3, use_batchnorm=True, use_dropout=True, dropout_ration=0.2)
    return Trainer(net, *blobs(n), *blobs(30, 1),
                   **{"epochs": 4, "mini_batch_size": 16, "verbose": False, **settings})


def numbers_of(trainer):
    """All that a training has led to, but the seconds."""
    history = {name: values for name, values in trainer.history.items() if name != "seconds"}
    arrays = {key: array.tobytes() for key, array in arrays_of(trainer.network).items()}
    return (trainer.train_loss_list, history, arrays, trainer.current_iter, trainer.optimizer.lr,
            np.random.rand(3).tolist())


# ---- schedule, augmentation ------------------------------------------------

def test_the_learning_rate_follows_the_schedule():
    trainer, rates = trainer_of(optimizer=SGD(lr=0.2), schedule=lambda progress: progress ** 2), []
    update = trainer.optimizer.update
    trainer.optimizer.update = lambda *args: (rates.append(trainer.optimizer.lr), update(*args))
    trainer.train()
    np.testing.assert_allclose(rates, [0.2 * ((step + 0.5) / 16) ** 2 for step in range(16)])
    assert {type(rate) for rate in rates} == {float}


def test_every_batch_is_augmented_and_evaluation_is_not():
    seen = []
    trainer = trainer_of(epochs=1, augment=lambda x: seen.append(x.copy()) or x * 0)
    trainer.train()
    np.testing.assert_array_equal(np.sort(np.concatenate(seen), axis=0), np.sort(trainer.x_train, axis=0))
    assert (trainer.network.layers["Affine1"].x == 0).all()
    assert trainer.train_acc_list == [trainer.network.accuracy(trainer.x_train, trainer.t_train)]


# ---- average, best, patience ------------------------------------------------

def test_the_average_is_evaluated_and_kept():
    plain, averaged = trainer_of(), trainer_of(average=0.9)
    for trainer in (plain, averaged):
        np.random.seed(1)
        trainer.train()
    assert plain.train_loss_list == averaged.train_loss_list            # the training itself is the same
    arrays = arrays_of(averaged.network)
    for key, array in averaged.average.arrays.items():
        np.testing.assert_array_equal(arrays[key], array)
        assert not np.array_equal(arrays_of(plain.network)[key], array)
    assert averaged.test_acc_list[-1] == averaged.network.accuracy(averaged.x_test, averaged.t_test)


def scripted(scores, **settings):
    """A trainer whose net is as good on the validation examples as the list says, epoch after epoch."""
    trainer = trainer_of(validation=blobs(20, 2), epochs=len(scores), **settings)
    accuracy, scores = trainer.network.accuracy, iter(scores)
    trainer.network.accuracy = lambda x, t: next(scores) if x is trainer.validation[0] else accuracy(x, t)
    trainer.kept = {}
    trainer.callbacks = [lambda trainer: trainer.kept.update(
        {trainer.current_epoch: trainer.network.layers["Affine1"].W.copy()})]
    return trainer


@pytest.mark.parametrize("average", [0, 0.9])
def test_the_best_parameters_are_kept(average):
    trainer = scripted([0.3, 0.9, 0.5, 0.9], average=average)
    trainer.train()
    assert trainer.history["val_acc"] == [0.3, 0.9, 0.5, 0.9] and trainer.best.epoch == 2
    np.testing.assert_array_equal(trainer.network.layers["Affine1"].W, trainer.kept[2])
    assert trainer.test_acc_list[1] == trainer.network.accuracy(trainer.x_test, trainer.t_test)


@pytest.mark.parametrize("scores, patience, epochs, best", [
    ([0.5, 0.4, 0.6, 0.5, 0.5, 0.7], 2, 5, 3), ([0.5, 0.4, 0.6, 0.5, 0.5, 0.7], 3, 6, 6), ([0.5, 0.5, 0.9], 1, 2, 1)])
def test_patience_ends_the_training(scores, patience, epochs, best, capfd):
    trainer = scripted(scores, patience=patience, verbose=True)
    trainer.train()
    assert trainer.current_epoch == epochs and trainer.best.epoch == best and not trainer.interrupted
    out = capfd.readouterr().out
    assert (f"stopped: {patience} epochs without" in out) == (epochs - best == patience)
    assert f"kept the parameters of epoch {best}, with val acc {scores[best - 1]:.4f}" in out
    assert out.endswith(f"test acc: {trainer.test_acc_list[best - 1]:.4f}\n")
    trainer.train()
    assert trainer.current_epoch == epochs


def test_patience_needs_validation_examples():
    for settings in ({"patience": 1}, {"patience": 0, "validation": blobs(20)}):
        with pytest.raises(ValueError, match=f"patience.*got {settings['patience']}"):
            trainer_of(**settings)
    with pytest.raises(ValueError, match="x_validation, t_validation.*got 3 and 5"):
        trainer_of(validation=(blobs(5)[0], blobs(3)[1]))


# ---- callbacks and logs ------------------------------------------------

def test_callbacks_see_every_epoch_and_may_end_the_training():
    def good_enough(trainer):
        seen.append((trainer.current_epoch, len(trainer.history["loss"])))
        if trainer.current_epoch == 3:
            trainer.epochs = trainer.current_epoch

    seen = []
    trainer_of(epochs=10, callbacks=[good_enough]).train()
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_the_history_has_a_value_per_epoch():
    trainer = trainer_of(validation=blobs(20, 2))
    trainer.train()
    assert list(trainer.history) == ["loss", "train_acc", "test_acc", "val_acc", "seconds"]
    assert {len(values) for values in trainer.history.values()} == {4}
    assert trainer.history["train_acc"] is trainer.train_acc_list
    assert trainer.history["test_acc"] is trainer.test_acc_list
    np.testing.assert_allclose(trainer.history["loss"], np.mean(np.reshape(trainer.train_loss_list, (4, 4)), axis=1))
    assert all(0 < seconds < 60 for seconds in trainer.history["seconds"])


def test_logs_hold_the_history_after_every_epoch(tmp_path):
    def read(trainer):
        history = json.loads((tmp_path / "log.json").read_text())
        assert {len(values) for values in history.values()} == {trainer.current_epoch - 1}

    trainer = trainer_of(log=tmp_path / "log.json", callbacks=[read])
    trainer.train()
    assert json.loads((tmp_path / "log.json").read_text()) == trainer.history
    trainer = trainer_of(log=tmp_path / "log.csv")
    trainer.train()
    with open(tmp_path / "log.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(trainer.history) and len(rows) == 4
    assert [[float(value) for value in row] for row in rows] == np.transpose(list(trainer.history.values())).tolist()


def test_callbacks_may_add_to_the_history(tmp_path):
    """Numbers of NumPy's too, and a column that begins late; logs and checkpoints take them along."""
    def record(trainer):
        trainer.history.setdefault("norm", []).append(np.linalg.norm(trainer.network.params["W1"]))
        if trainer.current_epoch > 2:
            trainer.history.setdefault("late", []).append(np.float32(0.5))

    for log in ("log.json", "log.csv"):
        trainer = trainer_of(log=tmp_path / log, checkpoint=tmp_path / "state", callbacks=[record])
        trainer.train()
    assert len(json.loads((tmp_path / "log.json").read_text())["norm"]) == 4
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 5
    for callbacks in ([record], []):
        longer = trainer_of(epochs=5, callbacks=callbacks, resume=tmp_path / "state", checkpoint=tmp_path / "longer")
        longer.train()
        assert longer.history["norm"][:4] == trainer.history["norm"] and longer.history["late"][:2] == [0.5, 0.5]
        assert len(longer.history["norm"]) == 4 + len(callbacks)


def test_a_callback_changes_the_learning_rate():
    def halve(trainer):
        rates.append(trainer.optimizer.lr)
        if trainer.schedule:
            trainer.lr /= 2
        else:
            trainer.optimizer.lr /= 2

    for schedule in (None, constant):
        rates = []
        trainer = trainer_of(schedule=schedule, optimizer_param={"lr": 0.8}, callbacks=[halve])
        trainer.train()
        assert rates == [0.8, 0.4, 0.2, 0.1] and trainer.optimizer.lr == 0.05


def test_a_schedule_leaves_the_optimizer_as_it_was():
    trainer = trainer_of(schedule=cosine, optimizer_param={"lr": 0.8})
    trainer.train()
    assert trainer.optimizer.lr == 0.8


def test_a_training_broken_off_goes_on_with_the_same_trainer():
    """The steps of the broken epoch come on top; the learning rate does not rise again at the end."""
    trainer, rates = trainer_of(schedule=cosine), []
    trainer.step_callbacks = [lambda trainer: rates.append(trainer.optimizer.lr),
                              lambda trainer: len(rates) == 6 and os.kill(os.getpid(), signal.SIGINT)]
    trainer.train()
    assert trainer.interrupted and trainer.current_epoch == 1
    trainer.train()
    assert trainer.current_epoch == 4 and len(rates) == 18
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_ctrl_c_at_the_last_step_of_an_epoch_counts_it():
    trainer = trainer_of()
    trainer.step_callbacks = [lambda trainer: trainer.current_iter == 8 and os.kill(os.getpid(), signal.SIGINT)]
    trainer.train()
    assert trainer.interrupted and trainer.current_epoch == 2 and len(trainer.history["test_acc"]) == 2


@pytest.mark.parametrize("settings", [{"log": "log.txt"}, {"log": "missing/log.csv"}, {"checkpoint": "missing/state"}])
def test_files_that_cannot_be_written_are_named_before_the_training(tmp_path, settings):
    (name, path), = settings.items()
    trainer = trainer_of(**{name: tmp_path / path})
    with pytest.raises((ValueError, FileNotFoundError), match=Path(path).parts[0]):
        trainer.train()
    assert trainer.current_iter == 0 and list(tmp_path.iterdir()) == []


# ---- checkpoints ------------------------------------------------

SETTINGS = {
    "plain": {},
    "momentum": {"optimizer": "Momentum"},
    "adam": {"optimizer": "Adam", "schedule": cosine},
    "all": {"optimizer": "AdamW", "schedule": cosine, "average": 0.9, "validation": blobs(20, 2), "patience": 3,
            "augment": lambda x: (x + np.random.normal(0, 0.1, x.shape)).astype(x.dtype)},
}


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("name", SETTINGS)
def test_resumed_training_ends_with_the_numbers_of_an_uninterrupted_one(tmp_path, name, epoch):
    whole = trainer_of(**SETTINGS[name])
    whole.train()
    expected = numbers_of(whole)

    def kill(trainer):
        if trainer.current_epoch == epoch + 1:      # evaluated, but not saved yet
            raise Killed

    with pytest.raises(Killed):
        trainer_of(**SETTINGS[name], checkpoint=tmp_path / "state", callbacks=[kill]).train()
    resumed = trainer_of(seed=99, **SETTINGS[name], optimizer_param={"lr": 0.5}, resume=tmp_path / "state")
    resumed.train()
    assert resumed.current_epoch == 4
    assert numbers_of(resumed) == expected

    finished = trainer_of(seed=98, **SETTINGS[name], resume=tmp_path / "state")     # which resume has gone on writing
    finished.train()
    assert numbers_of(finished) == expected


def test_images_augmentation_and_dropout_resume_exactly_too(tmp_path):
    def trainer(seed, **settings):
        np.random.seed(seed)
        net = Network({"Conv1": random_convolution(1, "he", 4, 3, pad=1), "Relu1": Relu(), "Pool1": Pooling(2, 2),
                       "Dropout1": Dropout(0.3), "Affine1": random_affine(64, 3, "he")})
        x, t = np.random.default_rng(0).random((40, 1, 8, 8), np.float32), np.arange(40) % 3
        return Trainer(net, x, t, x, t, epochs=3, mini_batch_size=15, optimizer="RMSprop", verbose=False,
                       optimizer_param={"lr": 0.001}, augment=lambda x: distort(x, shift=1, elastic=0.5), **settings)

    whole = trainer(0)
    whole.train()
    expected = numbers_of(whole)
    parts = trainer(0, checkpoint=tmp_path / "state")
    parts.epochs = 1
    parts.train()
    resumed = trainer(5, resume=tmp_path / "state")
    resumed.train()
    assert numbers_of(resumed) == expected


def test_a_training_can_be_made_longer(tmp_path):
    trainer_of(checkpoint=tmp_path / "state").train()
    whole = trainer_of(epochs=6)
    whole.train()
    expected = numbers_of(whole)
    longer = trainer_of(seed=9, epochs=6, resume=tmp_path / "state")
    longer.train()
    assert numbers_of(longer) == expected


def test_resume_goes_on_saving_where_it_is_told(tmp_path):
    trainer_of(checkpoint=tmp_path / "old", epochs=1).train()
    before = (tmp_path / "old").read_bytes()
    trainer_of(resume=tmp_path / "old", checkpoint=tmp_path / "new").train()
    assert (tmp_path / "old").read_bytes() == before
    assert load_pickle(tmp_path / "new")["progress"][0] == 4


@pytest.mark.parametrize("settings, words", [
    ({"optimizer": "Adam"}, "the optimizer was SGD, here it is Adam"),
    ({"mini_batch_size": 10}, "mini_batch_size was 16, here it is 10"),
    ({"n": 61}, "number of training examples was 60, here it is 61"),
    ({"validation": blobs(20)}, "number of validation examples was 0, here it is 20"),
    ({"average": 0.99}, "decay of the average was 0, here it is 0.99"),
    ({"schedule": cosine}, r"from start to end was \[1.0, 1.0, 1.0\], here it is \[0\.1, 0\.5868, 0\.0003\]"),
])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, settings, words):
    trainer_of(checkpoint=tmp_path / "state", epochs=1).train()
    trainer = trainer_of(**settings, resume=tmp_path / "state")
    before = numbers_of(trainer)
    with pytest.raises(ValueError, match=f"state is from another training: .*{words}"):
        trainer.train()
    assert numbers_of(trainer)[:4] == before[:4]


def test_a_checkpoint_of_other_examples_is_refused(tmp_path):
    trainer_of(checkpoint=tmp_path / "state", epochs=1).train()
    trainer = trainer_of(resume=tmp_path / "state")
    trainer.x_train = trainer.x_train + 1
    with pytest.raises(ValueError, match="checksum of the first training examples was"):
        trainer.train()


@pytest.mark.parametrize("settings, words", [
    ({"epochs": 6, "schedule": cosine}, "number of epochs of the schedule was 4, here it is 6"),
    ({"epochs": 4}, "the schedule, from start to end was"),
    ({"epochs": 4, "schedule": step}, "the schedule, from start to end was"),
])
def test_a_schedule_cannot_be_changed_on_the_way(tmp_path, settings, words):
    """It could not have led to the learning rates so far."""
    trainer_of(checkpoint=tmp_path / "state", schedule=cosine).train()
    with pytest.raises(ValueError, match=words):
        trainer_of(resume=tmp_path / "state", **settings).train()
    assert saved_epochs(tmp_path / "state") == 4


def test_a_checkpoint_of_another_net_is_refused(tmp_path):
    trainer_of(checkpoint=tmp_path / "state", epochs=1).train()
    other = Trainer(MultiLayerNetExtend(2, [7], 3, use_batchnorm=True), *blobs(60), *blobs(30), mini_batch_size=16,
                    resume=tmp_path / "state")
    before = numbers_of(other)
    with pytest.raises(ValueError, match=r"state does not fit this net; misshapen: W1 \(2, 6\) instead of \(2, 7\)"):
        other.train()
    assert numbers_of(other)[:4] == before[:4]


def test_damaged_files_and_files_of_another_kind_are_refused(tmp_path):
    trainer_of(checkpoint=tmp_path / "state", epochs=1).train()
    data = bytearray((tmp_path / "state").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "flipped").write_bytes(data)
    (tmp_path / "cut").write_bytes(data[:len(data) // 2])
    (tmp_path / "hostile").write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % bytes(tmp_path / "ran"))
    save_pickle(tmp_path / "params", {"W1": np.zeros(3)})
    save_pickle(tmp_path / "list", [1, 2])
    for name in ("flipped", "cut", "hostile", "params", "list"):
        with pytest.raises(ValueError, match=name):
            trainer_of(resume=tmp_path / name).train()
    with pytest.raises(FileNotFoundError, match="absent"):
        trainer_of(resume=tmp_path / "absent").train()
    assert not (tmp_path / "ran").exists()


# ---- interruptions: fuzz/interruptions.py does the same more often ------------------------------------------------

@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_training_stopped_now_and_then_ends_as_one_in_peace(tmp_path):
    assert interruptions.stopped(tmp_path, [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]) > 0


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_full_disk_leaves_the_old_files(tmp_path):
    interruptions.full_disk(tmp_path, 1)
