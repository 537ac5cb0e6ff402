"""Checks of what layers are given, apart from their formulas."""
import numpy as np


def as_floats(x, dtype=np.float32):
    """x as an array of floats; whole numbers count as this dtype, or as floats that hold whole numbers of it."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.result_type(dtype, np.float16))


def check_parameters(layer, expected, ndim, outputs):
    """W must have so many dimensions, and b a number for each output (their axis in W), or be a number itself."""
    shape = np.shape(layer.W)
    if len(shape) != ndim or layer.b is None or np.shape(layer.b) not in (shape[outputs:][:1], ()):
        raise ValueError(f"{type(layer).__name__}: expected {expected}, got {shape} and {np.shape(layer.b)}")


def check_images(layer, x, channels=None):
    """x, if these are images, with so many channels."""
    expected = f"{type(layer).__name__}: expected images of shape (N, {channels or 'C'}, H, W), N > 0, got {x.shape}"
    if x.ndim == 2:
        raise ValueError(f"{expected}; load_mnist(flatten=False) gives images")
    if x.ndim != 4 or x.size == 0 or channels not in (None, x.shape[1]):
        raise ValueError(expected)
    return x
