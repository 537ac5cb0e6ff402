"""Checkpoints: a training that was stopped goes on, and ends with the very numbers it would have ended with."""
import inspect
import sys
from zlib import crc32

import numpy as np

from common.files import load_pickle, printable, save_pickle
from common.params import check_names
from common.training.snapshot import arrays_of, restore, snapshot

NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


class Checkpoint:
    """Saves all that the training's future depends on, before the first step and after every epoch.

    It must be the last of the callbacks: it saves what the others have changed.

    Parameters
    ----------
    path : the file; at any moment it is the old one or the whole new one
    resume : a checkpoint to go on from, in a Trainer with the same settings; also where to save, if `path` is left out.
        The learning rate and the state of np.random come from it. Without a schedule there may be more epochs.
    """

    def __init__(self, path=None, resume=None):
        self.path, self.resume = path or resume, resume

    def on_train_begin(self, trainer):
        if trainer.callbacks[-1] is not self:
            raise ValueError("Checkpoint: expected to be the last of the callbacks, to save what the others changed")
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
    rule = type(trainer.optimizer)
    try:
        parts = ("optimizer", "callbacks", "progress", "random")
        wrong = [part for part in parts if not _fits(saved[part], mine[part])]
        wrong += [name for name in saved["optimizer"] if callable(getattr(rule, name, None))]       # a method
        losses = saved["losses"].tolist()
        history = {name: values.astype(float, casting="safe").tolist() for name, values in saved["history"].items()}
        _, numbers, place, *_ = saved["random"]
        if wrong or len(numbers) != 624 or not 0 <= place <= 624:   # beyond them NumPy would read other memory
            raise ValueError
        np.random.set_state(saved["random"])
    except (AttributeError, LookupError, TypeError, ValueError):
        raise ValueError(f"{path}: its parts are not what a training saves") from None
    restore(trainer.network, saved["network"])
    vars(trainer.optimizer).update(saved["optimizer"])
    for callback, state in zip(_with_state(trainer), saved["callbacks"]):
        callback.state = state
    trainer.train_loss_list[:] = losses
    for name, values in history.items():
        trainer.history.setdefault(name, [])[:] = values
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
            "dtype of the parameters": str({a.dtype.name for a in arrays.values() if isinstance(a, np.ndarray)}),
            "callbacks with a state": str([type(callback).__name__ if type(callback).__repr__ is object.__repr__
                                           else repr(callback) for callback in callbacks]),
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


def _fits(value, own):
    """Could a saved value be a later one of one's own? None may become anything, and 0 an array; lists grow."""
    if isinstance(own, np.ndarray):
        return (isinstance(value, np.ndarray) and value.dtype == own.dtype and value.ndim == own.ndim
                and (value.ndim == 1 or value.shape == own.shape))
    if isinstance(own, NUMBERS):
        return not isinstance(value, (str, type(None)))
    if own is None:
        return True
    if isinstance(own, dict):
        return isinstance(value, dict) and all(key in value and _fits(value[key], own[key]) for key in own)
    if isinstance(own, (list, tuple)):
        return type(value) is type(own) and len(value) >= len(own) and all(map(_fits, value, own))
    return isinstance(value, type(own))
