"""NaN and inf in a training: are there any, and what was the first to have them."""
import numpy as np

from common.network import Network
from common.training.snapshot import arrays_of


def finite(values):
    """True if there is no NaN and no inf among the values."""
    values = np.asarray(values)
    # The sum of the squares is the fastest way to look at every value; it may be inf where they are not.
    return values.dtype.kind != "f" or bool(np.isfinite(np.vdot(values, values)) or np.isfinite(values).all())


def check_step(trainer, x_given, loss, grads):
    """FloatingPointError if a step led to NaN or inf, ValueError if a gradient is missing. Nothing is updated yet.

    x_given is the batch as it was drawn, before callbacks replaced it by trainer.x_batch.
    """
    network = trainer.network
    if missing := [key for key in network.params if key not in (grads or ())]:
        raise ValueError(f"gradient(x, t): expected a gradient for each of params, got none for {', '.join(missing)}")
    if finite(loss) and all(finite(grads[key]) for key in network.params):
        return
    bad = None if finite(x_given) else first_bad(each_example("x_train", trainer.x_train))
    bad = bad or first_bad(_each_result(network, trainer.x_batch, trainer.t_batch, loss, grads))
    raise FloatingPointError(f"step {trainer.current_iter + 1}, in epoch {trainer.current_epoch + 1}: {bad}")


def check_arrays(trainer):
    """FloatingPointError if the last step left NaN or inf in the parameters or running statistics."""
    if bad := first_bad(_each_array(trainer.network)):
        raise FloatingPointError(f"step {trainer.current_iter}, in epoch {trainer.current_epoch + 1}: {bad}")


def first_bad(described):
    """Of pairs (what it is, values), the first that holds NaN or inf, in words: "nan in the loss"; or None."""
    for what, values in described:
        if not finite(values):
            return f"{'nan' if np.isnan(values).any() else 'inf'} in {what}"
    return None


def each_example(name, x):
    return ((f"input {name}[{i}]", example) for i, example in enumerate(x))


def _each_array(network):
    return ((_with_layer(network, key), array) for key, array in arrays_of(network).items())


def _each_result(network, x, t, loss, grads):
    """All that a step computes, in the order in which it does. A Network goes through its layers once more."""
    yield "the batch", x
    yield "its targets", t
    yield from _each_array(network)
    if getattr(type(network), "predict", None) is Network.predict:      # a reader's own may go another way
        for name, layer in network.layers.items():
            x = Network({name: layer}).predict(x, train_flg=True)
            yield f"the output of layer {name}", x
    yield "the loss", loss
    for key in reversed(network.params):
        yield f"the gradient of {_with_layer(network, key)}", grads[key]


def _with_layer(network, key):
    """ "W1 of layer Affine1", where the network has layers."""
    array = arrays_of(network)[key]
    layers = network.layers.items() if isinstance(network, Network) else ()
    return next((f"{key} of layer {name}" for name, layer in layers
                 if any(value is array for value in vars(layer).values())), key)
