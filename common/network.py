"""Network: layers in a row and a loss on top; the only predict, loss, gradient, save and load (book, 5.7)."""
import copy

import numpy as np

from common.fast import one_blas_thread, rows
from common.functions import as_batch
from common.gradient import numerical_gradient
from common.layers import SoftmaxWithLoss
from common.files import load_pickle, printable, save_pickle


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


class Network:
    """Layers in a row, with a loss on top.

    Parameters
    ----------
    layers : dict of Layer, in order of the forward pass
    last_layer : the loss; SoftmaxWithLoss if left out
    weight_decay_lambda : the loss grows by lambda / 2 * the sum of all W^2 (book, 6.4.2)

    Parameters are named by one rule: the n-th layer that has a `W` calls it `Wn`, and so for `b`, `gamma` and the rest.
    """

    def __init__(self, layers, last_layer=None, weight_decay_lambda=0):
        if len({id(layer) for layer in layers.values()}) < len(layers):
            raise ValueError("layers: the same layer stands in two places, but it remembers one forward only; "
                             f"got {', '.join(map(str, layers))}")
        self.layers = layers
        self.last_layer = SoftmaxWithLoss() if last_layer is None else last_layer
        self.weight_decay_lambda = float(weight_decay_lambda)   # a NumPy float64 would turn gradients into float64

    # ---- names -----------------------------------------------------------------------------------------------------

    def _named(self, which, prefix=""):
        """{"W1": array, ...} for which = "param_names" or "buffer_names"; with prefix "d", the gradients of them."""
        count, named = {}, {}
        for layer in self.layers.values():
            for name in getattr(layer, which, ()):
                count[name] = count.get(name, 0) + 1
                named[f"{name}{count[name]}"] = getattr(layer, prefix + name)
        return named

    @property
    def params(self):
        """{"W1": array, "b1": array, ...}: the layers' own arrays."""
        return Params(self._named("param_names"))

    @params.setter
    def params(self, values):
        check_names("params", self.params, values)
        self.params.update(values)

    @property
    def state(self):
        """params and buffers, the layers' own arrays: all that decides what the net predicts, and all that is saved."""
        return Params({**self.params, **self._named("buffer_names")})

    # ---- forward ---------------------------------------------------------------------------------------------------

    def predict(self, x, train_flg=False):
        """The scores of each class, before softmax: x (N, ...) -> (N, K).

        In training the layers remember what backward needs; prediction leaves them as they are.
        """
        with one_blas_thread():
            for layer in rows(self.layers.values(), train_flg):
                x = layer.forward(x, train_flg)
        return x

    def loss(self, x, t, train_flg=False):
        """The mean loss over the examples, plus weight decay. t: class indices (N,) or one-hot (N, K)."""
        return self.last_layer.forward(self.predict(x, train_flg), t) + self._weight_decay()

    def _weight_decay(self):
        if self.weight_decay_lambda == 0:
            return 0
        return 0.5 * self.weight_decay_lambda * sum(np.sum(W ** 2) for key, W in self.params.items() if key[0] == "W")

    def accuracy(self, x, t, batch_size=100):
        """The share of examples whose highest score is the right class; computed in batches, every example counted."""
        if len(x) == 0 or len(x) != len(t):
            raise ValueError(f"accuracy: expected as many targets as examples, and some, got {len(t)} and {len(x)}")
        if batch_size < 1:
            raise ValueError(f"accuracy: expected batch_size >= 1, got {batch_size}")
        right = 0
        for start in range(0, len(x), batch_size):
            batch = slice(start, start + batch_size)
            y, labels = as_batch(self.predict(x[batch]), t[batch])
            if labels.ndim == 2:
                labels = labels.argmax(axis=1)
            answered = ~np.isnan(y).any(axis=1)     # argmax would take the first NaN for the highest score
            right += int(np.sum((y.argmax(axis=1) == labels) & answered))
        return right / len(x)

    # ---- backward --------------------------------------------------------------------------------------------------

    def value_and_gradient(self, x, t):
        """The loss in training and its gradients, in one pass: (number, {"W1": array, ...})."""
        with one_blas_thread():
            loss = self.loss(x, t, train_flg=True)
            dout = self.last_layer.backward()
            first, *others = rows(self.layers.values())
            for layer in reversed(others):
                dout = layer.backward(dout)
            first.parameter_gradients(dout)         # no gradient of the data
        grads = self._named("param_names", prefix="d")
        if self.weight_decay_lambda:
            for key, W in self.params.items():
                if key[0] == "W":
                    grads[key] = grads[key] + self.weight_decay_lambda * W
        return loss, grads

    def gradient(self, x, t):
        """The gradients of the loss by backpropagation: {"W1": array, ...}."""
        return self.value_and_gradient(x, t)[1]

    def numerical_gradient(self, x, t):
        """The same gradients by central differences: slow, but with no backward that could be wrong.

        Computed in float64 on a copy of the net, so running statistics do not move; dropout draws the same masks at
        every probe, and those that `gradient` draws next.
        """
        net = self.astype(np.float64)
        state = np.random.get_state()

        def loss(_):
            np.random.set_state(state)
            return net.loss(np.asarray(x, np.float64), t, train_flg=True)

        try:
            return {key: numerical_gradient(loss, array) for key, array in net.params.items()}
        finally:
            np.random.set_state(state)

    # ---- copies and files ------------------------------------------------------------------------------------------

    def astype(self, dtype):
        """A copy of the net that computes in dtype."""
        net = copy.deepcopy(self)
        for layer in net.layers.values():
            for name in (*layer.param_names, *layer.buffer_names):
                setattr(layer, name, getattr(layer, name).astype(dtype))
        return net

    def save_params(self, file_name="params.pkl"):
        """Writes {"W1": array, ...} as a pickle; the file is whole or not there at all."""
        save_pickle(file_name, dict(self.state))

    def load_params(self, file_name="params.pkl"):
        """Takes over parameters that save_params, or a reader of the book, has written.

        Raises
        ------
        ValueError : the file is damaged or no pickle of arrays, or arrays are missing, misshapen or unknown;
            the net stays as it was
        """
        mine, values = self.state, load_pickle(file_name)
        check_names(file_name, mine, values)
        mine.update(values)


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
