"""Checkpoints: a training that was stopped goes on, and ends with the very numbers it would have ended with."""
import inspect
import sys
from zlib import crc32

import numpy as np

from common.files import load_pickle, printable, save_pickle
from common.network import check_names
from common.training.snapshot import arrays_of, restore, snapshot

NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


class Checkpoint:
    """Saves all that the training's future depends on, before the first step and after every epoch.

    It must be the last of the callbacks: it saves what the others have changed.

    Parameters
    ----------
    path : the file; at any moment it is the old one or the whole new one
    resume : a checkpoint to go on from, in a Trainer with the same settings; it is also where to save, if `path` is left
        out. The learning rate and the state of np.random come from it. Without a schedule there may be more epochs.
    """

    def __init__(self, path=None, resume=None):
        self.path, self.resume = path or resume, resume

    def on_train_begin(self, trainer):
        if trainer.callbacks[-1] is not self:
            raise ValueError("Checkpoint: expected to be the last of the callbacks, to save what the others have changed")
        if self.resume:
            load_checkpoint(self.resume, trainer)
            self.resume = None
        save_checkpoint(self.path, trainer)     # now, because an error here is worth an end

    def on_epoch_end(self, trainer):
        try:
            save_checkpoint(self.path, trainer)
        except OSError as error:                # another program holds the file open, say
            print(f"the checkpoint could not be written: {error}; next try after the next epoch", file=sys.stderr)


def save_checkpoint(path, trainer):
    """Write the state of the training. TypeError: a part of it could not be read back."""
    state = _state(trainer)
    _check_plain("optimizer", state["optimizer"])
    _check_plain("callbacks", state["callbacks"])
    save_pickle(path, state)


def load_checkpoint(path, trainer):
    """Bring a trainer, set up as the one that was saved, to where that one was, and np.random too.

    ValueError: the file is damaged, no checkpoint, or of another training; the trainer stays as it was.
    """
    saved, mine = load_pickle(path), _state(trainer)
    if not (isinstance(saved, dict) and saved.keys() == mine.keys() and _fits(saved["settings"], mine["settings"])):
        raise ValueError(f"{path}: expected a checkpoint of a training, got something else")
    for name, value in mine["settings"].items():
        if saved["settings"][name] != value:
            raise ValueError(f"{path} is from another training: {name}: expected {printable(saved['settings'][name])}, "
                             f"got {value}. Set it as it was, or begin anew without resuming; only a training with a "
                             "constant learning rate can be made longer")
    check_names(path, mine["network"], saved["network"])
    if wrong := [part for part, fits in _parts_that_fit(saved, mine, trainer) if not fits]:
        raise ValueError(f"{path}: its part {wrong[0]!r} is not what a training saves")
    np.random.set_state(saved["random"])
    restore(trainer.network, saved["network"])
    vars(trainer.optimizer).update(saved["optimizer"])
    for callback, state in zip(_with_state(trainer), saved["callbacks"]):
        callback.state = state
    trainer.train_loss_list[:] = saved["losses"].tolist()
    for name, values in saved["history"].items():
        trainer.history.setdefault(name, [])[:] = values.tolist()
    trainer.current_epoch, trainer.current_iter, trainer.stop_training = saved["progress"]


def saved_epochs(path):
    """How many epochs the training in this checkpoint was to have. ValueError as of `load_checkpoint`."""
    saved = load_pickle(path)
    if not (isinstance(saved, dict) and isinstance(saved.get("epochs"), int)):
        raise ValueError(f"{path}: expected a checkpoint of a training, got something else")
    return saved["epochs"]


def _state(trainer):
    """The trainer as plain data."""
    optimizer, arrays = trainer.optimizer, arrays_of(trainer.network)
    names = dict.fromkeys([*inspect.signature(type(optimizer)).parameters, "weight_decay"])
    numbers = [f"{name}={value}" for name in names if name != "lr"
               and isinstance(value := getattr(optimizer, name, None), NUMBERS)]
    callbacks = _with_state(trainer)
    return {
        "settings": {
            "optimizer": f"{type(optimizer).__name__}({', '.join(numbers)})",
            "mini_batch_size": trainer.batch_size,
            "number of training examples": len(trainer.x_train),
            "checksum of the first training examples": crc32(
                b"".join(np.ascontiguousarray(array[:100]).tobytes() for array in (trainer.x_train, trainer.t_train))),
            "dtype of the parameters": str({array.dtype.name for array in arrays.values() if isinstance(array, np.ndarray)}),
            "callbacks with a state": str([
                type(callback).__name__ if type(callback).__repr__ is object.__repr__ else repr(callback)
                for callback in callbacks]),
        },
        "epochs": trainer.planned_epochs,
        "network": snapshot(trainer.network),
        "optimizer": vars(optimizer),
        "callbacks": [callback.state for callback in callbacks],
        # arrays: lists of so many numbers would take longer to write than an epoch to train
        "losses": np.array(trainer.train_loss_list, float),
        "history": {name: np.array(values, float) for name, values in trainer.history.items()},
        "progress": (trainer.current_epoch, trainer.current_iter, trainer.stop_training),
        "random": np.random.get_state(),
    }


def _with_state(trainer):
    return [callback for callback in trainer.callbacks if hasattr(callback, "state")]


def _check_plain(where, value):
    """TypeError unless this can be saved and read back: said at the first save, not when it is needed."""
    if type(value) is dict and all(type(key) is str for key in value):
        for key, item in value.items():
            _check_plain(f"{where}[{key!r}]", item)
    elif type(value) in (list, tuple):
        for i, item in enumerate(value):
            _check_plain(f"{where}[{i}]", item)
    elif not (value is None or isinstance(value, (str, *NUMBERS))
              or type(value) is np.ndarray and value.dtype.kind in "biuf"):
        raise TypeError(f"a checkpoint cannot hold {where}: expected numbers, text, arrays of numbers, and lists, "
                        f"tuples and dicts of them with text as keys, got {type(value).__name__}")


def _parts_that_fit(saved, mine, trainer):
    """(part, whether its form is that of the trainer's own)."""
    rule, history, random = type(trainer.optimizer), saved["history"], saved["random"]
    yield "optimizer", (_fits(saved["optimizer"], mine["optimizer"])
                        and not any(callable(getattr(rule, str(name), None)) for name in saved["optimizer"]))
    yield "callbacks", type(saved["callbacks"]) is list and _fits(tuple(saved["callbacks"]), tuple(mine["callbacks"]))
    yield "losses", _are_numbers(saved["losses"])
    yield "history", (type(history) is dict and history.keys() >= {"loss", "train_acc", "test_acc", "seconds"}
                      and all(type(name) is str and _are_numbers(values) for name, values in history.items()))
    yield "progress", type(saved["progress"]) is tuple and [*map(type, saved["progress"])] == [int, int, bool]
    # beyond the 624 numbers of the generator NumPy would read other memory
    yield "random", (_fits(random, mine["random"]) and random[0] == "MT19937" and type(random[2]) is int
                     and 0 <= random[2] <= 624 and all(isinstance(number, (int, float)) for number in random[3:]))


def _fits(value, own):
    """Could a saved value be a later one of one's own? What is None, 0 or empty at first may become anything."""
    if isinstance(own, np.ndarray):
        return isinstance(value, np.ndarray) and value.dtype == own.dtype and value.shape == own.shape
    if not own:
        return True
    if isinstance(own, dict):
        return isinstance(value, dict) and all(key in value and _fits(value[key], own[key]) for key in own)
    if isinstance(own, tuple):
        return isinstance(value, tuple) and len(value) == len(own) and all(map(_fits, value, own))
    return isinstance(value, NUMBERS if isinstance(own, NUMBERS) else type(own))


def _are_numbers(values):
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype == float
