"""common/gradient.py: derivatives that are known, whatever form x and f take."""
import numpy as np
import pytest

from common.gradient import numerical_gradient, numerical_gradient_2d


def test_quadratic_by_hand():
    # d/dx0 (x0^2 + 3 x0 x1) = 2 x0 + 3 x1, d/dx1 = 3 x0; differences of a quadratic are exact
    grad = numerical_gradient(lambda x: x[0] ** 2 + 3 * x[0] * x[1], np.array([3.0, 4.0]))
    np.testing.assert_allclose(grad, [18, 9], rtol=1e-9)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3, 2), (0,)])
def test_any_shape(shape, rng):
    x = rng.normal(size=shape)
    grad = numerical_gradient(lambda x: np.sum(np.sin(x)), x)
    assert grad.shape == shape
    np.testing.assert_allclose(grad, np.cos(x), atol=1e-8)


def test_f_may_ignore_its_argument(rng):
    W, x = rng.normal(size=(3, 2)), rng.normal(size=3)
    grad = numerical_gradient(lambda _: np.sum(x @ W), W)
    np.testing.assert_allclose(grad, np.outer(x, np.ones(2)), atol=1e-9)


def test_a_view_is_changed_where_it_lives(rng):
    whole = rng.normal(size=(4, 6))
    grad = numerical_gradient(lambda _: np.sum(whole ** 2), whole[::2, 1::3])
    np.testing.assert_allclose(grad, 2 * whole[::2, 1::3], rtol=1e-8)


def test_x_is_put_back_bit_for_bit(rng):
    x = rng.normal(size=(3, 3)) * 1e3
    before = x.copy()
    numerical_gradient(np.sum, x)
    np.testing.assert_array_equal(x, before)

    def fails(x):
        raise RuntimeError("in f")
    with pytest.raises(RuntimeError, match="in f"):
        numerical_gradient(fails, x)
    np.testing.assert_array_equal(x, before)


def test_float32_is_kept_and_close():
    x = np.array([0.5, 3.0], np.float32)
    grad = numerical_gradient(lambda x: np.sum(x.astype(np.float64) ** 2), x)
    assert grad.dtype == np.float32
    np.testing.assert_allclose(grad, 2 * x, rtol=1e-3)


def test_a_step_that_rounding_swallows_is_an_error():
    with pytest.raises(ValueError, match="float16.*float64"):
        numerical_gradient(np.sum, np.array([1.0], np.float16))
    with pytest.raises(ValueError, match="float32.*float64"):
        numerical_gradient(np.sum, np.array([1e4], np.float32))


@pytest.mark.parametrize("x, word", [(np.array([1, 2]), "int64"), (np.array([True]), "bool"),
                                     ([1.0, 2.0], "list"), (3.0, "float"), (np.array([1j]), "complex128")])
def test_only_arrays_of_floats(x, word):
    with pytest.raises(TypeError, match=f"expected an array of floats, got {word}"):
        numerical_gradient(np.sum, x)


def test_2d_is_one_gradient_per_row():
    X = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, -1.0]])
    grad = numerical_gradient_2d(lambda x: x[0] ** 2 * x[1], X)
    np.testing.assert_allclose(grad, [[4, 1], [24, 9], [0, 0]], atol=1e-7)
    np.testing.assert_allclose(numerical_gradient_2d(lambda x: x[0] ** 2 * x[1], X[0]), [4, 1], rtol=1e-7)


def test_a_descent_that_diverges_goes_on_to_huge_numbers_as_in_the_book():
    x = np.array([-3.0, 4.0])
    for _ in range(100):
        x -= 10.0 * numerical_gradient(lambda x: np.sum(x ** 2), x)
    assert np.isfinite(x).all() and np.abs(x).max() > 1e10
