"""Convolution and pooling on batches of images: where the windows of a filter are laid out for matrix products.

`layers.py` says what a layer computes, this module how to do it fast:

- The arrays have the book's shapes, (N, C, H, W), but results lie in memory with the channels last, (N, H, W, C). So
  the rows of a matrix product are images without a copy, and the next layer reads long runs of memory.
- The col matrix (im2col; its columns ordered filter row, filter column, channel) is made for a few images at a time, in
  memory that is used again and again: a fresh matrix for the whole batch would cost as much as the product itself.
- The slices of the batch are shared out among threads, see `parallel`.
"""
import numpy as np
from numpy.lib.stride_tricks import as_strided

from common import parallel
from common.arrays import empty_images, work_array
from common.util import check_dout, conv_output_size

COL_BYTES = 2 ** 21     # of a col matrix: two threads' fit into a cache of 4 MB


def _channels_last(x):
    return x.transpose(0, 2, 3, 1)


def _contiguous(x):
    """x, or a copy of it in this thread's work array, if it does not lie in memory value after value."""
    if x.flags.c_contiguous:
        return x
    out = work_array("contiguous", x.shape, x.dtype)
    out[...] = x
    return out


def _padded(x, pad_h, pad_w, value=0):
    """x (N, H, W, C) with a border; a negative pad cuts a border off."""
    if pad_h < 0:
        x, pad_h = x[:, -pad_h:pad_h], 0
    if pad_w < 0:
        x, pad_w = x[:, :, -pad_w:pad_w], 0
    if pad_h == pad_w == 0:
        return x
    N, H, W, C = x.shape
    out = work_array("padded", (N, H + 2 * pad_h, W + 2 * pad_w, C), x.dtype)
    out[:, :pad_h] = out[:, pad_h + H:] = value
    out[:, :, :pad_w] = out[:, :, pad_w + W:] = value
    out[:, pad_h:pad_h + H, pad_w:pad_w + W] = x
    return out


def _columns(x, filter_h, filter_w, stride, dtype, ones=0):
    """(N, H, W, C) -> col (N * out_h * out_w, filter_h * filter_w * C + ones), in this thread's work array.

    With ones = 1 every row ends with a 1, which the bias is the weight of.
    """
    N, H, W, C = x.shape
    out_h, out_w = (H - filter_h) // stride + 1, (W - filter_w) // stride + 1
    image, row, pixel, value = x.strides
    windows = as_strided(x, (N, out_h, out_w, filter_h, filter_w, C),
                         (image, stride * row, stride * pixel, row, pixel, value))
    rows, values = N * out_h * out_w, filter_h * filter_w * C
    if C == 1:
        # Rows of out_w pixels are longer runs to copy than windows of filter_w: lay out the transpose.
        col = work_array("col", (values + ones, rows), dtype)
        col[:values].reshape(filter_h, filter_w, N, out_h, out_w)[...] = windows[..., 0].transpose(3, 4, 0, 1, 2)
        col[values:] = 1
        return col.T
    col = work_array("col", (rows, values + ones), dtype)
    col[:, :values].reshape(N, out_h, out_w, filter_h, filter_w, C)[...] = windows
    col[:, values:] = 1
    return col


def _as_matrix(W):
    """Filters (FN, C, FH, FW) as the columns that col is multiplied by: (FH * FW * C, FN)."""
    return np.ascontiguousarray(W.transpose(2, 3, 1, 0)).reshape(-1, len(W))


def _out_shape(x_shape, FN, filter_h, filter_w, stride, pad):
    N, _, H, W = x_shape
    return N, FN, conv_output_size(H, filter_h, stride, pad), conv_output_size(W, filter_w, stride, pad)


def _slices(out, filter_h, filter_w, C):
    """Slices of the batch whose col stays in the caches; out (N, out_h, out_w, FN)."""
    N, out_h, out_w, _ = out.shape
    of_one = out_h * out_w * filter_h * filter_w * C * out.itemsize
    return parallel.slices(N, max(1, min(parallel.SLICE, COL_BYTES // of_one)))


def convolution(x, W, b, stride, pad):
    """out[n, f, i, j] = sum over window (i, j) of x[n] * W[f], plus b[f].

    x (N, C, H, W), W (FN, C, FH, FW), b (FN,) -> (N, FN, out_h, out_w)
    """
    FN, C, FH, FW = W.shape
    dtype = np.result_type(x, W)
    if dtype.kind != "f":
        dtype = np.result_type(dtype, b)        # an edge filter of whole numbers, say, and a bias of 0.5
    out = empty_images(_out_shape(x.shape, FN, FH, FW, stride, pad), dtype)
    stride, pad = int(stride), int(pad)     # NumPy's numbers of 8 bits overflow
    x_last, out_last = _channels_last(x), _channels_last(out)
    matrix = np.vstack([_as_matrix(W), np.broadcast_to(b, FN)], dtype=out.dtype)

    def work(part):
        col = _columns(_padded(x_last[part], pad, pad), FH, FW, stride, out.dtype, ones=1)
        np.matmul(col, matrix, out=out_last[part].reshape(len(col), -1))

    parallel.run(work, _slices(out_last, FH, FW, C))
    return out


def convolution_parameter_gradients(x, dout, W_shape, stride, pad):
    """dL/dW = col(x)^T dout: what each weight met in a window, times the window's dout; dL/db = the sum of dout."""
    FN, C, FH, FW = W_shape
    check_dout(dout, _out_shape(x.shape, FN, FH, FW, stride, pad))
    stride, pad = int(stride), int(pad)
    x_last, dout_last = _channels_last(x), _channels_last(dout)

    def work(part):
        return _parameter_gradients(x_last[part], _contiguous(dout_last[part]), FH, FW, stride, pad)

    return _added_up(parallel.run(work, _slices(dout_last, FH, FW, C)), W_shape)


def _parameter_gradients(x, dout, filter_h, filter_w, stride, pad):
    """dW of these images, as the matrix that col is multiplied by, and db."""
    col = _columns(_padded(x, pad, pad), filter_h, filter_w, stride, np.result_type(x, dout))
    return col.T @ dout.reshape(-1, dout.shape[3]), _sum_of_pixels(dout)


def _added_up(gradients, W_shape):
    """(dW, db) of the batch, from those of its slices."""
    FN, C, FH, FW = W_shape
    dW, db = (sum(parts) for parts in zip(*gradients))
    return np.ascontiguousarray(dW.reshape(FH, FW, C, FN).transpose(3, 2, 0, 1)), db


def _sum_of_pixels(dout):
    """dout (N, out_h, out_w, FN) -> (FN,). Adds rows of pixels first: few long additions are faster than many short."""
    FN = dout.shape[3]
    return dout.reshape(-1, dout.shape[2] * FN).sum(axis=0).reshape(-1, FN).sum(axis=0)


def convolution_backward(x, dout, W, stride, pad):
    """(dx, dW, db). In dx each dout goes back, times W, to the window it came from.

    For stride 1 that is again a convolution: of dout, padded, with the filters turned by 180 degrees and their two
    channel axes swapped. For other strides, or where that col would be much the larger one, the windows are added back
    as by col2im; for one channel too, as dW from that col would be a product with one column, which is less exact.
    """
    FN, C, FH, FW = W.shape
    check_dout(dout, _out_shape(x.shape, FN, FH, FW, stride, pad))
    stride, pad = int(stride), int(pad)
    if stride == 1 and 1 < C and FN <= 4 * C:
        return _turned_convolution(x, dout, W, pad)
    return _added_back(x, dout, W, stride, pad)


def _turned_convolution(x, dout, W, pad):
    """The col of dout serves twice: which dout met a pixel of x at which place of the filter is what dW needs, too."""
    FN, C, FH, FW = W.shape
    dx = empty_images(x.shape, np.result_type(dout, W))
    x_last, dout_last, dx_last = (_channels_last(a) for a in (x, dout, dx))
    turned = _as_matrix(W[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))

    def work(part):
        dout_part = _contiguous(dout_last[part])
        db = _sum_of_pixels(dout_part)
        col = _columns(_padded(dout_part, FH - 1 - pad, FW - 1 - pad), FH, FW, 1, dx.dtype)
        np.matmul(col, turned, out=dx_last[part].reshape(len(col), -1))
        return col.T @ _contiguous(x_last[part]).reshape(-1, C), db

    dW, db = (sum(parts) for parts in zip(*parallel.run(work, _slices(dx_last, FH, FW, FN))))
    return dx, np.ascontiguousarray(dW.reshape(FH, FW, FN, C)[::-1, ::-1].transpose(2, 3, 0, 1)), db


def _added_back(x, dout, W, stride, pad):
    """The windows of dx, which may overlap, are added up, as by col2im."""
    FN, C, FH, FW = W.shape
    dx = empty_images(x.shape, np.result_type(dout, W))
    x_last, dout_last, dx_last = (_channels_last(a) for a in (x, dout, dx))
    _, height, width, _ = dx_last.shape
    _, out_h, out_w, _ = dout_last.shape
    matrix = _as_matrix(W)

    def work(part):
        dout_part = _contiguous(dout_last[part])
        gradients = _parameter_gradients(x_last[part], dout_part, FH, FW, stride, pad)
        rows = dout_part.reshape(-1, FN)
        if C == 1:      # the transpose, for the same reason as in _columns
            dcol = np.matmul(matrix, rows.T, out=work_array("col", (len(matrix), len(rows)), dx.dtype))
            dcol = dcol.reshape(FH, FW, -1, out_h, out_w, C)
        else:
            dcol = np.matmul(rows, matrix.T, out=work_array("col", (len(rows), len(matrix)), dx.dtype))
            dcol = dcol.reshape(-1, out_h, out_w, FH, FW, C).transpose(3, 4, 0, 1, 2, 5)
        padded = work_array("padded", (len(dout_part), height + 2 * pad, width + 2 * pad, C), dx.dtype)
        _add_windows(dcol, stride, padded)
        dx_last[part] = padded[:, pad:pad + height, pad:pad + width]
        return gradients

    return dx, *_added_up(parallel.run(work, _slices(dout_last, FH, FW, C)), W.shape)


def _add_windows(dcol, stride, image):
    """image (N, H, W, C) = the sum of its windows, dcol (filter_h, filter_w, N, out_h, out_w, C)."""
    filter_h, filter_w, _, out_h, out_w, _ = dcol.shape
    if stride > 1 or filter_h * filter_w * image.size > 2 * dcol.size:
        image[...] = 0
        for i in range(filter_h):
            for j in range(filter_w):
                image[:, i:i + stride * out_h:stride, j:j + stride * out_w:stride] += dcol[i, j]
        return
    # The same in one sum. images[i, j] holds the values of filter place (i, j), each at the upper left corner of its
    # window; moved i rows down and j pixels to the right, they add up to the image. What moves them is a step from one
    # to the next that is a row, or a pixel, too short. So each begins early, in the one before; but where that ends, as
    # at the end of every row, are only the zeros of the last filter_h - 1 rows and filter_w - 1 pixels.
    images = work_array("images", (filter_h, filter_w, *image.shape), image.dtype)
    images[...] = 0
    images[:, :, :, :out_h, :out_w] = dcol
    row, pixel = image.strides[1:3]
    moved = as_strided(images, (filter_h, filter_w, image.size),
                       (images.strides[0] - row, images.strides[1] - pixel, image.itemsize))
    np.add.reduce(moved, axis=(0, 1), out=image.reshape(-1))


def _taps(x, pool_h, pool_w, stride):
    """The pool_h * pool_w strided views of x (N, H, W, C): the first value of every window, the second, ..."""
    out_h, out_w = (x.shape[1] - pool_h) // stride + 1, (x.shape[2] - pool_w) // stride + 1
    for i in range(pool_h):
        for j in range(pool_w):
            yield x[:, i:i + stride * out_h:stride, j:j + stride * out_w:stride]


def max_pooling(x, pool_h, pool_w, stride, pad, remember):
    """The largest value of each window: x (N, C, H, W) -> (N, C, out_h, out_w).

    With `remember` also arg_max (N, out_h, out_w, C), the first place of each window that holds it, so that backward
    need not search x again: 0 for the upper left one, row by row. A window with NaN has its maximum in the last place.
    """
    out = empty_images(_out_shape(x.shape, x.shape[1], pool_h, pool_w, stride, pad), x.dtype)
    pool_h, pool_w, stride, pad = map(int, (pool_h, pool_w, stride, pad))   # NumPy's numbers of 8 bits overflow
    x_last, out_last = _channels_last(x), _channels_last(out)
    arg_max = empty_images(out.shape, np.min_scalar_type(pool_h * pool_w)) if remember else None

    def work(part):
        # Padding must never win: 0 would beat negative values, -inf does not.
        taps = list(_taps(_padded(x_last[part], pad, pad, -np.inf), pool_h, pool_w, stride))
        largest, so_far = out_last[part], taps[0]
        for tap in taps[1:] or taps:        # a window of one value is compared with itself
            so_far = np.maximum(so_far, tap, out=largest)
        if remember:
            waiting = work_array("waiting", largest.shape, bool)    # has the maximum not come by yet?
            smaller = work_array("smaller", largest.shape, bool)
            waiting[...] = True
            place = _channels_last(arg_max)[part]
            place[...] = 0
            for tap in taps[:-1]:
                waiting &= np.not_equal(tap, largest, out=smaller)
                place += waiting

    parallel.run(work, parallel.slices(len(x)))
    return out, arg_max


def max_pooling_dx(dout, arg_max, x_shape, pool_h, pool_w, stride, pad):
    """dL/dx: each dout goes to the place of its window that held the maximum, the rest get 0."""
    N, C, height, width = x_shape
    check_dout(dout, _out_shape(x_shape, C, pool_h, pool_w, stride, pad))
    pool_h, pool_w, stride, pad = map(int, (pool_h, pool_w, stride, pad))
    dx = empty_images(x_shape, dout.dtype)
    arg_max_last, dout_last, dx_last = (_channels_last(a) for a in (arg_max, dout, dx))
    overlapping = stride < max(pool_h, pool_w)
    every_place_once = pool_h == pool_w == stride and not pad and height % stride == width % stride == 0

    def work(part):
        target = dx_last[part]
        if pad:
            target = work_array("dx padded", (len(target), height + 2 * pad, width + 2 * pad, C), dx.dtype)
        if not every_place_once:
            target[...] = 0
        dout_part = _contiguous(dout_last[part])
        hit = work_array("hit", dout_part.shape, bool)
        for place, tap in enumerate(_taps(target, pool_h, pool_w, stride)):
            np.equal(arg_max_last[part], place, out=hit)
            if overlapping:
                tap += hit * dout_part
            else:
                np.multiply(dout_part, hit, out=tap)
        if pad:
            dx_last[part] = target[:, pad:pad + height, pad:pad + width]

    parallel.run(work, parallel.slices(N))
    return dx
