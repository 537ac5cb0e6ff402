"""Numerical gradients by central differences (book, 4.3 and 4.4)."""
import numpy as np


def numerical_gradient(f, x):
    """The gradient of f at x: (f(x + h) - f(x - h)) / 2h, one element after the other.

    Parameters
    ----------
    f : function of x that returns a number. It may ignore its argument and read the array x where it
        lives (the weights of a net, say): x itself is changed and put back.
    x : float array of any shape; float64, unless you want to see what rounding does to differences.

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    TypeError : x is no array of floats. (Integers cannot hold x + h: every difference would be 0.)
    ValueError : the dtype is coarser than float64, and x + h is rounded to x.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise TypeError("numerical_gradient: expected an array of floats, "
                        f"got {getattr(x, 'dtype', type(x).__name__)}")
    h = 1e-4
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        try:
            x[index] = value + h
            upper, f_upper = x[index], f(x)
            x[index] = value - h
            lower, f_lower = x[index], f(x)
        finally:
            x[index] = value
        step = 2 * h
        if x.dtype.itemsize < 8:
            step = upper - lower        # the step that was really made: x is rounded
            if step == 0:
                raise ValueError(f"numerical_gradient: {value} + {h} is {value} in {x.dtype}; expected float64")
        grad[index] = (f_upper - f_lower) / step
    return grad


def numerical_gradient_2d(f, X):
    """The gradient of f at every row of X (N, D), or at X itself if it is one point (D,)."""
    if X.ndim == 1:
        return numerical_gradient(f, X)
    return np.stack([numerical_gradient(f, x) for x in X])
