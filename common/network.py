"""Network: layers in a row and a loss on top (book, 5.7). All nets here share this predict, loss and gradient.

The loop over epochs and batches is in trainer.py.
"""
import copy
from contextlib import contextmanager

import numpy as np

from common.fast import join, one_blas_thread
from common.files import load_pickle, save_pickle
from common.functions import guesses
from common.gradient import numerical_gradient
from common.layers import SoftmaxWithLoss
from common.own_layer import as_layer, by_name, owners
from common.params import Gradients, Params, check_names, restore
from common.util import as_pairs

_in_training = {}       # {id of a net that is being trained: an object made by the call that trains it}


class Network:
    """Layers in a row, with a loss on top.

    Parameters
    ----------
    layers : dict of layers by name, or a list, in order of the forward pass: those of `common.layers`, or your own with
        forward(x) or forward(x, train_flg), and backward(dout)
    last_layer : the loss; SoftmaxWithLoss if left out
    weight_decay_lambda : the loss grows by lambda / 2 * the sum of all W^2 (book, 6.4.2). An optimizer's `weight_decay`
        is another way to the same aim: use one of the two.

    Parameters are named by one rule: the n-th layer that has a `W` calls it `Wn`, and so for `b`, `gamma` and the rest.
    So Affine, BatchNormalization, Affine have W1, b1, gamma1, beta1, W2, b2.
    """

    def __init__(self, layers, last_layer=None, weight_decay_lambda=0):
        self.layers = by_name(layers)
        self.last_layer = SoftmaxWithLoss() if last_layer is None else last_layer
        self.weight_decay_lambda = float(weight_decay_lambda)   # a NumPy float64 would turn gradients into float64
        owners(self.layers)     # an error now, if their parameters cannot be named

    def predict(self, x, train_flg=False):
        """The scores of each class, before softmax: x (N, ...) -> (N, K).

        In training the layers remember what backward needs; prediction leaves them as they are.
        """
        x = np.asarray(x)
        if train_flg:
            self.last_layer.t = None        # backward is an error until there are targets of this batch
        with one_blas_thread():
            layers = map(as_layer, self.layers.values())
            if x.ndim == 4:     # images are cut into slices: neighbours that may be cut become one object
                layers = join(layers, train_flg)
            for layer in layers:
                x = layer.forward(x, train_flg)
        return x

    def loss(self, x, t, train_flg=False):
        """The mean loss over the examples, plus weight decay. t: class indices (N,) or one-hot (N, K)."""
        loss = self.last_layer.forward(self.predict(x, train_flg), t)
        if not train_flg:
            self.last_layer.t = None        # backward is an error: the layers remember training only
        if self.weight_decay_lambda:
            loss = loss + 0.5 * self.weight_decay_lambda * sum(np.sum(W ** 2) for W in self._weights().values())
        return loss

    def accuracy(self, x, t, batch_size=100):
        """The share of examples whose highest score is the right class; computed in batches, every example counted."""
        x, t = as_pairs(x, t)
        if len(x) == 0 or batch_size < 1:
            raise ValueError(f"accuracy: expected examples and batch_size >= 1, got {len(x)} and {batch_size}")
        right = 0
        for start in range(0, len(x), batch_size):
            batch = slice(start, start + batch_size)
            _, right_classes, predicted = guesses(self.predict(x[batch]), t[batch])
            right += int(np.sum(predicted == right_classes))
        return right / len(x)

    def _weights(self):
        return {key: W for key, W in self.params.items() if key[0] == "W"}

    def value_and_gradient(self, x, t):
        """The loss in training and its gradients, in one pass: (number, {"W1": array, ...})."""
        parameters = owners(self.layers)        # {"W1": (layer, "W"), ...}
        with one_blas_thread(), self._one_at_a_time():
            loss = self.loss(x, t, train_flg=True)
            dout = self.last_layer.backward()
            first, *others = join(map(as_layer, self.layers.values()))
            for layer in reversed(others):
                dout = layer.backward(dout)
            first.parameter_gradients(dout)         # backward, but nobody needs the gradient of the data
            grads = Gradients({key: getattr(layer, f"d{name}") for key, (layer, name) in parameters.items()})
        if self.weight_decay_lambda:
            for key, W in self._weights().items():
                grads[key] = grads[key] + self.weight_decay_lambda * W
        grads.loss = loss
        return loss, grads

    def gradient(self, x, t):
        """The gradients of the loss by backpropagation: {"W1": array, ...}; their attribute `loss` is the loss."""
        return self.value_and_gradient(x, t)[1]

    def numerical_gradient(self, x, t):
        """The same gradients by central differences: slow, but with no backward that could be wrong.

        Computed in float64 on a copy of the net, so running statistics do not move. Dropout draws the same masks every
        time, and the next call of `gradient` draws them too.
        """
        net, state = self.astype(np.float64), np.random.get_state()

        def loss(_):                                # its argument is an array of net, changed in place
            np.random.set_state(state)
            return net.loss(x, t, train_flg=True)

        try:
            return {key: numerical_gradient(loss, array) for key, array in net.params.items()}
        finally:
            np.random.set_state(state)

    @contextmanager
    def _one_at_a_time(self):
        """RuntimeError if another thread is training this net: each layer remembers one batch."""
        me = object()
        if _in_training.setdefault(id(self), me) is not me:         # of two threads, only the first stores its own
            raise RuntimeError("two threads train one network at the same time; give each a copy.deepcopy of it")
        try:
            yield
        finally:
            del _in_training[id(self)]

    @property
    def params(self):
        """{"W1": array, "b1": array, ...}: the layers' own arrays. Assigning to a key copies into the array.

        So `optimizer.update(net.params, grads)` trains the layers, and `net.params["W1"] = values` changes a layer's W.
        """
        return Params({key: getattr(layer, name) for key, (layer, name) in owners(self.layers).items()})

    @params.setter
    def params(self, values):
        check_names("params", self.params, values)
        self.params.update(values)

    @property
    def state(self):
        """params and buffers, the layers' own arrays: all those that prediction uses, and all that is saved."""
        return Params({key: getattr(layer, name) for key, (layer, name) in owners(self.layers, buffers=True).items()})

    def astype(self, dtype):
        """A copy of the net that computes in dtype."""
        net = copy.deepcopy(self)
        for layer, name in owners(net.layers, buffers=True).values():
            setattr(layer, name, getattr(layer, name).astype(dtype))
        return net

    def save_params(self, file_name="params.pkl"):
        """Write {"W1": array, ...} as a pickle; the file is whole or not there at all."""
        save_pickle(file_name, dict(self.state))

    def load_params(self, file_name="params.pkl"):
        """Take over parameters from a file of save_params, or of the book's code (a pickle of a dict of arrays).

        ValueError: the file is damaged, or it has other arrays than this net. The net stays as it was.
        """
        restore(self, load_pickle(file_name), file_name)
