"""Layers in small steps: x @ W + b becomes two steps in a graph, dot and +, each with its backward from the textbook.

The layers in `common.layers` compute the same at once: faster and, for large values, more exactly.
"""
from types import SimpleNamespace

import numpy as np

from common.functions import softmax
from common.layers import Affine, BatchNormalization, Convolution, Pooling, Sigmoid, SoftmaxWithLoss
from common.util import col2im, im2col, pad_images


def step(symbol, forward, backward):
    """A method of Value, which runs one step as a layer of the graph.

    forward : a function of arrays, and after them of settings like a stride
    backward : a function of dout and of all that forward was given; it returns the derivatives by the arrays
    """
    def method(*arguments):
        values = [argument for argument in arguments if isinstance(argument, Value)]
        arrays, settings = [value.array for value in values], arguments[len(values):]
        layer = SimpleNamespace(symbol=symbol, forward=lambda *arrays: forward(*arrays, *settings),
                                backward=lambda dout: backward(dout, *arrays, *settings))
        graph, layer_name = values[0].graph, values[0].layer_name
        out = f"{layer_name}.{len(graph.nodes)}"
        graph.forward(layer, *(value.name for value in values), out=out, name=layer_name)
        return Value(graph, out, layer_name)
    return method


def as_rows(images):
    """(N, C, H, W) -> (N * H * W, C): a row for each pixel."""
    return images.transpose(0, 2, 3, 1).reshape(-1, images.shape[1])


def as_images(rows, shape):
    """`as_rows` undone: back to shape (N, C, H, W)."""
    N, C, H, W = shape
    return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def positive_softmax(x):
    return np.maximum(softmax(x), 1e-37)        # 0 has no logarithm


def softmax_backward(dout, x):
    """dx = out (dout - sum_i dout_i out_i)."""
    out = positive_softmax(x)
    return out * (dout - (dout * out).sum(axis=1, keepdims=True))


def one_hot(t, y):
    """Targets t, class indices (N,) or one-hot already, as rows like y's (N, K)."""
    return t if t.shape == y.shape else np.eye(y.shape[1], dtype=y.dtype)[t]


class Value:
    """A value of a graph. What is computed with it becomes steps of the graph, named after a layer: 1 + x calls
    `__radd__`, and 1 / x calls `__rtruediv__`.

    Every row of x (N, D) uses the same b (D,), so the rows of its gradient add up.
    """

    def __init__(self, graph, name, layer_name):
        self.graph, self.name, self.layer_name = graph, name, layer_name
        self.array = graph.values[name]
        self.shape = self.array.shape

    __matmul__ = step("dot", forward=lambda x, W: x @ W,
                      backward=lambda dout, x, W: (dout @ W.T, x.T @ dout))
    __add__ = step("+", forward=lambda x, b: x + b,
                   backward=lambda dout, x, b: (dout, dout.sum(axis=0)))
    __sub__ = step("−", forward=lambda x, b: x - b,
                   backward=lambda dout, x, b: (dout, -dout.sum(axis=0)))
    __mul__ = step("×", forward=lambda x, b: x * b,
                   backward=lambda dout, x, b: (dout * b, (dout * x).sum(axis=0)))
    __neg__ = step("×−1", forward=lambda x: -x,
                   backward=lambda dout, x: -dout)
    __radd__ = step("+1", forward=lambda x, one: x + one,
                    backward=lambda dout, x, one: dout)
    __rtruediv__ = step("1/x", forward=lambda x, one: one / x,
                        backward=lambda dout, x, one: -dout * (1 / x) ** 2)
    __pow__ = step("x²", forward=lambda x, two: x ** two,
                   backward=lambda dout, x, two: dout * 2 * x)
    sqrt = step("√x", forward=lambda x: np.sqrt(x + 1e-6),      # with 1e-6 more: the result is divided by
                backward=lambda dout, x: dout / (2 * np.sqrt(x + 1e-6)))
    exp = step("exp", forward=lambda x: np.exp(np.minimum(x, 88)),      # exp(89) is infinite in float32
               backward=lambda dout, x: dout * np.exp(np.minimum(x, 88)))
    mean = step("mean", forward=lambda x: x.mean(axis=0),
                backward=lambda dout, x: np.broadcast_to(dout / len(x), x.shape))
    max = step("max", forward=lambda x: x.max(axis=1),                  # of each row; dout goes back to its place
               backward=lambda dout, x: np.eye(x.shape[1], dtype=x.dtype)[x.argmax(axis=1)] * dout[:, np.newaxis])
    softmax = step("Softmax", forward=positive_softmax,
                   backward=softmax_backward)
    cross_entropy_error = step("cross entropy error",
                               forward=lambda y, t: -np.sum(one_hot(t, y) * np.log(y)) / len(y),
                               backward=lambda dout, y, t: -dout * one_hot(t, y) / y / len(y))
    im2col = step("im2col",
                  forward=lambda x, border, FH, FW, stride, pad: im2col(pad_images(x, pad, border), FH, FW, stride),
                  backward=lambda dout, x, border, *window: col2im(dout, x.shape, *window))
    reshape = step("reshape", forward=lambda x, *shape: x.reshape(shape),
                   backward=lambda dout, x, *shape: dout.reshape(x.shape))
    filters_to_columns = step("reshape", forward=lambda W: W.reshape(len(W), -1).T,
                              backward=lambda dout, W: dout.T.reshape(W.shape))
    images_to_rows = step("reshape", forward=as_rows,
                          backward=lambda dout, x: as_images(dout, x.shape))
    rows_to_images = step("reshape", forward=as_images,
                          backward=lambda dout, rows, shape: as_rows(dout).reshape(rows.shape))


# ---- formulas of layers: Values go in, and a Value comes out ---------------------------------------------------------


def affine(layer, x, W, b):
    x = x if len(x.shape) == 2 else x.reshape(len(x.array), -1)
    return x @ W + b


def convolution(layer, x, W, b):
    _, _, FH, FW = W.shape
    col = x.im2col(0, FH, FW, layer.stride, layer.pad)
    return (col @ W.filters_to_columns() + b).rows_to_images(layer.out_shape)


def pooling(layer, x):
    col = x.im2col(-np.inf, layer.pool_h, layer.pool_w, layer.stride, layer.pad)     # a border never is the largest
    return col.reshape(-1, layer.pool_h * layer.pool_w).max().rows_to_images(layer.out_shape)


def batch_normalization(layer, x, gamma, beta):
    """Every column, of images every channel, gets the mean beta and the deviation gamma."""
    rows = x if len(x.shape) == 2 else x.images_to_rows()
    xc = rows - rows.mean()                 # over axis 0
    std = (xc ** 2).mean().sqrt()           # `sqrt` adds the 1e-6
    xn = xc * (1 / std)
    out = xn * gamma + beta
    return out if len(x.shape) == 2 else out.rows_to_images(x.shape)


FORMULAS = {
    Affine: affine,
    Sigmoid: lambda layer, x: 1 / (1 + (-x).exp()),
    SoftmaxWithLoss: lambda layer, x, t: x.softmax().cross_entropy_error(t),
    Convolution: convolution,
    Pooling: pooling,
    BatchNormalization: batch_normalization,
}
