"""Small tools: shuffling, mini-batches, smoothing, a check, and im2col / col2im (book, 7.4)."""
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def smooth_curve(x):
    """A noisy curve (n,), smoothed by a Kaiser window of 11 points; as long as it was."""
    x = np.asarray(x, dtype=float)
    if x.size == 0:
        return x
    window = np.kaiser(11, 2)
    mirrored = np.pad(np.pad(x, (5, 0), "reflect"), (0, 5), "symmetric")
    return np.convolve(mirrored, window / window.sum(), "valid")


def shuffle_dataset(x, t):
    """x and t in one new random order (np.random)."""
    x, t = as_pairs(x, t)
    order = np.random.permutation(len(x))
    return x[order], t[order]


def minibatches(x, t, batch_size):
    """Every example once, in random order: yields (x_batch, t_batch); the last batch may be short."""
    x, t = as_pairs(x, t)
    if batch_size < 1:
        raise ValueError(f"expected batch_size >= 1, got {batch_size}")
    order = np.random.permutation(len(x))
    for start in range(0, len(x), batch_size):
        batch = order[start:start + batch_size]
        yield x[batch], t[batch]


def as_pairs(x, t, name=""):
    """x and t as arrays: a list or a table of pandas counts as its values, in order of position.

    `name` is for the error: of "train", x is called x_train.
    """
    x, t = np.asarray(x), np.asarray(t)
    if x.shape[:1] != t.shape[:1] or x.ndim == 0:
        raise ValueError(f"{f'x_{name}, t_{name}: ' if name else ''}expected as many targets as examples, "
                         f"got arrays of shape {t.shape} and {x.shape}")
    return x, t


def conv_output_size(input_size, filter_size, stride=1, pad=0):
    """How many places a filter (or a pooling window) takes along one axis (book, 7.2)."""
    if not all(isinstance(number, Integral) for number in (stride, pad, filter_size)):
        raise TypeError("expected whole numbers for stride, pad and filter size, "
                        f"got {stride}, {pad} and {filter_size}")
    if stride < 1 or pad < 0 or filter_size < 1:
        raise ValueError("expected stride >= 1, pad >= 0 and filter size >= 1, "
                         f"got {stride}, {pad} and {filter_size}")
    filter_size, stride, pad = map(int, (filter_size, stride, pad))     # NumPy's numbers of 8 bits overflow
    if filter_size > input_size + 2 * pad:
        raise ValueError(f"a window of {filter_size} does not fit into {input_size} values padded by {pad}")
    return (input_size + 2 * pad - filter_size) // stride + 1


def check_dout(dout, expected):
    """backward's dL/dout must have out's shape: broadcast, it would make gradients that are wrong."""
    if dout.shape != expected:
        raise ValueError(f"backward: expected dout of out's shape {expected}, got {dout.shape}")


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    """Every window that a filter sees, as a row (book, 7.4).

    Parameters
    ----------
    input_data : (N, C, H, W)

    Returns
    -------
    col : (N * out_h * out_w, C * filter_h * filter_w), a new array of the same dtype
    """
    if input_data.ndim != 4:
        raise ValueError(f"im2col: expected images of shape (N, C, H, W), got {input_data.shape}")
    N, C, H, W = input_data.shape
    out_h = conv_output_size(H, filter_h, stride, pad)
    out_w = conv_output_size(W, filter_w, stride, pad)
    filter_h, filter_w, stride, pad = map(int, (filter_h, filter_w, stride, pad))
    img = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)]) if pad else input_data
    windows = sliding_window_view(img, (filter_h, filter_w), axis=(2, 3))[:, :, ::stride, ::stride]
    col = np.empty((N, out_h, out_w, C, filter_h, filter_w), input_data.dtype)
    col[...] = windows.transpose(0, 2, 3, 1, 4, 5)
    return col.reshape(N * out_h * out_w, C * filter_h * filter_w)


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    """The transpose of im2col: each row is added back at the window it came from.

    Parameters
    ----------
    col : (N * out_h * out_w, C * filter_h * filter_w)
    input_shape : (N, C, H, W)

    Returns
    -------
    (N, C, H, W), where a pixel that lies in several windows is the sum of their values
    """
    N, C, H, W = input_shape
    out_h = conv_output_size(H, filter_h, stride, pad)
    out_w = conv_output_size(W, filter_w, stride, pad)
    filter_h, filter_w, stride, pad = map(int, (filter_h, filter_w, stride, pad))
    expected = (N * out_h * out_w, C * filter_h * filter_w)
    if col.shape != expected:
        raise ValueError(f"col2im: expected col of shape {expected} for images of shape {input_shape}, "
                         f"got {col.shape}")
    col = col.reshape(N, out_h, out_w, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad, W + 2 * pad), col.dtype)
    for i in range(filter_h):
        for j in range(filter_w):
            img[:, :, i:i + stride * out_h:stride, j:j + stride * out_w:stride] += col[:, :, i, j]
    return img[:, :, pad:H + pad, pad:W + pad]
