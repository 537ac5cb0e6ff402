"""The diagnosis names the mistake in backwards that it has never seen, names no other, and is silent on right ones.

The layers here are written as a reader would, each with a right backward; a mistake replaces one of its gradients.
"""
import re

import numpy as np
import pytest

from ch05.simple_convnet import SimpleConvNet
from common.gradient import Comparison, GradientCheck, check_gradients
from common.layers import (Affine, BatchNormalization, Convolution, Dropout, GlobalAveragePooling, Pooling, Relu,
                           Sigmoid, SoftmaxWithLoss)
from common.network import Network
from common.util import col2im, im2col


class Dense:
    def __init__(self, inputs=5, outputs=3):
        self.W, self.b = np.random.randn(inputs, outputs), np.random.randn(outputs)
        self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class SquareDense(Dense):
    def __init__(self):
        super().__init__(5, 5)


class Ramp:
    def forward(self, x):
        self.x = x
        self.positive = x > 0
        return x * self.positive

    def backward(self, dout):
        return dout * self.positive


class Logistic:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dout):
        return dout * self.y * (1 - self.y)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y) * (1 + self.y)


class Square:
    def forward(self, x):
        self.x = x
        return x ** 2

    def backward(self, dout):
        return 2 * self.x * dout


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y

    def backward(self, dout):
        return self.y * (dout - (dout * self.y).sum(axis=1, keepdims=True))


class CrossEntropy(Softmax):
    def forward(self, x, t):
        self.t = t
        return -np.log(super().forward(x)[np.arange(len(x)), t]).mean()

    def backward(self, dout=1):
        return dout * (self.y - one_hot(self)) / len(self.y)


def one_hot(layer):
    return np.eye(layer.y.shape[1])[layer.t]


class MeanSquare:
    def forward(self, x, t):
        self.error = x - t
        return (self.error ** 2).mean()

    def backward(self, dout=1):
        return 2 * self.error / self.error.size


class Thinning:
    def __init__(self, rate=0.3):
        self.rate = rate

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x
        self.kept = np.random.rand(*x.shape) > self.rate
        return x * self.kept / (1 - self.rate)

    def backward(self, dout):
        return dout * self.kept / (1 - self.rate)


class Normalize:
    """Over axis 0 (batch normalization) or the last axis (layer normalization), with a scale."""

    def __init__(self, axis=0, size=6):
        self.axis, self.scale, self.dscale = axis, np.random.rand(size) + 0.5, None

    def mean(self, values):
        return values.mean(axis=self.axis, keepdims=True)

    def forward(self, x):
        self.x, self.spread = x, np.sqrt(self.mean((x - self.mean(x)) ** 2) + 1e-7)
        self.xn = (x - self.mean(x)) / self.spread
        return self.scale * self.xn

    def backward(self, dout):
        d = dout * self.scale
        self.dscale = (dout * self.xn).sum(axis=0)
        return (d - self.mean(d) - self.xn * self.mean(d * self.xn)) / self.spread


class Filters:
    """A convolution, as in the book."""

    def __init__(self, FN=4, C=3, size=3, stride=1, pad=0):
        self.W, self.b = np.random.randn(FN, C, size, size), np.random.randn(FN)
        self.dW = self.db = None
        self.size, self.stride, self.pad = size, stride, pad

    def forward(self, x):
        self.x_shape = x.shape
        N, _, H, W = x.shape
        FN = len(self.b)
        self.out_h, self.out_w = ((side + 2 * self.pad - self.size) // self.stride + 1 for side in (H, W))
        self.col = im2col(x, self.size, self.size, self.stride, self.pad)
        out = self.col @ self.W.reshape(FN, -1).T + self.b
        return out.reshape(N, self.out_h, self.out_w, FN).transpose(0, 3, 1, 2)

    def rows(self, dout):
        return dout.transpose(0, 2, 3, 1).reshape(-1, len(self.b))

    def backward(self, dout, add=col2im):
        rows = self.rows(dout)
        self.db = rows.sum(axis=0)
        self.dW = (self.col.T @ rows).T.reshape(self.W.shape)
        return add(rows @ self.W.reshape(len(self.b), -1), self.x_shape, self.size, self.size, self.stride, self.pad)


def put_back(col, x_shape, h, w, stride, pad):
    """col2im with = in place of +=."""
    N, C, H, W = x_shape
    out_h, out_w = (H + 2 * pad - h) // stride + 1, (W + 2 * pad - w) // stride + 1
    col = col.reshape(N, out_h, out_w, C, h, w).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    for y in range(h):
        for x in range(w):
            img[:, :, y:y + stride * out_h:stride, x:x + stride * out_w:stride] = col[:, :, y, x]
    return img[:, :, pad:H + pad, pad:W + pad]


class Greatest:
    """Max pooling by windows of 2 x 2 that do not overlap."""

    def windows(self, x):
        N, C, H, W = x.shape
        return x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // 2, W // 2, 4)

    def image(self, windows):
        N, C, h, w, _ = windows.shape
        return windows.reshape(N, C, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, 2 * h, 2 * w)

    def forward(self, x):
        self.x = x
        self.place = self.windows(x).argmax(axis=-1)
        return self.windows(x).max(axis=-1)

    def at(self, place, dout):
        return self.image((np.arange(4) == place[..., None]) * dout[..., None])

    def backward(self, dout):
        return self.at(self.place, dout)


class Average(Greatest):
    def forward(self, x):
        return self.windows(x).mean(axis=-1)

    def backward(self, dout):
        return self.image(np.repeat(dout[..., None] / 4, 4, axis=-1))


class Product:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return dout * self.y, dout * self.x


class Lookup:
    def __init__(self):
        self.W, self.dW = np.random.randn(7, 4), None

    def forward(self, x):
        self.x = x
        return self.W[x]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.x, dout)


class Leaky:
    """A relu with a slope of its own below 0, which is trained."""

    def __init__(self):
        self.slope, self.dslope = np.array(0.3), None

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dout):
        self.dslope = (dout * self.x)[self.x <= 0].sum()
        return np.where(self.x > 0, dout, self.slope * dout)


class Twice:
    """Two dense layers with an activation between and behind."""
    shared = False

    def __init__(self):
        self.first, self.second, self.act = Dense(5, 4), Dense(4, 4), Logistic()
        self.last_act = self.act if self.shared else Logistic()
        self.W, self.dW = self.first.W, None

    def forward(self, x):
        return self.last_act.forward(self.second.forward(self.act.forward(self.first.forward(x))))

    def backward(self, dout):
        dx = self.first.backward(self.act.backward(self.second.backward(self.last_act.backward(dout))))
        self.dW = self.first.dW
        return dx


class TwoLayers:
    """A net with weight decay."""
    decay = 0.1

    def __init__(self):
        self.layers = {"Dense1": Dense(5, 4), "Ramp1": Ramp(), "Dense2": Dense(4, 3)}
        self.loss_layer = CrossEntropy()
        self.params = {"W1": self.layers["Dense1"].W, "b1": self.layers["Dense1"].b,
                       "W2": self.layers["Dense2"].W, "b2": self.layers["Dense2"].b}

    def loss(self, x, t):
        for layer in self.layers.values():
            x = layer.forward(x)
        return self.loss_layer.forward(x, t) + self.decay / 2 * sum((self.params[W] ** 2).sum() for W in ("W1", "W2"))

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.loss_layer.backward()
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        return {"W1": self.layers["Dense1"].dW + self.decay * self.params["W1"], "b1": self.layers["Dense1"].db,
                "W2": self.layers["Dense2"].dW + self.decay * self.params["W2"], "b2": self.layers["Dense2"].db}


def wrong(Right, **gradients):
    """Right with other gradients: x=f is what backward returns, W=f is what it leaves in dW; f(layer, dout)."""
    class Wrong(Right):
        def backward(self, dout=1):
            right = super().backward(dout)
            for name, gradient in gradients.items():
                setattr(self, "d" + name, gradient(self, dout))
            return gradients["x"](self, dout) if "x" in gradients else right
    return Wrong


def normal(*shape):
    return np.random.randn(*shape)


FLAT, IMAGES, CLASSES = (8, 5), (2, 3, 6, 6), np.array([0, 2, 1, 1, 0, 2, 2])


class WritesDoutEarly(Dense):
    def backward(self, dout):
        dx = dout @ self.W.T
        dout[:, 0] *= -2
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dx


class ForwardWritesX(Square):
    def forward(self, x):
        self.x = x
        out = x ** 2
        x -= 1
        return out


class BackwardWritesX(Dense):
    def backward(self, dout):
        self.x *= 2
        self.x -= 1
        return super().backward(dout)


class Adds(Dense):
    def backward(self, dout):
        before = self.dW
        dx = super().backward(dout)
        self.dW = self.dW if before is None else self.dW + before
        return dx


class Shared(Twice):
    shared = True


class OfOurs(Network):
    """Our Network, with a reader's wrong layer inside."""

    def __init__(self):
        wrong_layer = wrong(Ramp, x=lambda s, d: d)()
        super().__init__([Affine(normal(5, 6), normal(6)), wrong_layer, Affine(normal(6, 3), normal(3))])


class NoDecay(TwoLayers):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return grads | {"W1": self.layers["Dense1"].dW}


# id: (layer, inputs, the gradient that fails, what the diagnosis says; None: no mistake)
WRONG = {
    # factors
    "dense: mean for sum in db": (wrong(Dense, b=lambda s, d: d.mean(axis=0)), [FLAT], "b",
        "1/8 .*; 8 is the number of examples: perhaps a mean"),
    "dense: sign of dx": (wrong(Dense, x=lambda s, d: -d @ s.W.T), [FLAT], "x", "dx has the wrong sign"),
    "cross entropy: no / N": (wrong(CrossEntropy, x=lambda s, d: s.y - one_hot(s)), [(7, 3), CLASSES], "x",
        "7 times .*; 7 is the number of examples: perhaps the division by it is missing"),
    "mean square: / N, not / size": (
        wrong(MeanSquare, x=lambda s, d: 2 * s.error / len(s.error)), [(8, 5), (8, 5)], "x",
        "5 times .*5 is the number of columns"),
    "mean square: no 2": (wrong(MeanSquare, x=lambda s, d: s.error / s.error.size), [(2, 3), (2, 3)], "x",
        r"dx is 1/2 of what it should be\.$"),
    "mean square: no / size": (wrong(MeanSquare, x=lambda s, d: 2 * s.error), [(8, 5), (8, 5)], "x",
        "40 times .*; 40 is the number of examples times columns"),
    "dropout: no scale": (wrong(Thinning, x=lambda s, d: d * s.kept), [FLAT], "x",
        r"0.7 times .*, and that is \(1 - rate\)"),
    "average: no / 4": (wrong(Average, x=lambda s, d: 4 * Average.backward(s, d)), [(2, 3, 6, 4)], "x",
        "4 times .*4 is the number of .*values of x for each value of out"),
    "convolution: mean for sum in db": (wrong(Filters, b=lambda s, d: s.rows(d).mean(axis=0)), [(2, 3, 7, 5)], "b",
        "1/30 .*; 30 is the number of examples times windows: perhaps a mean"),
    "convolution: mean over the windows": (wrong(Filters, W=lambda s, d: s.dW / 15), [(2, 3, 7, 5)], "W",
        "1/15 .*; 15 is the number of windows"),
    "dense: twice": (wrong(Dense, x=lambda s, d: 2 * d @ s.W.T), [(2, 5)], "x", r"2 times what it should be\.$"),
    # shapes and order
    "dense: db is dout": (wrong(Dense, b=lambda s, d: d), [FLAT], "b", "the sum over axis=0 is missing"),
    "dense: dW transposed": (wrong(Dense, W=lambda s, d: d.T @ s.x), [FLAT], "W", "it is the transpose"),
    "square dense: dW transposed": (wrong(SquareDense, W=lambda s, d: d.T @ s.x), [FLAT], "W", "dW is the transpose"),
    "square dense: W not transposed": (wrong(SquareDense, x=lambda s, d: d @ s.W), [FLAT], "x",
        "dx is dout @ W; it needs the transpose of W"),
    "convolution: reshape without transpose": (
        wrong(Filters, W=lambda s, d: (s.col.T @ d.reshape(-1, 4)).T.reshape(s.W.shape)), [IMAGES], "W",
        "dout with its axes in the wrong order"),
    "convolution: dW not transposed": (
        wrong(Filters, W=lambda s, d: (s.col.T @ s.rows(d)).reshape(s.W.shape)), [IMAGES], "W",
        "right values in the wrong places"),
    # places
    "relu: no mask": (wrong(Ramp, x=lambda s, d: d), [FLAT], "x",
        "wrong only where x is not above 0; it should be 0"),
    "relu: mask of dout": (wrong(Ramp, x=lambda s, d: d * (d > 0)), [FLAT], "x",
        "where x and dout have different signs"),
    "relu: mask the wrong way": (wrong(Ramp, x=lambda s, d: d * ~s.positive), [FLAT], "x",
        None),
    "relu: bends elsewhere": (wrong(Ramp, x=lambda s, d: d * (s.x > 0.5)), [(9, 9)], "x",
        r"differs in only \d+ of 81 places, as in "),
    "leaky: no slope below 0": (wrong(Leaky, x=lambda s, d: d * (s.x > 0)), [FLAT], "x",
        "wrong only where x is not above 0; it is 0"),
    "convolution: col2im with =": (wrong(Filters, x=lambda s, d: Filters.backward(s, d, put_back)), [(2, 3, 5, 5)], "x",
        "where a value goes into more outputs than others do, as where windows overlap"),
    "convolution: border lost": (
        wrong(Filters, x=lambda s, d:
            np.pad(Filters.backward(s, d)[:, :, 1:-1, 1:-1], ((0, 0), (0, 0), (1, 1), (1, 1)))),
        [IMAGES], "x", "wrong only at the border of the images; it is 0 there"),
    "dense: last example lost in dx": (
        wrong(Dense, x=lambda s, d: (d @ s.W.T) * (np.arange(len(d)) < 7)[:, None]), [FLAT], "x",
        r"differs in only 5 of 40 places, as in \(7, 0\), \(7, 1\)"),
    "cross entropy: no - t": (wrong(CrossEntropy, x=lambda s, d: s.y / 7), [(7, 3), CLASSES], "x",
        "wrong only at the right classes"),
    "pooling: first place of the window": (wrong(Greatest, x=lambda s, d: s.at(0 * s.place, d)), [(2, 3, 6, 6)], "x",
        "right values in the wrong places"),
    "pooling: every value that ties": (
        wrong(Greatest, x=lambda s, d:
            s.image((s.windows(s.x) == s.windows(s.x).max(-1, keepdims=True)) * d[..., None])),
        [np.arange(72).reshape(2, 1, 6, 6) // 4], "x", "where forward bends, as where two values are equal"),
    # terms and sums
    "batch norm: both statistics": (wrong(Normalize, x=lambda s, d: d * s.scale / s.spread), [(8, 6)], "x",
        "dx treats mean and std over axis=0 as constant, but x changes mean and std too"),
    "batch norm: mean only": (
        wrong(Normalize, x=lambda s, d: Normalize.backward(s, d) + s.mean(d * s.scale) / s.spread), [(8, 6)], "x",
        "dx treats mean over axis=0 as constant"),
    "batch norm: deviation only": (
        wrong(Normalize, x=lambda s, d: (d * s.scale - s.mean(d * s.scale)) / s.spread), [(8, 6)], "x",
        "dx treats std over axis=0 as constant"),
    "lookup: = in place of add.at": (wrong(Lookup, W=lambda s, d: assign(s, d)), [np.array([1, 3, 3, 6, 1])], "W",
        "wrong only where a value goes into more outputs than others do"),
    "dense: only the last example": (wrong(Dense, W=lambda s, d: np.outer(s.x[-1], d[-1])), [FLAT], "W",
        "uses only the last of 8 examples"),
    # factors that are arrays
    "logistic: no dout": (wrong(Logistic, x=lambda s, d: s.y * (1 - s.y)), [FLAT], "x", "lacks the factor dout"),
    "logistic: no (1 - y)": (wrong(Logistic, x=lambda s, d: d * s.y), [FLAT], "x",
        r"lacks the factor \(1 - out\)"),
    "tanh: 1 - y": (wrong(Tanh, x=lambda s, d: d * (1 - s.y)), [FLAT], "x", r"lacks the factor \(1 \+ out\)"),
    "square: 2 dout": (wrong(Square, x=lambda s, d: 2 * d), [FLAT], "x", "lacks the factor x"),
    "dropout: no mask": (wrong(Thinning, x=lambda s, d: d / (1 - s.rate)), [FLAT], "x",
        "where no output depends on x; it should be 0"),
    "batch norm: no scale": (wrong(Normalize, x=lambda s, d: Normalize.backward(s, d / s.scale)), [(8, 6)], "x",
        "lacks the factor scale"),
    # other inputs, memory
    "product: swapped": (wrong(Product, x=lambda s, d: (d * s.x, d * s.y)), [FLAT, FLAT], "x",
        "is the gradient of y"),
    "wrote into dout": (WritesDoutEarly, [FLAT], "W", "computed from what forward or backward has written into dout"),
    "forward writes into x": (ForwardWritesX, [FLAT], "x", "computed from what forward or backward has written into x"),
    "backward writes into x": (BackwardWritesX, [FLAT], "W", "computed from what forward or backward has written into x"),
    "dW added up": (Adds, [FLAT], "W", "adds to what the call before left"),
    "one activation in two places": (Shared, [FLAT], "W", "one Logistic runs forward twice before its backward"),
    "batch norm: sign of the deviation's part": (
        wrong(Normalize, x=lambda s, d:
            Normalize.backward(s, d) + 2 * s.xn * s.mean(d * s.scale * s.xn) / s.spread), [(8, 6)], "x",
        None),
    # values that tie, constant values
    "pooling of ones: every value that ties": (
        wrong(Greatest, x=lambda s, d:
            s.image((s.windows(s.x) == s.windows(s.x).max(-1, keepdims=True)) * d[..., None])),
        [np.ones((1, 1, 4, 4))], "x", "^dx is wrong only where forward bends, as where two values are equal: "),
    "pooling: twice, all tie": (wrong(Greatest, x=lambda s, d: 2 * s.at(s.place, d)), [np.ones((1, 1, 4, 4))], "x",
        r"^dx is 2 times what it should be\.$"),
    # factors near 1
    "relu: 1.0001": (wrong(Ramp, x=lambda s, d: 1.0001 * d * s.positive), [FLAT], "x",
        r"^dx is 1.0001 times what it should be\.$"),
    "relu: -1.00002": (wrong(Ramp, x=lambda s, d: -1.00002 * d * s.positive), [FLAT], "x",
        r"^dx has the wrong sign and is 1.00002 times what it should be\.$"),
    "network: a wrong layer": (OfOurs, [FLAT, np.arange(8) % 3], "W1",
                              None),
    "net: no weight decay": (NoDecay, [FLAT, np.arange(8) % 3], "W1",
        r"lacks the term 0.1 \* W1, as of a weight decay"),
    # nothing there
    "dense: no dW": (wrong(Dense, W=lambda s, d: None), [FLAT], "W", "missing: it is None"),
    "dense: nothing returned": (wrong(Dense, x=lambda s, d: None), [FLAT], "x", "missing: it is None"),
    "dense: zeros": (wrong(Dense, W=lambda s, d: 0 * s.W), [FLAT], "W", "0 everywhere"),
    "logistic: nan": (wrong(Logistic, x=lambda s, d: d * np.nan), [FLAT], "x", "nan"),
    # no known mistake
    "dense: noise": (wrong(Dense, W=lambda s, d: np.cos(1000 * s.W)), [FLAT], "W", None),
}


def assign(layer, dout):
    dW = np.zeros_like(layer.W)
    dW[layer.x] = dout
    return dW


def checked(Layer, inputs):
    return check_gradients(Layer(), *(value if isinstance(value, np.ndarray) else normal(*value) for value in inputs))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_backward_fails_and_is_named(case):
    Layer, inputs, name, says = WRONG[case]
    check = checked(Layer, inputs)
    found = check[name].diagnosis
    assert name in check.failed and not check
    if says is None:
        assert "No known mistake fits." in str(check) if found is None else "differs in only" in found
    else:
        assert re.search(says, found) and f"    {found}" in str(check), found


RIGHT = [(Dense, [FLAT]), (SquareDense, [FLAT]), (Ramp, [FLAT]), (Logistic, [FLAT]), (Tanh, [FLAT]), (Square, [FLAT]),
         (Softmax, [FLAT]), (CrossEntropy, [(7, 3), CLASSES]), (MeanSquare, [FLAT, FLAT]), (Thinning, [FLAT]),
         (Normalize, [(8, 6)]), (Filters, [IMAGES]),
         (Greatest, [IMAGES]), (Average, [IMAGES]), (Product, [FLAT, FLAT]), (Lookup, [CLASSES]), (Leaky, [FLAT]),
         (Twice, [FLAT]), (TwoLayers, [FLAT, np.arange(8) % 3])]


class Size:
    def forward(self, x):
        self.x = x
        return abs(x)

    def backward(self, dout):
        return dout * np.sign(self.x)


class Softplus(Logistic):
    def forward(self, x):
        super().forward(x)
        return np.log(1 + np.exp(x))


def images(kind, *shape):
    """Without ties, with many, all black, and as after a relu."""
    return {"normal": normal(*shape), "whole": np.random.randint(0, 3, shape), "black": np.zeros(shape),
            "positive": np.maximum(0, normal(*shape))}[kind]


OURS = [
    *[(lambda s=s: Convolution(normal(*s[:4]), normal(s[0]), s[4], s[5]), lambda s=s: [normal(s[6], s[1], 5, 4)])
      for s in [(3, 2, 3, 3, 1, 0, 2), (2, 1, 3, 2, 2, 1, 1), (2, 2, 5, 5, 1, 2, 1)]],
    *[(lambda s=s: Pooling(*s), lambda kind=kind: [images(kind, 1, 2, 5, 4)])
      for s in [(2, 2, 2, 0), (3, 3, 2, 1), (2, 3, 1, 1)] for kind in ("normal", "whole", "black", "positive")],
    *[(Layer, lambda kind=kind: [images(kind, 2, 3, 2, 2)])
      for Layer in (Relu, Sigmoid, lambda: Dropout(0.3), lambda: Dropout(0)) for kind in ("normal", "whole", "black")],
    *[(lambda n=n: BatchNormalization(normal(n), normal(n)), lambda shape=shape, scale=scale: [scale * normal(*shape)])
      for n, shape, scale in [(5, (6, 5), 0.01), (5, (6, 5), 100), (5, (2, 5), 1), (3, (4, 3, 2, 3), 1)]],
    (lambda: Affine(normal(12, 4), normal(4)), lambda: [normal(3, 3, 2, 2)]),
    (lambda: Affine(normal(12, 4), normal(4)), lambda: [np.random.randint(0, 255, (3, 12)).astype(np.uint8)]),
    (SoftmaxWithLoss, lambda: [normal(4, 3), [0, 1, 2, 1]]),
    (lambda: SoftmaxWithLoss(0.1), lambda: [30 * normal(4, 3), np.eye(3)[[0, 1, 2, 2]]]),
    (GlobalAveragePooling, lambda: [normal(2, 3, 4, 5)]),
    # results that are 0 everywhere, or so small that they are mostly rounding
    (Dense, lambda: [np.zeros((2, 5))]),
    (lambda: Affine(np.ones((3, 2)), np.zeros(2)), lambda: [np.zeros((2, 3))]),
    (lambda: Convolution(normal(2, 1, 3, 3), np.zeros(2)), lambda: [np.zeros((2, 1, 5, 5))]),
    *[(lambda: BatchNormalization(np.ones(3), np.zeros(3)), lambda x=x: [x])
      for x in (np.ones((4, 3)), np.full((3, 3), 0.1), normal(1, 3))],
    (lambda: Dropout(1 - 1e-12), lambda: [normal(3, 4)]),
    (Size, lambda: [np.zeros((2, 3))]), (Leaky, lambda: [np.zeros((2, 3))]),
    (Softplus, lambda: [np.full((2, 3), -40.0)]), (lambda: SoftmaxWithLoss(), lambda: [normal(4, 1), [0, 0, 0, 0]]),
    *[(SoftmaxWithLoss, lambda gap=gap: [[[gap, 0, 1.0]], [0]]) for gap in (15, 20, 25, 36, 90)],
]


@pytest.mark.parametrize("case", [*RIGHT, *OURS], ids=range(len(RIGHT) + len(OURS)))
def test_a_right_layer_passes_and_has_no_diagnosis(case):
    Layer, inputs = case
    check = check_gradients(Layer(), *inputs()) if callable(inputs) else checked(Layer, inputs)
    assert check and all(found.diagnosis is None for found in check.values()), check


def test_two_gradients_of_a_plain_function_can_be_compared():
    right = normal(4, 3)
    check = GradientCheck({"x": Comparison(right, right + 1e-12), "W": Comparison(-right, right),
                           "V": Comparison(right[::-1], right), "b": Comparison(right, right.sum(axis=0)),
                           "c": Comparison(right + (np.arange(3) == 2), right)})
    assert [found.diagnosis for found in check.values()] == [
        None, "dW has the wrong sign.", "dV has the right values in the wrong places.",
        "db has the shape (4, 3), but b has (3,): the sum over axis=0 is missing.",
        None]


def test_a_sample_is_enough_to_name_a_factor():
    class Wrong(Dense):
        def backward(self, dout):
            dx = super().backward(dout)
            self.dW /= len(dout)
            return dx
    check = check_gradients(Wrong(30, 30), normal(7, 30), at_most=9)
    assert check.failed == ["W"] and check["W"].count == 9 and "7 is the number of examples" in check["W"].diagnosis


def test_nothing_is_printed_where_an_array_is_constant(capfd):
    """LAPACK writes to the terminal if it gets nan."""
    assert not checked(wrong(Ramp, x=lambda s, d: d), [np.zeros((3, 4))])
    assert capfd.readouterr() == ("", "")


class Jumps(Ramp):
    def forward(self, x):
        return super().forward(np.floor(12345.6 * x) / 12345.6)


class Steps(Ramp):
    def forward(self, x):
        super().forward(x)
        return (x > 0) * 1.0


class Pole:
    def forward(self, x):
        self.x = x
        return np.where(x == x.round(3), x, np.inf)

    def backward(self, dout):
        return dout


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("layer, x, says", [
    (Jumps(), np.linspace(-1.3, 1.1, 12), "dx should be 0 everywhere: forward gives the same"),
    (Steps(), np.linspace(-1.3, 1.1, 12), "dx should be 0 everywhere: forward gives the same"),
    (Pole(), np.array([1.0, 0.5]), "dx cannot be compared: close by, forward bends or gives nan")])
def test_a_forward_that_cannot_be_compared_is_named_and_backward_is_not(layer, x, says):
    assert check_gradients(layer, x)["x"].diagnosis.startswith(says)


def test_a_factor_in_a_net_of_many_bends():
    class Wrong(SimpleConvNet):
        def gradient(self, x, t):
            grads = super().gradient(x, t)
            return grads | {"W1": 1.5 * grads["W1"]}
    network = Wrong((1, 12, 12), {"filter_num": 5, "filter_size": 5, "pad": 0, "stride": 1}, hidden_size=6)
    check = check_gradients(network, np.random.rand(2, 1, 12, 12), np.array([1, 2]), at_most=20)
    factor = re.fullmatch(r"dW1 is ([\d.]+) times what it should be\.", check["W1"].diagnosis)[1]
    assert float(factor) == pytest.approx(1.5, abs=1e-4) and check.failed == ["W1"]
