"""Checks of what layers are given, apart from their formulas."""
import numpy as np


def as_floats(x, dtype=np.float32):
    """x as an array of floats; whole numbers take this dtype, if it is one of floats, or one that holds theirs."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.result_type(dtype, np.float32))


def as_row(values, size):
    """A value for each of `size`, or one for all, as (size,)."""
    values = np.asarray(values)
    return values if values.shape == (size,) else np.broadcast_to(values.reshape(-1), size)


def check_parameters(layer, expected, ndim, outputs):
    """W must have so many dimensions, and b a number for each output (their axis in W), or one for all."""
    W, b = np.shape(layer.W), np.shape(layer.b)
    if len(W) != ndim or layer.b is None or b not in ((W[outputs],), (1, W[outputs]), (1,), ()):
        raise ValueError(f"{type(layer).__name__}: expected {expected}, got {W} and {b}")


def check_images(layer, x, channels=None):
    """x, if these are images, with so many channels."""
    expected = f"{type(layer).__name__}: expected images of shape (N, {channels or 'C'}, H, W), N > 0, got"
    if x.ndim != 4 or x.size == 0:
        remedy = "; load_mnist(flatten=False) gives images" if x.ndim == 2 else ""
        raise ValueError(f"{expected} {x.shape}{remedy}")
    if channels not in (None, x.shape[1]):      # x may be a slice of the batch: its N would say nothing
        raise ValueError(f"{expected} images of shape {x.shape[1:]}")
    return x
