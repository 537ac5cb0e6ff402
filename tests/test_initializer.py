"""common/initializer.py: how wide the first weights scatter, and that nothing else depends on luck."""
import numpy as np
import pytest

from common.initializer import random_affine, random_convolution, weight_std


@pytest.mark.parametrize("init, fan_in, std", [
    ("relu", 8, 0.5), ("he", 50, 0.2), ("He", 2, 1), ("sigmoid", 4, 0.5), ("xavier", 100, 0.1), ("Xavier", 1, 1),
    (0.01, 100, 0.01), (0, 5, 0), (1, 5, 1), (np.float32(0.5), 5, 0.5)])
def test_weight_std(init, fan_in, std):
    assert weight_std(init, fan_in) == pytest.approx(std)


@pytest.mark.parametrize("init", ["rellu", "", -0.1, np.nan, None, [0.01]])
def test_unknown_weight_std(init):
    for make in (lambda: weight_std(init, 10), lambda: random_affine(3, 2, init),
                 lambda: random_convolution(1, init, 2, 3)):
        with pytest.raises(ValueError) as caught:
            make()
        assert all(word in str(caught.value)
                   for word in ("weight_init_std", "relu", "he", "sigmoid", "xavier", repr(init)))


@pytest.mark.parametrize("make, shape, std", [
    (lambda *dtype: random_affine(200, 300, "relu", *dtype), (200, 300), (2 / 200) ** 0.5),
    (lambda *dtype: random_convolution(8, "xavier", 64, 5, 2, 1, *dtype), (64, 8, 5, 5), (8 * 5 * 5) ** -0.5)])
@pytest.mark.parametrize("dtype", [(), (np.float32,), (np.float64,)])
def test_random_layers(make, shape, std, dtype):
    """Normal weights: mean, standard deviation and the share within one lie within 5 standard deviations of theirs."""
    layer = make(*dtype)
    n = layer.W.size
    assert layer.W.shape == shape and layer.b.shape == (shape[-1] if len(shape) == 2 else shape[0],)
    assert layer.W.dtype == layer.b.dtype == (dtype or (np.float32,))[0]
    assert abs(layer.W.mean()) < 5 * std / n ** 0.5 and layer.W.std() == pytest.approx(std, rel=5 / (2 * n) ** 0.5)
    assert np.mean(np.abs(layer.W) < std) == pytest.approx(0.6827, abs=5 * (0.6827 * 0.3173 / n) ** 0.5)
    assert (layer.b == 0).all() and (len(shape) == 2 or (layer.stride, layer.pad) == (2, 1))
    np.random.seed(4)
    first = make(*dtype).W
    np.random.seed(4)
    np.testing.assert_array_equal(make(np.float64).W.astype(first.dtype), first)    # one seed, the same numbers
