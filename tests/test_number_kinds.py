"""Whole numbers, half precision and values at the ends of their range: the right numbers everywhere, or a warning.

RuntimeWarning is an error in these tests: where a result is out of its dtype's range, NumPy must have said so.
"""
import numpy as np
import pytest
from bounds import assert_rounded, check, expected

from common.functions import (cross_entropy_error, relu, relu_grad, sigmoid, sigmoid_grad, softmax, softmax_loss,
                              step_function, sum_squared_error)
from common.layers import (Affine, BatchNormalization, Convolution, Dropout, GlobalAveragePooling, Pooling, Relu,
                           Sigmoid, SoftmaxWithLoss)
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from common.training.evaluation import calibration, confusion_matrix, most_wrong
from common.util import col2im, im2col, smooth_curve

WHOLE = [np.uint8, np.int8, np.uint16, np.int32, np.int64]


def whole_numbers(rng, shape, dtype=np.int64):
    """All of the dtype's range, up to what float32 holds exactly; the ends are among them."""
    number = np.iinfo(dtype)
    low, high = max(number.min, -2 ** 24), min(number.max, 2 ** 24)
    values = rng.integers(low, high + 1, shape)
    values.flat[:2] = low, high
    return values.astype(dtype)


def half(values):
    return np.asarray(values, np.float16)


# ---- whole numbers ------------------------------------------------

FUNCTIONS = {
    **{f.__name__: f for f in (sigmoid, sigmoid_grad, relu, relu_grad, step_function, softmax, smooth_curve)},
    "softmax_loss": lambda x: softmax_loss(x.reshape(2, 3), [0, 2]),
    "sum_squared_error": lambda x: sum_squared_error(x, x[::-1]),
    "sum_squared_error with whole t": lambda x: sum_squared_error(x / 2, x[::-1]),
    "im2col": lambda x: im2col(x.reshape(1, 1, 2, 3), 2, 2),
    "col2im": lambda x: col2im(np.tile(x[:4], (4, 1)), (1, 1, 3, 3), 2, 2)}


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_whole_numbers(name, dtype, rng):
    """Nothing wraps around: not in a difference, not in a square, not where windows are added."""
    x = whole_numbers(rng, 6, dtype)
    np.testing.assert_allclose(FUNCTIONS[name](x), FUNCTIONS[name](x.astype(np.float64)), rtol=1e-12)


IMAGES = (5, 2, 4, 4)
OF_WHOLE_NUMBERS = {    # name: (maker of a layer with parameters of a dtype, shape of x)
    "relu": (lambda array: Relu(), IMAGES), "sigmoid": (lambda array: Sigmoid(), IMAGES),
    "dropout": (lambda array: Dropout(0.25), IMAGES), "pooling": (lambda array: Pooling(3, 3, 2, 1), IMAGES),
    "average": (lambda array: GlobalAveragePooling(), IMAGES),
    "affine": (lambda array: Affine(array(32, 3), array(3)), IMAGES),
    "convolution": (lambda array: Convolution(array(3, 2, 3, 3), array(3), 1, 1), IMAGES),
    "batch norm": (lambda array: BatchNormalization(array(6), array(6)), (5, 6)),
    "batch norm of images": (lambda array: BatchNormalization(array(2), array(2)), IMAGES)}


@pytest.mark.parametrize("x_dtype, W_dtype", [(np.uint8, np.uint8), (np.int8, np.int8), (np.int64, np.int64),
                                              (np.uint8, np.float32), (np.int32, np.float64), (np.float32, np.int8),
                                              (np.float64, np.int64), (np.float64, bool), (bool, np.float32)])
@pytest.mark.parametrize("name", OF_WHOLE_NUMBERS)
def test_layers_of_whole_numbers(name, x_dtype, W_dtype, rng):
    """Data or parameters of whole numbers mean their values; a product of two may be whole, but has no 8 bits."""
    make, shape = OF_WHOLE_NUMBERS[name]

    def numbers(dtype, *shape):
        values = np.trunc(rng.uniform(1 if np.dtype(dtype).kind in "ub" else -99, 99, shape))
        return np.where(values == 0, 1, values).astype(dtype)       # no 0: dropout's are to be told from x's

    layer, x = make(lambda *shape: numbers(W_dtype, *shape)), numbers(x_dtype, *shape)
    out = layer.forward(x)
    dout = rng.normal(size=out.shape).astype(out.dtype if out.dtype.kind == "f" else float)
    got = {"out": out, "dx": layer.backward(dout), "predicted": layer.forward(x, train_flg=False)}
    got.update({f"d{key}": getattr(layer, f"d{key}") for key in layer.param_names})
    if layer.param_names and np.dtype(x_dtype).kind != "f" and np.dtype(W_dtype).kind == "f":
        assert {array.dtype for array in got.values()} == {np.dtype(W_dtype)}
    for key, (exact, sizes, terms) in expected(layer, x, dout, out).items():
        # To the precision of float32, which is enough for such numbers.
        assert_rounded(got[key].astype(np.float32), exact, sizes + np.abs(exact), terms + 1, key)


@pytest.mark.parametrize("dtype", [int, np.uint8, bool])
def test_running_statistics_of_whole_number_parameters(dtype):
    """As in BatchNormalization(np.ones(2, int), np.zeros(2, int)): what is learned lies between whole numbers."""
    layer = BatchNormalization(np.ones(2, dtype), np.zeros(2, dtype))
    layer.forward(np.array([[0.0, 4.0], [1.0, 8.0]]))
    np.testing.assert_allclose(layer.running_mean, [0.05, 0.6])
    np.testing.assert_allclose(layer.running_var, [0.925, 1.3])


RULES = [SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, bool])
@pytest.mark.parametrize("rule", RULES)
def test_gradients_of_whole_numbers(rule, dtype):
    """200 * 200 is no number of 8 bits."""
    grads = [np.array([1, 200 % 128, 100]).astype(dtype), np.array([200, 120, 0]).astype(np.uint8).astype(dtype)]
    several = []
    for form in (dtype, np.float64):
        params, optimizer = {"W1": np.ones(3), "x": 1.0}, rule()
        for grad in grads:
            optimizer.update(params, {"W1": grad.astype(form), "x": grad[1].astype(form)})
        several.append([*params["W1"], params["x"]])
    np.testing.assert_allclose(*several, rtol=1e-6)


@pytest.mark.parametrize("dtype", WHOLE)
def test_metrics_of_whole_numbers(dtype, rng):
    y, t = whole_numbers(rng, (40, 3), dtype), rng.integers(3, size=40)
    for metric in (confusion_matrix, most_wrong):
        for targets in (t, t.astype(np.uint8), np.eye(3, dtype=bool)[t]):
            np.testing.assert_array_equal(metric(y, targets), metric(y.astype(np.float64), t))
    net = Network({"Relu1": Relu()})
    assert net.accuracy(y, t) == net.accuracy(y.astype(np.float64), t)
    assert net.loss(y, t) == pytest.approx(net.loss(y.astype(np.float64), t))
    np.testing.assert_allclose(SoftmaxWithLoss().forward(y, t), softmax_loss(y.astype(np.float64), t))


# ---- half precision: numbers up to 65504, sums beyond -----------------------------------------------

def test_batch_normalization_of_images_in_half_precision(rng):
    """Sums over the batch, and squares, go beyond the largest number of 16 bits."""
    for scale in (1, 255, 1000, 60000):
        x = half(scale * rng.random((40, 3, 8, 8)))
        check(BatchNormalization(half([1, 2, 3]), half([0, -1, 5])), x, rng)
        check(BatchNormalization(half(np.ones(192)), half(np.zeros(192))), x, rng)


def test_running_statistics_in_half_precision():
    layer = BatchNormalization(half([1]), half([0]))
    x = half([[-1000], [1000]])                 # the variance is 1e6
    for _ in range(200):
        layer.forward(x)
    np.testing.assert_allclose(layer.forward(x, train_flg=False), [[-1], [1]], rtol=1e-3)
    layer = BatchNormalization(half([1]), half([0]), momentum=0.999)
    for _ in range(2000):                       # steps of a thousandth are not lost
        layer.forward(half([[2], [4]]))
    np.testing.assert_allclose(layer.running_mean, 3 * (1 - 0.999 ** 2000), rtol=2e-3)


@pytest.mark.parametrize("n", [100, 5000])
def test_long_sums_in_half_precision(n):
    """Adding 1 to 2048 gives 2048 in 16 bits."""
    affine = Affine(half([[1, 2]]), half([0, 0]))
    affine.forward(half(np.ones((n, 1))))
    affine.backward(half(np.ones((n, 2))))
    assert affine.db.tolist() == [n, n] and affine.dW.tolist() == [[n, n]]
    convolution = Convolution(half(np.ones((1, 1, 1, 1))), half([0]))
    convolution.forward(half(np.ones((n, 1, 1, 1))))
    convolution.backward(half(np.ones((n, 1, 1, 1))))
    assert convolution.db.tolist() == [n] and convolution.dW.tolist() == [[[[n]]]]
    norm = BatchNormalization(half([1]), half([0]))
    norm.forward(half(np.arange(n) % 2).reshape(n, 1))
    norm.backward(half(np.ones((n, 1))))
    assert norm.dbeta.tolist() == [n]


@pytest.mark.parametrize("n", [1, 10, 20000])
def test_losses_in_half_precision(n):
    """20,000 losses of 10 add up to more than 65504; their mean is 10."""
    scores = half(np.tile([10, 0], (n, 1)))
    t = np.ones(n, int)
    for targets in (t, np.eye(2)[t], half(np.eye(2)[t])):
        for loss in (softmax_loss(scores, targets), SoftmaxWithLoss().forward(scores, targets)):
            np.testing.assert_allclose(loss, 10, rtol=1e-3)
        y = half(np.tile([1, 0], (n, 1)))
        np.testing.assert_allclose(cross_entropy_error(y, targets), -np.log(1e-7), rtol=2e-2)
    layer = SoftmaxWithLoss()
    layer.forward(scores, t)
    exact = np.tile([1 / n, -1 / n], (n, 1)) / (1 + np.exp(-10))
    assert_rounded(layer.backward(), exact, np.abs(exact), 9)
    assert sum_squared_error(half(np.full(n, 2)), half(np.zeros(n))) == 2 * n


@pytest.mark.parametrize("f", [sigmoid, sigmoid_grad, relu, relu_grad, softmax], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_functions_at_the_ends_of_the_range(f, dtype):
    number = np.finfo(dtype)
    x = np.array([number.max, number.min, 0, number.tiny, -number.tiny, number.smallest_subnormal, 1], dtype)
    with np.errstate(over="ignore"):            # softmax subtracts max from min; the warning is true, and so is y
        y = f(x)
    assert y.dtype == dtype
    exact = {sigmoid: [1, 0, 0.5, 0.5, 0.5, 0.5, 1 / (1 + np.exp(-1))],
             sigmoid_grad: [0, 0, 0.25, 0.25, 0.25, 0.25, np.exp(-1) / (1 + np.exp(-1)) ** 2],
             relu: [number.max, 0, 0, number.tiny, 0, number.smallest_subnormal, 1],
             relu_grad: [1, 0, 0, 1, 0, 1, 1], softmax: [1, 0, 0, 0, 0, 0, 0]}[f]
    np.testing.assert_allclose(y.astype(np.float64), exact, rtol=8 * number.eps)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_layers_at_the_ends_of_the_range(dtype, rng):
    """A value that the dtype holds comes out, also where another of the batch is as large and of the other sign."""
    largest = np.finfo(dtype).max
    x = np.array([[[[largest, -largest], [0, 1]]], [[[-largest, largest], [1, 0]]]], dtype)
    for layer in (Affine(np.eye(4, dtype=dtype), np.zeros(4, dtype)),
                  Convolution(np.ones((1, 1, 1, 1), dtype), np.zeros(1, dtype))):
        for flag in (True, False):
            np.testing.assert_array_equal(layer.forward(x, flag).ravel(), x.ravel())
    for layer in (Relu(), Sigmoid(), Pooling(2, 2), Pooling(2, 2, 1, 1), Dropout(0.5), GlobalAveragePooling()):
        out = layer.forward(x)
        dx = layer.backward((out / 8).astype(dtype))
        assert all(array.dtype == dtype and np.isfinite(array).all() for array in (out, dx, layer.forward(x, False)))
    loss = SoftmaxWithLoss()
    with np.errstate(over="ignore"):
        assert loss.forward(x.reshape(2, 4), np.array([0, 1])) == 0
    np.testing.assert_array_equal(loss.backward(), 0)


@pytest.mark.parametrize("dtype, scale", [(np.float16, 60000), (np.float32, 1e30), (np.float64, 1e200)])
def test_a_batch_of_huge_numbers_is_normalized_or_warned_of(dtype, scale):
    layer = BatchNormalization(np.ones(1, dtype), np.zeros(1, dtype))
    try:
        out = layer.forward(np.array([[-scale], [scale]], dtype))
    except RuntimeWarning:
        return                                  # the square of 1e30 is no float32
    np.testing.assert_allclose(out, [[-1], [1]], rtol=1e-3)


@pytest.mark.parametrize("dtype, size", [(np.float16, 1e-4), (np.float16, 1), (np.float16, 300), (np.float16, 6e4),
                                         (np.float32, 1e-10), (np.float32, 1e15), (np.float64, 1e-100)])
@pytest.mark.parametrize("rule", RULES)
def test_small_and_large_gradients(rule, dtype, size):
    """The square of 300 is no number of 16 bits, and neither is that of 1e-4; the steps are those of float64."""
    params, exact = {"W1": np.zeros(3, dtype)}, {"W1": np.zeros(3)}
    mine, double, path = rule(), rule(), np.zeros(3)
    for share in ([1, -1, 0.5], [0.5, 0.25, -1], [1, 1, 1]):
        grad, before = np.array(share, dtype) * dtype(size), exact["W1"].copy()
        mine.update(params, {"W1": grad})
        double.update(exact, {"W1": grad.astype(np.float64)})
        path += np.abs(exact["W1"] - before)
    assert params["W1"].dtype == dtype
    assert_rounded(params["W1"], exact["W1"], path + np.abs(exact["W1"]), 3 * 9, "W1")


def test_many_small_steps_in_half_precision():
    """The memory of an optimizer is a mean of many gradients: it must not stop where a term is small beside it."""
    for rule in (RMSprop(decay_rate=0.999), Adam()):
        params, exact = {"W1": half([0])}, {"W1": np.zeros(1)}
        double = type(rule)(**{"decay_rate": 0.999} if isinstance(rule, RMSprop) else {})
        for _ in range(2000):
            rule.update(params, {"W1": half([0.5])})
            double.update(exact, {"W1": np.array([0.5])})
            params["W1"][...], exact["W1"][...] = 0, 0
        rule.update(params, {"W1": half([0.5])})
        double.update(exact, {"W1": np.array([0.5])})
        np.testing.assert_allclose(params["W1"], exact["W1"], rtol=5e-3)


def test_a_net_in_half_precision_learns_from_images_of_0_to_255(rng):
    t = rng.integers(3, size=60)
    x = half(255 * (0.2 * rng.random((60, 12)) + np.repeat(np.eye(3), 4, axis=1)[t]))
    net = MultiLayerNetExtend(12, [10], 3, use_batchnorm=True, dtype=np.float16)
    optimizer = Adam(lr=0.05)
    for _ in range(30):
        loss, grads = net.value_and_gradient(x, t)
        optimizer.update(net.params, grads)
    assert np.isfinite(loss) and net.accuracy(x, t) == 1
    assert {array.dtype for array in net.params.values()} == {np.dtype(np.float16)}


@pytest.mark.parametrize("n", [10, 70000])
def test_metrics_in_half_precision(n, rng):
    t = rng.integers(3, size=n)
    y = half(0.25 + 0.25 * np.eye(3)[np.where(np.arange(n) % 2, t, (t + 1) % 3)])
    net = Network({"Pass": Dropout(0)})
    assert net.accuracy(y, t) == confusion_matrix(y, t).diagonal().sum() / n == 0.5
    count, certainty, accuracy, error = calibration(y, t)
    assert count.sum() == n and certainty[5] == accuracy[5] == 0.5 and error == 0
