"""Checkpoints: a training that was stopped goes on, and ends with the very numbers it would have ended with."""
import inspect
from zlib import crc32

import numpy as np

from common.files import load_pickle, printable, save_pickle
from common.params import arrays_of, check_names, restore, snapshot
from common.probe import reachable
from common.training.log import FileCallback

PARTS = {"settings": dict, "epochs": int, "network": dict, "optimizer": dict, "callbacks": list, "progress": tuple,
         "losses": np.ndarray, "history": dict, "random": tuple}


class Checkpoint(FileCallback):
    """Saves all that the training's future depends on, before the first step and after every epoch.

    It must be the last of the callbacks. What a callback has as `settings` must be the same when it is resumed.

    path : the file; at any moment it is the old one or the whole new one
    resume : a checkpoint to go on from, in a Trainer with the same settings; also where to save, if `path` is left out.
        The learning rate and the state of np.random come from it. Without a schedule there may be more epochs.
    """

    def __init__(self, path=None, resume=None):
        self.path, self.resume = path or resume, resume

    def on_train_begin(self, trainer):
        if trainer.callbacks[-1] is not self:
            raise ValueError("Checkpoint: expected to be the last of the callbacks: it saves what the others changed")
        if self.resume:
            load_checkpoint(self.resume, trainer)
            self.resume = None
        super().on_train_begin(trainer)

    def write(self, trainer):
        """ValueError: the optimizer's attributes or a callback's state hold what could not be read back."""
        save_pickle(self.path, _state(trainer))


def load_checkpoint(path, trainer):
    """Bring a trainer, set up as the one that was saved, to where that one was, and np.random too.

    ValueError: the file is damaged, no checkpoint, or of another training; the trainer stays as it was.
    """
    saved, mine = read_checkpoint(path), _state(trainer)
    check_names(path, mine["network"], saved["network"])
    for name, value in mine["settings"].items():
        if (expected := saved["settings"].get(name)) != value:
            raise ValueError(f"{path} is from another training: {name}: expected {printable(expected)}, got {value}. "
                             "Set it as it was; only a training with a constant learning rate can be made longer")
    try:
        epoch, step, stop = saved["progress"]
        _, words, position, *_ = saved["random"]
        history = {name: values.tolist() for name, values in saved["history"].items()}
        methods = [name for name in saved["optimizer"] if callable(getattr(trainer.optimizer, name, None))]
        kinds = [type(part) for part in saved["progress"]]
        # From other words, or at another position, NumPy would read beyond its memory.
        if methods or kinds != [int, int, bool] or len(words) != 624 or not 0 <= position <= 624:
            raise ValueError
        np.random.set_state(saved["random"])
    except (AttributeError, LookupError, TypeError, ValueError):
        raise ValueError(f"{path}: its parts are not what a training saves") from None
    restore(trainer.network, saved["network"])
    vars(trainer.optimizer).update(saved["optimizer"])
    for callback, state in zip(_with_state(trainer), saved["callbacks"]):
        callback.state = state
    trainer.current_epoch, trainer.current_iter, trainer.stop_training = epoch, step, stop
    trainer.train_loss_list[:] = saved["losses"].tolist()
    for name, values in history.items():
        trainer.history.setdefault(name, [])[:] = values


def read_checkpoint(path):
    """The dict in a checkpoint. ValueError: it is something else."""
    saved = load_pickle(path)
    if isinstance(saved, dict) and all(isinstance(saved.get(name), kind) for name, kind in PARTS.items()):
        if all(isinstance(text, str) for text in saved["settings"].values()):  # a list may hold itself, and never end
            return saved
    raise ValueError(f"{path}: expected a checkpoint of a training, got something else")


def _state(trainer):
    """The trainer as plain data, with the `PARTS` of a checkpoint."""
    optimizer, network, arrays = trainer.optimizer, trainer.network, snapshot(trainer.network)
    for array in reachable(optimizer):
        if isinstance(array, np.ndarray) and any(np.shares_memory(array, own) for own in arrays_of(network).values()):
            raise ValueError(f"a checkpoint cannot hold a {type(optimizer).__name__} that keeps arrays of the network: "
                             "take them from the params that `update` is given")
    first_examples = trainer.x_train[:100].tobytes() + trainer.t_train[:100].tobytes()
    return {
        "settings": {       # as text; all must be the same when the training is resumed
            "optimizer": _described(optimizer),
            "mini_batch_size": str(trainer.batch_size),
            "number of training examples": str(len(trainer.x_train)),
            "checksum of the first training examples": str(crc32(first_examples)),
            "dtype of the parameters": str({array.dtype.name for array in arrays.values()}),
            "network": ", ".join(map(_described, [network, *getattr(network, "layers", {}).values()])),
            "callbacks with a state": ", ".join(map(_described, _with_state(trainer))) or "none",
        },
        "epochs": trainer.planned_epochs,
        "network": arrays,
        "optimizer": vars(optimizer),
        "callbacks": [callback.state for callback in _with_state(trainer)],
        "progress": (trainer.current_epoch, trainer.current_iter, bool(trainer.stop_training)),
        # arrays: lists of so many numbers would take longer to write than an epoch to train
        "losses": np.array(trainer.train_loss_list, float),
        "history": {name: np.array(values, float) for name, values in trainer.history.items()},
        "random": np.random.get_state(),
    }


def _described(thing):
    """Its class, and what its constructor was given, if that is a number or a text: Momentum(momentum=0.9)."""
    init = type(thing).__init__
    given = inspect.signature(init).parameters if inspect.isfunction(init) else ()
    names = sorted({*given, "weight_decay", "settings"} - {"lr"})
    known = [f"{name}={getattr(thing, name)}" for name in names if np.isscalar(getattr(thing, name, None))]
    return f"{type(thing).__name__}({', '.join(known)})"


def _with_state(trainer):
    return [callback for callback in trainer.callbacks if hasattr(callback, "state")]
