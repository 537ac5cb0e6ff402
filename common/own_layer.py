"""Layers of your own, written as the book does: `forward(self, x)`, `backward(self, dout)`, and arrays like W and dW."""
import inspect

import numpy as np

from common.layers import Layer


class OwnLayer(Layer):
    """Such a layer inside a Network, whose loops pass train_flg too."""

    def __init__(self, layer):
        self.layer = layer

    def forward(self, x, train_flg=True):
        try:
            inspect.signature(self.layer.forward).bind(x, train_flg)
        except TypeError:
            return self.layer.forward(x)
        return self.layer.forward(x, train_flg)

    def backward(self, dout):
        return self.layer.backward(dout)


def as_layer(layer):
    """The layer itself, or an OwnLayer in its place."""
    ours = isinstance(layer, Layer) and type(layer).__module__ == Layer.__module__ and "forward" not in vars(layer)
    return layer if ours else OwnLayer(layer)


def parameter_names(layer):
    """The names of the arrays that a layer trains: its `param_names`; or else its W, b, gamma and beta, and its other
    pairs of attributes like U and dU.

    What a layer remembers of a batch (x, out, whatever forward takes) is no parameter, though it may keep a dx.
    """
    declared = getattr(layer, "param_names", None)
    if declared or isinstance(layer, Layer) and type(layer).__module__ == Layer.__module__:
        return tuple(declared)
    remembered = {"x", "out", *inspect.signature(layer.forward).parameters}
    return tuple(name for name, value in vars(layer).items() if name not in remembered
                 and (hasattr(layer, "d" + name) or name in ("W", "b", "gamma", "beta"))
                 and (isinstance(value, float) or isinstance(value, np.ndarray) and value.dtype.kind in "iuf"))
