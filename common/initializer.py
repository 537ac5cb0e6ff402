"""Initial weights (book, 6.2), the same way for every network."""
import numpy as np

from common.layers import Affine, Convolution


def weight_std(weight_init_std, fan_in):
    """The standard deviation of weights that each sum fan_in inputs.

    weight_init_std : a number >= 0; or 'relu' / 'he' for sqrt(2 / fan_in) (He et al. 2015);
        or 'sigmoid' / 'xavier' for sqrt(1 / fan_in) (Glorot, Bengio 2010)
    """
    name = str(weight_init_std).lower()
    if name in ("relu", "he"):
        return (2 / fan_in) ** 0.5
    if name in ("sigmoid", "xavier"):
        return (1 / fan_in) ** 0.5
    if np.shape(weight_init_std) == () and np.asarray(weight_init_std).dtype.kind in "iuf" and weight_init_std >= 0:
        return float(weight_init_std)
    raise ValueError("weight_init_std: expected a number >= 0, 'relu', 'he', 'sigmoid' or 'xavier', "
                     f"got {weight_init_std!r}")


def random_affine(input_size, output_size, weight_init_std, dtype=np.float32):
    """An Affine layer with normally distributed weights and zero biases (np.random)."""
    W = weight_std(weight_init_std, input_size) * np.random.randn(input_size, output_size)
    return Affine(W.astype(dtype), np.zeros(output_size, dtype))


def random_convolution(channels, weight_init_std, filter_num, filter_size, stride=1, pad=0, dtype=np.float32):
    """A Convolution layer with normally distributed weights and zero biases (np.random)."""
    fan_in = channels * filter_size * filter_size
    W = weight_std(weight_init_std, fan_in) * np.random.randn(filter_num, channels, filter_size, filter_size)
    return Convolution(W.astype(dtype), np.zeros(filter_num, dtype), stride, pad)
