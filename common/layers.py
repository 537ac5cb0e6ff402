"""The layers, forward and backward by hand (book, chapters 5 to 7).

Every layer is a function with memory: `forward(x)` keeps what `backward(dout)` needs. `backward` takes dL/dout and
returns dL/dx, both of the shape of what they belong to, and leaves the gradients of the layer's parameters in `dW`,
`db` and so on. Only a forward in training is remembered: prediction leaves the layers as they are.
"""
import numpy as np

from common import columns, windows
from common.arrays import empty_images, empty_like
from common.functions import as_batch, sigmoid, softmax, softmax_loss
from common.parallel import elementwise, product
from common.random_mask import new_seed, random_mask
from common.util import check_dout


class Layer:
    """What a network knows of a layer: forward, backward, and the names of its arrays.

    No layer writes into an array it was given. All compute in the dtype they are given; integers count as the
    parameters' dtype.
    """
    param_names = ()        # trained: the gradient of "W" lies in dW
    buffer_names = ()       # saved with the parameters, but not trained

    def forward(self, x, train_flg=True):
        """out for x. train_flg: is this training (True), or prediction (False), which backward never follows?"""
        raise NotImplementedError

    def backward(self, dout):
        """dL/dx for dL/dout; leaves the parameters' gradients in dW, db, ..."""
        raise NotImplementedError

    def parameter_gradients(self, dout):
        """backward without dL/dx, for a network's first layer: nobody asks for the gradient of the data."""
        self.backward(dout)

    def _remembered(self, name):
        value = getattr(self, name, None)
        if value is None:
            raise RuntimeError(f"{type(self).__name__}: backward needs a forward in training before it")
        return value


class Relu(Layer):
    """out = max(0, x) (book, 5.5.1)."""

    def forward(self, x, train_flg=True):
        zeros = np.zeros_like(x[:1])        # for every example; NumPy's maximum is slower with a number
        if train_flg:
            self.mask = elementwise(np.greater, x, zeros, out=empty_like(x, bool))
        return elementwise(np.maximum, x, zeros, out=empty_like(x))

    def backward(self, dout):
        """dx = dout where x > 0, else 0."""
        return elementwise(np.multiply, dout, self._remembered("mask"), out=empty_like(dout))


class Sigmoid(Layer):
    """out = 1 / (1 + exp(-x)) (book, 5.5.2)."""

    def forward(self, x, train_flg=True):
        out = sigmoid(x)
        if train_flg:
            self.out = out
        return out

    def backward(self, dout):
        """dx = dout out (1 - out)."""
        out = self._remembered("out")
        return dout * (1 - out) * out


class Affine(Layer):
    """out = x W + b (book, 5.6): x (N, D) or any (N, ...) of D values per example, W (D, M), b (M,) -> (N, M)."""
    param_names = ("W", "b")

    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.dW = None
        self.db = None

    def forward(self, x, train_flg=True):
        _check_parameters(self, "W (D, M) and b (M,)", np.ndim(self.W) == 2, outputs=self.W.shape[-1:])
        if x.ndim < 2 or x.size == 0 or x.size != len(x) * len(self.W):
            raise ValueError(f"Affine: expected input of {len(self.W)} values per example (N > 0), got {x.shape}")
        rows = _as_floats(x, self.W.dtype).reshape(len(x), -1)
        if train_flg:
            self.x, self.x_shape = rows, x.shape
        return product(rows, self.W) + self.b

    def backward(self, dout):
        """dx = dout W^T."""
        self.parameter_gradients(dout)
        return product(dout, self.W.T).reshape(self.x_shape)

    def parameter_gradients(self, dout):
        """dW = x^T dout, db = the sum of dout over the batch."""
        check_dout(dout, (len(self._remembered("x")), self.W.shape[1]))
        self.dW = product(self.x.T, dout)
        self.db = dout.sum(axis=0)


class SoftmaxWithLoss(Layer):
    """The mean cross entropy of softmax(x) and the targets (book, 5.6.3).

    x (N, K), t class indices or one-hot -> a number. With label_smoothing the targets give up that share, spread evenly
    over all classes, so that no score has to grow without end (Szegedy et al. 2016, arXiv:1512.00567).
    """

    def __init__(self, label_smoothing=0):
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"SoftmaxWithLoss: expected label_smoothing >= 0 and < 1, got {label_smoothing}")
        self.label_smoothing = label_smoothing
        self.loss = None
        self.y = None       # softmax(x)
        self.t = None

    def forward(self, x, t):
        x, self.t = as_batch(x, t)
        if self.label_smoothing:
            K = x.shape[1]
            one_hot = np.eye(K, dtype=x.dtype)[self.t] if self.t.ndim == 1 else self.t
            self.t = (1 - self.label_smoothing) * one_hot + self.label_smoothing / K
        self.y = softmax(x)
        self.loss = softmax_loss(x, self.t)
        return self.loss

    def backward(self, dout=1):
        """dx = (y - t) / N, with t one-hot."""
        y, t = self.y, self._remembered("t")
        dx = y.copy()
        if t.ndim == 1:
            dx[np.arange(len(y)), t] -= 1
        else:
            dx -= t
        return dx * (dout / len(y))


class Dropout(Layer):
    """Silences each value with probability dropout_ratio in training; predicts with all of them, scaled by
    1 - dropout_ratio (book, 6.4.3; Srivastava et al. 2014)."""

    def __init__(self, dropout_ratio=0.5):
        if not 0 <= dropout_ratio < 1:
            raise ValueError(f"Dropout: expected a ratio of at least 0 and below 1, got {dropout_ratio}")
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.seed = None            # of the next mask; None: drawn by np.random
        self.first_example = 0      # which example of the batch the first row of x is

    def forward(self, x, train_flg=True):
        x = _as_floats(x)
        out = empty_like(x)
        if not train_flg:
            return np.multiply(x, 1 - self.dropout_ratio, out=out)
        seed = new_seed() if self.seed is None else self.seed
        self.mask = random_mask(x.shape, 1 - self.dropout_ratio, seed, self.first_example)
        return elementwise(np.multiply, x, self.mask, out=out)

    def backward(self, dout):
        """dx = dout where the value was kept, else 0."""
        return elementwise(np.multiply, dout, self._remembered("mask"), out=empty_like(dout))


class BatchNormalization(Layer):
    """out = gamma (x - mean) / std + beta, mean and std taken over the batch (book, 6.3; Ioffe, Szegedy 2015,
    arXiv:1502.03167).

    x (N, D) with gamma and beta (D,); or images (N, C, H, W) with gamma (C,), normalised per channel over batch and
    pixels, or gamma (C*H*W,), normalised per value. Prediction uses running averages of mean and variance.
    """
    param_names = ("gamma", "beta")
    buffer_names = ("running_mean", "running_var")

    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma = gamma
        self.beta = beta
        self.momentum = momentum
        self.running_mean = np.zeros_like(gamma) if running_mean is None else np.array(running_mean, gamma.dtype)
        self.running_var = np.ones_like(gamma) if running_var is None else np.array(running_var, gamma.dtype)
        self.dgamma = None
        self.dbeta = None

    def forward(self, x, train_flg=True):
        rows = self._rows(_as_floats(x, self.gamma.dtype))
        if train_flg:
            out = self._normalize(rows)
        else:
            std = np.sqrt(self.running_var + 1e-6)
            out = columns.compute(lambda x, mean, factor, beta: factor * (x - mean) + beta,
                                  rows, self.running_mean, self.gamma / std, self.beta)
        return self._images(out, x.shape)

    def _normalize(self, rows):
        mean = columns.total(lambda x: x, rows) / len(rows)
        var = columns.total(lambda x, mean: (x - mean) ** 2, rows, mean) / len(rows)
        self.running_mean[...] = self.momentum * self.running_mean + (1 - self.momentum) * mean
        self.running_var[...] = self.momentum * self.running_var + (1 - self.momentum) * var
        self.std = np.sqrt(var + 1e-6)
        self.xn = columns.compute(lambda x, mean, std: (x - mean) / std, rows, mean, self.std)
        return columns.compute(lambda xn, gamma, beta: gamma * xn + beta, self.xn, self.gamma, self.beta)

    def backward(self, dout):
        """dx = gamma / std (dout - mean(dout) - xn mean(dout xn)): mean and std move with every x of the batch."""
        xn = self._remembered("xn")
        rows = self._rows(dout)
        check_dout(rows, xn.shape)
        self.dbeta = columns.total(lambda dout: dout, rows)
        self.dgamma = columns.total(lambda dout, xn: dout * xn, rows, xn)
        dx = columns.compute(lambda dout, xn, factor, dbeta, dgamma: factor * (dout - dbeta - xn * dgamma),
                             rows, xn, self.gamma / self.std, self.dbeta / len(rows), self.dgamma / len(rows))
        return self._images(dx, dout.shape)

    def _per_channel(self, shape):
        return len(shape) == 4 and self.gamma.size == shape[1]

    def _rows(self, x):
        """x as rows of gamma's size: what stands in one column is normalised together."""
        size = self.gamma.size
        if self._per_channel(x.shape):
            x = x.transpose(0, 2, 3, 1)
        elif x.ndim < 2 or x.size != len(x) * size:
            raise ValueError(f"BatchNormalization: expected {size} values or channels per example, "
                             f"got examples of shape {x.shape[1:]}")
        if x.size == 0:
            raise ValueError(f"BatchNormalization: expected examples to take a mean of, got shape {x.shape}")
        return x.reshape(-1, size)

    def _images(self, rows, shape):
        """Rows back in the shape that x had."""
        if self._per_channel(shape):
            N, C, H, W = shape
            return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)
        return rows.reshape(shape)


class Convolution(Layer):
    """out = x * W + b, each filter laid on every window of the image (book, 7.2).

    x (N, C, H, W), W (FN, C, FH, FW), b (FN,) -> (N, FN, out_h, out_w), out_h = (H + 2 pad - FH) // stride + 1.
    With col the matrix whose rows are the windows (im2col): out = col W + b.
    """
    param_names = ("W", "b")

    def __init__(self, W, b, stride=1, pad=0):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self.dW = None
        self.db = None

    def forward(self, x, train_flg=True):
        _check_parameters(self, "W (FN, C, FH, FW) and b (FN,)", np.ndim(self.W) == 4, outputs=self.W.shape[:1])
        _check_images("Convolution", x, self.W.shape[1])
        x = _as_floats(x, self.W.dtype)
        out = windows.convolution(x, self.W, self.b, self.stride, self.pad)
        if train_flg:
            self.x = x
        return out

    def backward(self, dout):
        """dx = dout W^T in terms of col, each row added back at its window (col2im)."""
        dx, self.dW, self.db = windows.convolution_backward(self._remembered("x"), dout, self.W, self.stride, self.pad)
        return dx

    def parameter_gradients(self, dout):
        """dW = col^T dout, db = the sum of dout over batch and windows."""
        self.dW, self.db = windows.convolution_parameter_gradients(self._remembered("x"), dout, self.W.shape,
                                                                   self.stride, self.pad)


class Pooling(Layer):
    """out = the maximum of each window (book, 7.3): x (N, C, H, W) -> (N, C, out_h, out_w)."""

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        if pad >= min(pool_h, pool_w):
            raise ValueError(f"Pooling: pad {pad} makes windows of padding alone in a {pool_h}x{pool_w} pool")
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad

    def forward(self, x, train_flg=True):
        _check_images("Pooling", x)
        x = _as_floats(x)
        out, arg_max = windows.max_pooling(x, self.pool_h, self.pool_w, self.stride, self.pad, remember=train_flg)
        if train_flg:
            self.x_shape, self.arg_max = x.shape, arg_max
        return out

    def backward(self, dout):
        """dx = dout at the maximum of each window (the first, if there are several), else 0."""
        return windows.max_pooling_dx(dout, self._remembered("arg_max"), self.x_shape, self.pool_h, self.pool_w,
                                      self.stride, self.pad)


class GlobalAveragePooling(Layer):
    """out = the mean of each channel's pixels (Lin, Chen, Yan 2013, arXiv:1312.4400): x (N, C, H, W) -> (N, C)."""

    def forward(self, x, train_flg=True):
        _check_images("GlobalAveragePooling", x)
        x = _as_floats(x)
        if train_flg:
            self.x_shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        """dx = dout / (H W): every pixel has the same share in the mean."""
        N, C, H, W = self._remembered("x_shape")
        check_dout(dout, (N, C))
        dx = empty_images((N, C, H, W), dout.dtype)
        dx[...] = (dout / (H * W)).reshape(N, C, 1, 1)
        return dx


def _as_floats(x, dtype=np.float32):
    return x if x.dtype.kind == "f" else x.astype(dtype)


def _check_parameters(layer, expected, W_fits, outputs):
    if not W_fits or np.shape(layer.b) not in (outputs, ()) or layer.b is None:     # (): a number, as in the book
        raise ValueError(f"{type(layer).__name__}: expected {expected}, "
                         f"got {np.shape(layer.W)} and {np.shape(layer.b)}")


def _check_images(layer, x, channels=None):
    if x.ndim != 4 or x.size == 0:
        raise ValueError(f"{layer}: expected images of shape (N, {channels or 'C'}, H, W), N > 0, got {x.shape}")
    if channels not in (None, x.shape[1]):      # x may be a slice of the batch: its N would say nothing
        raise ValueError(f"{layer}: expected images of shape (N, {channels}, H, W), "
                         f"got images of shape {x.shape[1:]}")
