"""Dicts of a network's arrays: its parameters, their gradients, and copies that are kept and put back."""
import numpy as np

from common.files import printable


class Params(dict):
    """A dict of arrays that stay where they are: assigning copies the values into place.

    So an optimizer, `params["W1"] = new`, `params["W1"] += step` and the layer itself all mean one array. Its set of
    keys is fixed: it is the net's.
    """

    def __setitem__(self, key, value):
        mine = self[key]
        if np.shape(value) != mine.shape:
            raise ValueError(f"{key}: expected shape {mine.shape}, got {np.shape(value)}")
        np.copyto(mine, value, casting="same_kind")     # no fraction may get lost in whole numbers

    def update(self, *args, **kwargs):
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def _fixed(self, *args):
        raise TypeError("a net's parameters can be assigned but not added or removed; update() assigns several")

    __delitem__ = __ior__ = pop = popitem = clear = setdefault = _fixed

    def __reduce__(self):
        return dict, (dict(self),)      # a copy or a pickle is a plain dict: its arrays belong to no net


class Gradients(dict):
    """{"W1": array, ...}, and the attribute `loss`, the loss that they are the gradients of."""


def check_names(source, mine, values):
    """ValueError: the arrays in `values`, which come from `source`, have other names or shapes than those in `mine`."""
    if not isinstance(values, dict):
        raise ValueError(f"{source}: expected a dict of arrays, got {type(values).__name__}")
    expected = {key: _kind(array) for key, array in mine.items()}
    got = {key: _kind(value) for key, value in values.items()}
    faults = [f"{key}: expected {expected.get(key, 'nothing')}, got {got.get(key, 'nothing')}"
              for key in {**expected, **got} if expected.get(key) != got.get(key)]
    if faults:
        raise ValueError(f"{source} does not fit this net; {printable('; '.join(faults))}")


def _kind(value):
    """The shape of an array of numbers; the dtype of another array; the class of anything else."""
    if not isinstance(value, np.ndarray):
        return type(value).__name__
    return value.shape if value.dtype.kind in "biuf" else value.dtype


def check_gradients_fit(params, grads):
    """An error if a parameter cannot be trained: it is an array of whole numbers, or has no gradient of its shape.

    (1, M) counts as (M,), and (1,) as ().
    """
    for key, param in params.items():
        if isinstance(param, np.ndarray) and param.dtype.kind != "f":
            raise TypeError(f"{key}: expected an array of floats, got {param.dtype}; write {key}.astype(np.float32)")
        if grads.get(key) is None:
            raise KeyError(f"{key}: expected a gradient, got those of {list(grads)}; does `gradient` return it?")
        if np.squeeze(grads[key]).shape != np.squeeze(param).shape:
            raise ValueError(f"{key}: expected a gradient of shape {np.shape(param)}, got {np.shape(grads[key])}")


def arrays_of(network):
    """{name: array} of all that decides what the network predicts: parameters and running statistics, no copies."""
    state = getattr(network, "state", None)
    return state if isinstance(state, Params) else network.params       # of a reader's own class


def snapshot(network):
    """Copies of these arrays."""
    return {key: np.array(array) for key, array in arrays_of(network).items()}


def restore(network, arrays, source=None):
    """Copy the values of a snapshot into the network's own arrays. Those of a file, `source`, are checked first."""
    own = arrays_of(network)
    if source:
        check_names(source, own, arrays)
    for key, mine in own.items():
        if isinstance(mine, np.ndarray):
            np.copyto(mine, arrays[key], casting="same_kind")       # no fraction may get lost in whole numbers
        else:
            own[key] = arrays[key].item()       # a plain number
