"""NaN and inf in a training: are there any, and what had them first?"""
import numpy as np

from common.network import Network


def finite(values):
    """Are these numbers all, no NaN and no inf among them?"""
    values = np.asarray(values)
    # The sum of the squares is the fastest way to look at every one; it may be inf where they are not.
    return values.dtype.kind != "f" or bool(np.isfinite(np.vdot(values, values)) or np.isfinite(values).all())


def origin_in_examples(name, batch, examples):
    """Where a batch drawn from these examples has its NaN or inf from, in words; None if it is finite."""
    if finite(batch):
        return None
    return _first((f"input {name}[{i}]", example) for i, example in enumerate(examples))


def origin_in_step(network, x, t, loss, grads):
    """What was the first to hold NaN or inf in a step that led to this loss and these gradients, in words.

    A Network goes through its layers with the batch (x, t) once more, as in training: so the layer can be named.
    """
    return _first(_step(network, x, t, loss, grads))


def origin_in_arrays(network):
    """Which of the network's parameters and running statistics hold NaN or inf, in words; None if all are finite."""
    return _first(_arrays(network, "param_names", "buffer_names"))


def _first(described):
    for what, values in described:
        if not finite(values):
            return f"{'nan' if np.isnan(values).any() else 'inf'} in {what}"
    return None


def _step(network, x, t, loss, grads):
    """(what, values) of all that a step computes, in the order in which it does."""
    yield "the batch", x
    yield "its targets", t
    yield from _arrays(network, "param_names")
    if getattr(type(network), "predict", None) is Network.predict:      # a reader's own may go another way
        for name, layer in network.layers.items():
            x = layer.forward(x, train_flg=True)
            yield f"the output of layer {name}", x
    yield "the loss", loss
    if isinstance(network, Network):
        for name, layer in reversed(network.layers.items()):
            yield from _of_layer(name, layer, "param_names", prefix="d")
    for key in network.params:
        yield f"the gradient of {key}", grads[key]


def _arrays(network, *which):
    if isinstance(network, Network):
        for name, layer in network.layers.items():
            for names in which:
                yield from _of_layer(name, layer, names)
    else:
        for key, array in network.params.items():
            yield f"parameter {key}", array


def _of_layer(name, layer, names, prefix=""):
    for array in getattr(layer, names, ()):
        yield f"{prefix}{array} of layer {name}", getattr(layer, prefix + array)
