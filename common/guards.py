"""What a training is guarded against: examples that cannot be right, NaN and inf, and Ctrl-C at a bad moment."""
import signal
import threading
import warnings
from contextlib import ExitStack, contextmanager

import numpy as np

from common.network import Network
from common.params import arrays_of, check_gradients_fit
from common.util import as_pairs


def check_whole(name, value, smallest):
    """The value as an int. ValueError: it is no whole number, or less than `smallest`."""
    if not isinstance(value, (int, np.integer)) or value < smallest:
        raise ValueError(f"expected {name} >= {smallest}, a whole number, got {value!r}")
    return int(value)


def check_examples(name, x, t):
    """x and t as arrays. ValueError: there are no examples, or they hold something that is no number."""
    x, t = as_pairs(x, t, name)
    if len(x) == 0 or x.dtype.kind not in "biuf":
        raise ValueError(f"x_{name}: expected examples of numbers, got {len(x)} examples of {x.dtype}")
    if not finite(x):
        bad = next(i for i, example in enumerate(x) if not finite(example))
        raise ValueError(f"x_{name}[{bad}]: expected numbers, got NaN or inf")
    if name == "train" and x.min() >= 0 and 128 <= x.max() <= 255:
        warnings.warn(f"x_train has values up to {x.max():g}. A network learns badly from pixels of 0 to 255: "
                      "divide them by 255, or load_mnist(normalize=True)", stacklevel=3)
    return x, t


def finite(values):
    """True if there is no NaN and no inf among the values."""
    values = np.asarray(values)
    # The sum of the squares is the fastest way to look at every value; it may be inf where they are not.
    return values.dtype.kind != "f" or bool(np.isfinite(np.vdot(values, values)) or np.isfinite(values).all())


def check_finite(trainer, step, named):
    """FloatingPointError if there is NaN or inf in {name: values, ...}; it names the first."""
    for name, values in named.items():
        if not finite(values):
            kind = "nan" if np.isnan(values).any() else "inf"
            raise FloatingPointError(f"step {step}, in epoch {trainer.current_epoch + 1}: {kind} in {name}")


def check_step(trainer, loss, grads):
    """FloatingPointError if a step has led to NaN or inf, KeyError if a gradient is missing. Nothing is updated yet."""
    network, x, params = trainer.network, trainer.x_batch, trainer.network.params
    check_gradients_fit(params, grads or {})         # a forgotten `return grads` is None
    results = {"the loss": loss, **{f"the gradient of {key}": grads[key] for key in reversed(params)}}
    if all(map(finite, results.values())):
        return
    before = {"the batch": x, "its targets": trainer.t_batch, **arrays_of(network)}
    if getattr(type(network), "predict", None) is Network.predict:      # a reader's own may go another way
        for name, layer in network.layers.items():
            before[f"the output of layer {name}"] = x = Network({name: layer}).predict(x, train_flg=True)
    check_finite(trainer, trainer.current_iter + 1, {**before, **results})


@contextmanager
def stop_signals():
    """`with stop_signals() as received:` Ctrl-C and SIGTERM only add their number to the list `received`.

    A second signal ends the program at once. One that it was started to ignore (by `&` in a shell script, by nohup)
    stays ignored. Python hands signals to the main thread alone: in other threads the list stays empty.
    """
    received = []

    def handler(signum, frame):
        if received:
            raise KeyboardInterrupt if signum == signal.SIGINT else SystemExit(128 + signum)
        received.append(signum)

    with ExitStack() as at_the_end:
        for signum in (signal.SIGINT, signal.SIGTERM):
            old_handler = signal.getsignal(signum)              # None: a C library has its own
            if threading.current_thread() is threading.main_thread() and old_handler not in (signal.SIG_IGN, None):
                signal.signal(signum, handler)
                at_the_end.callback(signal.signal, signum, old_handler)
        yield received
