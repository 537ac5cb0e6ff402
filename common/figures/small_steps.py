"""The small steps that layers are made of, each with its backward from the textbook.

In a step with two values x (N, D) and b (D,), every row uses b, so the rows of its gradient add up.
"""
import numpy as np

from common.functions import as_batch, softmax
from common.util import col2im, im2col


class Step:
    """One operation as a layer; `function` returns its result, and its backward as another function."""

    def __init__(self, symbol, function):
        self.symbol, self.function = symbol, function

    def forward(self, *inputs):
        out, self.backward = self.function(*inputs)
        return out


class Value:
    """A value of a graph, by its name: what is computed with it runs as steps of the graph, `inside` a layer."""

    def __init__(self, graph, name, inside):
        self.graph, self.name, self.inside = graph, name, inside
        self.shape = np.shape(graph.values[name])

    def step(self, symbol, function, *others):
        out = f"{self.inside}.{len(self.graph.nodes)}"
        self.graph.forward(Step(symbol, function), self.name, *(value.name for value in others), out=out, name=symbol,
                           inside=self.inside)
        return Value(self.graph, out, self.inside)

    def __matmul__(self, W):
        """x (N, D), or any (N, ...) of D values each, W (D, M) -> (N, M); dx = dout W^T, dW = x^T dout."""
        def dot(x, W):
            rows = x.reshape(len(x), -1)
            return rows @ W, lambda dout: ((dout @ W.T).reshape(x.shape), rows.T @ dout)
        return self.step("dot", dot, W)

    def __add__(self, b):
        return self.step("+", lambda x, b: (x + b, lambda dout: (dout, dout.sum(axis=0))), b)

    def __sub__(self, b):
        return self.step("−", lambda x, b: (x - b, lambda dout: (dout, -dout.sum(axis=0))), b)

    def __mul__(self, b):
        return self.step("×", lambda x, b: (x * b, lambda dout: (dout * b, (dout * x).sum(axis=0))), b)

    def __neg__(self):
        return self.step("×−1", lambda x: (-x, lambda dout: -dout))

    def __radd__(self, one):
        return self.step("+1", lambda x: (x + one, lambda dout: dout))

    def __rtruediv__(self, one):
        """out = 1 / x; dx = -dout / x^2 = -dout out^2."""
        def reciprocal(x):
            out = one / x
            return out, lambda dout: -dout * out ** 2
        return self.step("1/x", reciprocal)

    def __pow__(self, two):
        return self.step("x²", lambda x: (x ** two, lambda dout: 2 * x * dout))

    def sqrt(self):
        """out = sqrt(x + 1e-6), so that a variance of 0 can be divided by; dx = dout / (2 out)."""
        def sqrt(x):
            out = np.sqrt(x + 1e-6)
            return out, lambda dout: dout / (2 * out)
        return self.step("√x", sqrt)

    def exp(self):
        def exp(x):
            with np.errstate(over="ignore"):
                out = np.nan_to_num(np.exp(x), nan=np.nan)      # a large number for inf: 0 * inf would come back
            return out, lambda dout: dout * out
        return self.step("exp", exp)

    def mean(self):
        """The mean over the rows, x (N, D) -> (D,); dx = dout / N in every row."""
        return self.step("mean", lambda x: (x.mean(axis=0), lambda dout: np.broadcast_to(dout / len(x), x.shape)))

    def max(self):
        """The largest value of each row, x (N, D) -> (N,); dx = dout where it was (the first of several), else 0."""
        def largest(x):
            is_first = np.arange(x.shape[1]) == x.argmax(axis=1)[:, np.newaxis]
            return x.max(axis=1), lambda dout: is_first * dout[:, np.newaxis]
        return self.step("max", largest)

    def softmax(self):
        """out_k = exp(x_k) / sum_i exp(x_i); dx = out (dout - sum_i dout_i out_i). x (N, K) -> (N, K)."""
        def normalized(x):
            out = softmax(x)
            return out, lambda dout: out * (dout - (dout * out).sum(axis=1, keepdims=True))
        return self.step("Softmax", normalized)

    def cross_entropy_error(self, t):
        """The mean of -log y_t; dy = -t / y / N, t one-hot."""
        def error(y, t):
            y, t = as_batch(np.maximum(y, np.finfo(y.dtype).tiny), t)       # log 0 is -inf
            t = t if t.ndim == 2 else np.eye(y.shape[1], dtype=y.dtype)[t]
            return -(t * np.log(y)).sum() / len(y), lambda dout: -t / y * (dout / len(y))
        return self.step("cross entropy error", error, t)

    def im2col(self, filter_h, filter_w, stride, pad, border=0):
        """The windows of images as rows, (N, C, H, W) -> (N * out_h * out_w, C * filter_h * filter_w).

        dx = col2im(dout): a pixel gets the sum over the windows it lies in.
        """
        def windows(x):
            padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=border)
            rows, columns = (slice(pad, pad + side) for side in x.shape[2:])
            return (im2col(padded, filter_h, filter_w, stride),
                    lambda dout: col2im(dout, padded.shape, filter_h, filter_w, stride)[:, :, rows, columns])
        return self.step("im2col", windows)

    def rearranged(self, function):
        """The same numbers in other places, as `function` of an array puts them; dx puts them back."""
        def rearrange(x):
            places = function(np.arange(x.size).reshape(x.shape))
            return function(x), lambda dout: dout.ravel()[places.argsort(axis=None)].reshape(x.shape)
        return self.step("reshape", rearrange)
