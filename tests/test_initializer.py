"""common/initializer.py: how wide the first weights scatter, and that nothing else depends on luck."""
import numpy as np
import pytest

from common.initializer import random_affine, random_convolution, weight_std


@pytest.mark.parametrize("init, fan_in, std", [
    ("relu", 8, 0.5), ("he", 50, 0.2), ("He", 2, 1),
    ("sigmoid", 4, 0.5), ("xavier", 100, 0.1), ("Xavier", 1, 1),
    (0.01, 100, 0.01), (0, 5, 0), (1, 5, 1), (np.float32(0.5), 5, 0.5)])
def test_weight_std(init, fan_in, std):
    assert weight_std(init, fan_in) == pytest.approx(std)


@pytest.mark.parametrize("init", ["rellu", "", -0.1, np.nan, None, [0.01]])
def test_unknown_weight_std(init):
    for make in (lambda: weight_std(init, 10), lambda: random_affine(3, 2, init),
                 lambda: random_convolution(1, init, 2, 3)):
        with pytest.raises(ValueError) as caught:
            make()
        for word in ("weight_init_std", "relu", "he", "sigmoid", "xavier", repr(init)):
            assert word in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_affine(dtype):
    layer = random_affine(200, 300, "relu", dtype)
    assert layer.W.shape == (200, 300) and layer.b.shape == (300,)
    assert layer.W.dtype == layer.b.dtype == dtype
    assert layer.W.std() == pytest.approx(0.1, rel=0.02) and abs(layer.W.mean()) < 0.002
    assert np.mean(np.abs(layer.W) < 0.1) == pytest.approx(0.683, abs=0.01)       # a normal distribution
    assert (layer.b == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_convolution(dtype):
    layer = random_convolution(8, "xavier", 64, 5, 2, 1, dtype)
    assert layer.W.shape == (64, 8, 5, 5) and layer.b.shape == (64,)
    assert layer.W.dtype == layer.b.dtype == dtype
    assert layer.W.std() == pytest.approx((8 * 5 * 5) ** -0.5, rel=0.03)     # every sum has 8 * 5 * 5 inputs
    assert (layer.b == 0).all()
    assert (layer.stride, layer.pad) == (2, 1)


def test_float32_by_default_and_the_same_numbers_for_the_same_seed():
    draws = []
    for dtype in (np.float32, np.float32, np.float64):
        np.random.seed(4)
        draws.append((random_affine(5, 4, 0.1, dtype).W, random_convolution(2, 0.1, 3, 3, dtype=dtype).W))
    for first, second, double in zip(*draws):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, double.astype(np.float32))
    assert random_affine(5, 4, 0.1).W.dtype == random_convolution(2, 0.1, 3, 3).W.dtype == np.float32
