"""Small tools: shuffling, mini-batches, smoothing, a check, and im2col / col2im (book, 7.4)."""
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided


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


def whole_number(number):
    """A stride, a pad or a size as Python's int: NumPy's small ones overflow. TypeError: it is none."""
    if not isinstance(number, (int, np.integer)):
        raise TypeError(f"expected whole numbers for stride, pad and filter size, got {number!r}")
    return int(number)


def conv_output_size(input_size, filter_size, stride=1, pad=0):
    """How many places a filter (or a pooling window) takes along one axis (book, 7.2)."""
    filter_size, stride, pad = (whole_number(number) for number in (filter_size, stride, pad))
    if stride < 1 or pad < 0 or filter_size < 1:
        raise ValueError("expected stride >= 1, pad >= 0 and filter size >= 1, "
                         f"got {stride}, {pad} and {filter_size}")
    if filter_size > input_size + 2 * pad:
        raise ValueError(f"a window of {filter_size} does not fit into {input_size} values padded by {pad}")
    return (input_size + 2 * pad - filter_size) // stride + 1


def windows(x, filter_h, filter_w, stride=1):
    """The windows that a filter sees: a view of x (N, C, H, W), (N, out_h, out_w, C, filter_h, filter_w)."""
    N, C, H, W = x.shape
    out_h, out_w = conv_output_size(H, filter_h, stride), conv_output_size(W, filter_w, stride)
    image, channel, row, pixel = x.strides
    stride = whole_number(stride)
    return as_strided(x, (N, out_h, out_w, C, whole_number(filter_h), whole_number(filter_w)),
                      (image, stride * row, stride * pixel, channel, row, pixel))


def pad_images(x, pad, value=0):
    """x (N, C, H, W) with a border of that value, pad pixels wide. In memory the channels come last, (N, H, W, C)."""
    pad = whole_number(pad)
    if pad == 0:
        return x
    N, C, H, W = x.shape
    padded = np.zeros((N, H + 2 * pad, W + 2 * pad, C), x.dtype).transpose(0, 3, 1, 2)
    if value:
        padded[...] = value
    padded[:, :, pad:-pad, pad:-pad] = x
    return padded


def crop_images(x, pad):
    """x (N, C, H, W) without its border, pad pixels wide: a view."""
    pad = whole_number(pad)
    return x[:, :, pad:-pad, pad:-pad] if pad else x


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    """Every window that a filter sees, as a row (book, 7.4): a new array of the same dtype.

    input_data (N, C, H, W) -> (N * out_h * out_w, C * filter_h * filter_w)
    """
    N, C, out_h, out_w = _check_windows("im2col", np.shape(input_data), filter_h, filter_w, stride, pad)
    col = windows(pad_images(np.asarray(input_data), pad), filter_h, filter_w, stride)
    return col.reshape(N * out_h * out_w, math.prod(col.shape[3:])).copy()


def im2col_nhwc(x, filter_h, filter_w, stride=1):
    """im2col for images whose channels come last in memory: the columns have the order filter_h, filter_w, C."""
    col = windows(x, filter_h, filter_w, stride)        # (N, out_h, out_w, C, filter_h, filter_w)
    if x.shape[1] == 1:         # rows of the image are longer than rows of a filter: faster to copy
        return col.transpose(4, 5, 3, 0, 1, 2).reshape(filter_h * filter_w, -1).T
    return col.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[1])


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    """The transpose of im2col: each row is added back at the window it came from (book, 7.4).

    col (N * out_h * out_w, C * filter_h * filter_w) -> input_shape (N, C, H, W). Where windows overlap, values add up.
    """
    N, C, H, W = input_shape
    N, C, out_h, out_w = _check_windows("col2im", (N, C, H, W), filter_h, filter_w, stride, pad)
    filter_h, filter_w, col = whole_number(filter_h), whole_number(filter_w), np.asarray(col)
    expected = (N * out_h * out_w, C * filter_h * filter_w)
    if col.shape != expected:
        raise ValueError(f"col2im: expected col of shape {expected} for images of shape {input_shape}, "
                         f"got {col.shape}")
    col = col if col.dtype.kind == "f" else col.astype(np.float64)      # sums of small whole numbers would wrap round
    col = col.reshape(N, out_h, out_w, C, filter_h, filter_w)
    img = pad_images(np.zeros((N, C, H, W), col.dtype), pad)
    img_windows = windows(img, filter_h, filter_w, stride)
    for i in range(filter_h):
        for j in range(filter_w):
            img_windows[..., i, j] += col[..., i, j]
    return crop_images(img, pad)


def _check_windows(name, shape, filter_h, filter_w, stride, pad):
    """(N, C, out_h, out_w) for images of this shape. ValueError: they are no images, or no window fits."""
    if len(shape) != 4:
        raise ValueError(f"{name}: expected images of shape (N, C, H, W), got {shape}")
    N, C, H, W = shape
    return N, C, conv_output_size(H, filter_h, stride, pad), conv_output_size(W, filter_w, stride, pad)
