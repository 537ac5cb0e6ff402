"""common/functions.py: values worked by hand, every kind of number and target, every error."""
import numpy as np
import pytest
from bounds import assert_rounded

from common.functions import (cross_entropy_error, identity_function, relu, relu_grad, sigmoid, sigmoid_grad,
                              softmax, softmax_loss, step_function, sum_squared_error)

FLOATS = [np.float16, np.float32, np.float64]
LOSSES = [cross_entropy_error, softmax_loss]
ln = np.log


@pytest.mark.parametrize("f, x, expected", [
    (sigmoid, [[0, ln(3)], [-ln(3), ln(9)]], [[0.5, 0.75], [0.25, 0.9]]),       # 1 / (1 + exp(-ln 3)) = 1 / (1 + 1/3)
    (sigmoid, 0.0, 0.5),
    (sigmoid, [-50.0, -700.0], np.exp([-50.0, -700.0])),                        # tiny values do not get lost
    (sigmoid_grad, [[0, ln(3)]], [[0.25, 0.1875]]),
    (step_function, [-1.0, 0.0, 2.0], [0, 0, 1]), (step_function, 3.0, 1),
    (identity_function, [1.0, -2.0], [1, -2]),
    (relu, [-1.0, 0.0, 2.0], [0, 0, 2]), (relu, -3.0, 0), (relu_grad, [-1.0, 0.0, 2.0], [0, 0, 1]),
    (softmax, ln([[1.0, 2, 5], [3, 3, 4]]), [[1 / 8, 2 / 8, 5 / 8], [0.3, 0.3, 0.4]]),
    (softmax, ln([1.0, 2, 5]), [1 / 8, 2 / 8, 5 / 8]), (softmax, 1234 + ln([1.0, 2, 5]), [1 / 8, 2 / 8, 5 / 8])])
def test_by_hand(f, x, expected):
    x = np.array(x) if isinstance(x, list) else x
    np.testing.assert_allclose(f(x), expected, rtol=1e-12)
    assert f is not step_function or np.asarray(f(x)).dtype.kind == "i"


@pytest.mark.parametrize("loss, y, t, expected", [
    (sum_squared_error, [[1, 2], [0, 0.5]], [[0, 1], [0, 1]], 0.5 * (1 + 1 + 0.25)),
    (sum_squared_error, [1.0, 2.0], [0, 0], 2.5),
    (cross_entropy_error, [[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], [1, 2], -(ln(0.25) + ln(0.8)) / 2),
    (cross_entropy_error, [[0.9, 0.1], [0.2, 0.8]], [0, 1], -(ln(0.9) + ln(0.8)) / 2),      # square, yet no one-hot
    (cross_entropy_error, [[0.5, 0.5]], [[0.25, 0.75]], ln(2)),                             # t may be a distribution
    (cross_entropy_error, [[1.0, 0.0]], [1], -ln(1e-7)),                                    # and no infinity
    (softmax_loss, [[1000.0, 0.0]], [1], 1000), (softmax_loss, [[1e4, -1e4, 0.0]], [[0, 1, 0]], 2e4)])
def test_losses_by_hand(loss, y, t, expected):
    assert loss(np.array(y), np.array(t)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
def test_large_numbers_neither_overflow_nor_change_dtype(dtype):
    """A RuntimeWarning fails the test."""
    for f, x, expected in ((sigmoid, [-1e4, -89, 0, 89, 1e4], [0, 0, 0.5, 1, 1]),
                           (softmax, [[1e4, 0, -1e4], [-1e4] * 3], [[1, 0, 0], [1 / 3] * 3])):
        y = f(np.array(x, dtype))
        assert y.dtype == dtype
        assert_rounded(y, np.array(expected, float), 1, 4)
    for loss in LOSSES:
        for t in ([1], np.array([[0, 1]], np.uint8)):
            assert loss(np.array([[0.25, 0.75]], dtype), t).dtype == np.result_type(dtype, np.float32)


def test_all_kinds_of_targets_mean_the_same(rng):
    x, t = rng.normal(size=(6, 5)), rng.integers(5, size=6)
    one_hot = np.eye(5)[t]
    assert softmax_loss(x, t) == pytest.approx(cross_entropy_error(softmax(x), t), abs=1e-5)
    for loss, y in zip(LOSSES, (softmax(x), x)):
        for form in (list(t), t.astype(np.uint8), one_hot, one_hot.astype(np.float32), one_hot > 0):
            assert loss(y, form) == pytest.approx(loss(y, t), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_one_example_counts_as_a_batch_of_one(loss):
    y, one_hot = np.array([0.1, 0.2, 0.7]), np.array([0, 0, 1])
    for t in (2, np.uint8(2), [2], [[2]], one_hot, one_hot[None]):
        assert loss(y, t) == loss(y[None], t) == loss(y[None], np.array([2]))


def test_nothing_is_written_to():
    x, t, one_hot = np.array([[1.0, -2.0]]), np.array([1]), np.array([[0.0, 1.0]])
    for array in (x, t, one_hot):
        array.flags.writeable = False
    for f in (identity_function, step_function, sigmoid, sigmoid_grad, relu, relu_grad, softmax):
        f(x)
    for loss in LOSSES:
        loss(np.abs(x), t), loss(np.abs(x), one_hot)
    sum_squared_error(x, one_hot)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape, t, error, words", [
    ((2, 3), [0, 3], ValueError, ["0 to 2", "got 3"]),
    ((2, 3), [-1, 0], ValueError, ["0 to 2", "got -1"]),
    ((3,), 7, ValueError, ["0 to 2", "got 7"]),
    ((2, 3), [0.0, 1.0], TypeError, ["integers", "float64"]),
    ((2, 3), ["a", "b"], TypeError, ["integers", "<U1"]),
    ((2, 3), [0, 1, 2], ValueError, ["2 class indices", "(2, 3)", "(3,)"]),
    ((2, 3), [[0], [1]], ValueError, ["2 class indices", "(2, 1)"]),
    ((2, 3), np.ones((3, 2)), ValueError, ["(2, 3)", "(3, 2)"]),
    ((2, 3), np.ones((1, 6)), ValueError, ["(2, 3)", "(1, 6)"]),
    ((2, 3), np.ones((2, 4)), ValueError, ["(2, 3)", "(2, 4)"]),
    ((2, 3), 1, ValueError, ["2 class indices", "()"]),
    ((0, 3), np.ones(0, int), ValueError, ["N > 0", "(0, 3)"]),
    ((2, 3, 4), [0, 1], ValueError, ["(N, K)", "(2, 3, 4)"])])
def test_bad_targets_are_named(loss, shape, t, error, words):
    with pytest.raises(error) as caught:
        loss(np.ones(shape), t)
    assert all(word in str(caught.value) for word in words)
