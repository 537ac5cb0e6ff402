"""Layers as their formulas, computed with `small_steps.Value`: x @ W + b becomes two steps in a graph, dot and +.

The layers in `common.layers` compute the same at once: faster and, for large values, more exactly.
"""
import numpy as np

from common.util import conv_output_size


def affine(layer, x, W, b):
    return x @ W + b


def sigmoid(layer, x):
    return 1 / (1 + (-x).exp())


def softmax_with_loss(layer, x, t):
    return x.softmax().cross_entropy_error(t)


def convolution(layer, x, W, b):
    FN, _, FH, FW = W.shape
    col = x.im2col(FH, FW, layer.stride, layer.pad)
    col_W = W.rearranged(lambda W: W.reshape(FN, -1).T)         # every filter a column
    return _images(col @ col_W + b, layer, x.shape, FH, FW)


def pooling(layer, x):
    size = layer.pool_h, layer.pool_w
    col = x.im2col(*size, layer.stride, layer.pad, -np.inf)                 # a border never is the largest
    windows = col.rearranged(lambda col: col.reshape(-1, size[0] * size[1]))
    return _images(windows.max(), layer, x.shape, *size)


def _images(rows, layer, shape, height, width):
    """A row for each place of the window, all images' one after the other -> (N, M, out_h, out_w)."""
    N, _, H, W = shape
    out_h = conv_output_size(H, height, layer.stride, layer.pad)
    out_w = conv_output_size(W, width, layer.stride, layer.pad)
    return rows.rearranged(lambda rows: rows.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2))


def batch_normalization(layer, x, gamma, beta):
    if len(x.shape) == 2:
        return _normalized(x, gamma, beta)
    N, C, H, W = x.shape if gamma.shape == x.shape[1:2] else (x.shape[0], *gamma.shape, 1, 1)
    rows = x.rearranged(lambda x: x.reshape(N, C, H, W).transpose(0, 2, 3, 1).reshape(-1, C))
    out = _normalized(rows, gamma, beta)
    return out.rearranged(lambda out: out.reshape(N, H, W, C).transpose(0, 3, 1, 2).reshape(x.shape))


def _normalized(x, gamma, beta):
    """Every column (a channel or, with a gamma for each, a value) has the mean beta and the deviation gamma."""
    xc = x - x.mean()                       # over axis 0
    std = (xc ** 2).mean().sqrt()           # `sqrt` adds the 1e-6
    xn = xc * (1 / std)
    return xn * gamma + beta


FORMULAS = {"Affine": affine, "Sigmoid": sigmoid, "SoftmaxWithLoss": softmax_with_loss, "Convolution": convolution,
            "Pooling": pooling, "BatchNormalization": batch_normalization}
