"""common/windows.py against a slow reference in float64, wherever an array may lie and however many images it holds.

tests/test_layers.py compares the layers with loops for small batches; here are the ways in which fast code goes wrong.
"""
import tracemalloc

import numpy as np
import pytest

from common import windows
from common.layers import Convolution, Pooling
from common.util import col2im, im2col

TOLERANCE = {np.float16: 4e-3, np.float32: 1e-6, np.float64: 1e-10}


def reference(x, W, b, stride, pad, dout=None):
    """out, dW, db, dx of a convolution: one window after the other, in float64. dout is a function of out's shape."""
    x, W, b = (array.astype(np.float64) for array in (x, W, b))
    N, C, H, width = x.shape
    FN, _, FH, FW = W.shape
    padded = np.zeros((N, C, H + 2 * pad, width + 2 * pad))
    padded[:, :, pad:pad + H, pad:pad + width] = x
    out = np.zeros((N, FN, (H + 2 * pad - FH) // stride + 1, (width + 2 * pad - FW) // stride + 1))
    dout = dout(out.shape).astype(np.float64)
    dW, dx_padded = np.zeros(W.shape), np.zeros(padded.shape)
    for i, j in np.ndindex(out.shape[2:]):
        window = np.s_[:, :, i * stride:i * stride + FH, j * stride:j * stride + FW]
        for f in range(FN):
            out[:, f, i, j] = (padded[window] * W[f]).sum(axis=(1, 2, 3)) + b[f]
            weight = dout[:, f, i, j].reshape(N, 1, 1, 1)
            dW[f] += (weight * padded[window]).sum(axis=0)
            dx_padded[window] += weight * W[f]
    return out, dout, dW, dout.sum(axis=(0, 2, 3)), dx_padded[:, :, pad:pad + H, pad:pad + width]


def assert_near(mine, expected, dtype, scale=0):
    """To 1e-6 in float32 and 1e-10 in float64, of the largest value; or of scale, where large values cancel out."""
    assert mine.shape == expected.shape and mine.dtype == dtype
    np.testing.assert_allclose(mine, expected, rtol=0, atol=TOLERANCE[dtype] * max(0.5, scale, np.abs(expected).max()))


def check_convolution(x, W, b, stride, pad, rng, form=np.array):
    dtype = W.dtype.type
    layer = Convolution(W, b, stride, pad)
    out, dout, dW, db, dx = reference(x, W, b, stride, pad, lambda shape: rng.normal(size=shape).astype(dtype))
    assert_near(layer.forward(form(x)), out, dtype)
    assert_near(layer.forward(form(x), train_flg=False), out, dtype)
    assert_near(layer.backward(form(dout.astype(dtype))), dx, dtype)
    assert_near(layer.dW, dW, dtype)
    assert_near(layer.db, db, dtype, scale=np.abs(dout).max())


def normal(rng, *shapes, dtype=np.float64):
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pad", [0, 1, 2, 3, 5])
def test_convolution_for_every_stride_pad_and_filter(stride, pad, dtype, rng):
    for FH, FW in ((1, 1), (3, 3), (2, 5), (5, 2), (4, 1)):         # pad is also larger than these minus 1
        for C, FN in ((1, 1), (1, 3), (4, 2), (1, 5), (2, 9)):          # of the last two dx is added back
            check_convolution(*normal(rng, (2, C, 7, 6), (FN, C, FH, FW), FN, dtype=dtype), stride, pad, rng)


@pytest.mark.parametrize("N", [1, 2, 24, 25, 26, 50, 51, 76])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_for_every_number_of_slices(N, stride, rng):
    for C in (1, 3):
        check_convolution(*normal(rng, (N, C, 6, 5), (4, C, 3, 2), 4, dtype=np.float32), stride, 1, rng)


def test_large_images_of_one_channel(rng):
    check_convolution(*normal(rng, (1, 1, 120, 120), (2, 1, 3, 3), 2, dtype=np.float32), 1, 0, rng)


def test_a_filter_as_large_as_the_image_takes_little_memory(rng):
    layer = Convolution(*normal(rng, (40, 8, 28, 28), 40, dtype=np.float32))
    dout = layer.forward(*normal(rng, (25, 8, 28, 28), dtype=np.float32))
    tracemalloc.start()
    try:
        layer.backward(dout)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_convolution_where_col_of_few_images_is_large(rng, monkeypatch):
    monkeypatch.setattr(windows, "COL_BYTES", 400)                   # less than one image's
    for stride in (1, 2):
        check_convolution(*normal(rng, (5, 3, 6, 5), (4, 3, 3, 2), 4), stride, 1, rng)


def test_convolution_of_one_image_as_large_as_the_filter(rng):
    check_convolution(*normal(rng, (1, 2, 3, 4), (3, 2, 3, 4), 3), 1, 0, rng)
    check_convolution(*normal(rng, (1, 1, 1, 1), (1, 1, 1, 1), 1), 1, 0, rng)


def test_convolution_in_float16(rng):
    check_convolution(*normal(rng, (3, 2, 5, 5), (2, 2, 3, 3), 2, dtype=np.float16), 1, 1, rng)


FORMS = {
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "fortran": np.asfortranarray,
    "every second": lambda x: np.repeat(np.repeat(x, 2, axis=3), 2, axis=0)[::2, :, :, ::2],
    "backwards": lambda x: x[:, :, ::-1, ::-1].copy()[:, :, ::-1, ::-1],
    "part of a larger one": lambda x: np.pad(x, 2)[2:-2, 2:-2, 2:-2, 2:-2]}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("N, C", [(3, 1), (15, 2), (1, 3)])
def test_arrays_may_lie_anyhow_in_memory(form, N, C, rng):
    x, W, b = normal(rng, (N, C, 6, 5), (4, C, 3, 3), 4)
    for stride, pad in ((1, 0), (1, 1), (2, 1)):
        check_convolution(x, W, b, stride, pad, rng, FORMS[form])
        check_convolution(x, FORMS[form](W), b, stride, pad, rng)
    check_pooling(x, 2, 2, 2, 0, rng, FORMS[form])
    check_pooling(x, 3, 2, 1, 1, rng, FORMS[form])


def test_several_dtypes_in_one_convolution_mean_the_widest(rng):
    x, W, b = normal(rng, (3, 2, 5, 5), (2, 2, 3, 3), 2)
    for x_dtype, W_dtype in ((np.float32, np.float64), (np.float64, np.float32)):
        layer = Convolution(W.astype(W_dtype), b.astype(W_dtype), pad=1)
        out = layer.forward(x.astype(x_dtype))
        dx = layer.backward(np.ones_like(out))
        assert out.dtype == dx.dtype == layer.dW.dtype == np.float64


def pooling_reference(x, pool_h, pool_w, stride, pad, dout):
    """The first place of the window that holds its maximum takes all of dout."""
    N, C, H, W = x.shape
    padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=-np.inf)
    out = np.zeros((N, C, (H + 2 * pad - pool_h) // stride + 1, (W + 2 * pad - pool_w) // stride + 1))
    dout, dx = dout(out.shape).astype(np.float64), np.zeros(padded.shape)
    images, channels = np.indices((N, C))
    for i, j in np.ndindex(out.shape[2:]):
        window = padded[:, :, i * stride:i * stride + pool_h, j * stride:j * stride + pool_w].reshape(N, C, -1)
        out[:, :, i, j] = window.max(axis=2)
        row, column = np.divmod(window.argmax(axis=2), pool_w)
        dx[images, channels, i * stride + row, j * stride + column] += dout[:, :, i, j]
    return out, dout, dx[:, :, pad:pad + H, pad:pad + W]


def check_pooling(x, pool_h, pool_w, stride, pad, rng, form=np.array):
    dtype = x.dtype.type
    layer = Pooling(pool_h, pool_w, stride, pad)
    out, dout, dx = pooling_reference(x, pool_h, pool_w, stride, pad,
                                      lambda shape: rng.normal(size=shape).astype(dtype))
    np.testing.assert_array_equal(layer.forward(form(x)), out)
    np.testing.assert_array_equal(layer.forward(form(x), train_flg=False), out)
    assert_near(layer.backward(form(dout.astype(dtype))), dx, dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("N", [1, 13, 30])
def test_pooling_for_every_stride_and_pad(N, dtype, rng):
    for pool_h, pool_w, stride, pad in ((2, 2, 2, 0), (2, 2, 2, 1), (3, 3, 2, 1), (2, 2, 1, 0), (3, 2, 3, 1),
                                        (1, 1, 1, 0), (1, 2, 3, 0), (2, 3, 2, 0)):
        for H, W in ((6, 6), (7, 5)):
            check_pooling(rng.normal(size=(N, 3, H, W)).astype(dtype), pool_h, pool_w, stride, pad, rng)
            ties = rng.integers(-1, 2, (N, 1, H, W)).astype(dtype)
            check_pooling(ties, pool_h, pool_w, stride, pad, rng)


def test_pooling_of_equal_values_sends_the_gradient_to_one_place_each():
    layer = Pooling(2, 2)
    out = layer.forward(np.zeros((20, 3, 6, 6), np.float32))
    dx = layer.backward(np.ones_like(out))
    np.testing.assert_array_equal(dx[:, :, ::2, ::2], 1)
    assert dx.sum() == out.size


def test_convolution_is_im2col_and_a_product(rng):
    """The book's own formula, with the book's column order."""
    x, W, b = normal(rng, (17, 3, 6, 7), (4, 3, 3, 2), 4)
    layer = Convolution(W, b, 2, 1)
    out = layer.forward(x)
    col, rows = im2col(x, 3, 2, 2, 1), np.ascontiguousarray(out.transpose(0, 2, 3, 1)).reshape(-1, 4)
    np.testing.assert_allclose(rows, col @ W.reshape(4, -1).T + b, atol=1e-12)
    np.testing.assert_allclose(layer.backward(out), col2im(rows @ W.reshape(4, -1), x.shape, 3, 2, 2, 1), atol=1e-12)
