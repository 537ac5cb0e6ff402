"""Layers in small steps: x @ W + b becomes two steps in a graph, dot and +, each with its backward from the textbook.

The layers in `common.layers` compute the same at once: faster and, for large values, more exactly.
"""
from types import SimpleNamespace

import numpy as np

from common.functions import as_batch, softmax
from common.layers import Affine, BatchNormalization, Convolution, Pooling, Sigmoid, SoftmaxWithLoss
from common.util import col2im, crop_images, im2col, pad_images


def step(symbol):
    """A decorator that turns a function into a method of Value, which adds the step to the graph and runs it.

    The function takes arrays, and after them plain numbers like a stride. It returns its result and its backward, a
    function from dout to the gradients of the arrays. The method takes Values in place of the arrays.
    """
    def as_method(function):
        def run(*arguments):
            def forward(*arrays):
                out, layer.backward = function(*arrays, *arguments[len(arrays):])
                return out

            layer = SimpleNamespace(symbol=symbol, forward=forward)
            names = [value.name for value in arguments if isinstance(value, Value)]
            graph, layer_name = arguments[0].graph, arguments[0].layer_name
            out = f"{layer_name}.{len(graph.nodes)}"
            graph.forward(layer, *names, out=out, name=layer_name)
            return Value(graph, out, layer_name)
        return run
    return as_method


class Value:
    """A value of a graph. What is computed with it becomes steps of the graph, named after a layer.

    Where every row of x (N, D) uses the same b (D,), the rows of its gradient add up.
    """

    def __init__(self, graph, name, layer_name):
        self.graph, self.name, self.layer_name = graph, name, layer_name
        self.shape = np.shape(graph.values[name])

    @step("dot")
    def __matmul__(x, W):
        """x (N, D), or any (N, ...) of D values each, W (D, M) -> (N, M); dx = dout W^T, dW = x^T dout."""
        rows = x.reshape(len(x), -1)
        return rows @ W, lambda dout: ((dout @ W.T).reshape(x.shape), rows.T @ dout)

    __add__ = step("+")(lambda x, b: (x + b, lambda dout: (dout, dout.sum(axis=0))))
    __sub__ = step("−")(lambda x, b: (x - b, lambda dout: (dout, -dout.sum(axis=0))))
    __mul__ = step("×")(lambda x, b: (x * b, lambda dout: (dout * b, (dout * x).sum(axis=0))))
    __neg__ = step("×−1")(lambda x: (-x, lambda dout: -dout))
    __radd__ = step("+1")(lambda x, one: (x + one, lambda dout: dout))
    __pow__ = step("x²")(lambda x, two: (x ** two, lambda dout: 2 * x * dout))
    mean = step("mean")(lambda x: (x.mean(axis=0), lambda dout: np.broadcast_to(dout / len(x), x.shape)))

    @step("1/x")
    def __rtruediv__(x, one):
        """dx = -dout / x^2 = -dout out^2."""
        out = one / x
        return out, lambda dout: -dout * out ** 2

    @step("√x")
    def sqrt(x):
        """With 1e-6 more, so that a variance of 0 can be divided by; dx = dout / (2 out)."""
        out = np.sqrt(x + 1e-6)
        return out, lambda dout: dout / (2 * out)

    @step("exp")
    def exp(x):
        with np.errstate(over="ignore"):
            out = np.nan_to_num(np.exp(x), nan=np.nan)      # a large number for inf: 0 * inf would come back
        return out, lambda dout: dout * out

    @step("max")
    def max(x):
        """The largest value of each row, x (N, D) -> (N,); dx = dout where it was (the first of several), else 0."""
        is_first = np.arange(x.shape[1]) == x.argmax(axis=1)[:, np.newaxis]
        return x.max(axis=1), lambda dout: is_first * dout[:, np.newaxis]

    @step("Softmax")
    def softmax(x):
        """out_k = exp(x_k) / sum_i exp(x_i); dx = out (dout - sum_i dout_i out_i). x (N, K) -> (N, K)."""
        out = softmax(x)
        return out, lambda dout: out * (dout - (dout * out).sum(axis=1, keepdims=True))

    @step("cross entropy error")
    def cross_entropy_error(y, t):
        """The mean of -log y_t; dy = -t / y / N, t one-hot."""
        y, t = as_batch(np.maximum(y, np.finfo(y.dtype).tiny), t)       # log 0 is -inf
        t = t if t.ndim == 2 else np.eye(y.shape[1], dtype=y.dtype)[t]
        return -(t * np.log(y)).sum() / len(y), lambda dout: -t / y * (dout / len(y))

    @step("im2col")
    def im2col(x, filter_h, filter_w, stride, pad, border=0):
        """The windows of images as rows; dx = col2im(dout): a pixel gets the sum over the windows it lies in."""
        padded = pad_images(x, pad, border)
        return (im2col(padded, filter_h, filter_w, stride),
                lambda dout: crop_images(col2im(dout, padded.shape, filter_h, filter_w, stride), pad))

    @step("reshape")
    def rearranged(x, function):
        """The same numbers in other places, as `function` puts them; dx puts them back."""
        places = function(np.arange(x.size).reshape(x.shape))
        return function(x), lambda dout: dout.ravel()[places.argsort(axis=None)].reshape(x.shape)


# ---- formulas of layers: Values go in, and a Value comes out ---------------------------------------------------------


def convolution(layer, x, W, b):
    FN, _, FH, FW = W.shape
    col = x.im2col(FH, FW, layer.stride, layer.pad)
    col_W = W.rearranged(lambda W: W.reshape(FN, -1).T)         # every filter a column
    return _images(col @ col_W + b, layer.out_shape)


def pooling(layer, x):
    col = x.im2col(layer.pool_h, layer.pool_w, layer.stride, layer.pad, -np.inf)    # a border never is the largest
    windows = col.rearranged(lambda col: col.reshape(-1, layer.pool_h * layer.pool_w))
    return _images(windows.max(), layer.out_shape)


def batch_normalization(layer, x, gamma, beta):
    """Every column, of images every channel, gets the mean beta and the deviation gamma."""
    rows = x if len(x.shape) == 2 else x.rearranged(lambda x: x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1]))
    xc = rows - rows.mean()                 # over axis 0
    std = (xc ** 2).mean().sqrt()           # `sqrt` adds the 1e-6
    xn = xc * (1 / std)
    out = xn * gamma + beta
    return out if len(x.shape) == 2 else _images(out, x.shape)


def _images(rows, shape):
    """A row for each place, all images' one after the other -> (N, C, H, W)."""
    N, C, H, W = shape
    return rows.rearranged(lambda rows: rows.reshape(N, H, W, C).transpose(0, 3, 1, 2))


FORMULAS = {
    Affine: lambda layer, x, W, b: x @ W + b,
    Sigmoid: lambda layer, x: 1 / (1 + (-x).exp()),
    SoftmaxWithLoss: lambda layer, x, t: x.softmax().cross_entropy_error(t),
    Convolution: convolution,
    Pooling: pooling,
    BatchNormalization: batch_normalization,
}
