"""What the checks of the exercises are made of: each returns if all is well, and raises `Wrong` if not."""
import doctest
from functools import lru_cache

import numpy as np

from common.gradient import check_gradients


class Wrong(Exception):
    """What a check found, for the reader; with the gradients to draw, {"W": Comparison}."""

    def __init__(self, text, gradients=None):
        super().__init__(text)
        self.gradients = gradients or {}


def constant(array):
    """The array, protected: what the learner's code gets is a copy, which it may spoil."""
    array.flags.writeable = False
    return array


def examples(my):
    """The examples at the top of the file (lines with >>>) give what stands below them."""
    names = {"array": np.array, **vars(my)}
    for example in doctest.DocTestParser().get_examples(my.__doc__):
        if not example.want:
            exec(example.source, names)
            continue
        got, source = eval(example.source, names), example.source.split(" #")[0].strip()
        if got is None:
            raise Wrong(f"{source} is None")
        same(got, eval(example.want, names), source, rtol=1e-3)


def same(got, expected, what="the result", mistakes=(), rtol=1e-5):
    """got equals expected in type, shape and values; `mistakes` has what known mistakes give, by their description."""
    expected = np.asarray(expected)
    if got is None:
        raise Wrong(f"{what} is None: a `return` is missing")
    if isinstance(got, (list, tuple)) or np.asarray(got).dtype.kind not in "biuf":
        raise Wrong(f"{what}: expected an array of numbers of shape {expected.shape}, got a {type(got).__name__}")
    if close(got, expected, rtol):
        return
    named(got, mistakes, rtol)
    got = np.asarray(got)
    if got.shape != expected.shape:
        raise Wrong(f"{what}: expected the shape {expected.shape}, got {got.shape}" if expected.ndim else
                    f"{what}: expected a number, got an array of shape {got.shape}")
    if got.dtype.kind in "iu" and expected.dtype.kind == "f" and (np.abs(got - expected) <= 1).all():
        raise Wrong(f"{what} has whole numbers only ({got.dtype}): what stands behind the point is lost")
    if close(got, 0 - expected, rtol):
        raise Wrong(f"{what} has the wrong sign")
    if len(in_a_line(expected)) <= 50:
        raise Wrong(f"{what} is {in_a_line(got)}, expected {in_a_line(expected)}")
    wrong = ~np.isclose(got, expected, rtol, 1e-7)
    place = tuple(map(int, np.argwhere(wrong)[0]))
    raise Wrong(f"{what}{list(place)} is {got[place]:.6g}, expected {expected[place]:.6g} "
                f"({wrong.sum()} of {wrong.size} values are wrong)")


def named(got, mistakes, rtol=1e-5):
    """got is not what a known mistake gives; mistakes is {description: result, or a tuple of results}."""
    for mistake, wrong in dict(mistakes).items():
        if any(close(got, one, rtol) for one in (wrong if isinstance(wrong, tuple) else [wrong])):
            raise Wrong(mistake)


def in_a_line(array):
    text = np.array2string(array, precision=6, suppress_small=True, separator=", ")
    return " ".join(text.split()).replace("-0.,", "0.,")


def close(a, b, rtol=1e-5):
    """One shape, and equal but for rounding and the tiny constants that keep divisions from zero."""
    return a is not None and np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=rtol, atol=1e-7, equal_nan=True)


def unchanged(function, remark="", **arrays):
    """The function does not write into the arrays that it is given."""
    given = {name: np.array(array) for name, array in arrays.items()}
    function(*given.values())
    for name, array in arrays.items():
        if not np.array_equal(given[name], array):
            raise Wrong(f"{name} was changed. Write into a new array: NumPy's `+=` and `x[mask] = 0` change "
                        f"the array itself, and whoever called still needs it. {remark}".rstrip())


def stay(make, remark="", owner="", **inputs):
    """A check of a layer, for the dict of checks: forward and backward write into nothing that they are given."""
    def check(my):
        layer = make(my)
        dout = np.ones(np.shape(layer.forward(*map(np.copy, inputs.values()))))
        unchanged(lambda *given: (layer.forward(*given[:-1]), layer.backward(given[-1])), remark, **inputs, dout=dout)

    return {f"{owner}{' and '.join([*inputs, 'dout'])} stay as they are, forward and backward": check}


def gradient_checks(make, *inputs):
    """f, for checks f("W"), f("x"), f() of all: the gradient of that array is the one that central differences give.

    make(my) builds the layer or net; inputs are what its forward, or its gradient, takes. All checks share one
    computation.
    """
    @lru_cache(maxsize=1)
    def computed(my):
        try:
            return check_gradients(make(my), *inputs)
        except ValueError as error:
            says = str(error).partition("check_gradients: ")[2]         # else it is an error in the learner's code
            if not says:
                raise
            raise Wrong(says) from None

    return lambda *names: lambda my: [right_gradient(name, computed(my), len(inputs[0]))
                                      for name in names or computed(my)]


def right_gradient(name, check, N):
    if name not in check:
        raise Wrong("the argument of forward must be called x" if name == "x" else
                    f"d{name} is missing: backward must set self.d{name}, and self.{name} must stay the array that "
                    "__init__ put there")
    if name in check.failed:
        found = check[name]
        given, right = found.by_backprop, found.by_differences
        place = np.unravel_index(found.difference.argmax(), right.shape)
        text = found.diagnosis or (
            f"no known mistake fits. The largest difference: d{name}{list(map(int, place))} is {given[place]:.6g}; "
            f"differences give {right[place]:.6g}")
        if right.ndim == 1 and given.ndim == 0 and np.isfinite(given):
            text += " In the sum axis=0 is missing: only the rows are added up."
        elif right.ndim == 1 and given.shape == (N,) != right.shape:
            text += " This is the sum over the columns: over the rows it is axis=0."
        raise Wrong(text, {name: found})
