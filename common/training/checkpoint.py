"""Checkpoints: a training that was stopped goes on, and ends with the very numbers it would have ended with."""
from zlib import crc32

import numpy as np

from common.network import check_names
from common.training.averaging import arrays_of, put
from common.files import load_pickle, printable, save_pickle


def save_checkpoint(path, trainer):
    """Write all that the training's future depends on; `path` is the old file or the whole new one at any moment."""
    save_pickle(path, _state(trainer))


def load_checkpoint(path, trainer):
    """Bring a trainer, set up as the one that was saved, to where that one was, and np.random too.

    Raises
    ------
    ValueError : the file is damaged or no checkpoint, or of another training; the trainer stays as it was
    OSError : the file cannot be read
    """
    saved, mine = load_pickle(path), _state(trainer)
    if not (isinstance(saved, dict) and saved.keys() == mine.keys()
            and _fits(saved["settings"], mine["settings"])):
        raise ValueError(f"{path}: expected a checkpoint of a training, got something else")
    for name, value in mine["settings"].items():
        if saved["settings"][name] != value:
            raise ValueError(f"{path} is from another training: {name} was {printable(saved['settings'][name])}, "
                             f"here it is {value}")
    check_names(path, mine["network"], saved["network"])
    for name in ("optimizer", "average", "best"):
        mine[name] = _form(getattr(trainer, name), saved[name], mine["network"])
    names = set(saved["history"]) if isinstance(saved["history"], dict) else set()
    if {"loss", "train_acc", "test_acc", "seconds"} <= names and all(isinstance(name, str) for name in names):
        mine["history"] = dict.fromkeys(names, [])      # callbacks may have added to one, and not to the other
    for name in mine.keys() - {"network"}:
        if not _fits(saved[name], mine[name]):
            raise ValueError(f"{path}: its part {name!r} is not what a training saves")
    generator, _, place, *_ = saved["random"]
    if generator != "MT19937" or not 0 <= place <= 624:     # beyond its 624 numbers NumPy would read other memory
        raise ValueError(f"{path}: it has no state of np.random")
    np.random.set_state(saved["random"])
    put(trainer.network, saved["network"])
    for name in ("optimizer", "average", "best"):
        if saved[name] is not None:
            vars(getattr(trainer, name)).update(saved[name])
    trainer.train_loss_list[:] = saved["losses"]
    for name, values in saved["history"].items():
        trainer.history.setdefault(name, [])[:] = values
    trainer.current_epoch, trainer.current_iter, trainer.lr = saved["progress"]


def _fits(value, own):
    """Is a saved value of the form of one's own: the same names, shapes and types, whatever the numbers?"""
    if isinstance(own, dict):
        return (isinstance(value, dict) and value.keys() == own.keys()
                and all(_fits(value[key], own[key]) for key in own))
    if isinstance(own, tuple):
        return isinstance(value, tuple) and len(value) == len(own) and all(map(_fits, value, own))
    if isinstance(own, list):
        return isinstance(value, list) and all(item is None or isinstance(item, (int, float)) for item in value)
    if isinstance(own, np.ndarray):
        return isinstance(value, np.ndarray) and value.dtype.kind == own.dtype.kind and value.shape == own.shape
    numbers = isinstance(value, (int, float)) and isinstance(own, (int, float))
    return numbers or type(value) is type(own)


def _form(part, saved, network):
    """The form of a part's saved attributes: its own; those it does not have yet are a value, or like the network's."""
    own = vars(part) if part else None
    if not (own and isinstance(saved, dict)):
        return own
    later = {name: {key: network.get(key) for key in value} if isinstance(value, dict) else value
             for name, value in saved.items()
             if own.get(name) is None and not callable(getattr(type(part), str(name), None))}
    return own | later


def saved_epochs(path):
    """How many epochs the training in this checkpoint was to have. Errors as of `load_checkpoint`."""
    saved = load_pickle(path)
    if not (isinstance(saved, dict) and isinstance(saved.get("epochs"), int)):
        raise ValueError(f"{path}: expected a checkpoint of a training, got something else")
    return saved["epochs"]


def _state(trainer):
    """The trainer as plain data; its own arrays, not copies."""
    rates = [round(float(trainer.schedule(progress)) if trainer.schedule else 1.0, 4) for progress in (0.01, 0.5, 0.99)]
    constant = set(rates) == {1}        # such a training can be made longer
    return {
        "settings": {
            "the optimizer": type(trainer.optimizer).__name__,
            "mini_batch_size": trainer.batch_size,
            "the number of training examples": len(trainer.x_train),
            "the number of validation examples": len(trainer.validation[0]) if trainer.validation else 0,
            "the checksum of the first training examples": crc32(
                b"".join(np.ascontiguousarray(array[:100]).tobytes() for array in (trainer.x_train, trainer.t_train))),
            "the decay of the average": trainer.average.decay if trainer.average else 0,
            "the schedule, from start to end": rates,
            "the number of epochs of the schedule": 0 if constant else trainer.planned_epochs,
        },
        "epochs": trainer.planned_epochs,
        "network": dict(arrays_of(trainer.network)),
        "optimizer": vars(trainer.optimizer),
        "average": trainer.average and vars(trainer.average),
        "best": trainer.best and vars(trainer.best),
        "losses": trainer.train_loss_list,
        "history": {name: [float(value) for value in values] for name, values in trainer.history.items()},
        "progress": (trainer.current_epoch, trainer.current_iter, trainer.lr),
        "random": np.random.get_state(),
    }
