"""Checkpoints: a training that was stopped goes on, and ends with the very numbers it would have ended with."""
import numpy as np

from common.network import check_names
from common.weights import arrays_of, put
from dataset.files import load_pickle, save_pickle


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
    if not isinstance(saved, dict) or saved.keys() != mine.keys():
        raise ValueError(f"{path}: expected a checkpoint of a training, got something else")
    for name, value in mine["settings"].items():
        if saved["settings"].get(name) != value:
            raise ValueError(f"{path} is from another training: {name} was {saved['settings'].get(name)}, "
                             f"here it is {value}")
    check_names(path, mine["network"], saved["network"])
    put(trainer.network, saved["network"])
    for name in ("optimizer", "average", "best"):
        if saved[name] is not None:
            vars(getattr(trainer, name)).update(saved[name])
    trainer.train_loss_list[:] = saved["losses"]
    for name, values in trainer.history.items():
        values[:] = saved["history"][name]
    trainer.current_epoch, trainer.current_iter, trainer.lr = saved["progress"]
    np.random.set_state(saved["random"])


def _state(trainer):
    """The trainer as plain data; its own arrays, not copies."""
    return {
        "settings": {
            "the optimizer": type(trainer.optimizer).__name__,
            "mini_batch_size": trainer.batch_size,
            "the number of training examples": len(trainer.x_train),
            "the number of validation examples": len(trainer.validation[0]) if trainer.validation else 0,
            "the decay of the average": trainer.average.decay if trainer.average else 0,
        },
        "network": dict(arrays_of(trainer.network)),
        "optimizer": vars(trainer.optimizer),
        "average": trainer.average and vars(trainer.average),
        "best": trainer.best and vars(trainer.best),
        "losses": trainer.train_loss_list,
        "history": trainer.history,
        "progress": (trainer.current_epoch, trainer.current_iter, trainer.lr),
        "random": np.random.get_state(),
    }
