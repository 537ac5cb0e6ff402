"""Numerical gradients by central differences (book, 4.3 and 4.4), and the check of backpropagation by them (5.7.3)."""
import numpy as np

from common.diagnosis import diagnose
from common.probe import LayerProbe, Probe, as_array, in_float64

STEP = 1e-4
SMALL_STEP = 1e-6       # for values that seem to be wrong: fewer bends and less curvature lie within it


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
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        f_upper, f_lower, step = _around(f, x, index, STEP)
        if step == 0:
            raise ValueError(f"numerical_gradient: {x[index]} + {STEP} is {x[index]} in {x.dtype}; expected float64")
        grad[index] = (f_upper - f_lower) / step
    return grad


def _around(f, x, index, h):
    """f with x[index] raised by h, f with x[index] lowered by h, and the step between the two."""
    value = x[index]
    try:
        x[index] = value + h
        upper, f_upper = x[index], f(x)
        x[index] = value - h
        lower, f_lower = x[index], f(x)
    finally:
        x[index] = value
    return f_upper, f_lower, 2 * h if x.dtype.itemsize >= 8 else upper - lower      # x may have been rounded


def numerical_gradient_2d(f, X):
    """The gradient of f at every row of X (N, D), or at X itself if it is one point (D,)."""
    if X.ndim == 1:
        return numerical_gradient(f, X)
    return np.stack([numerical_gradient(f, x) for x in X])


class GradientCheck(dict):
    """What `check_gradients` found: {"W1": Comparison, ...}. True if every gradient passed; prints as a table.

    Any two gradients can be shown so, that of a plain function too:

        print(GradientCheck({"x": Comparison(my_gradient(x), numerical_gradient(f, x))}))
    """

    def __init__(self, comparisons, bound=1e-6, probe=None):
        super().__init__(comparisons)
        self.bound = bound
        for name in self.failed:
            self[name].diagnosis = diagnose(name, self, probe)

    @property
    def failed(self):
        """The names of the gradients that differ by more than the bound."""
        return [name for name, found in self.items() if not found.relative <= self.bound]     # nan fails too

    @property
    def unchecked(self):
        """The names of the gradients of which no value could be compared."""
        return [name for name, found in self.items() if found.count == 0 < found.by_backprop.size
                and name not in self.failed]

    def __bool__(self):
        return not self.failed and not self.unchecked

    def table(self, diagnoses=True):
        """A line for every gradient, and below it, if it failed, the diagnosis."""
        lines = ["gradient   largest    largest difference    relative    checked"]
        for name, found in self.items():
            verdict = "FAILED" if name in self.failed else "NOT CHECKED" if name in self.unchecked else "passed"
            bends = f" ({found.at_bends.sum():,} at bends)" if found.at_bends.any() else ""
            lost = (found.at_bends & np.isnan(found.by_differences)).sum()
            bends += f", {lost:,} not comparable" if lost else ""
            lines.append(f"d{name:8}  {found.largest:.1e}  {found.absolute:18.1e}    {found.relative:.1e}  "
                         f"{found.count:9,}   {verdict}{bends}")
            if name in self.failed and diagnoses:
                lines.append(f"    {found.diagnosis or 'No known mistake fits.'}")
        if any(found.at_bends.any() for found in self.values()):
            lines.append("bends: where the slopes to the left and right differ, as at x = 0 in a relu, or where two\n"
                         "       values of a pool are equal. There the two are compared at a point close by.")
        return "\n".join(lines)

    __str__ = __repr__ = table


class Comparison:
    """One gradient, computed in both ways.

    Attributes
    ----------
    by_backprop, by_differences : float64 arrays of one shape; by_differences is nan where it was not computed
    at_bends : array of bool; where the function bends. There both gradients are those of a point close by.
    diagnosis : what is wrong, in a sentence, or None: nothing is, or no known mistake fits
    given : what backward gave; another array than by_backprop only if its shape is wrong: that is full of nan then
    """

    def __init__(self, by_backprop, by_differences, at_bends=None, smallest=1e-3):
        self.by_differences = np.asarray(by_differences, np.float64)
        self.given = self.by_backprop = np.asarray(by_backprop, np.float64)
        if self.given.shape != self.by_differences.shape:
            self.by_backprop = np.full(self.by_differences.shape, np.nan)
        self.at_bends = np.zeros(self.by_differences.shape, bool) if at_bends is None else at_bends
        self.diagnosis = None
        self._smallest = smallest
        self._checked = ~np.isnan(self.by_differences)

    @property
    def count(self):
        """How many values were compared."""
        return int(self._checked.sum())

    @property
    def largest(self):
        """The largest of the compared gradients, without its sign."""
        both = np.abs([self.by_backprop[self._checked], self.by_differences[self._checked]])
        return both[np.isfinite(both)].max(initial=0)

    @property
    def difference(self):
        """|by_backprop - by_differences|, as an array."""
        return np.abs(self.by_backprop - self.by_differences)

    @property
    def absolute(self):
        """The largest difference."""
        return self.difference[self._checked].max(initial=0)

    @property
    def scale(self):
        """The largest gradient; or a smallest number, as where all gradients are 0 only rounding is left to compare."""
        return max(self.largest, self._smallest)

    @property
    def relative(self):
        """The largest difference divided by the scale."""
        return self.absolute / self.scale


def check_gradients(layer_or_net, x, *others, bound=1e-6, at_most=None):
    """Compare what backpropagation computes with central differences (book, 5.7.3); where it fails, say what is wrong.

        assert check_gradients(Affine(W, b), x)
        check = check_gradients(network, x, t)
        print(check)
        check["W1"].diagnosis       # "dW1 is 1/8 of what it should be, and ...", or None

    Everything is computed in float64 on a copy, so float32 hides no mistake and nothing is changed. Random numbers, for
    dropout, are the same at every probe. A plain function is checked as a class with the function as `forward(x)` and
    `dout` times its derivative as `backward(dout)`.

    Parameters
    ----------
    layer_or_net : a net with `params`, `loss(x, t)` and `gradient(x, t)`; or a layer with `forward` and `backward`. A
        layer's parameters are those that `common.probe.parameter_names` finds; its outputs are added up with random
        weights, so that there is one number to take the gradient of.
    x, others : what forward or loss takes: x alone, x and t, or several inputs if backward returns as many gradients.
        Anything that NumPy can turn into an array. Whole numbers count as floats, unless they are used as indices:
        those have no gradient.
    bound : the largest relative difference that passes
    at_most : compare only so many values of each array, drawn at random; all of them if None

    Returns
    -------
    GradientCheck, a dict of `Comparison` by the name of the parameter ("W1", "gamma") or, for a layer, the input ("x")

    Raises
    ------
    TypeError : neither a layer nor a net
    ValueError : nothing can be compared: at_most below 1, an empty x, nan in x or in the output, a forward that gives
        something else at every call, parameters that share memory
    """
    if at_most is not None and at_most < 1:
        raise ValueError(f"check_gradients: expected at_most of at least 1, or None for all values, got {at_most}")
    if all(hasattr(layer_or_net, name) for name in ("params", "loss", "gradient")):
        kind = Probe
    elif all(hasattr(layer_or_net, name) for name in ("forward", "backward")):
        kind = LayerProbe
    else:
        raise TypeError("check_gradients: expected a layer with forward and backward, or a net with params, loss and "
                        f"gradient, got {type(layer_or_net).__name__}")
    state = np.random.get_state()
    try:
        probe = kind(in_float64(layer_or_net), [as_array(value) for value in (x, *others)])
        rng = np.random.default_rng(0)
        comparisons = {name: _compare(probe, name, rng.permutation(array.size)[:at_most], bound)
                       for name, array in probe.arrays.items()}
        if not any(array.size for array in probe.arrays.values()):
            raise ValueError("check_gradients: nothing to compare, as all arrays are empty: "
                             f"{', '.join(probe.arrays) or 'there are none'}")
        return GradientCheck(comparisons, bound, probe)
    finally:
        np.random.set_state(state)


def _compare(probe, name, places, bound):
    """The Comparison of one array at some places, which are indices of the flat array."""
    array, given = probe.arrays[name], probe.grads[name]
    smallest = 1e-4 * probe.size            # rounding makes differences of less than a millionth of it
    by_differences = np.full(array.size, np.nan)
    for place in places:
        by_differences[place] = _slope(probe, array, np.unravel_index(place, array.shape))
    if np.shape(given) != array.shape:
        return Comparison(given, by_differences.reshape(array.shape), smallest=smallest)

    grad = np.array(given, np.float64).ravel()
    tolerance = bound * Comparison(grad, by_differences, smallest=smallest).scale
    bends = {}
    for place in places:
        if not abs(grad[place] - by_differences[place]) <= tolerance:
            by_differences[place], may_be = _measure(probe, array, place, grad[place], tolerance)
            if may_be:
                bends[place] = may_be
    if bends:
        _compare_at_bends(probe, name, bends, grad, by_differences, tolerance)
    at_bends = np.zeros(array.size, bool)
    at_bends[list(bends)] = True
    return Comparison(*(values.reshape(array.shape) for values in (grad, by_differences, at_bends)), smallest)


def _slope(probe, array, index):
    f_upper, f_lower, step = _around(probe.value, array, index, STEP)
    return (f_upper - f_lower) / step


def _measure(probe, array, place, expected, tolerance):
    """The slope of the function in one direction; where it bends nan, and the range of what backward may give there.

    If it is not what is expected, a smaller step decides. In an even smaller one a bend keeps its jump.
    """
    index = np.unravel_index(place, array.shape)
    slope = _slope(probe, array, index)
    if abs(slope - expected) <= tolerance:
        return slope, None
    left, right = _sides(probe, array, index, SMALL_STEP)
    nearer_left, nearer_right = _sides(probe, array, index, SMALL_STEP / 2)
    jump = abs(right.sum() - left.sum())
    if jump > max(tolerance, 1e-8 * probe.size) and abs(nearer_right.sum() - nearer_left.sum()) > 0.75 * jump:
        return np.nan, _between(probe, left, right)
    return min(slope, (left + right).sum() / 2, key=lambda value: abs(value - expected)), None


def _sides(probe, array, index, h):
    """The slopes to the left and to the right, of every output times its weight."""
    upper, lower, _ = _around(probe.weighted, array, index, h)
    middle = probe.weighted()
    return (middle - lower) / h, (upper - middle) / h


def _between(probe, left, right):
    """The range of what backward may give: for every output of a layer, any slope between the two, or 0.

    In a net many bends add up, so nothing is known there.
    """
    if not probe.is_layer:
        return -np.inf, np.inf
    bent = np.abs(right - left) > 1e-6 * np.abs(right - left).max()
    both = np.array([left, right, np.where(bent, 0, left)])
    return both.min(axis=0).sum(), both.max(axis=0).sum()


def _compare_at_bends(probe, name, bends, grad, by_differences, tolerance):
    """Compare where the function bends; changes grad and by_differences there.

    Where two values tie and move together there is no bend, and the sum of their gradients must be right. A bend says
    nothing else, so the rest is compared at a point close by.
    """
    array, places = probe.arrays[name], list(bends)
    for place, (low, high) in bends.items():
        nearest = np.clip(grad[place], low, high)
        if not abs(grad[place] - nearest) <= tolerance:
            by_differences[place] = nearest

    start, shift = array.copy(), np.zeros(())

    def shifted(shift):
        array[...] = start + shift
        return probe.value()

    f_upper, f_lower, step = _around(shifted, shift, (), SMALL_STEP)
    array[...] = start
    slopes = 2 * (f_upper - probe.value()) / step, 2 * (probe.value() - f_lower) / step
    uncertain = tolerance * np.sqrt(array.size) + 1e-8 * probe.size
    surplus = grad.sum() - sum(slopes) / 2
    if abs(slopes[1] - slopes[0]) <= uncertain < abs(surplus):
        by_differences[places] = grad[places] - surplus / len(places)   # nobody knows which of them is wrong

    open_places = [place for place in places if np.isnan(by_differences[place])]
    starts = {key: value.copy() for key, value in probe.arrays.items()}
    rng = np.random.default_rng(2)
    for value in probe.arrays.values():
        value += 100 * STEP * rng.normal(size=value.shape)
    nearby = np.ravel(probe.gradients()[name])
    for place in open_places:
        grad[place] = nearby[place]
        by_differences[place] = _measure(probe, array, place, nearby[place], tolerance)[0]
    for key, value in probe.arrays.items():
        value[...] = starts[key]
