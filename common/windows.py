"""Convolution and pooling on whole batches: where the windows of a filter are laid out for matrix products.

`layers.py` says what a layer computes, this module how to do it fast:

- The arrays keep the book's shapes, (N, C, H, W), but results lie in memory with the channels last, (N, H, W, C).
  So a product of rows is an image batch without a copy, and the next layer reads long runs of memory.
- Columns of a col matrix are ordered filter row, filter column, channel (im2col of the book: channel first).
"""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from common.util import conv_output_size


def _channels_last(x):
    return x.transpose(0, 2, 3, 1)


def _channels_first(x):
    return x.transpose(0, 3, 1, 2)


def _padded(x, pad_h, pad_w, value=0):
    """x (N, H, W, C) with a border; a negative pad cuts a border off."""
    if pad_h < 0:
        x, pad_h = x[:, -pad_h:pad_h], 0
    if pad_w < 0:
        x, pad_w = x[:, :, -pad_w:pad_w], 0
    if pad_h == pad_w == 0:
        return x
    N, H, W, C = x.shape
    out = np.full((N, H + 2 * pad_h, W + 2 * pad_w, C), value, x.dtype)
    out[:, pad_h:pad_h + H, pad_w:pad_w + W] = x
    return out


def _columns(x, filter_h, filter_w, stride):
    """(N, H, W, C) -> col (N * out_h * out_w, filter_h * filter_w * C)."""
    windows = sliding_window_view(x, (filter_h, filter_w), axis=(1, 2))[:, ::stride, ::stride]
    N, out_h, out_w, C = windows.shape[:4]
    if C == 1:
        # Rows of out_w pixels are longer runs to copy than windows of filter_w: lay out the transpose.
        col = np.empty((filter_h, filter_w, N, out_h, out_w), x.dtype)
        col[...] = windows[:, :, :, 0].transpose(3, 4, 0, 1, 2)
        return col.reshape(filter_h * filter_w, -1).T
    col = np.empty((N, out_h, out_w, filter_h, filter_w, C), x.dtype)
    col[...] = windows.transpose(0, 1, 2, 4, 5, 3)
    return col.reshape(N * out_h * out_w, -1)


def _correlate(x, W, stride=1):
    """x (N, H, W, C) with filters W (FN, C, FH, FW) -> (N, out_h, out_w, FN)."""
    N, height, width, _ = x.shape
    FN, _, FH, FW = W.shape
    col = _columns(x, FH, FW, stride)
    out = col @ W.transpose(2, 3, 1, 0).reshape(-1, FN)
    return out.reshape(N, conv_output_size(height, FH, stride), conv_output_size(width, FW, stride), FN)


def convolution(x, W, b, stride, pad):
    """out[n, f, i, j] = sum over window (i, j) of x[n] * W[f], plus b[f].

    x (N, C, H, W), W (FN, C, FH, FW), b (FN,) -> (N, FN, out_h, out_w)
    """
    out = _correlate(_padded(_channels_last(x), pad, pad), W, stride)
    out += b
    return _channels_first(out)


def convolution_dW(x, dout, W_shape, stride, pad):
    """dL/dW = col(x)^T dout: what each weight met in every window, times that window's dout."""
    FN, C, FH, FW = W_shape
    col = _columns(_padded(_channels_last(x), pad, pad), FH, FW, stride)
    dW = col.T @ _channels_last(dout).reshape(-1, FN)
    return np.ascontiguousarray(dW.reshape(FH, FW, C, FN).transpose(3, 2, 0, 1))


def convolution_dx(dout, W, x_shape, stride, pad):
    """dL/dx: each dout goes back, times W, to the window it came from.

    For stride 1 that is again a convolution: of dout, padded, with the filters turned by 180 degrees and their two
    channel axes swapped. For other strides the windows are added back one filter place at a time.
    """
    N, C, height, width = x_shape
    FN, _, FH, FW = W.shape
    dout = _channels_last(dout)
    if stride == 1:
        turned = W[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return _channels_first(_correlate(_padded(dout, FH - 1 - pad, FW - 1 - pad), turned))
    out_h, out_w = dout.shape[1:3]
    dcol = dout.reshape(-1, FN) @ W.transpose(0, 2, 3, 1).reshape(FN, -1)
    dcol = dcol.reshape(N, out_h, out_w, FH, FW, C)
    dx = np.zeros((N, height + 2 * pad, width + 2 * pad, C), dcol.dtype)
    for i in range(FH):
        for j in range(FW):
            dx[:, i:i + stride * out_h:stride, j:j + stride * out_w:stride] += dcol[:, :, :, i, j]
    return _channels_first(dx[:, pad:pad + height, pad:pad + width])


def _taps(x, pool_h, pool_w, stride):
    """The pool_h * pool_w strided views of x (N, H, W, C): the first value of every window, the second, ..."""
    out_h = conv_output_size(x.shape[1], pool_h, stride)
    out_w = conv_output_size(x.shape[2], pool_w, stride)
    for i in range(pool_h):
        for j in range(pool_w):
            yield x[:, i:i + stride * out_h:stride, j:j + stride * out_w:stride]


def max_pooling(x, pool_h, pool_w, stride, pad):
    """The largest value of each window: x (N, C, H, W) -> (N, C, out_h, out_w)."""
    taps = _taps(_padded(_channels_last(x), pad, pad, -np.inf), pool_h, pool_w, stride)    # 0 would beat negatives
    out = next(taps).copy()
    for tap in taps:
        np.maximum(out, tap, out=out)
    return _channels_first(out)


def max_pooling_dx(x, out, dout, pool_h, pool_w, stride, pad):
    """dL/dx: each dout goes to the first place of its window that holds the maximum, the rest get 0."""
    N, C, height, width = x.shape
    out, dout = _channels_last(out), _channels_last(dout)
    x = _padded(_channels_last(x), pad, pad, -np.inf)
    dx = np.zeros(x.shape, dout.dtype)
    waiting = np.ones(out.shape, bool)
    for x_tap, dx_tap in zip(_taps(x, pool_h, pool_w, stride), _taps(dx, pool_h, pool_w, stride)):
        hit = waiting & (x_tap == out)
        dx_tap += hit * dout
        waiting &= ~hit
    return _channels_first(dx[:, pad:pad + height, pad:pad + width])
