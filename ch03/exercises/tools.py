"""What the checks of the exercises are made of: each returns if all is well, and raises `Wrong` if not."""
import numpy as np

from common.gradient import check_gradients

BOUND = 1e-5        # of the gradient checks: the 1e-7 in the book's log(y + 1e-7) alone makes a difference of 1e-6


class Wrong(Exception):
    """What a check found, for the reader; with the gradients to draw, {"W": Comparison}."""

    def __init__(self, text, gradients=None):
        super().__init__(text)
        self.gradients = gradients or {}


def constant(array):
    """The array, protected: what the learner's code gets is a copy, which it may spoil."""
    array.flags.writeable = False
    return array


def same(got, expected, what="the result", mistakes=(), rtol=1e-5):
    """got equals expected in type, shape and values; `mistakes` has what known mistakes give, by their description."""
    expected = np.asarray(expected)
    if got is None:
        raise Wrong(f"{what} is None: a `return` is missing")
    if isinstance(got, (list, tuple)) or np.asarray(got).dtype.kind not in "biuf":
        raise Wrong(f"{what}: expected an array of numbers of shape {expected.shape}, got a {type(got).__name__}")
    if close(got, expected, rtol):
        return
    for mistake, wrong in dict(mistakes).items():
        if close(got, wrong, rtol):
            raise Wrong(mistake)
    if np.shape(got) != expected.shape:
        raise Wrong(f"{what}: expected the shape {expected.shape}, got {np.shape(got)}")
    if close(got, -expected, rtol):
        raise Wrong(f"{what} has the wrong sign")
    got = np.asarray(got)
    place = tuple(map(int, np.argwhere(~np.isclose(got, expected, rtol, 1e-7))[0]))
    raise Wrong(f"{what}{list(place) if place else ''} is {got[place]:.6g}, expected {expected[place]:.6g}")


def close(a, b, rtol=1e-5):
    """One shape, and equal but for rounding and the tiny constants that keep divisions from zero."""
    return a is not None and np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=rtol, atol=1e-7, equal_nan=True)


def unchanged(function, **arrays):
    """The function does not write into the arrays that it is given."""
    given = {name: np.array(array) for name, array in arrays.items()}
    function(*given.values())
    for name, array in arrays.items():
        if not np.array_equal(given[name], array):
            raise Wrong(f"{name} was changed. Write into a new array: NumPy's `+=` and `x[mask] = 0` change "
                        f"the array itself, and whoever called still needs it")


def right_gradient(name, thing, *inputs):
    """The gradient of `name`, an array of a layer or net ("x", "W1"), is the one that central differences give."""
    function = getattr(thing, "forward", None) or thing.gradient
    result = function(*map(np.array, inputs))
    if result is None:
        raise Wrong(f"{function.__name__} returns None: a `return` is missing")
    if hasattr(thing, "gradient") and not isinstance(result, dict):
        raise Wrong(f"gradient: expected a dict of arrays, got a {type(result).__name__}")
    check = check_gradients(thing, *inputs, bound=BOUND)
    if name in check.failed:
        found = check[name]
        raise Wrong(found.diagnosis or f"d{name} differs from central differences by {found.relative:.0%} of the "
                                       "largest gradient, and no known mistake fits", {name: found})
