"""The small steps that layers are made of, each with its backward from the textbook.

A step takes arrays and returns its result and its backward, a function from dout to the gradients of the arrays.
Where every row of x (N, D) uses the same b (D,), the rows of its gradient add up.
"""
from types import SimpleNamespace

import numpy as np

from common.functions import as_batch, softmax
from common.util import col2im, im2col


def step(symbol):
    """A decorator. It turns a function of arrays into a method of Value, which adds a layer to the graph and runs it.

    The method's arguments are Values and, after them, plain numbers like a stride; the function gets their arrays.
    """
    def as_method(function):
        def run(*arguments):
            def forward(*arrays):
                out, layer.backward = function(*arrays, *arguments[len(arrays):])
                return out

            layer = SimpleNamespace(symbol=symbol, forward=forward)
            names = [value.name for value in arguments if isinstance(value, Value)]
            graph, inside = arguments[0].graph, arguments[0].inside
            out = f"{inside}.{len(graph.nodes)}"
            graph.forward(layer, *names, out=out, name=symbol, inside=inside)
            return Value(graph, out, inside)
        return run
    return as_method


class Value:
    """A value of a graph, by its name: what is computed with it becomes steps of the graph, `inside` a layer."""

    def __init__(self, graph, name, inside):
        self.graph, self.name, self.inside = graph, name, inside
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
        """The windows of images as rows, (N, C, H, W) -> (N * out_h * out_w, C * filter_h * filter_w).

        dx = col2im(dout): a pixel gets the sum over the windows it lies in.
        """
        padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=border)
        rows, columns = (slice(pad, pad + side) for side in x.shape[2:])
        return (im2col(padded, filter_h, filter_w, stride),
                lambda dout: col2im(dout, padded.shape, filter_h, filter_w, stride)[:, :, rows, columns])

    @step("reshape")
    def rearranged(x, function):
        """The same numbers in other places, as `function` puts them; dx puts them back."""
        places = function(np.arange(x.size).reshape(x.shape))
        return function(x), lambda dout: dout.ravel()[places.argsort(axis=None)].reshape(x.shape)
