"""common/functions.py: values worked by hand, every kind of target, every error."""
import numpy as np
import pytest

from common.functions import (cross_entropy_error, identity_function, relu, relu_grad, sigmoid, sigmoid_grad,
                              softmax, softmax_loss, step_function, sum_squared_error)

FLOATS = [np.float16, np.float32, np.float64]


def test_sigmoid_by_hand():
    # 1 / (1 + exp(-ln 3)) = 1 / (1 + 1/3)
    x = np.array([[0, np.log(3)], [-np.log(3), np.log(9)]])
    np.testing.assert_allclose(sigmoid(x), [[0.5, 0.75], [0.25, 0.9]], rtol=1e-14)
    assert sigmoid(0.0) == 0.5


@pytest.mark.parametrize("dtype", FLOATS)
def test_sigmoid_neither_overflows_nor_changes_dtype(dtype):
    y = sigmoid(np.array([-1e4, -89, 0, 89, 1e4], dtype))       # a RuntimeWarning fails the test
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [0, 0, 0.5, 1, 1], atol=1e-6)


def test_sigmoid_keeps_tiny_values():
    np.testing.assert_allclose(sigmoid(np.array([-50.0, -700.0])), np.exp([-50.0, -700.0]), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, bool])
def test_integers_mean_their_values(dtype):
    x = np.array([[0, 1, 100]]).astype(dtype)
    as_float = x.astype(np.float64)
    for f in (sigmoid, sigmoid_grad, relu, relu_grad, softmax, lambda x: softmax_loss(x, [0])):
        np.testing.assert_allclose(f(x), f(as_float), atol=1e-3)


def test_unsigned_numbers_do_not_wrap_in_sum_squared_error():
    assert sum_squared_error(np.array([0, 5], np.uint8), np.array([3, 1], np.uint8)) == (9 + 16) / 2


def test_step_function():
    y = step_function(np.array([-1.0, 0.0, 2.0]))
    assert y.tolist() == [0, 0, 1] and y.dtype.kind == "i"
    assert step_function(3.0) == 1


def test_identity_function():
    x = np.array([1.0, -2.0])
    np.testing.assert_array_equal(identity_function(x), x)


def test_relu():
    assert relu(np.array([-1.0, 0.0, 2.0])).tolist() == [0, 0, 2]
    assert relu(-3.0) == 0


def test_derivatives_against_central_differences():
    x, h = np.array([[-2.0, -0.3], [0.7, 4.0]]), 1e-5
    for f, df in ((sigmoid, sigmoid_grad), (relu, relu_grad)):
        np.testing.assert_allclose(df(x), (f(x + h) - f(x - h)) / (2 * h), atol=1e-9)
    assert relu_grad(np.zeros(2)).tolist() == [0, 0]


def test_softmax_by_hand():
    x = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 4.0]])
    np.testing.assert_allclose(softmax(x), [[1 / 8, 2 / 8, 5 / 8], [0.3, 0.3, 0.4]])
    np.testing.assert_allclose(softmax(x[0]), [1 / 8, 2 / 8, 5 / 8])
    np.testing.assert_allclose(softmax(x + 1234), softmax(x))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_of_large_numbers(dtype):
    y = softmax(np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4]], dtype))
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-3)


def test_sum_squared_error_by_hand():
    y, t = np.array([[1.0, 2.0], [0.0, 0.5]]), np.array([[0, 1], [0, 1]])
    assert sum_squared_error(y, t) == 0.5 * (1 + 1 + 0.25)
    assert sum_squared_error([1.0, 2.0], [0, 0]) == 2.5


def test_cross_entropy_error_by_hand():
    y = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    expected = -(np.log(0.25) + np.log(0.8)) / 2
    one_hot = np.array([[0, 1, 0], [0, 0, 1]])
    for t in ([1, 2], np.array([1, 2], np.uint8), one_hot, one_hot.astype(np.float32), one_hot > 0):
        assert cross_entropy_error(y, t) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("loss", [cross_entropy_error, softmax_loss])
def test_one_example_counts_as_a_batch_of_one(loss):
    y, one_hot = np.array([0.1, 0.2, 0.7]), np.array([0, 0, 1])
    expected = loss(y[None], np.array([2]))
    for t in (2, np.uint8(2), [2], [[2]], one_hot, one_hot[None]):
        assert loss(y, t) == expected
        assert loss(y[None], t) == expected


def test_square_batches_of_indices_are_not_taken_for_one_hot():
    y = np.array([[0.9, 0.1], [0.2, 0.8]])
    expected = -(np.log(0.9) + np.log(0.8)) / 2
    assert cross_entropy_error(y, np.array([0, 1])) == pytest.approx(expected, abs=1e-6)


def test_targets_may_be_distributions():
    y = np.array([[0.5, 0.5]])
    assert cross_entropy_error(y, np.array([[0.25, 0.75]])) == pytest.approx(np.log(2), abs=1e-6)


def test_cross_entropy_error_of_a_zero_probability_is_finite():
    assert cross_entropy_error(np.array([[1.0, 0.0]]), [1]) == pytest.approx(-np.log(1e-7))


def test_softmax_loss_is_exact_where_a_probability_underflows():
    assert softmax_loss(np.array([[1000.0, 0.0]]), [1]) == 1000
    assert softmax_loss(np.array([[1e4, -1e4, 0.0]], np.float32), np.array([[0, 1, 0]])) == 2e4


def test_softmax_loss_is_cross_entropy_of_softmax(rng):
    x, t = rng.normal(size=(6, 5)), rng.integers(5, size=6)
    assert softmax_loss(x, t) == pytest.approx(cross_entropy_error(softmax(x), t), abs=1e-5)
    assert softmax_loss(x, np.eye(5)[t]) == pytest.approx(softmax_loss(x, t))


@pytest.mark.parametrize("dtype", FLOATS)
def test_losses_keep_dtype(dtype):
    y = np.array([[0.25, 0.75]], dtype)
    for loss in (cross_entropy_error, softmax_loss):
        assert loss(y, [1]).dtype == dtype
        assert loss(y, np.array([[0, 1]], np.uint8)).dtype == dtype


def test_nothing_is_written_to():
    x, t, one_hot = np.array([[1.0, -2.0]]), np.array([1]), np.array([[0.0, 1.0]])
    for array in (x, t, one_hot):
        array.flags.writeable = False
    for f in (identity_function, step_function, sigmoid, sigmoid_grad, relu, relu_grad, softmax):
        f(x)
    for loss in (cross_entropy_error, softmax_loss):
        loss(np.abs(x), t)
        loss(np.abs(x), one_hot)
    sum_squared_error(x, one_hot)


@pytest.mark.parametrize("loss", [cross_entropy_error, softmax_loss])
@pytest.mark.parametrize("y, t, error, words", [
    (np.ones((2, 3)), [0, 3], ValueError, ["0 to 2", "got 3"]),
    (np.ones((2, 3)), [-1, 0], ValueError, ["0 to 2", "got -1"]),
    (np.ones(3), 7, ValueError, ["0 to 2", "got 7"]),
    (np.ones((2, 3)), [0.0, 1.0], TypeError, ["integers", "float64"]),
    (np.ones((2, 3)), ["a", "b"], TypeError, ["integers", "<U1"]),
    (np.ones((2, 3)), [0, 1, 2], ValueError, ["2 class indices", "(2, 3)", "(3,)"]),
    (np.ones((2, 3)), [[0], [1]], ValueError, ["2 class indices", "(2, 1)"]),
    (np.ones((2, 3)), np.ones((3, 2)), ValueError, ["(2, 3)", "(3, 2)"]),
    (np.ones((2, 3)), np.ones((1, 6)), ValueError, ["(2, 3)", "(1, 6)"]),
    (np.ones((2, 3)), np.ones((2, 4)), ValueError, ["(2, 3)", "(2, 4)"]),
    (np.ones((2, 3)), 1, ValueError, ["2 class indices", "()"]),
    (np.ones((0, 3)), np.ones(0, int), ValueError, ["N > 0", "(0, 3)"]),
    (np.ones((2, 3, 4)), [0, 1], ValueError, ["(N, K)", "(2, 3, 4)"]),
])
def test_bad_targets_are_named(loss, y, t, error, words):
    with pytest.raises(error) as caught:
        loss(y, t)
    for word in words:
        assert word in str(caught.value)
