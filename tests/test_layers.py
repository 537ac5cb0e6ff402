"""common/layers.py: every layer against its reference and against central differences, and what all layers promise.

The references and the bounds of rounding are in bounds.py.
"""
import re
import tracemalloc

import numpy as np
import pytest
from bounds import assert_rounded, check, check_jacobian, convolution, distinct, sums
from hypothesis import given, settings
from hypothesis import strategies as st

from common import fast
from common.gradient import numerical_gradient
from common.layers import (Affine, BatchNormalization, Convolution, Dropout, GlobalAveragePooling, Layer, Pooling, Relu,
                           Sigmoid, SoftmaxWithLoss)
from common.util import col2im, im2col

FLOATS = [np.float16, np.float32, np.float64]
some = settings(max_examples=50, derandomize=True, deadline=None, database=None)


def normal(rng, dtype, *shapes):
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def affine(dtype, inputs=6, outputs=4):
    return Affine(*normal(np.random.default_rng(2), dtype, (inputs, outputs), outputs))


def conv(dtype, shape=(3, 2, 3, 2), stride=1, pad=1):
    return Convolution(*normal(np.random.default_rng(2), dtype, shape, shape[0]), stride, pad)


def batch_norm(dtype, size):
    return BatchNormalization(*normal(np.random.default_rng(2), dtype, size, size))


LAYERS = {      # name: (maker, shape of x)
    "relu": (lambda dtype: Relu(), (5, 6)),
    "relu on images": (lambda dtype: Relu(), (5, 2, 4, 4)),
    "sigmoid": (lambda dtype: Sigmoid(), (5, 6)),
    "affine": (affine, (5, 6)),
    "affine on images": (lambda dtype: affine(dtype, 32), (5, 2, 4, 4)),
    "dropout": (lambda dtype: Dropout(0.3), (5, 6)),
    "dropout on images": (lambda dtype: Dropout(0.3), (5, 2, 4, 4)),
    "batch norm": (lambda dtype: batch_norm(dtype, 6), (5, 6)),
    "batch norm per channel": (lambda dtype: batch_norm(dtype, 2), (5, 2, 4, 4)),
    "batch norm per value": (lambda dtype: batch_norm(dtype, 32), (5, 2, 4, 4)),
    "convolution": (conv, (5, 2, 4, 4)),
    "convolution with stride": (lambda dtype: conv(dtype, stride=2), (5, 2, 4, 4)),
    "convolution of one channel": (lambda dtype: conv(dtype, (3, 1, 3, 3), pad=0), (5, 1, 4, 4)),
    "convolution that widens": (lambda dtype: conv(dtype, (5, 2, 3, 3), pad=1), (5, 2, 4, 4)),
    "pooling": (lambda dtype: Pooling(2, 2), (5, 2, 4, 4)),
    "overlapping pooling with pad": (lambda dtype: Pooling(3, 3, 2, 1), (5, 2, 4, 4)),
    "global average pooling": (lambda dtype: GlobalAveragePooling(), (5, 2, 4, 4)),
}
FORMS = {       # the same values, elsewhere in memory
    "plain": np.array,
    "channels last": lambda x: np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1),
    "fortran": np.asfortranarray,
    "every second": lambda x: np.repeat(np.repeat(x, 2, axis=-1), 2, axis=0)[::2, ..., ::2],
    "backwards": lambda x: x[::-1, ..., ::-1].copy()[::-1, ..., ::-1],
    "part of a larger one": lambda x: np.pad(x, 2)[(slice(2, -2),) * x.ndim],
}
forms = st.sampled_from(list(FORMS.values()))
dtypes = st.sampled_from([np.float32, np.float64])
batch_sizes = st.sampled_from([1, 2, 3, 7, 24, 25, 26, 51, 76])     # large batches may be computed in slices
seeds = st.integers(0, 2 ** 32 - 1)


@pytest.fixture(params=LAYERS)
def made(request):
    """(maker, shape) of one layer after the other."""
    return LAYERS[request.param]


def results(layer, x, dout=None):
    """All that a layer hands out: of forward in training, backward, and prediction."""
    out = layer.forward(x)
    if dout is None:
        dout = np.linspace(-1, 1, out.size).reshape(out.shape).astype(out.dtype if out.dtype.kind == "f" else float)
    dx = layer.backward(dout)
    return [out, dx, *(getattr(layer, f"d{name}") for name in layer.param_names), layer.forward(x, train_flg=False)]


# ---- the bounds can fail, and the references are right ------------------------------------------------

def test_the_bounds_notice_a_wrong_sign_and_one_missing_term(rng):
    """One of the 3,364 terms of dW is missing, one of average size; or one term has the wrong sign."""
    x, W, b, dout = normal(rng, np.float32, (1, 1, 60, 60), (1, 1, 3, 3), 1, (1, 1, 58, 58))

    def reference(*arrays):
        return convolution(*arrays, stride=1, pad=0)

    def compute(dout):
        layer = Convolution(W, b)
        layer.forward(x)
        dx = layer.backward(dout)
        return {"dx": dx, "dW": layer.dW, "db": layer.db}

    exact = sums(reference, x, W, b, dout)
    assert exact["dW"][2].min() == 58 * 58
    for name, values in compute(dout).items():
        assert_rounded(values, *exact[name], name)
    for factor in (0, -1):
        wrong = dout.copy()
        wrong[np.unravel_index(np.argmin(np.abs(np.abs(dout) - 1)), dout.shape)] *= factor
        for name, values in compute(wrong).items():
            with pytest.raises(AssertionError, match=rf"{name}: .* values are wrong; {name}\[.*expected"):
                assert_rounded(values, *exact[name], name)


class WrongDx(Affine):
    def backward(self, dout):
        return -super().backward(dout)


class WrongDb(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = self.db / len(dout)
        return dx


class ForgetfulPooling(Pooling):
    """Loses the gradient of one value."""
    def backward(self, dout):
        dx = super().backward(dout)
        dx[tuple(index[0] for index in np.nonzero(dx))] = 0
        return dx


@pytest.mark.parametrize("wrong, right, shape", [
    (WrongDx(np.ones((6, 4)), np.ones(4)), affine(np.float64), (5, 6)),
    (WrongDb(np.ones((6, 4)), np.ones(4)), affine(np.float64), (5, 6)),
    (ForgetfulPooling(2, 2), Pooling(2, 2), (5, 2, 4, 4))], ids=["sign", "mean for sum", "one value"])
def test_both_checks_catch_a_wrong_backward(wrong, right, shape, rng):
    x = distinct(rng, shape)
    for by in (check_jacobian, lambda layer, x: check(layer, x, rng)):
        by(right, x)
        with pytest.raises(AssertionError):
            by(wrong, x)


# ---- against references and central differences ------------------------------------------------

@pytest.mark.parametrize("on", [True, False])
def test_every_layer_with_the_engine_on_and_off(made, on, rng):
    make, shape = made
    try:
        (fast.on if on else fast.off)()
        for n in (5, 51):
            check(make(np.float32), distinct(rng, (n, *shape[1:])).astype(np.float32), rng)
    finally:
        fast.on()


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_layer_in_every_dtype_and_layout(made, dtype, rng):
    make, shape = made
    for form in FORMS.values():
        got = check(make(dtype), distinct(rng, shape).astype(dtype), rng, form)
        assert {array.dtype for array in got.values()} == {np.dtype(dtype)}


def test_gradients_by_central_differences(made, rng):
    make, shape = made
    layer, state = make(np.float64), np.random.get_state()

    def forward(x):
        np.random.set_state(state)      # dropout draws the same mask every time
        return layer.forward(x)

    check_jacobian(layer, distinct(rng, shape), forward)
    assert np.abs(layer.backward(rng.normal(size=forward(distinct(rng, shape)).shape))).max() > 1e-3


@st.composite
def windows(draw, pooling=False):
    """Sizes that go together: (N, C, H, W), (FH, FW), stride, pad."""
    FH, FW = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    pad = draw(st.integers(0, min(FH, FW) - 1 if pooling else 5))
    H, W = (max(1, filter_size - 2 * pad) + draw(st.integers(0, 5)) for filter_size in (FH, FW))
    return (draw(batch_sizes), draw(st.integers(1, 4)), H, W), (FH, FW), draw(st.integers(1, 6)), pad


@some
@given(windows(), st.integers(1, 9), dtypes, forms, seeds)
def test_convolution_of_any_size(sizes, FN, dtype, form, seed):
    (N, C, H, W), (FH, FW), stride, pad = sizes
    rng = np.random.default_rng(seed)
    x, W, b = normal(rng, dtype, (N, C, H, W), (FN, C, FH, FW), FN)
    check(Convolution(form(W), b, stride, pad), x, rng, form)
    if N < 5:
        check_jacobian(conv(np.float64, W.shape, stride, pad), x.astype(np.float64))


@some
@given(windows(pooling=True), st.sampled_from(["distinct", "ties", "negative"]), st.sampled_from(FLOATS), forms, seeds)
def test_pooling_of_any_size(sizes, values, dtype, form, seed):
    shape, pool, stride, pad = sizes
    rng = np.random.default_rng(seed)
    x = {"distinct": distinct(rng, shape), "ties": rng.integers(-1, 2, shape),
         "negative": -1 - rng.random(shape)}[values]
    check(Pooling(*pool, stride, pad), x.astype(dtype), rng, form)
    if values == "distinct":
        check_jacobian(Pooling(*pool, stride, pad), x)


@some
@given(st.sampled_from(["affine", "batch norm", "relu", "sigmoid", "dropout", "average"]),
       st.tuples(batch_sizes, st.integers(1, 5), *[st.integers(1, 4)] * 2), st.booleans(), dtypes, forms, seeds)
def test_the_others_of_any_size(kind, shape, images, dtype, form, seed):
    rng = np.random.default_rng(seed)
    shape = shape if images or kind == "average" else shape[:2]
    values = int(np.prod(shape[1:]))
    layer = {"affine": lambda: affine(dtype, values, 3),
             "batch norm": lambda: batch_norm(dtype, rng.choice([shape[1], values])),
             "relu": Relu, "sigmoid": Sigmoid, "dropout": Dropout, "average": GlobalAveragePooling}[kind]()
    check(layer, distinct(rng, shape).astype(dtype), rng, form)


SPECIAL = [     # x, W, stride, pad of a convolution
    ((1, 1, 12, 12), (30, 1, 5, 5), 1, 0), ((41, 1, 28, 28), (2, 1, 5, 5), 1, 0),
    ((27, 16, 6, 6), (4, 16, 3, 3), 1, 1),
    ((2, 8, 5, 5), (2, 8, 3, 3), 2, 1),             # no faster way is taken where it would be another convolution
    ((2, 3, 3, 4), (3, 3, 3, 4), 1, 0),             # the filter is as large as the image
    ((1, 1, 1, 1), (1, 1, 1, 1), 1, 0), ((100, 2, 9, 8), (3, 2, 2, 2), 3, 1)]


@pytest.mark.parametrize("x_shape, W_shape, stride, pad", SPECIAL)
def test_convolution_of_special_sizes(x_shape, W_shape, stride, pad, rng):
    layer = conv(np.float32, W_shape, stride, pad)
    check(layer, *normal(rng, np.float32, x_shape), rng)


@pytest.mark.parametrize("shape, size", [((6400, 16), 16), ((3, 40000), 40000), ((50, 8, 20, 20), 8),
                                         ((40, 3, 9, 9), 243)])
def test_large_batches_are_normalized(shape, size, rng):
    check(batch_norm(np.float32, size), *normal(rng, np.float32, shape), rng)


def test_long_sums_in_float32_stay_exact():
    """Adding up 2 million pixels one after the other would lose four digits."""
    layer = BatchNormalization(np.ones(2, np.float32), np.zeros(2, np.float32), momentum=0)
    layer.forward(np.full((2 ** 8, 2, 2 ** 6, 2 ** 6), 0.1, np.float32))
    np.testing.assert_allclose(layer.running_mean, np.float32(0.1), rtol=1e-5)


@pytest.mark.parametrize("N, K", [(1, 1), (1, 10), (7, 3)])
@pytest.mark.parametrize("dout, label_smoothing", [(1, 0), (2.5, 0), (1, 0.2)])
def test_gradient_of_softmax_with_loss(N, K, dout, label_smoothing, rng):
    x, index = 3 * rng.normal(size=(N, K)), rng.integers(K, size=N)
    mixed = rng.random((N, K))
    mixed /= mixed.sum(axis=1, keepdims=True)
    layer = SoftmaxWithLoss(label_smoothing)
    for t in (index, index.astype(np.uint8), np.eye(K)[index], np.eye(K, dtype=int)[index], mixed):
        numerical = numerical_gradient(lambda x: layer.forward(x, t), x)
        layer.forward(x, t)
        np.testing.assert_allclose(layer.backward(dout), dout * numerical, atol=1e-7)


def test_convolution_is_im2col_and_a_product(rng):
    """The book's own formula, with the book's column order."""
    x, W, b = rng.integers(-9, 9, (17, 3, 6, 7)), rng.integers(-9, 9, (4, 3, 3, 2)), rng.integers(-9, 9, 4)
    layer = Convolution(W.astype(float), b.astype(float), 2, 1)
    out = layer.forward(x.astype(float))
    rows = out.transpose(0, 2, 3, 1).reshape(-1, 4)
    np.testing.assert_array_equal(rows, im2col(x, 3, 2, 2, 1) @ W.reshape(4, -1).T + b)
    np.testing.assert_array_equal(layer.backward(out), col2im(rows @ W.reshape(4, -1), x.shape, 3, 2, 2, 1))


@pytest.fixture
def garbage(monkeypatch):
    """Uninitialised memory, which happens to hold zeros most of the time, holds none."""
    def filled(make):
        def empty(*args, **settings):
            array = make(*args, **settings)
            array.fill(np.nan if array.dtype.kind == "f" else 255)
            return array
        return empty

    for name in ("empty", "empty_like"):
        monkeypatch.setattr(np, name, filled(getattr(np, name)))


@pytest.mark.parametrize("window, stride, pad", [(2, 2, 0), (2, 3, 0), (3, 3, 1), (3, 2, 1), (4, 4, 2), (3, 4, 1),
                                                 (2, 1, 0)])
def test_no_place_is_left_unwritten(window, stride, pad, garbage, rng):
    for size in ((4, 6), (5, 4), (7, 7), (8, 9)):
        x = rng.normal(size=(2, 2, *size))
        for layer in (Pooling(window, window, stride, pad), conv(np.float64, (3, 2, window, window), stride, pad)):
            layer.backward(np.full(layer.forward(x * np.nan).shape, np.nan))    # NaN in memory that is used again
            check(layer, x, rng)


def test_a_filter_as_large_as_the_image_takes_little_memory(rng):
    layer = conv(np.float32, (40, 8, 28, 28), pad=0)
    dout = layer.forward(*normal(rng, np.float32, (25, 8, 28, 28)))
    tracemalloc.start()
    try:
        layer.backward(dout)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


# ---- what every layer promises ------------------------------------------------

@pytest.mark.parametrize("b", [0.5, np.float64(0.5), np.full(3, 0.5), np.full(3, 0.5, np.float16)], ids=repr)
def test_a_bias_of_another_type(b, rng):
    """It counts, and the result is of the type of x and W; of its own, if those are whole numbers."""
    x, W = rng.integers(-4, 5, (2, 1, 6, 6)), rng.integers(-4, 5, (3, 1, 3, 3))
    exact = Convolution(W.astype(np.float64), np.zeros(3)).forward(x) + 0.5
    for dtype in (np.float32, np.float64):
        out = Convolution(W.astype(dtype), b).forward(x.astype(dtype))
        np.testing.assert_array_equal(out, exact)
        assert out.dtype == dtype
    np.testing.assert_array_equal(Convolution(W, b).forward(x), exact)


@pytest.mark.parametrize("x_dtype, W_dtype", [(np.float32, np.float64), (np.float64, np.float32)])
def test_two_dtypes_mean_the_wider(x_dtype, W_dtype, rng):
    for layer in (affine(W_dtype, 32), conv(W_dtype)):
        got = results(layer, rng.normal(size=(5, 2, 4, 4)).astype(x_dtype))
        assert {array.dtype for array in got[:3]} == {np.dtype(np.float64)}


def test_nothing_given_is_written_to(made, rng):
    make, shape = made
    layer = make(np.float64)
    x = rng.normal(size=shape)
    dout = rng.normal(size=layer.forward(x).shape)
    for array in (x, dout, *(getattr(layer, name) for name in layer.param_names)):
        array.flags.writeable = False           # to write into it would be a ValueError
    results(layer, x, dout)


def test_what_was_returned_stays_and_shares_nothing(made, rng):
    """A reader who adds to out in place changes neither x nor the parameters; a later call changes nothing of it."""
    make, shape = made
    layer, other = make(np.float64), make(np.float64)
    x = rng.normal(size=shape)
    first = results(layer, x)
    before = [array.copy() for array in first]
    for array in first:
        for mine in (x, *(getattr(layer, name) for name in (*layer.param_names, *layer.buffer_names))):
            assert not np.shares_memory(array, mine)
    for again in (layer, other):
        for n in (len(x), 2):
            results(again, rng.normal(size=(n, *shape[1:])))
    for array, value in zip(first, before):
        np.testing.assert_array_equal(array, value)


def test_one_row_of_many_and_rows_all_the_same(made, rng):
    """Broadcast arrays have strides of 0."""
    make, shape = made
    several, x = [], np.broadcast_to(distinct(rng, shape[1:]), shape)
    for form in (lambda x: x, np.array):
        np.random.seed(3)
        layer = make(np.float64)
        dout = np.broadcast_to(layer.forward(form(x))[:1], layer.forward(form(x)).shape)
        np.random.seed(3)
        several.append(results(layer, form(x), form(dout)))
    for broadcast, plain in zip(*several):
        np.testing.assert_allclose(broadcast, plain, rtol=1e-12, atol=1e-12)


def test_prediction_between_forward_and_backward_does_no_harm(made, rng):
    make, shape = made
    layer = make(np.float64)
    x = rng.normal(size=shape)
    dout = rng.normal(size=layer.forward(x).shape)
    before = layer.backward(dout)
    layer.forward(x[:2] + 1, train_flg=False)
    np.testing.assert_array_equal(layer.backward(dout), before)


# ---- worked by hand ------------------------------------------------

@pytest.mark.parametrize("layer, x, out, dout, dx, grads", [
    (Relu(), [[1, -0.5], [0, 3]], [[1, 0], [0, 3]], [[5, 6], [7, 8]], [[5, 0], [0, 8]], {}),
    (Sigmoid(), np.log([[3.0, 1.0]]), [[0.75, 0.5]], [[16, 4]], [[3, 1]], {}),              # y (1 - y) = 3/16, 1/4
    (Affine(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 20.0])),
     [[1, 0, 2], [0, 1, 0]], [[21, 34], [13, 24]], [[1, 0], [0, 1]], [[1, 3, 5], [2, 4, 6]],
     {"dW": [[1, 0], [0, 1], [2, 0]], "db": [1, 1]}),
    (Convolution(np.array([[[[1.0, 0], [0, 2]]]]), np.array([0.5])), [[[[1, 2, 0], [0, 1, 3], [2, 0, 1]]]],
     [[[[3.5, 8.5], [0.5, 3.5]]]], [[[[1, 0], [0, 10]]]], [[[[1, 0, 0], [0, 12, 0], [0, 0, 20]]]],
     {"dW": [[[[11, 32], [0, 11]]]], "db": [11]}),          # out: 1 + 2*1 + 0.5, ...; dW: 1*1 + 10*1, 1*2 + 10*3, ...
    (Pooling(2, 2), [[[[1, 2, 5, 6], [3, 0, 7, 8], [-1, -2, 0, 0], [-4, -3, 0, 0]]]], [[[[3, 8], [-1, 0]]]],
     [[[[1, 2], [3, 4]]]],                                  # 4 meets a tie: the first place
     [[[[0, 0, 0, 0], [1, 0, 0, 2], [3, 0, 4, 0], [0, 0, 0, 0]]]], {}),
    (BatchNormalization(np.array([1.0, 10.0]), np.array([0.0, 5.0])), [[1, 0], [3, 8]],     # means 2, 4; std 1, 4
     [[-1, -5], [1, 15]], [[1, 0], [0, 0]], [[0, 0], [0, 0]], {"dgamma": [-1, 0], "dbeta": [1, 0]}),
], ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "")
def test_by_hand(layer, x, out, dout, dx, grads):
    np.testing.assert_allclose(layer.forward(np.array(x, float)), out, rtol=1e-5)
    np.testing.assert_allclose(layer.backward(np.array(dout, float)), dx, rtol=1e-5, atol=1e-5)
    for name, values in grads.items():
        np.testing.assert_allclose(getattr(layer, name), values, rtol=1e-5)


def test_softmax_with_loss_by_hand():
    layer = SoftmaxWithLoss()
    loss = layer.forward(np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([0, 1]))
    assert loss == pytest.approx((np.log(4) + np.log(2)) / 2)
    assert layer.loss == loss
    np.testing.assert_allclose(layer.y, [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(layer.backward(), [[-0.375, 0.375], [0.25, -0.25]])


@pytest.mark.parametrize("t", [np.array([1]), np.array([[0, 1]])])
def test_smoothed_labels_by_hand(t):
    layer = SoftmaxWithLoss(label_smoothing=0.2)
    assert layer.forward(np.log([[1.0, 3.0]]), t) == pytest.approx(0.9 * np.log(4 / 3) + 0.1 * np.log(4))
    np.testing.assert_allclose(layer.backward(), [[0.15, -0.15]])
    with pytest.raises(ValueError, match="label_smoothing >= 0 and < 1, got 1"):
        SoftmaxWithLoss(label_smoothing=1)


@pytest.mark.parametrize("label_smoothing", [0, 0.1])
@pytest.mark.parametrize("t", [np.array([2]), np.array([[0, 0, 1]]), np.array([[0.0, 0.0, 1.0]])])
def test_softmax_with_loss_keeps_dtype_and_its_input(label_smoothing, t):
    x = np.array([[1, 2, 3]], np.float32)
    x.flags.writeable = t.flags.writeable = False
    layer = SoftmaxWithLoss(label_smoothing)
    assert layer.forward(x, t).dtype == np.float32
    first = layer.backward()
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, layer.backward())      # and backward does not wear y out


# ---- dropout ------------------------------------------------

def test_dropout_silences_its_share_and_keeps_the_rest(rng):
    """Each of n values is silenced with probability 0.3: the share lies within 5 standard deviations."""
    x = rng.normal(size=(200, 300)) + 10
    layer = Dropout(0.3)
    out = layer.forward(x)
    for axis in (None, 0, 1):                                   # also in every column and every row
        share = np.mean(out == 0, axis=axis)
        n = x.size / share.size
        np.testing.assert_allclose(share, 0.3, rtol=0, atol=5 * np.sqrt(0.3 * 0.7 / n))
    assert not np.array_equal(layer.forward(x), out)            # a new mask every time


def test_dropout_of_nothing_and_by_default_of_half():
    x = np.ones((20, 30))
    np.testing.assert_array_equal(Dropout(0).forward(x), x)
    assert Dropout().dropout_ratio == 0.5


def test_settings_of_numpys_types_count_as_any_other(rng):
    """A NumPy float64 makes no float64 of float32; a stride of 8 bits does not overflow."""
    for flag in (True, False):
        assert Dropout(np.float64(0.5)).forward(np.ones((2, 3), np.float32), flag).dtype == np.float32
    x = rng.normal(size=(20, 1, 28, 28))
    W = 3, 1, 5, 5
    for small, usual in ((conv(np.float64, W, np.uint8(1), np.uint8(2)), conv(np.float64, W, 1, 2)),
                         (Pooling(3, 3, np.uint8(2), np.uint8(1)), Pooling(3, 3, 2, 1)),
                         (Pooling(*[np.int8(12)] * 3), Pooling(12, 12, 12)),
                         (Pooling(*[np.uint8(16)] * 3), Pooling(16, 16, 16))):
        for mine, its in zip(results(small, x), results(usual, x)):
            np.testing.assert_array_equal(mine, its)


# ---- running statistics ------------------------------------------------

@pytest.mark.parametrize("shape, axes", [((50, 4), 0), ((20, 4, 3, 3), (0, 2, 3))])
def test_running_statistics_are_learned_in_training_and_used_in_prediction(shape, axes, rng):
    layer = BatchNormalization(np.ones(4), np.zeros(4), momentum=0.8)
    mean, var = np.zeros(4), np.ones(4)
    for _ in range(5):
        x = rng.normal(2, 3, size=shape)
        layer.forward(x)
        mean, var = 0.8 * mean + 0.2 * x.mean(axis=axes), 0.8 * var + 0.2 * x.var(axis=axes)
    np.testing.assert_allclose(layer.running_mean, mean)
    np.testing.assert_allclose(layer.running_var, var)
    learned = layer.running_mean.copy(), layer.running_var.copy()
    spread = (slice(None), None, None) if len(shape) == 4 else slice(None)
    exact = (x - mean[spread]) / np.sqrt(var[spread] + 1e-6)
    for rows in (slice(None), slice(0, 1)):                                # one example is enough
        np.testing.assert_allclose(layer.forward(x[rows], train_flg=False), exact[rows])
    np.testing.assert_array_equal((layer.running_mean, layer.running_var), learned)     # and left alone


def test_given_statistics_are_used_and_not_written_to():
    """Nor is what is learned lost because they were whole numbers."""
    mean, var = np.array([1, 2]), np.array([4, 9])
    layers = [BatchNormalization(np.ones(2, np.float32), np.zeros(2, np.float32), 0.9, mean, var) for _ in range(2)]
    np.testing.assert_allclose(layers[0].forward(np.array([[3.0, 8.0]], np.float32), False), [[1, 2]], rtol=1e-6)
    layers[0].forward(np.array([[3.5, 1], [4.5, 1]], np.float32))
    assert mean.tolist() == [1, 2] and var.tolist() == [4, 9]
    np.testing.assert_allclose(layers[0].running_mean, [1.3, 1.9], rtol=1e-6)
    np.testing.assert_allclose(layers[0].running_var, [3.625, 8.1], rtol=1e-6)
    assert layers[1].running_mean.tolist() == [1, 2] and layers[1].running_mean.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_constant_column_stays_finite(dtype):
    layer = BatchNormalization(np.ones(2, dtype), np.zeros(2, dtype))
    out = layer.forward(np.array([[3, 1], [3, 2], [3, 3]], dtype))
    assert np.isfinite(out).all() and (out[:, 0] == 0).all()
    assert np.isfinite(layer.backward(np.array([[1, 2], [3, 4], [5, 6]], dtype))).all()


# ---- errors ------------------------------------------------

@pytest.mark.parametrize("layer, x, words", [
    (affine(np.float32), np.ones((5, 7)), ["Affine", "6 values", "(5, 7)"]),
    (affine(np.float32), np.ones((5, 1, 28, 27)), ["Affine", "6 values", "(5, 1, 28, 27)"]),
    (affine(np.float32), np.ones(6), ["Affine", "6 values", "(6,)"]),
    (affine(np.float32), np.float32(6), ["Affine", "6 values", "()"]),
    (affine(np.float32), np.ones((0, 6)), ["Affine", "(0, 6)"]),
    (conv(np.float32), np.ones((5, 3, 4, 4)), ["Convolution", "(N, 2, H, W)", "3, 4, 4)"]),
    (conv(np.float32), np.ones((2, 4, 4)), ["Convolution", "(N, 2, H, W)", "(2, 4, 4)"]),
    (conv(np.float32), np.ones((5, 784)), ["Convolution", "(N, 2, H, W)", "(5, 784)"]),
    (conv(np.float32, pad=0), np.ones((5, 2, 2, 4)), ["3", "2", "padded by 0"]),
    (conv(np.float32), np.ones((0, 2, 4, 4)), ["Convolution", "(0, 2, 4, 4)"]),
    (Pooling(2, 2), np.ones((5, 4)), ["Pooling", "(N, C, H, W)", "(5, 4)"]),
    (Pooling(5, 2), np.ones((1, 1, 4, 4)), ["5", "4", "padded by 0"]),
    (Pooling(2, 2), np.ones((0, 2, 4, 4)), ["Pooling", "(0, 2, 4, 4)"]),
    (Pooling(2, 2, 0), np.ones((1, 1, 4, 4)), ["stride"]),
    (batch_norm(np.float32, 6), np.ones((5, 7)), ["BatchNormalization", "6 values", "7"]),
    (batch_norm(np.float32, 6), np.ones((5, 12)), ["BatchNormalization", "6 values", "12"]),
    (batch_norm(np.float32, 6), np.ones((5, 4, 2, 2)), ["BatchNormalization", "6 values", "4, 2, 2)"]),
    (batch_norm(np.float32, 6), np.ones(6), ["BatchNormalization", "6 values"]),
    (batch_norm(np.float32, 6), np.ones((0, 6)), ["BatchNormalization", "6", "(0, 6)"]),
    *[(layer(b), np.ones((2, 1, 6, 6)), [f"expected {shapes}", f"{layer(b).W.shape} and {b.shape}"])
      for b in (np.ones((3, 1, 1)), np.ones(4))
      for layer, shapes in ((lambda b: Affine(np.ones((36, 3)), b), "W (D, M) and b (M,)"),
                            (lambda b: Convolution(np.ones((3, 1, 2, 2)), b), "W (FN, C, FH, FW) and b (FN,)"))],
    *[(layer, np.ones((2, 1, 6, 6)), [f"{type(layer).__name__}: expected W (", "got ("])
      for layer in (Affine(np.ones(3), np.ones(3)), Affine(np.ones((3, 1, 2, 2)), np.ones(3)),
                    Convolution(np.ones((4, 3)), np.ones(4)), Convolution(np.ones((1, 2, 2)), np.ones(1)))]])
def test_wrong_input_is_named(layer, x, words):
    for flag in (True, False):
        with pytest.raises(ValueError) as caught:
            layer.forward(x, flag)
        assert all(word in str(caught.value) for word in words)


def test_errors_name_no_slice_of_a_batch():
    """Batches of images may be computed in slices: their sizes are none of the reader's business."""
    for layer in (conv(np.float32), batch_norm(np.float32, 3)):
        with pytest.raises(ValueError) as caught:
            layer.forward(np.ones((90, 5, 6, 6), np.float32))
        assert re.findall(r"(\d+), 5, 6, 6", str(caught.value)) in ([], ["90"]) and "5, 6, 6)" in str(caught.value)


def test_backward_before_forward_says_so(made):
    make, shape = made
    for layer in (make(np.float64), SoftmaxWithLoss()):
        with pytest.raises(RuntimeError, match=f"{type(layer).__name__}.*forward"):
            layer.backward(np.ones(shape))


def test_a_dout_of_another_shape_is_an_error_and_changes_nothing(made, rng):
    make, shape = made
    layer = make(np.float64)
    dout = rng.normal(size=layer.forward(rng.normal(size=shape)).shape)
    layer.backward(dout)
    before = {name: getattr(layer, f"d{name}").copy() for name in layer.param_names}
    for wrong in (dout[1:], np.concatenate([dout, dout]), dout[..., :-1]):
        with pytest.raises(ValueError, match="shape|expected"):
            layer.backward(wrong)
    for name, grad in before.items():
        np.testing.assert_array_equal(getattr(layer, f"d{name}"), grad)


@pytest.mark.parametrize("stride, pad", [(2.0, 0), (1.5, 0), ("1", 0), ((1, 1), 0), (None, 0), (1, 0.0), (1, None)])
def test_stride_and_pad_are_whole_numbers(stride, pad, rng):
    """Also when they are changed later."""
    x = rng.normal(size=(2, 2, 6, 6))
    for layer in (conv(np.float64), Pooling(2, 2)):
        out = layer.forward(x)
        layer.stride, layer.pad = stride, pad
        uses = [lambda: layer.forward(x), lambda: layer.backward(out)]
        for use in uses:
            with pytest.raises((TypeError, ValueError)) as caught:     # ValueError: they fit no more
                use()
            if use is uses[0]:
                assert "expected whole numbers for stride, pad and filter size, got" in str(caught.value)


def test_nan_is_shown():
    x = np.ones((1, 1, 4, 4))
    x[0, 0, 0, 1] = np.nan
    for layer in (Pooling(2, 2), Relu(), Sigmoid()):
        assert np.isnan(layer.forward(x)).sum() == 1


@pytest.mark.parametrize("make, words", [
    (lambda: Pooling(2, 2, 1, 2), "Pooling: pad 2"), (lambda: Pooling(3, 1, 1, 1), "Pooling: pad 1"),
    (lambda: SoftmaxWithLoss().forward(np.ones((2, 3)), np.array([0, 3])), "0 to 2, got 3"),
    *[(lambda ratio=ratio: Dropout(ratio), f"Dropout.*0.*1.*{ratio}") for ratio in (-0.1, 1, 1.5, np.nan)]])
def test_wrong_settings_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_one_number_as_dout_stands_for_every_value(rng):
    for layer, shape in ((Affine(rng.normal(size=(6, 4)), np.zeros(4)), (3, 6)), (Relu(), (3, 6)),
                         (Convolution(rng.normal(size=(2, 1, 3, 3)), np.zeros(2)), (3, 1, 5, 5)),
                         (Pooling(2, 2), (3, 1, 4, 4))):
        out = layer.forward(rng.normal(size=shape))
        np.testing.assert_array_equal(layer.backward(2.0), layer.backward(np.full(out.shape, 2.0)))
