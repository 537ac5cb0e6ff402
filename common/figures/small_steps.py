"""The small steps that layers are made of, each a layer itself, with the backward from the textbook.

The layers in `common.layers` compute the same at once: faster and, for large values, more exactly.
"""
import numpy as np

from common.functions import as_batch, softmax
from common.util import col2im, im2col


class MatMul:
    """out = x W; dx = dout W^T, dW = x^T dout. x (N, D) or any (N, ...) of D values per example, W (D, M) -> (N, M)."""

    def forward(self, x, W):
        self.x_shape, self.x, self.W = x.shape, x.reshape(len(x), -1), W
        return self.x @ W

    def backward(self, dout):
        return (dout @ self.W.T).reshape(self.x_shape), self.x.T @ dout


class AddBias:
    """out = x + b; dx = dout, db = the sum of dout over the N rows: b was used N times. x (N, M), b (M,) -> (N, M)."""

    def forward(self, x, b):
        return x + b

    def backward(self, dout):
        return dout, dout.sum(axis=0)


class Subtract:
    """out = x - y; dx = dout, dy = -the sum of dout over the N rows. x (N, D), y (D,) -> (N, D)."""

    def forward(self, x, y):
        return x - y

    def backward(self, dout):
        return dout, -dout.sum(axis=0)


class Multiply:
    """out = x y; dx = dout y, dy = the sum of dout x over the N rows. x (N, D), y (D,) -> (N, D)."""

    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return dout * self.y, (dout * self.x).sum(axis=0)


class Negate:
    """out = -x; dx = -dout."""

    def forward(self, x):
        return -x

    def backward(self, dout):
        return -dout


class Exp:
    """out = exp(x), or the largest number of x's dtype where that is too large; dx = dout out."""

    def forward(self, x):
        with np.errstate(over="ignore"):
            out = np.exp(x)
        self.out = np.minimum(out, np.finfo(out.dtype).max)     # inf would turn into 0 * inf going back
        return self.out

    def backward(self, dout):
        return dout * self.out


class AddOne:
    """out = x + 1; dx = dout."""

    def forward(self, x):
        return x + 1

    def backward(self, dout):
        return dout


class Reciprocal:
    """out = 1 / x; dx = -dout / x^2 = -dout out^2."""

    def forward(self, x):
        self.out = 1 / x
        return self.out

    def backward(self, dout):
        return -dout * self.out ** 2


class Square:
    """out = x^2; dx = 2 x dout."""

    def forward(self, x):
        self.x = x
        return x ** 2

    def backward(self, dout):
        return 2 * self.x * dout


class SquareRoot:
    """out = sqrt(x + 1e-6), so that a variance of 0 can be divided by; dx = dout / (2 out)."""

    def forward(self, x):
        self.out = np.sqrt(x + 1e-6)
        return self.out

    def backward(self, dout):
        return dout / (2 * self.out)


class Mean:
    """out = the mean over the N rows; dx = dout / N in every row. x (N, D) -> (D,)."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=0)

    def backward(self, dout):
        return np.broadcast_to(dout / self.shape[0], self.shape)


class Maximum:
    """out = the largest value of each row; dx = dout where it was (the first of several), else 0. x (N, D) -> (N,)."""

    def forward(self, x):
        self.shape, self.arg_max = x.shape, x.argmax(axis=1)
        return x.max(axis=1)

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        dx[np.arange(len(dx)), self.arg_max] = dout
        return dx


class Softmax:
    """out_k = exp(x_k) / sum_i exp(x_i); dx = out (dout - sum_i dout_i out_i). x (N, K) -> (N, K)."""

    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        return self.out * (dout - (dout * self.out).sum(axis=1, keepdims=True))


class CrossEntropyError:
    """out = the mean of -log y_t; dy = -t / y / N, t one-hot. y (N, K) probabilities, t class indices or one-hot."""

    def forward(self, y, t):
        self.y, t = as_batch(np.maximum(y, np.finfo(y.dtype).tiny), t)      # log 0 is -inf
        self.t = t if t.ndim == 2 else np.eye(y.shape[1], dtype=y.dtype)[t]
        return -(self.t * np.log(self.y)).sum() / len(y)

    def backward(self, dout):
        return -self.t / self.y * (dout / len(self.y))


class Im2col:
    """out = the windows of the images as rows; dx = col2im(dout): a pixel gets the sum over the windows it lies in.

    x (N, C, H, W) -> (N * out_h * out_w, C * filter_h * filter_w)
    """

    def __init__(self, filter_h, filter_w, stride, pad, border=0):
        self.window, self.pad, self.border = (filter_h, filter_w, stride), pad, border

    def forward(self, x):
        padded = np.pad(x, [(0, 0), (0, 0), (self.pad,) * 2, (self.pad,) * 2], constant_values=self.border)
        self.shape = padded.shape
        return im2col(padded, *self.window)

    def backward(self, dout):
        H, W = self.shape[2:]
        return col2im(dout, self.shape, *self.window)[:, :, self.pad:H - self.pad, self.pad:W - self.pad]


class Rearrange:
    """out = x.reshape(shape).transpose(axes).reshape(out_shape): the same values in other places; dx = the way back."""

    def __init__(self, shape, axes, out_shape):
        self.shape, self.axes, self.out_shape = shape, axes, out_shape

    def forward(self, x):
        self.x_shape = x.shape
        moved = x.reshape(self.shape).transpose(self.axes)
        self.moved_shape = moved.shape
        return moved.reshape(self.out_shape)

    def backward(self, dout):
        return dout.reshape(self.moved_shape).transpose(np.argsort(self.axes)).reshape(self.x_shape)
