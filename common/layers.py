"""The layers, forward and backward by hand (book, chapters 5 to 7).

`forward(x)` computes out and remembers what backward needs; in prediction (train_flg=False) nothing is remembered.
`backward(dout)` takes dL/dout and returns dL/dx; the gradients of the parameters stay in `dW`, `db` and so on. Every
gradient has the shape of what it belongs to.

Images have the shape (N, C, H, W), as in the book. In memory the channels come last, which is faster: an array made as
(N, H, W, C) is seen through `.transpose(0, 3, 1, 2)`. No value is moved; `.transpose(0, 2, 3, 1)` goes back.

`@in_slices(...)` above a class makes it fast: in training, in prediction or in both, a large batch is cut into slices
of a few examples. Each slice runs the forward and backward below on a copy of the layer, with the same W and b. Then
out and dx are put together, and dW and db are added up. `@whole_batch` cuts nothing: Affine is one product, and `dot`
cuts that itself. Both check x and dout first, and let prediction run on a copy. See `common.fast`.
"""
import numpy as np

from common.checks import as_floats, as_row, check_images, check_parameters
from common.fast import SLICE, dot, in_slices, turned_convolution, whole_batch     # dot: np.dot on several threads
# Some of these names are not used here: `from common.layers import *` brings them along, as in the book.
from common.functions import (as_batch, cross_entropy_error, identity_function, relu, relu_grad,  # noqa: F401
                              sigmoid, sigmoid_grad, softmax, softmax_loss, step_function, sum_squared_error)
from common.util import col2im, conv_output_size, crop_images, im2col, im2col_nhwc, pad_images, windows  # noqa: F401


class Layer:
    """What all layers share. A layer of your own need not be a `Layer`: forward and backward are enough."""
    param_names = ()        # what is trained: the gradient of "W" is dW
    buffer_names = ()       # what is saved with the parameters, but not trained: running_mean, say
    slices = copies = None  # of the last batch in training, if it was cut: each copy remembers its slice
    out_shape = None        # of the last forward in training

    def parameter_gradients(self, dout):
        """backward without dL/dx: the first layer of a network needs no gradient of the data.

        Affine and Convolution have a method of their own here, which leaves that work out; their backward calls it.
        """
        self.backward(dout)

    def check(self, x):
        """x as an array of floats, if it fits this layer. ValueError: it does not."""
        return as_floats(x)

    def check_dout(self, dout):
        """dout as an array of out's shape; one number is repeated. ValueError: it has any other shape."""
        dout = np.asarray(dout)
        if self.out_shape is None:
            raise RuntimeError(f"{type(self).__name__}: backward needs a forward in training before it: "
                               "call forward(x), or a network's loss(x, t, train_flg=True)")
        if dout.shape not in (self.out_shape, ()):      # (): one number for every value
            raise ValueError(f"{type(self).__name__}.backward: expected dout of out's shape {self.out_shape}, "
                             f"got {dout.shape}")
        return dout if dout.shape == self.out_shape else np.full(self.out_shape, dout)

    def slice_size(self, x):
        """How many examples this layer takes at once, at most."""
        return SLICE


@in_slices("training", "prediction")
class Relu(Layer):
    """out = max(0, x) (book, 5.5.1)."""

    def forward(self, x, train_flg=True):
        self.mask = x > 0               # where dout may pass (the book's mask is the opposite)
        return np.clip(x, 0, np.inf)    # = np.maximum(0, x), but faster for large float32 arrays

    def backward(self, dout):
        """dx = dout where x > 0, else 0."""
        return dout * self.mask


@in_slices("training", "prediction")
class Sigmoid(Layer):
    """out = 1 / (1 + exp(-x)) (book, 5.5.2)."""

    def forward(self, x, train_flg=True):
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        """dx = dout out (1 - out)."""
        return dout * (1.0 - self.out) * self.out


@whole_batch
class Affine(Layer):
    """out = x W + b (book, 5.6).

    x (N, D), or any (N, ...) with D values per example; W (D, M), b (M,) -> out (N, M).
    """
    param_names = ("W", "b")

    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.dW = None
        self.db = None

    def forward(self, x, train_flg=True):
        self.x_shape = x.shape
        self.x = x.reshape(len(x), -1)              # (N, D)
        return dot(self.x, self.W) + self.b         # (N, M)

    def backward(self, dout):
        """dx = dout W^T."""
        self.parameter_gradients(dout)
        dx = dot(dout, self.W.T)                    # (N, D)
        return dx.reshape(self.x_shape)

    def parameter_gradients(self, dout):
        """dW = x^T dout; db = the sum of dout over the batch."""
        self.dW = dot(self.x.T, dout)               # (D, M)
        self.db = dout.sum(axis=0)                  # (M,)

    def check(self, x):
        check_parameters(self, "W (D, M) and b (M,)", ndim=2, outputs=-1)
        x = as_floats(x, self.W.dtype)
        if x.ndim < 1 or x.size == 0 or x.size != len(x) * len(self.W):
            raise ValueError(f"Affine: expected input of {len(self.W)} values per example (N > 0), got {x.shape}")
        return x


class SoftmaxWithLoss(Layer):
    """The mean cross entropy of softmax(x) and the targets (book, 5.6.3): x (N, K), t -> a number.

    t: class indices (N,), or one-hot (N, K). With label_smoothing s, t becomes (1 - s) t + s / K (Szegedy et al. 2016,
    arXiv:1512.00567).
    """

    def __init__(self, label_smoothing=0):
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"SoftmaxWithLoss: expected label_smoothing >= 0 and < 1, got {label_smoothing}")
        self.label_smoothing = label_smoothing
        self.loss = None
        self.y = None       # softmax(x)
        self.t = None

    def forward(self, x, t):
        self.x_shape = np.shape(x)      # (K,) for one example without a batch
        x, self.t = as_batch(x, t)
        if self.label_smoothing:
            K = x.shape[1]
            one_hot = np.eye(K, dtype=x.dtype)[self.t] if self.t.ndim == 1 else self.t
            self.t = (1 - self.label_smoothing) * one_hot + self.label_smoothing / K
        self.y = softmax(x).reshape(self.x_shape)
        self.loss = softmax_loss(x, self.t)     # cross_entropy_error(y, t), but exact also where y is 0
        return self.loss

    def backward(self, dout=1):
        """dx = dout (y - t) / N, with t one-hot."""
        if self.t is None:
            raise RuntimeError("SoftmaxWithLoss: backward needs a forward in training before it: "
                               "call forward(x, t), or a network's loss(x, t, train_flg=True)")
        N = len(self.t)
        dx = self.y.reshape(N, -1).copy()
        if self.t.ndim == 1:
            dx[np.arange(N), self.t] -= 1
        else:
            dx -= self.t
        return (dx * (dout / N)).reshape(self.x_shape)


@in_slices("prediction")        # not in training: the mask must not depend on how the batch is cut
class Dropout(Layer):
    """In training each value becomes 0 with probability dropout_ratio. In prediction all of them count, times
    1 - dropout_ratio (book, 6.4.3; Srivastava et al. 2014)."""

    def __init__(self, dropout_ratio=0.5):
        if not 0 <= dropout_ratio < 1:
            raise ValueError(f"Dropout: expected a ratio of at least 0 and below 1, got {dropout_ratio}")
        self.dropout_ratio = float(dropout_ratio)
        self.mask = None

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        # np.random.rand(*x.shape) > dropout_ratio, with 16 random bits for each value: three times as fast
        self.mask = np.random.randint(2 ** 16, size=x.shape, dtype=np.uint16) >= self.dropout_ratio * 2 ** 16
        return x * self.mask

    def backward(self, dout):
        """dx = dout where the value was kept, else 0."""
        return dout * self.mask


@in_slices("prediction")        # not in training: mean and std need the whole batch
class BatchNormalization(Layer):
    """out = gamma (x - mean) / std + beta, with mean and std = sqrt(variance + 1e-6) over the batch (book, 6.3; Ioffe,
    Szegedy 2015, arXiv:1502.03167).

    x (N, D) with gamma and beta (D,). Or images (N, C, H, W): with gamma (C,) mean and std are those of a channel, over
    batch and pixels; with gamma (C*H*W,) those of a value. Prediction takes running averages of mean and variance.
    """
    param_names = ("gamma", "beta")
    buffer_names = ("running_mean", "running_var")
    channels_last = True            # common.fast gives it images in this memory order

    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma = np.asarray(gamma)
        self.beta = np.asarray(beta)
        self.momentum = momentum
        dtype = np.result_type(self.gamma, np.float32)      # float16 is too coarse for averages, and so are integers
        self.running_mean = np.array(np.zeros(self.gamma.shape) if running_mean is None else running_mean, dtype)
        self.running_var = np.array(np.ones(self.gamma.shape) if running_var is None else running_var, dtype)
        self.dgamma = None
        self.dbeta = None

    def forward(self, x, train_flg=True):
        gamma, beta = self.spread(self.gamma, x), self.spread(self.beta, x)
        if not train_flg:
            std = np.sqrt(self.running_var + 1e-6)
            xn = (x - self.spread(self.running_mean, x)) / self.spread(std, x)
            return gamma * xn + beta
        mean = self.mean(x)
        xc = x - self.spread(mean, x)
        var = self.mean(xc ** 2)
        self.std = np.sqrt(var + 1e-6)
        self.xn = xc / self.spread(self.std, x)
        self.update_running(mean, var)
        return gamma * self.xn + beta

    def backward(self, dout):
        """dx = (gamma / std) (dout - mean(dout) - xn mean(dout xn)), see derivations.md in ch05.

        x acts on the loss in three ways, with g = gamma dout, the gradient of xn: by itself, g / std; through the mean,
        -mean(g) / std; and through std, -xn mean(g xn) / std.
        """
        m = dout.size // self.std.size                  # values that are normalized together: m mean = sum
        mean_dout, mean_dout_xn = self.mean(dout), self.mean(dout * self.xn)
        self.dbeta = m * mean_dout
        self.dgamma = m * mean_dout_xn
        dx = dout - self.spread(mean_dout, dout) - self.xn * self.spread(mean_dout_xn, dout)
        return self.spread(self.gamma, dout) / self.spread(self.std, dout) * dx

    def update_running(self, mean, var):
        """running = momentum running + (1 - momentum) batch, of mean and variance."""
        if self.running_mean.size != mean.size:         # gamma is one number: only now is the number of values known
            dtype = self.running_mean.dtype
            self.running_mean, self.running_var = np.zeros(mean.shape, dtype), np.ones(var.shape, dtype)
        for running, batch in ((self.running_mean, mean), (self.running_var, var)):
            running[...] = self.momentum * running + (1 - self.momentum) * batch.reshape(running.shape)

    def per_channel(self, x):
        return x.ndim == 4 and x.shape[1] == self.gamma.size

    def mean(self, x):
        """The mean of the values that are normalized together: (C,) or (D,)."""
        if self.per_channel(x):
            return x.mean(axis=2).mean(axis=0).mean(axis=1)     # = x.mean(axis=(0, 2, 3)), faster and more exact
        return x.mean(axis=0).reshape(-1)

    def spread(self, values, x):
        """Values (C,) or (D,), repeated to the shape of one example of x."""
        if self.per_channel(x):
            _, C, H, W = x.shape
            return np.tile(as_row(values, C), H * W).reshape(H, W, C).transpose(2, 0, 1)    # channels last in memory
        return as_row(values, x[0].size).reshape(x.shape[1:])

    def check(self, x):
        x, size = as_floats(x, self.gamma.dtype), self.gamma.size
        if x.ndim < 2 or x.size == 0 or not (self.per_channel(x) or size == 1 or x.size == len(x) * size):
            raise ValueError(f"BatchNormalization: expected examples of {size} values or channels, got shape {x.shape}")
        return x


@in_slices("training", "prediction", kernel=turned_convolution)     # for some shapes a faster backward
class Convolution(Layer):
    """Every filter is laid on every window of the image: out = the sum of window times filter, plus b (book, 7.2).

    x (N, C, H, W), W (FN, C, FH, FW), b (FN,) -> out (N, FN, out_h, out_w), out_h = (H + 2 pad - FH) // stride + 1.
    im2col makes the windows the rows of a matrix, col. Its columns have the order FH, FW, C here, as in memory. In the
    book, and in `util.im2col`, the order is C, FH, FW.
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
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        out_h, out_w = self.out_size(H, W)
        self.padded = pad_images(x, self.pad)                       # (N, C, H + 2 pad, W + 2 pad)
        col = im2col_nhwc(self.padded, FH, FW, self.stride)         # (N*out_h*out_w, FH*FW*C)
        col_W = self.W.transpose(2, 3, 1, 0).reshape(-1, FN)        # (FH*FW*C, FN)
        out = (col @ col_W).reshape(N, -1)                          # (N, out_h*out_w*FN)
        out += np.tile(as_row(self.b, FN), out_h * out_w)           # + b at every window; long rows are faster
        return out.reshape(N, out_h, out_w, FN).transpose(0, 3, 1, 2)

    def backward(self, dout):
        """dx = col2im(dout col_W^T): dout goes back, times W, to its window; where windows overlap, they add up."""
        self.parameter_gradients(dout)
        FN, C, FH, FW = self.W.shape
        rows = dout.transpose(0, 2, 3, 1).reshape(-1, FN)           # (N*out_h*out_w, FN)
        dx = np.zeros_like(self.padded, np.result_type(dout, self.W))
        dx_windows = windows(dx, FH, FW, self.stride)               # (N, out_h, out_w, C, FH, FW), a view of dx
        # One place (i, j) of the filter at a time: there no two windows have the same pixel, so += loses nothing.
        for i in range(FH):
            for j in range(FW):
                dcol = rows @ self.W[:, :, i, j]                    # (N*out_h*out_w, C)
                dx_windows[..., i, j] += dcol.reshape(dx_windows.shape[:4])
        return crop_images(dx, self.pad)                            # (N, C, H, W)

    def parameter_gradients(self, dout):
        """dW = col^T dout, dout as rows (N*out_h*out_w, FN); db = the sum of dout over batch and windows."""
        FN, C, FH, FW = self.W.shape
        col = im2col_nhwc(self.padded, FH, FW, self.stride)         # again: to keep it would take much memory
        dW = col.T @ dout.transpose(0, 2, 3, 1).reshape(-1, FN)     # (FH*FW*C, FN)
        self.dW = dW.reshape(FH, FW, C, FN).transpose(3, 2, 0, 1)   # (FN, C, FH, FW)
        self.db = dout.sum(axis=(0, 2)).sum(axis=1)                 # (FN,), faster than a sum over (0, 2, 3)

    def check(self, x):
        check_parameters(self, "W (FN, C, FH, FW) and b (FN,)", ndim=4, outputs=0)
        return check_images(self, as_floats(x, self.W.dtype), channels=self.W.shape[1])

    def out_size(self, H, W):
        """(out_h, out_w) for images of H x W pixels."""
        return [conv_output_size(size, filter_size, self.stride, self.pad)
                for size, filter_size in zip((H, W), self.W.shape[2:])]

    def slice_size(self, x):
        """So few images that col stays in the caches."""
        out_h, out_w = self.out_size(*x.shape[2:])
        col_bytes = out_h * out_w * self.W[0].size * x.itemsize     # for one image
        return max(1, min(SLICE, 2 ** 22 // col_bytes))             # 4 MB


@in_slices("training", "prediction")
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
        x = pad_images(x, self.pad, -np.inf)                        # padding with 0 would win against negative values
        self.padded_shape = x.transpose(0, 2, 3, 1).shape           # channels last, as in memory
        views = windows(x, self.pool_h, self.pool_w, self.stride)   # (N, out_h, out_w, C, pool_h, pool_w)
        views = views.transpose(4, 5, 0, 1, 2, 3)                   # (pool_h, pool_w, N, out_h, out_w, C)
        places = views.reshape(-1, *views.shape[2:])                # (pool_h*pool_w, N, out_h, out_w, C)
        out = places.max(axis=0)                                    # (N, out_h, out_w, C)
        if train_flg:
            # arg_max = places.argmax(axis=0), computed faster: every place before the first maximum adds 1.
            self.arg_max = np.zeros(out.shape, np.min_scalar_type(len(places)))     # uint8 for most pools
            not_yet = np.ones(out.shape, bool)                      # True until a window's maximum is found
            for values in places[:-1]:                              # if it is none of these, it is the last
                not_yet &= values != out
                self.arg_max += not_yet
        return out.transpose(0, 3, 1, 2)

    def backward(self, dout):
        """dx = dout at the maximum of each window (the first, if there are several), else 0; overlaps add up."""
        dout = dout.transpose(0, 2, 3, 1)                           # (N, out_h, out_w, C)
        dx = np.zeros(self.padded_shape, dout.dtype).transpose(0, 3, 1, 2)
        dx_windows = windows(dx, self.pool_h, self.pool_w, self.stride)
        for place, (i, j) in enumerate(np.ndindex(self.pool_h, self.pool_w)):   # 0 is (0, 0), 1 is (0, 1), ...
            dx_windows[..., i, j] += dout * (self.arg_max == place)
        return crop_images(dx, self.pad)

    def check(self, x):
        return check_images(self, as_floats(x))


@in_slices("training", "prediction")
class GlobalAveragePooling(Layer):
    """out = the mean of each channel's pixels (Lin, Chen, Yan 2013, arXiv:1312.4400): x (N, C, H, W) -> (N, C)."""

    def forward(self, x, train_flg=True):
        self.x_shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        """dx = dout / (H W): every pixel has the same share in the mean."""
        N, C, H, W = self.x_shape
        return np.tile((dout / (H * W)).reshape(N, C, 1, 1), (1, 1, H, W))

    def check(self, x):
        return check_images(self, as_floats(x))
