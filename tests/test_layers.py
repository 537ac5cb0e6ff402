"""common/layers.py: backward against central differences, convolution and pooling against plain loops."""
import numpy as np
import pytest

from common.gradient import numerical_gradient
from common.layers import (Affine, BatchNormalization, Convolution, Dropout, GlobalAveragePooling, Layer, Pooling, Relu,
                           Sigmoid, SoftmaxWithLoss)


def check_jacobian(layer, x, forward=None, h=1e-5):
    """One random projection of every Jacobian: <u, J v> by central differences equals <J^T u, v> by backward.

    For x and for each parameter of the layer. `forward` replaces layer.forward, if it needs more than x.
    """
    rng = np.random.default_rng(5)
    forward = forward or layer.forward
    u = rng.normal(size=forward(x).shape)
    dx = layer.backward(u)
    gradients = {"x": (x, dx)}
    gradients.update({name: (getattr(layer, name), getattr(layer, f"d{name}")) for name in layer.param_names})
    for name, (array, gradient) in gradients.items():
        assert gradient.shape == array.shape, name
        v = rng.normal(size=array.shape)
        by_backward = np.sum(gradient * v)
        before = array.copy()
        array[...] = before + h * v
        upper = forward(x)
        array[...] = before - h * v
        by_differences = np.sum(u * (upper - forward(x))) / (2 * h)
        array[...] = before
        assert by_backward == pytest.approx(by_differences, rel=1e-7, abs=1e-7), f"d{name}"


def distinct(rng, shape):
    """Values so far apart that the steps of a check never change which one is the largest, nor cross 0."""
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) - n // 2 + 0.5) * (4 / n)


# ---- the layers that every general test goes through ------------------------------------------------

def affine(dtype, inputs=6, outputs=4):
    rng = np.random.default_rng(2)
    return Affine(rng.normal(size=(inputs, outputs)).astype(dtype), rng.normal(size=outputs).astype(dtype))


def convolution(dtype, shape=(3, 2, 3, 2), stride=1, pad=1):
    rng = np.random.default_rng(2)
    W, b = rng.normal(size=shape), rng.normal(size=shape[0])
    return Convolution(W.astype(dtype), b.astype(dtype), stride, pad)


def batch_norm(dtype, size):
    rng = np.random.default_rng(2)
    return BatchNormalization(rng.normal(size=size).astype(dtype), rng.normal(size=size).astype(dtype))


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
    "convolution": (convolution, (5, 2, 4, 4)),
    "convolution with stride": (lambda dtype: convolution(dtype, stride=2), (5, 2, 4, 4)),
    "convolution of one channel": (lambda dtype: convolution(dtype, (3, 1, 3, 3), pad=0), (5, 1, 4, 4)),
    "pooling": (lambda dtype: Pooling(2, 2), (5, 2, 4, 4)),
    "global average pooling": (lambda dtype: GlobalAveragePooling(), (5, 2, 4, 4)),
    "overlapping pooling with pad": (lambda dtype: Pooling(3, 3, 2, 1), (5, 2, 4, 4)),
}


@pytest.fixture(params=LAYERS)
def made(request):
    """(maker, shape) of one layer after the other."""
    return LAYERS[request.param]


def gradients_of(layer):
    return {name: getattr(layer, f"d{name}") for name in layer.param_names}


# ---- gradients ------------------------------------------------

@pytest.mark.parametrize("shape", [(1, 1), (4, 7), (1, 5), (2, 3, 4, 5), (1, 1, 6, 6), (30, 2, 3, 3)])
def test_gradient_of_activations(shape, rng):
    check_jacobian(Relu(), distinct(rng, shape))
    check_jacobian(Sigmoid(), rng.normal(size=shape))


@pytest.mark.parametrize("shape", [(1, 1), (4, 7), (1, 5), (7, 1), (2, 3, 4, 5), (1, 1, 6, 6), (101, 9)])
def test_gradient_of_affine(shape, rng):
    check_jacobian(affine(np.float64, int(np.prod(shape[1:])), 3), rng.normal(size=shape))


@pytest.mark.parametrize("shape, size", [
    ((5, 1), 1), ((6, 7), 7), ((30, 2), 2),
    ((2, 3, 4, 5), 3), ((4, 1, 3, 2), 1), ((1, 2, 3, 3), 2),      # per channel: one image has many pixels
    ((6, 3, 2, 4), 24), ((5, 1, 3, 3), 9), ((8, 4, 1, 1), 4)])
def test_gradient_of_batch_normalization(shape, size, rng):
    x = rng.normal(2, 3, size=shape)
    layer = batch_norm(np.float64, size)
    check_jacobian(layer, x)
    assert np.abs(layer.backward(rng.normal(size=shape))).max() > 1e-3      # all 0 would check nothing


@pytest.mark.parametrize("shape", [(4, 7), (1, 5), (2, 3, 4, 5), (101, 3, 3, 3)])
def test_gradient_of_dropout(shape, rng):
    layer, state = Dropout(0.4), np.random.get_state()

    def forward(x):
        np.random.set_state(state)      # the same mask every time
        return layer.forward(x)

    check_jacobian(layer, rng.normal(size=shape), forward)


@pytest.mark.parametrize("seed", range(60))
def test_gradient_of_convolution(seed):
    rng = np.random.default_rng(seed)
    N, C, FN = rng.integers(1, 4, 3)
    FH, FW = rng.integers(1, 6, 2)
    stride, pad = int(rng.integers(1, 4)), int(rng.integers(0, 4))
    H, W = np.maximum([FH - 2 * pad, FW - 2 * pad], 1) + rng.integers(0, 6, 2)
    check_jacobian(convolution(np.float64, (FN, C, FH, FW), stride, pad), rng.normal(size=(N, C, H, W)))


@pytest.mark.parametrize("x_shape, W_shape, stride, pad", [
    ((1, 1, 28, 28), (30, 1, 5, 5), 1, 0), ((41, 1, 28, 28), (6, 1, 5, 5), 1, 0),
    ((27, 16, 14, 14), (4, 16, 3, 3), 1, 1), ((100, 2, 9, 8), (3, 2, 3, 3), 2, 1)])
def test_gradient_of_convolution_of_whole_batches(x_shape, W_shape, stride, pad, rng):
    check_jacobian(convolution(np.float64, W_shape, stride, pad), rng.normal(size=x_shape))


@pytest.mark.parametrize("seed", range(60))
def test_gradient_of_pooling(seed):
    rng = np.random.default_rng(seed)
    pool_h, pool_w, stride = (int(n) for n in rng.integers(1, 5, 3))
    pad = int(rng.integers(0, min(pool_h, pool_w)))
    H, W = np.maximum([pool_h - 2 * pad, pool_w - 2 * pad], 1) + rng.integers(0, 6, 2)
    x = distinct(rng, (*rng.integers(1, 4, 2), H, W))
    check_jacobian(Pooling(pool_h, pool_w, stride, pad), x)


@pytest.mark.parametrize("shape, pooling", [((41, 3, 24, 24), (2, 2)), ((100, 2, 8, 7), (3, 2, 1, 1))])
def test_gradient_of_pooling_of_whole_batches(shape, pooling, rng):
    check_jacobian(Pooling(*pooling), distinct(rng, shape), h=1e-7)


@pytest.mark.parametrize("N, K", [(1, 2), (1, 10), (7, 3), (40, 10), (2, 1)])
@pytest.mark.parametrize("dout", [1, 2.5])
def test_gradient_of_softmax_with_loss(N, K, dout, rng):
    x, index = rng.normal(size=(N, K)), rng.integers(K, size=N)
    mixed = rng.random((N, K))
    mixed /= mixed.sum(axis=1, keepdims=True)
    for t in (index, index.astype(np.uint8), np.eye(K)[index], np.eye(K, dtype=int)[index], mixed):
        for layer in (SoftmaxWithLoss(), SoftmaxWithLoss(label_smoothing=0.2)):
            expected = numerical_gradient(lambda x: layer.forward(x, t), x)
            layer.forward(x, t)
            np.testing.assert_allclose(layer.backward(dout), dout * expected, atol=1e-7)


class WrongDx(Affine):
    def backward(self, dout):
        return -super().backward(dout)


class WrongDb(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = -self.db
        return dx


class ForgetfulPooling(Pooling):
    """Drops the gradient of one value."""
    def backward(self, dout):
        dx = super().backward(dout)
        dx[tuple(index[0] for index in np.nonzero(dx))] = 0
        return dx


@pytest.mark.parametrize("wrong, right, shape", [
    (WrongDx(np.ones((6, 4)), np.ones(4)), affine(np.float64), (5, 6)),
    (WrongDb(np.ones((6, 4)), np.ones(4)), affine(np.float64), (5, 6)),
    (ForgetfulPooling(2, 2), Pooling(2, 2), (5, 2, 4, 4))], ids=["dx", "db", "one value"])
def test_the_check_catches_a_wrong_backward(wrong, right, shape, rng):
    x = distinct(rng, shape)
    check_jacobian(right, x)
    with pytest.raises(AssertionError):
        check_jacobian(wrong, x)


def test_parameter_gradients_are_those_of_backward(made, rng):
    """The first layer of a net is asked for these alone."""
    make, shape = made
    layer = make(np.float64)
    dout = rng.normal(size=layer.forward(rng.normal(size=shape)).shape)
    layer.backward(dout)
    by_backward = gradients_of(layer)
    layer.parameter_gradients(dout)
    for name, gradient in gradients_of(layer).items():
        np.testing.assert_allclose(gradient, by_backward[name], rtol=1e-12, atol=1e-12)


# ---- what every layer promises ------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(made, dtype, rng):
    make, shape = made
    layer = make(dtype)
    x = rng.normal(size=shape).astype(dtype)
    out = layer.forward(x)
    arrays = [out, layer.backward(np.ones_like(out)), *gradients_of(layer).values(), layer.forward(x, False)]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_integer_images_mean_their_values(made, dtype, rng):
    make, shape = made
    x = rng.integers(0, 256, shape).astype(dtype)
    results = []
    for values in (x, x.astype(np.float64)):
        np.random.seed(3)
        layer = make(np.float64)
        out = layer.forward(values)
        results.append([out, layer.forward(values, train_flg=False), *gradients_after(layer, values)])
    for of_integers, of_floats in zip(*results):
        np.testing.assert_allclose(of_integers, of_floats, rtol=1e-5, atol=1e-6)


def gradients_after(layer, x):
    np.random.seed(4)
    dout = np.linspace(-1, 1, layer.forward(x).size).reshape(layer.forward(x).shape)
    return [layer.backward(dout), *gradients_of(layer).values()]


def test_integers_count_as_the_dtype_of_the_parameters(made, rng):
    make, shape = made
    layer = make(np.float32)
    x = rng.integers(0, 256, shape).astype(np.uint8)
    if layer.param_names:
        assert layer.forward(x).dtype == layer.forward(x, train_flg=False).dtype == np.float32


@pytest.mark.parametrize("b", [0.5, np.float64(0.5), np.full(3, 0.5), np.full(3, 0.5, np.float16)], ids=repr)
def test_a_bias_of_another_type(b, rng):
    """It counts, and the result is of the type of x and W; of its own, if those are whole numbers."""
    x, W = rng.integers(-4, 5, (2, 1, 6, 6)), rng.integers(-4, 5, (3, 1, 3, 3))
    expected = Convolution(W.astype(np.float64), np.zeros(3)).forward(x) + 0.5
    for dtype in (np.float32, np.float64):
        out = Convolution(W.astype(dtype), b).forward(x.astype(dtype))
        np.testing.assert_array_equal(out, expected)
        assert out.dtype == dtype
    np.testing.assert_array_equal(Convolution(W, b).forward(x), expected)


def test_nothing_given_is_written_to(made, rng):
    make, shape = made
    layer = make(np.float64)
    x = rng.normal(size=shape)
    x.flags.writeable = False           # to write into it would be a ValueError
    for name in layer.param_names:
        getattr(layer, name).flags.writeable = False
    dout = rng.normal(size=layer.forward(x).shape)
    dout.flags.writeable = False
    layer.backward(dout)
    layer.parameter_gradients(dout)
    layer.forward(x, train_flg=False)


def test_what_was_returned_stays_as_it_is(made, rng):
    make, shape = made
    layer, other = make(np.float64), make(np.float64)
    x = rng.normal(size=shape)

    def results(layer, x):
        out = layer.forward(x)
        return [out, layer.backward(out + 1), *gradients_of(layer).values(), layer.forward(x, False)]

    first = results(layer, x)
    before = [array.copy() for array in first]
    for again in (layer, other):
        for n in (len(x), 2):
            results(again, rng.normal(size=(n, *shape[1:])))
    for array, value in zip(first, before):
        np.testing.assert_array_equal(array, value)


def test_what_was_returned_may_be_written_to(made, rng):
    """A reader who adds to out in place changes neither x nor the parameters."""
    make, shape = made
    layer = make(np.float64)
    x = rng.normal(size=shape)
    kept = [x, *(getattr(layer, name) for name in (*layer.param_names, *layer.buffer_names))]
    out = layer.forward(x)
    for array in (out, layer.backward(np.ones_like(out)), layer.forward(x, train_flg=False)):
        assert not any(np.shares_memory(array, other) for other in kept)


@pytest.mark.parametrize("view", [
    np.asfortranarray, lambda x: np.repeat(x, 2, axis=-1)[..., ::2], lambda x: x[::-1].copy()[::-1],
    lambda x: np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)],
    ids=["fortran", "every second", "reversed", "channels last"])
def test_input_may_lie_anyhow_in_memory(made, view, rng):
    make, shape = made
    x = rng.normal(size=shape)
    dout = rng.normal(size=make(np.float64).forward(x).shape)
    results = []
    for form in (np.array, view):
        np.random.seed(3)
        layer = make(np.float64)
        results.append([layer.forward(form(x)), layer.backward(form(dout)), *gradients_of(layer).values()])
    for plain, viewed in zip(*results):
        np.testing.assert_allclose(plain, viewed, rtol=1e-12, atol=1e-12)


def test_one_row_of_many_and_rows_all_the_same(made, rng):
    """Broadcast arrays have strides of 0."""
    make, shape = made
    x = np.broadcast_to(distinct(rng, shape[1:]), shape)
    layer = make(np.float64)
    out = layer.forward(x)
    np.testing.assert_allclose(out if isinstance(layer, Dropout) else layer.forward(x.copy()), out, rtol=1e-12)
    layer.backward(np.broadcast_to(out[:1], out.shape))


def test_forward_is_training_unless_told_otherwise(made, rng):
    make, shape = made
    layer = make(np.float64)
    x = rng.normal(size=shape)
    results = []
    for flag in ((), (True,)):
        np.random.seed(3)
        results.append(layer.forward(x, *flag))
    np.testing.assert_array_equal(*results)


def test_a_stride_of_few_bits_counts_as_any_other(rng):
    x = rng.normal(size=(20, 1, 28, 28))
    for small, usual in ((Convolution(np.ones((3, 1, 5, 5)), np.zeros(3), np.uint8(1), np.uint8(2)),
                          Convolution(np.ones((3, 1, 5, 5)), np.zeros(3), 1, 2)),
                         (Pooling(3, 3, np.uint8(2), np.uint8(1)), Pooling(3, 3, 2, 1)),
                         (Pooling(*[np.int8(12)] * 3), Pooling(12, 12, 12)),
                         (Pooling(*[np.uint8(16)] * 3), Pooling(16, 16, 16))):
        out = usual.forward(x)
        np.testing.assert_array_equal(small.forward(x), out)
        np.testing.assert_array_equal(small.backward(out), usual.backward(out))


def test_backward_before_forward_says_so(made):
    make, shape = made
    layer = make(np.float64)
    for backward in (layer.backward, layer.parameter_gradients):
        with pytest.raises(RuntimeError, match=f"{type(layer).__name__}.*forward"):
            backward(np.ones(shape))


def test_a_dout_of_another_shape_is_an_error_and_changes_nothing(made, rng):
    make, shape = made
    layer = make(np.float64)
    dout = rng.normal(size=layer.forward(rng.normal(size=shape)).shape)
    layer.backward(dout)
    before = {name: grad.copy() for name, grad in gradients_of(layer).items()}
    for wrong in (dout[1:], np.concatenate([dout, dout]), dout[..., :-1]):
        for backward in (layer.backward, layer.parameter_gradients):
            with pytest.raises(ValueError, match="shape|expected"):
                backward(wrong)
    for name, grad in gradients_of(layer).items():
        np.testing.assert_array_equal(grad, before[name])


def test_products_of_many_threads_check_dout_too(rng):
    layer = Affine(np.ones((784, 50)), np.zeros(50))        # large enough to be cut into blocks
    layer.forward(rng.normal(size=(1000, 784)))
    with pytest.raises(ValueError, match=r"expected dout of out's shape \(1000, 50\), got \(1500, 50\)"):
        layer.parameter_gradients(np.ones((1500, 50)))
    assert layer.dW is None and layer.db is None


def test_a_stride_that_has_become_a_fraction_is_an_error(rng):
    x = rng.normal(size=(2, 1, 6, 6))
    for layer in (Convolution(np.ones((2, 1, 3, 3)), np.zeros(2)), Pooling(2, 2)):
        out = layer.forward(x)
        layer.stride = 1.5
        for use in (lambda: layer.forward(x), lambda: layer.backward(out)):
            with pytest.raises(TypeError, match="whole numbers.*1.5"):
                use()


def test_prediction_between_forward_and_backward_does_no_harm(made, rng):
    make, shape = made
    layer = make(np.float64)
    x = rng.normal(size=shape)
    dout = rng.normal(size=layer.forward(x).shape)
    expected = [layer.backward(dout), *gradients_of(layer).values()]
    layer.forward(x[:2] + 1, train_flg=False)
    for array, value in zip([layer.backward(dout), *gradients_of(layer).values()], expected):
        np.testing.assert_array_equal(array, value)


def test_a_layer_of_ones_own(rng):
    """Layer is the interface: forward and backward are all that a layer without parameters needs."""
    class Square(Layer):
        def forward(self, x, train_flg=True):
            self.x = x
            return x ** 2

        def backward(self, dout):
            return 2 * self.x * dout

    check_jacobian(Square(), rng.normal(size=(3, 4)))
    for missing in (lambda: Layer().forward(np.ones(1)), lambda: Layer().backward(np.ones(1))):
        with pytest.raises(NotImplementedError):
            missing()


# ---- values worked by hand ------------------------------------------------

def test_relu_by_hand():
    layer = Relu()
    assert layer.forward(np.array([[1.0, -0.5], [0.0, 3.0]])).tolist() == [[1, 0], [0, 3]]
    assert layer.backward(np.array([[5.0, 6.0], [7.0, 8.0]])).tolist() == [[5, 0], [0, 8]]


def test_sigmoid_by_hand():
    layer = Sigmoid()
    np.testing.assert_allclose(layer.forward(np.log([[3.0, 1.0]])), [[0.75, 0.5]])
    np.testing.assert_allclose(layer.backward(np.array([[16.0, 4.0]])), [[3, 1]])      # y (1 - y) = 3/16, 1/4


def test_affine_by_hand():
    layer = Affine(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 20.0]))
    assert layer.forward(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])).tolist() == [[21, 34], [13, 24]]
    assert layer.backward(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist() == [[1, 3, 5], [2, 4, 6]]
    assert layer.dW.tolist() == [[1, 0], [0, 1], [2, 0]]
    assert layer.db.tolist() == [1, 1]


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
def test_softmax_with_loss_keeps_dtype_and_its_input(label_smoothing):
    x = np.array([[1, 2, 3]], np.float32)
    for t in (np.array([2]), np.array([[0, 0, 1]]), np.array([[0.0, 0.0, 1.0]])):
        x.flags.writeable = t.flags.writeable = False
        layer = SoftmaxWithLoss(label_smoothing)
        assert layer.forward(x, t).dtype == np.float32
        first = layer.backward()
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first, layer.backward())      # and backward does not wear y out


def test_softmax_with_loss_names_bad_targets():
    with pytest.raises(ValueError, match="0 to 2, got 3"):
        SoftmaxWithLoss().forward(np.ones((2, 3)), np.array([0, 3]))
    with pytest.raises(RuntimeError, match="SoftmaxWithLoss.*forward"):
        SoftmaxWithLoss().backward()


# ---- convolution and pooling against plain loops ------------------------------------------------

def convolution_by_loops(x, W, b, stride, pad):
    N, C, H, width = x.shape
    FN, _, FH, FW = W.shape
    padded = np.zeros((N, C, H + 2 * pad, width + 2 * pad))
    padded[:, :, pad:pad + H, pad:pad + width] = x
    out = np.zeros((N, FN, (H + 2 * pad - FH) // stride + 1, (width + 2 * pad - FW) // stride + 1))
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = b[f]
        for c, p, q in np.ndindex(C, FH, FW):
            out[n, f, i, j] += padded[n, c, i * stride + p, j * stride + q] * W[f, c, p, q]
    return out


def pooling_by_loops(x, dout, pool_h, pool_w, stride, pad):
    """out, and dx for dout (a function of out's shape): the first largest value of the image takes it all."""
    N, C, H, W = x.shape
    out = np.zeros((N, C, (H + 2 * pad - pool_h) // stride + 1, (W + 2 * pad - pool_w) // stride + 1))
    dout, dx = dout(out.shape), np.zeros(x.shape)
    for n, c, i, j in np.ndindex(out.shape):
        best = None
        for row in range(i * stride - pad, i * stride - pad + pool_h):
            for column in range(j * stride - pad, j * stride - pad + pool_w):
                inside = 0 <= row < H and 0 <= column < W
                if inside and (best is None or x[n, c, row, column] > x[n, c][best]):
                    best = row, column
        out[n, c, i, j] = x[n, c][best]
        dx[n, c][best] += dout[n, c, i, j]
    return out, dout, dx


def test_convolution_by_hand():
    x = np.array([[[[1.0, 2, 0], [0, 1, 3], [2, 0, 1]]]])
    layer = Convolution(np.array([[[[1.0, 0], [0, 2]]]]), np.array([0.5]))
    assert layer.forward(x).tolist() == [[[[3.5, 8.5], [0.5, 3.5]]]]      # 1 + 2*1 + 0.5, 2 + 2*3 + 0.5, ...
    dx = layer.backward(np.array([[[[1.0, 0], [0, 10]]]]))
    assert dx.tolist() == [[[[1, 0, 0], [0, 12, 0], [0, 0, 20]]]]
    assert layer.dW.tolist() == [[[[11, 32], [0, 11]]]]                   # 1*1 + 10*1, 1*2 + 10*3, ...
    assert layer.db.tolist() == [11]


@pytest.mark.parametrize("seed", range(30))
def test_convolution_against_loops(seed):
    rng = np.random.default_rng(seed)
    N, C, FN = rng.integers(1, 4, 3)
    FH, FW = rng.integers(1, 4, 2)
    stride, pad = int(rng.integers(1, 4)), int(rng.integers(0, 4))
    H, W = np.maximum([FH - 2 * pad, FW - 2 * pad], 1) + rng.integers(0, 4, 2)
    layer, x = convolution(np.float64, (FN, C, FH, FW), stride, pad), rng.normal(size=(N, C, H, W))
    expected = convolution_by_loops(x, layer.W, layer.b, stride, pad)
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-12, atol=1e-12)


def test_pooling_by_hand():
    layer = Pooling(2, 2)
    x = np.array([[[[1.0, 2, 5, 6], [3, 0, 7, 8], [-1, -2, 0, 0], [-4, -3, 0, 0]]]])
    assert layer.forward(x).tolist() == [[[[3, 8], [-1, 0]]]]
    dx = layer.backward(np.array([[[[1.0, 2], [3, 4]]]]))                 # 4 meets a tie: the first place
    assert dx.tolist() == [[[[0, 0, 0, 0], [1, 0, 0, 2], [3, 0, 4, 0], [0, 0, 0, 0]]]]


@pytest.mark.parametrize("values", ["distinct", "ties", "negative"])
@pytest.mark.parametrize("seed", range(20))
def test_pooling_against_loops(values, seed):
    rng = np.random.default_rng(seed)
    pool_h, pool_w, stride = (int(n) for n in rng.integers(1, 4, 3))
    pad = int(rng.integers(0, min(pool_h, pool_w)))
    H, W = np.maximum([pool_h - 2 * pad, pool_w - 2 * pad], 1) + rng.integers(0, 5, 2)
    shape = (*rng.integers(1, 4, 2), H, W)
    x = {"distinct": rng.normal(size=shape), "ties": rng.integers(-1, 2, shape).astype(float),
         "negative": -1 - rng.random(shape)}[values]
    layer = Pooling(pool_h, pool_w, stride, pad)
    out, dout, dx = pooling_by_loops(x, lambda shape: rng.normal(size=shape), pool_h, pool_w, stride, pad)
    np.testing.assert_array_equal(layer.forward(x), out)
    np.testing.assert_allclose(layer.backward(dout), dx, rtol=1e-12, atol=1e-12)


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


@pytest.mark.parametrize("H, W, pool, stride, pad", [
    (4, 6, 2, 2, 0), (5, 4, 2, 2, 0), (4, 5, 2, 2, 0), (7, 7, 2, 3, 0), (6, 6, 3, 3, 1), (3, 6, 3, 3, 1),
    (8, 8, 4, 4, 2), (8, 9, 3, 4, 1), (5, 5, 3, 2, 1)])
def test_pooling_leaves_no_place_unwritten(H, W, pool, stride, pad, garbage, rng):
    x = rng.normal(size=(2, 3, H, W))
    every_place = Pooling(pool, pool, 1, pad)           # leaves NaN in memory that is used again
    every_place.backward(np.full(every_place.forward(x).shape, np.nan))
    layer = Pooling(pool, pool, stride, pad)
    out, dout, dx = pooling_by_loops(x, lambda shape: rng.normal(size=shape), pool, pool, stride, pad)
    np.testing.assert_array_equal(layer.forward(x), out)
    np.testing.assert_allclose(layer.backward(dout), dx, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("H, W, stride, pad", [(4, 5, 1, 0), (6, 6, 2, 0), (6, 7, 3, 1), (5, 5, 2, 2)])
def test_convolution_leaves_no_place_unwritten(H, W, stride, pad, garbage, rng):
    x, layer = rng.normal(size=(2, 2, H, W)), convolution(np.float64, (3, 2, 2, 3), stride, pad)
    for value in (np.nan, 1):                           # leaves NaN in memory that is used again
        out = layer.forward(np.full(x.shape, value) * x)
        dx = layer.backward(np.full(out.shape, value))
    expected = convolution_by_loops(x, layer.W, layer.b, stride, pad)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
    assert np.isfinite(dx).all() and np.isfinite(layer.dW).all() and np.isfinite(layer.db).all()
    np.testing.assert_allclose(np.sum(dx * x), np.sum(out - layer.b[:, None, None]), rtol=1e-9)     # linear


@pytest.mark.parametrize("layer", [convolution(np.float64, (4, 2, 3, 3)), Pooling(3, 3, 2, 1)],
                         ids=["convolution", "pooling"])
def test_an_image_does_not_feel_the_others(layer, rng):
    """Whole batches may be computed in slices: any cut must give what single images give."""
    x = rng.normal(size=(103, 2, 9, 10))
    out = layer.forward(x)
    dout = rng.normal(size=out.shape)
    dx, parameters = layer.backward(dout), gradients_of(layer)
    sums = {name: 0 for name in parameters}
    for n in range(len(x)):
        np.testing.assert_allclose(layer.forward(x[n:n + 1]), out[n:n + 1], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(layer.backward(dout[n:n + 1]), dx[n:n + 1], rtol=1e-12, atol=1e-12)
        sums = {name: total + gradients_of(layer)[name] for name, total in sums.items()}
    for name, total in sums.items():
        np.testing.assert_allclose(parameters[name], total, rtol=1e-10, atol=1e-10)


# ---- dropout ------------------------------------------------

def test_dropout_silences_its_share_and_keeps_the_rest(rng):
    x = rng.normal(size=(200, 300)) + 10
    layer = Dropout(0.3)
    out = layer.forward(x)
    for axis, tolerance in ((None, 0.01), (0, 0.15), (1, 0.15)):     # also in every column and every row
        np.testing.assert_allclose(np.mean(out == 0, axis=axis), 0.3, atol=tolerance)
    np.testing.assert_array_equal(out[out != 0], x[out != 0])
    np.testing.assert_array_equal(layer.backward(x), out)       # the same mask
    assert not np.array_equal(layer.forward(x), out)            # a new mask every time


def test_dropout_predicts_the_expected_value():
    x = np.array([[1.0, 2.0]])
    np.testing.assert_allclose(Dropout(0.3).forward(x, train_flg=False), 0.7 * x)
    assert Dropout().dropout_ratio == 0.5


def test_dropout_is_reproducible():
    x, outs = np.ones((20, 30)), []
    for _ in range(2):
        np.random.seed(5)
        outs.append(Dropout().forward(x))
    np.testing.assert_array_equal(*outs)
    np.random.seed(6)
    assert not np.array_equal(Dropout().forward(x), outs[0])


def test_dropout_of_nothing():
    x = np.ones((20, 30))
    np.testing.assert_array_equal(Dropout(0).forward(x), x)


def test_dropout_keeps_float32_with_a_ratio_of_numpys():
    x = np.ones((2, 3), np.float32)
    for flag in (True, False):
        assert Dropout(np.float64(0.5)).forward(x, flag).dtype == np.float32


@pytest.mark.parametrize("ratio", [-0.1, 1, 1.5, np.nan])
def test_dropout_ratio_out_of_range(ratio):
    with pytest.raises(ValueError, match=f"Dropout.*0.*1.*{ratio}"):
        Dropout(ratio)


# ---- batch normalization ------------------------------------------------

def test_batch_normalization_by_hand():
    layer = BatchNormalization(np.array([1.0, 10.0]), np.array([0.0, 5.0]))
    out = layer.forward(np.array([[1.0, 0.0], [3.0, 8.0]]))                # means 2 and 4, deviations 1 and 4
    np.testing.assert_allclose(out, [[-1, -5], [1, 15]], rtol=1e-5)
    np.testing.assert_allclose(layer.running_mean, [0.2, 0.4])             # 0.9 * 0 + 0.1 * mean
    np.testing.assert_allclose(layer.running_var, [1.0, 2.5])              # 0.9 * 1 + 0.1 * variance


def test_batch_normalization_of_images_is_per_channel(rng):
    x = rng.normal(3, 2, size=(6, 3, 4, 5))
    gamma, beta = np.array([1.0, 2.0, 3.0]), np.array([0.0, -1.0, 5.0])
    out = BatchNormalization(gamma, beta).forward(x)
    mean, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    expected = gamma[:, None, None] * (x - mean) / np.sqrt(var + 1e-6) + beta[:, None, None]
    np.testing.assert_allclose(out, expected, rtol=1e-10)


def test_batch_normalization_per_value_is_that_of_the_flat_images(rng):
    x = rng.normal(size=(6, 2, 2, 3))
    images, flat = batch_norm(np.float64, 12), batch_norm(np.float64, 12)
    for flag in (True, False):
        out = images.forward(x, flag)
        assert out.shape == x.shape
        np.testing.assert_allclose(out.reshape(6, 12), flat.forward(x.reshape(6, 12), flag))
    np.testing.assert_allclose(images.backward(x).reshape(6, 12), flat.backward(x.reshape(6, 12)))


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
    expected = (x - mean[spread]) / np.sqrt(var[spread] + 1e-6)
    for rows in (slice(None), slice(0, 1)):                                # one example is enough
        np.testing.assert_allclose(layer.forward(x[rows], train_flg=False), expected[rows])
    np.testing.assert_array_equal((layer.running_mean, layer.running_var), learned)     # and left alone


def test_batch_normalization_takes_given_statistics():
    layer = BatchNormalization(np.ones(2), np.zeros(2), 0.9, np.array([1.0, 2.0]), np.array([4.0, 9.0]))
    np.testing.assert_allclose(layer.forward(np.array([[3.0, 8.0]]), train_flg=False), [[1, 2]], rtol=1e-6)


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
    (convolution(np.float32), np.ones((5, 3, 4, 4)), ["Convolution", "(N, 2, H, W)", "(3, 4, 4)"]),
    (convolution(np.float32), np.ones((2, 4, 4)), ["Convolution", "(N, 2, H, W)", "(2, 4, 4)"]),
    (convolution(np.float32), np.ones((5, 784)), ["Convolution", "(N, 2, H, W)", "(5, 784)"]),
    (convolution(np.float32, pad=0), np.ones((5, 2, 2, 4)), ["3", "2", "padded by 0"]),
    (convolution(np.float32), np.ones((0, 2, 4, 4)), ["Convolution", "(0, 2, 4, 4)"]),
    (Pooling(2, 2), np.ones((5, 4)), ["Pooling", "(N, C, H, W)", "(5, 4)"]),
    (Pooling(5, 2), np.ones((1, 1, 4, 4)), ["5", "4", "padded by 0"]),
    (Pooling(2, 2), np.ones((0, 2, 4, 4)), ["Pooling", "(0, 2, 4, 4)"]),
    (batch_norm(np.float32, 6), np.ones((5, 7)), ["BatchNormalization", "6 values", "(7,)"]),
    (batch_norm(np.float32, 6), np.ones((5, 12)), ["BatchNormalization", "6 values", "(12,)"]),
    (batch_norm(np.float32, 6), np.ones((5, 4, 2, 2)), ["BatchNormalization", "6 values", "(4, 2, 2)"]),
    (batch_norm(np.float32, 6), np.ones(6), ["BatchNormalization", "6 values", "shape ()"]),
    (batch_norm(np.float32, 6), np.ones((0, 6)), ["BatchNormalization", "6", "(0, 6)"]),
])
def test_wrong_input_is_named(layer, x, words):
    for flag in (True, False):
        with pytest.raises(ValueError) as caught:
            layer.forward(x, flag)
        for word in words:
            assert word in str(caught.value)


def test_a_dout_of_another_shape_is_an_error(made, rng):
    make, shape = made
    layer = make(np.float64)
    out = layer.forward(rng.normal(size=shape))
    for wrong in (np.ones((len(out) + 1, *out.shape[1:])), np.ones((*out.shape[:-1], out.shape[-1] + 1))):
        with pytest.raises(ValueError):
            layer.backward(wrong)


def test_a_pool_of_padding_alone_is_an_error():
    for arguments in ((2, 2, 1, 2), (3, 1, 1, 1)):
        with pytest.raises(ValueError, match=f"Pooling: pad {arguments[3]}"):
            Pooling(*arguments)
    with pytest.raises(ValueError, match="stride"):
        Pooling(2, 2, stride=0).forward(np.ones((1, 1, 4, 4)))
