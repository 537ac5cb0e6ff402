"""Layers of your own, as the book writes them (`forward(self, x)`, W and dW), and the names of all layers' arrays."""
import inspect
from collections import Counter
from types import SimpleNamespace

import numpy as np

OURS = "common.layers"      # the module of the project's own layers


def as_layer(layer):
    """The layer as it is; for a reader's own, an object that calls it and has a forward that takes train_flg."""
    if type(layer).__module__ == OURS and vars(layer).keys().isdisjoint(("forward", "backward")):
        return layer

    def forward(x, train_flg):
        try:
            inspect.signature(layer.forward).bind(x, train_flg)
        except TypeError:
            return layer.forward(x)
        return layer.forward(x, train_flg)

    return SimpleNamespace(forward=forward, backward=layer.backward, parameter_gradients=layer.backward)


def by_name(layers):
    """The dict of layers as it is; of a list, {"Affine1": layer, "Relu2": layer, ...}: kind and place."""
    named = layers
    if not isinstance(layers, dict):
        layers = list(layers)
        named = {f"{type(layer).__name__}{n}": layer for n, layer in enumerate(layers, start=1)}
    if not named or len(named) < len(layers):       # class A1 at place 1 and class A at place 11 are both "A11"
        raise ValueError(f"layers: expected some, of different names, got {', '.join(named) or 'none'}")
    return named


def parameter_names(layer):
    """The names of the arrays that a layer trains: its `param_names`; or else its W, b, gamma and beta, and its other
    pairs of attributes like U and dU.

    What a layer remembers of a batch (x, out, whatever forward takes) is no parameter, though it may keep a dx.
    """
    declared = getattr(layer, "param_names", ())
    if declared or type(layer).__module__ == OURS:
        return tuple(declared)
    remembered = {"x", "out", *inspect.signature(layer.forward).parameters}
    return tuple(name for name, value in vars(layer).items()
                 if name not in remembered and isinstance(value, (float, np.ndarray))
                 and (hasattr(layer, "d" + name) or name in ("W", "b", "gamma", "beta")))


def owners(layers, buffers=False):
    """Where a network's parameters are: {"W1": (layer, "W"), ...}. The n-th layer that has a `W` calls it `Wn`.

    buffers : also find the arrays that are saved but not trained, such as running statistics
    """
    if len({id(layer) for layer in layers.values()}) < len(layers):
        raise ValueError("layers: the same layer stands in two places, but it remembers one forward only; "
                         f"got {', '.join(map(str, layers))}")
    count, found = Counter(), {}
    for place, layer in layers.items():
        names = list(parameter_names(layer))
        if buffers:
            names += getattr(layer, "buffer_names", ())
        for name in names:
            count[name] += 1
            key, array = f"{name}{count[name]}", getattr(layer, name)
            if key in found:
                raise ValueError(f"layers: two parameters would be named {key}; rename {name} of layer {place}")
            if not isinstance(array, np.ndarray):
                raise TypeError(f"layer {place}: expected {name} as an array, got {array!r}; write np.array({array!r})")
            found[key] = layer, name
    return found
