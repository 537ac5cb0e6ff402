"""Numerical gradients by central differences (book, 4.3 and 4.4), and the check of backpropagation by them (5.7.3)."""
import copy

import numpy as np
from tqdm import tqdm

from common.probe import Probe

STEP = 1e-4
SMALL_STEP = 1e-6       # where STEP's slope does not fit: a function has less curvature and fewer bends within it


def numerical_gradient(f, x):
    """The gradient of f at x: (f(x + h) - f(x - h)) / 2h, one element after the other.

    f gives a number. It may ignore its argument and read the array x where it lives (the weights of a net, say): x
    itself is changed and put back. The result has the shape and dtype of x.

    Raises TypeError if x is no array of floats (integers cannot hold x + h: every difference would be 0), and
    ValueError if x + h is rounded to x, as float16 and float32 may do.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise TypeError(f"numerical_gradient: expected an array of floats, got {getattr(x, 'dtype', type(x).__name__)}")
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        grad[index] = slope(f, x, index)
    return grad


def slope(f, x, index, h=STEP):
    """The derivative of f by x[index], a central difference; f may give an array."""
    step = 2 * h if x.dtype.itemsize >= 8 else (x[index] + h) - (x[index] - h)      # may have been rounded
    if step == 0:
        raise ValueError(f"numerical_gradient: {x[index]} + {h} is {x[index]} in {x.dtype}; expected float64")
    return (_moved(f, x, index, h) - _moved(f, x, index, -h)) / step


def _moved(f, x, index, by):
    """f with x[index] + by in place of x[index]."""
    value = np.copy(x[index])
    try:
        x[index] = value + by
        return f(x)
    finally:
        x[index] = value


def numerical_gradient_2d(f, X):
    """The gradient of f at every row of X (N, D), or at X itself if it is one point (D,)."""
    return numerical_gradient(f, X) if X.ndim == 1 else np.stack([numerical_gradient(f, x) for x in X])


def check_gradients(layer_or_net, x, *others, bound=1e-5, at_most=None):
    """Compare what backpropagation computes with central differences (book, 5.7.3); where it fails, say what is wrong.

        assert check_gradients(Affine(W, b), x)
        check = check_gradients(network, x[:3], t[:3], at_most=100)
        print(check)
        check["W1"].diagnosis       # "dW1 is 1/8 of what it should be; 8 is the number of examples ...", or None

    Everything is computed in float64 on a copy, so float32 hides no mistake and nothing is changed. Random numbers, for
    dropout, are the same every time.

    Parameters
    ----------
    layer_or_net : a net with `params`, `loss(x, t)` and `gradient(x, t)`; or a layer with `forward` and `backward`. A
        layer's parameters are those that `common.own_layer.parameter_names` finds; its outputs are added up with random
        weights, so that there is one number to take the gradient of.
    x, others : what forward or loss takes: x alone, x and t, or several inputs if backward returns as many gradients.
        Anything that NumPy can turn into an array. Whole numbers count as floats, unless they are used as indices:
        those have no gradient.
    bound : a gradient passes if no difference is larger than bound times its largest value. The book's log(y + 1e-7)
        makes one of about 1e-7 / y_t; where that is too much, use a loss that is exact, as SoftmaxWithLoss does.
    at_most : compare only so many values of each array, drawn at random. Every value costs two runs of forward, so a
        net of 50,000 parameters takes minutes, and with at_most=100 a second.

    Returns
    -------
    GradientCheck, a dict of `Comparison` by the name of the parameter ("W1", "gamma") or, for a layer, the input ("x").
    A TypeError or ValueError says why nothing can be compared.
    """
    if at_most is not None and at_most < 1:
        raise ValueError(f"check_gradients: expected at_most of at least 1, or None for all values, got {at_most}")
    is_net = all(hasattr(layer_or_net, name) for name in ("params", "loss", "gradient"))
    if not is_net and not all(hasattr(layer_or_net, name) for name in ("forward", "backward")):
        raise TypeError("check_gradients: expected a layer with forward and backward, or a net with params, loss and "
                        f"gradient, got {type(layer_or_net).__name__}")
    state = np.random.get_state()
    try:
        probe = Probe(layer_or_net, (x, *others), not is_net)
        if not any(array.size for array in probe.arrays.values()):
            raise ValueError("check_gradients: nothing to compare, as all arrays are empty: "
                             f"{', '.join(probe.arrays) or 'there are none'}")
        return GradientCheck({name: _compare(probe, name, bound, at_most) for name in probe.arrays}, bound, probe)
    finally:
        np.random.set_state(state)


class GradientCheck(dict):
    """What `check_gradients` found: {"W1": Comparison, ...}. True if every gradient passed; prints as a table.

    Any two gradients can be compared so: GradientCheck({"x": Comparison(my_gradient(x), numerical_gradient(f, x))}).
    """

    def __init__(self, comparisons, bound=1e-5, probe=None):
        super().__init__(comparisons)
        self.bound = bound
        from common.diagnosis import diagnose  # here, because that module needs this one
        for name in self.failed:
            self[name].diagnosis = self[name].diagnosis or diagnose(name, self, probe)

    @property
    def failed(self):
        """The names of the gradients that differ by more than the bound, or of which no value could be compared."""
        return [name for name, found in self.items() if not found.relative <= self.bound]     # nan fails too

    def __bool__(self):
        return not self.failed

    def table(self, diagnoses=True):
        """A line for every gradient, and below it, if it failed, the diagnosis."""
        lines = ["gradient   largest    largest difference    relative    checked"]
        for name, found in self.items():
            bends = f" ({found.at_bends.sum():,} at bends, compared close by)" if found.at_bends.any() else ""
            lines.append(f"d{name:8}  {found.largest:.1e}  {found.absolute:18.1e}    {found.relative:.1e}  "
                         f"{found.count:9,}   {'FAILED' if name in self.failed else 'passed'}{bends}")
            if name in self.failed and diagnoses:
                lines.append(f"    {found.diagnosis or 'No known mistake fits. In a net, check each layer alone.'}")
        return "\n".join(lines)

    __str__ = __repr__ = table


class Comparison:
    """One gradient, computed in both ways.

    by_backprop, by_differences, difference : arrays; by_differences is nan where it was not computed
    at_bends : array of bool; where the slopes to the left and to the right differ, as in a relu at 0 or in a pool of
        equal values. There both gradients are those of a point close by.
    count : how many values were compared; the numbers below are of these
    largest, absolute : the largest gradient and the largest difference, without their signs
    scale : largest; or a smallest number, as where all gradients are 0 only rounding is left to compare
    relative : absolute / scale; nan if nothing was compared
    diagnosis : what is wrong, in a sentence, or None: nothing is, or no known mistake fits
    """

    def __init__(self, by_backprop, by_differences, at_bends=None, smallest=1e-3):
        self.by_backprop, self.by_differences = np.asarray(by_backprop, float), np.asarray(by_differences, float)
        shape, compared = self.by_differences.shape, ~np.isnan(self.by_differences)
        given = self.by_backprop if self.by_backprop.shape == shape else np.full(shape, np.nan)
        both = np.abs([given[compared], self.by_differences[compared]])
        self.at_bends = np.zeros(shape, bool) if at_bends is None else at_bends
        self.difference = np.abs(given - self.by_differences)
        self.count = int(compared.sum())
        self.largest = both[np.isfinite(both)].max(initial=0)
        self.scale = max(self.largest, smallest)
        self.absolute = self.difference[compared].max(initial=0)
        self.relative = self.absolute / self.scale if self.count or not compared.size else np.nan
        self.diagnosis = None


def _compare(probe, name, bound, at_most):
    """The Comparison of one array, at all places or some that are drawn at random."""
    array, given = probe.arrays[name], np.array(probe.grads[name], float)
    expected = given if given.shape == array.shape else np.full(array.shape, np.nan)
    smallest = 1e-4 * probe.size            # rounding makes differences of less than a millionth of it
    tolerance = bound * max(np.abs(expected).max(initial=0), smallest)
    by_differences, at_bends = np.full(array.shape, np.nan), np.zeros(array.shape, bool)
    places = np.random.default_rng(0).permutation(array.size)[:at_most]
    for place in tqdm(places, f"check_gradients, d{name}", delay=3, leave=False, unit=" values"):
        index = np.unravel_index(place, array.shape)
        by_differences[index] = _slope(probe, array, index, expected[index], tolerance)
        at_bends[index] = np.isnan(by_differences[index])
    found = Comparison(given, by_differences, at_bends, smallest)
    if at_bends.any():
        total = given.sum()
        right_total = _slope(probe, array, ..., total, tolerance * array.size)      # values that tie move together
        _compare_close_by(probe, name, found, tolerance)
        found, surplus = Comparison(given, by_differences, at_bends, smallest), abs(total - right_total)
        all_right = probe.is_layer and found.count == array.size and found.relative <= bound
        if all_right and tolerance * array.size < surplus < np.inf:
            found.absolute, found.relative = surplus, surplus / found.scale
            found.diagnosis = (f"d{name} is wrong only where forward bends, as where two values are equal: its sum is "
                               f"{total:.6g}, but should be {right_total:.6g}.")
    return found


def _slope(probe, array, index, expected, tolerance):
    """The slope at a place, or nan: the function bends there, and the gradient that is expected may be right.

    Where the slope is not as expected, a smaller step decides. At a bend each output may have any slope between those
    to the left and to the right. For a net, whose bends add up to one number, it may lie a little outside.
    """
    for h in STEP, SMALL_STEP:
        found = slope(probe.value, array, index, h)
        if abs(found - expected) <= tolerance:
            return found
    middle = probe.weighted()
    left = (middle - _moved(probe.weighted, array, index, -h)) / h
    right = (_moved(probe.weighted, array, index, h) - middle) / h
    low, high = np.minimum(left, right).sum(), np.maximum(left, right).sum()
    outside = tolerance if probe.is_layer else 10 * (high - low)
    nearest = np.clip(found if np.isnan(expected) else expected, low, high)
    return np.nan if abs(nearest - expected) <= outside else np.nan_to_num(nearest, nan=np.inf)


def _compare_close_by(probe, name, found, tolerance):
    """Where the function bends, put the gradients of a point close by into the Comparison; nan if it bends there."""
    starts, rng = copy.deepcopy(probe.arrays), np.random.default_rng(2)
    for array in probe.arrays.values():
        array += 100 * STEP * rng.normal(size=array.shape)
    given = probe.gradients()[name]
    for index in map(tuple, np.argwhere(found.at_bends)):
        found.by_backprop[index] = given[index]
        found.by_differences[index] = _slope(probe, probe.arrays[name], index, given[index], tolerance)
    for key, array in probe.arrays.items():
        array[...] = starts[key]
