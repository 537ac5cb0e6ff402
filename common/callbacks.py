"""Callbacks: what may be hung onto a Trainer; `common/training` has some.

A callback is a function of the trainer, which is called after every epoch:

    def good_enough(trainer):
        trainer.stop_training = trainer.test_acc_list[-1] > 0.99

or an object with some of these methods, which are given the trainer too. Callbacks are called in the order of the list,
on_train_end in the opposite order.

    on_train_begin      before the first step of `train`
    on_epoch_begin
    on_batch_begin      may replace trainer.x_batch and trainer.t_batch, the examples of the next step
    on_batch_end        after the parameters have changed
    on_test_begin       after the last step of an epoch, also where Ctrl-C ended it; before the accuracies are computed
    on_epoch_end        the epoch's numbers are the last ones in trainer.history
    on_train_end        also after Ctrl-C and after an error

What an object has to remember from epoch to epoch stands in its attribute `state`: checkpoints save it, and set it when
the training is resumed.
"""
import inspect
from types import SimpleNamespace

HOOKS = ("on_train_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end", "on_test_begin", "on_epoch_end",
         "on_train_end")


def call(callbacks, hook, trainer):
    """Call this method of all callbacks that have it."""
    for callback in callbacks:
        if hasattr(callback, hook):
            getattr(callback, hook)(trainer)


def check_callbacks(callbacks):
    """The callbacks as a list of objects. TypeError, which names the one that is none."""
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks: expected a list, got {callbacks!r}")
    objects = []
    for given in callbacks:
        hooks = [name for name in dir(given) if name.startswith("on_")]
        callback = given if hooks else SimpleNamespace(on_epoch_end=given)      # a function
        for name in hooks or ["on_epoch_end"]:
            try:
                if name not in HOOKS:
                    raise TypeError("there is no such hook")
                inspect.signature(getattr(callback, name)).bind("the trainer")
            except (TypeError, ValueError) as error:
                raise TypeError(f"callbacks: {given!r} is none; {name}: {error}. Expected functions of the trainer, or "
                                f"objects with some of these methods of it: {', '.join(HOOKS)}") from None
        objects.append(callback)
    return objects
