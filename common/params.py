"""The dicts of a network's arrays: its parameters and their gradients; copies of them, kept aside and put back."""
import numpy as np

from common.files import printable


class Params(dict):
    """A dict of arrays that stay where they are: assigning copies the values into place.

    So an optimizer, `params["W1"] = new`, `params["W1"] += step` and the layer itself all mean one array. Its set of
    keys is fixed: it is the net's.
    """

    def __setitem__(self, key, value):
        if key not in self:
            raise KeyError(f"no parameter {key!r}; this net has {', '.join(self)}")
        mine = self[key]
        if mine is not value:
            if np.shape(value) != mine.shape:
                raise ValueError(f"{key}: expected shape {mine.shape}, got {np.shape(value)}")
            np.copyto(mine, value, casting="same_kind")     # no fraction may get lost in an array of integers

    def update(self, *args, **kwargs):
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other):
        self.update(other)
        return self

    def _fixed(self, *args):
        raise TypeError("a net's parameters can be assigned but not added or removed")

    __delitem__ = pop = popitem = clear = setdefault = _fixed

    def __reduce__(self):
        return dict, (dict(self),)      # a copy or a pickle is a plain dict: its arrays belong to no net


class Gradients(dict):
    """{"W1": array, ...}, and `loss`, the loss that they are the gradients of."""
    loss = None


def check_names(source, mine, values):
    """Everything is there and fits, before anything is changed."""
    if not isinstance(values, dict):
        raise ValueError(f"{source}: expected a dict of arrays, got {type(values).__name__}")
    missing = [key for key in mine if key not in values]
    unknown = [str(key) for key in values if key not in mine]
    misshapen = [f"{key} {values[key].shape} instead of {array.shape}"
                 for key, array in mine.items()
                 if isinstance(values.get(key), np.ndarray) and values[key].shape != array.shape]
    no_numbers = [f"{key} ({getattr(value, 'dtype', type(value).__name__)})" for key, value in values.items()
                  if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf"]
    faults = [f"{what}: {printable(', '.join(names))}"
              for what, names in (("missing", missing), ("unknown", unknown), ("misshapen", misshapen),
                                  ("not an array of numbers", no_numbers)) if names]
    if faults:
        raise ValueError(f"{source} does not fit this net; {'; '.join(faults)}")


def arrays_of(network):
    """{name: array} of all that decides what the network predicts: parameters and running statistics, no copies."""
    state = getattr(network, "state", None)
    return state if isinstance(state, Params) else network.params       # of a reader's own class


def snapshot(network):
    """Copies of them."""
    return {key: np.array(array) for key, array in arrays_of(network).items()}


def restore(network, arrays):
    """Copy the values of a snapshot into the network's own arrays."""
    own = arrays_of(network)
    for key, mine in own.items():
        if isinstance(mine, np.ndarray):
            mine[...] = arrays[key]
        else:
            own[key] = arrays[key].item()       # a plain number
