"""Numerical gradients by central differences (book, 4.3 and 4.4), and the check of backpropagation by them (5.7.3)."""
import numpy as np
from tqdm import tqdm

from common.probe import Probe, in_float64

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


class GradientCheck(dict):
    """What `check_gradients` found: {"W1": Comparison, ...}. True if every gradient passed; prints as a table.

    Any two gradients can be shown so, that of a plain function too:

        print(GradientCheck({"x": Comparison(my_gradient(x), numerical_gradient(f, x))}))
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
            bends = f" ({found.at_bends.sum():,} at bends)" if found.at_bends.any() else ""
            lines.append(f"d{name:8}  {found.largest:.1e}  {found.absolute:18.1e}    {found.relative:.1e}  "
                         f"{found.count:9,}   {'FAILED' if name in self.failed else 'passed'}{bends}")
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
    by_backprop, by_differences : float64 arrays; by_differences is nan where it was not computed
    at_bends : array of bool; where the function bends. There both gradients are those of a point close by.
    difference : |by_backprop - by_differences|, an array; nan if their shapes differ
    count : how many values were compared; the numbers below are of these
    largest : the largest gradient, without its sign
    scale : largest; or a smallest number, as where all gradients are 0 only rounding is left to compare
    absolute, relative : the largest difference, and the same divided by the scale; nan if nothing was compared
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
        self.relative = self.absolute / self.scale if self.count else np.nan if compared.size else 0.0
        self.diagnosis = None


def check_gradients(layer_or_net, x, *others, bound=1e-5, at_most=None):
    """Compare what backpropagation computes with central differences (book, 5.7.3); where it fails, say what is wrong.

        assert check_gradients(Affine(W, b), x)
        check = check_gradients(network, x[:3], t[:3], at_most=100)
        print(check)
        check["W1"].diagnosis       # "dW1 is 1/8 of what it should be, and ...", or None

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
    bound : a gradient passes if no difference is larger than bound times its largest value. Where one seems to be, a
        smaller step decides; where the function bends, a point close by. The 1e-7 in the book's log(y + 1e-7) makes a
        difference of about 1e-7 / y_t; where that is too much, use a loss that is exact, as SoftmaxWithLoss does.
    at_most : compare only so many values of each array, drawn at random; all of them if None. Every value costs two
        runs of forward, so a net of 50,000 parameters takes minutes, and with at_most=100 a second.

    Returns
    -------
    GradientCheck, a dict of `Comparison` by the name of the parameter ("W1", "gamma") or, for a layer, the input ("x")

    Raises
    ------
    TypeError : neither a layer nor a net
    ValueError : nothing can be compared: at_most below 1, an empty x, nan in x or in the result, a result of float32
        or None, a forward that gives something else at every call, parameters that share memory or are changed
    """
    if at_most is not None and at_most < 1:
        raise ValueError(f"check_gradients: expected at_most of at least 1, or None for all values, got {at_most}")
    is_net = all(hasattr(layer_or_net, name) for name in ("params", "loss", "gradient"))
    if not is_net and not all(hasattr(layer_or_net, name) for name in ("forward", "backward")):
        raise TypeError("check_gradients: expected a layer with forward and backward, or a net with params, loss and "
                        f"gradient, got {type(layer_or_net).__name__}")
    state, inputs = np.random.get_state(), [np.asarray(value) for value in (x, *others)]
    inputs = [value.astype(np.float64) if value.dtype.kind == "f" else value for value in inputs]
    try:
        probe = Probe(in_float64(layer_or_net), inputs, not is_net)
        comparisons = {name: _compare(probe, name, np.random.default_rng(0).permutation(array.size)[:at_most], bound)
                       for name, array in probe.arrays.items()}
        if not any(array.size for array in probe.arrays.values()):
            raise ValueError("check_gradients: nothing to compare, as all arrays are empty: "
                             f"{', '.join(probe.arrays) or 'there are none'}")
        return GradientCheck(comparisons, bound, probe)
    finally:
        np.random.set_state(state)


def _compare(probe, name, places, bound):
    """The Comparison of one array at some places, which are indices of the flat array."""
    bar = {"desc": f"check_gradients, d{name}", "delay": 3, "leave": False, "unit": " values"}
    array, given = probe.arrays[name], probe.grads[name]
    smallest = 1e-4 * probe.size            # rounding makes differences of less than a millionth of it
    by_differences = np.full(array.size, np.nan)
    for place in tqdm(places, **bar):
        by_differences[place] = slope(probe.value, array, np.unravel_index(place, array.shape))
    if np.shape(given) != array.shape:
        return Comparison(given, by_differences.reshape(array.shape), smallest=smallest)
    grad, at_bends = np.array(given, np.float64).ravel(), np.zeros(array.size, bool)
    tolerance = bound * Comparison(grad, by_differences, smallest=smallest).scale
    for place in tqdm(places[~(np.abs(grad - by_differences)[places] <= tolerance)], **bar):
        low, high = _range(probe, array, place, grad[place], tolerance)
        at_bends[place] = low < high
        by_differences[place] = np.clip(np.nan_to_num(grad[place]), low, high)
    views, total = [values.reshape(array.shape) for values in (grad, by_differences, at_bends)], grad.sum()
    surplus = _compare_at_bends(probe, name, at_bends, grad, by_differences, tolerance) if at_bends.any() else 0
    found = Comparison(*views, smallest)
    if surplus and not found.relative > bound:      # nobody knows which of the gradients at bends are wrong
        by_differences[at_bends] = grad[at_bends] - surplus / at_bends.sum()
        where = "only where forward bends, as where two values are equal" if found.count == array.size else "somewhere"
        found = Comparison(*views, smallest)
        found.diagnosis = f"d{name} is wrong {where}: its sum is {total:.6g}, but should be {total - surplus:.6g}."
    return found


def _range(probe, array, place, expected, tolerance):
    """The smallest and the largest gradient that is right at a place: they differ where the function bends.

    If a slope is not what is expected, a smaller step decides. In an even smaller one a bend keeps its jump.
    """
    index = np.unravel_index(place, array.shape)
    coarse = slope(probe.value, array, index)
    if abs(coarse - expected) <= tolerance:
        return coarse, coarse
    left, right = _sides(probe.weighted, array, index, SMALL_STEP)
    nearer_left, nearer_right = _sides(probe.weighted, array, index, SMALL_STEP / 2)
    jump = abs(right.sum() - left.sum())
    if jump <= max(tolerance, 1e-8 * probe.size) or abs(nearer_right.sum() - nearer_left.sum()) <= 0.75 * jump:
        middle = (left + right).sum() / 2
        smooth = abs(middle - coarse) <= 0.05 * jump        # else a bend close by is on one side
        slopes = np.array([middle] if smooth else [middle, left.sum(), right.sum()])
        nearest = min(np.where(np.isfinite(slopes), slopes, np.inf), key=lambda value: abs(value - expected))
        return nearest, nearest
    if not probe.is_layer:      # many bends may add up
        return -np.inf, np.inf
    bent = np.abs(right - left) > 1e-6 * np.abs(right - left).max()
    ends = np.array([left, right, np.where(bent, 0, left)])     # for every output any slope between the two, or 0
    return ends.min(axis=0).sum(), ends.max(axis=0).sum()


def _sides(f, x, index, h):
    """The slopes of f to the left and to the right of x[index]."""
    middle = f(x)
    return (middle - _moved(f, x, index, -h)) / h, (_moved(f, x, index, h) - middle) / h


def _compare_at_bends(probe, name, at_bends, grad, by_differences, tolerance):
    """Compare at a point close by where the function bends: grad and by_differences become those of that point.

    Where two values tie and move together there is no bend, and the sum of their gradients must be right. Returns by
    how much it is too large, or 0 if it is right or not known.
    """
    left, right = _sides(probe.value, probe.arrays[name], ..., SMALL_STEP)      # all values move together
    uncertain = tolerance * max(np.sqrt(grad.size), at_bends.sum()) + 1e-8 * probe.size
    surplus = grad.sum() - (left + right) / 2
    starts, rng = {key: value.copy() for key, value in probe.arrays.items()}, np.random.default_rng(2)
    for value in probe.arrays.values():
        value += 100 * STEP * rng.normal(size=value.shape)
    nearby = np.ravel(probe.gradients()[name])
    for place in np.flatnonzero(at_bends & (np.abs(grad - by_differences) <= tolerance)):
        low, high = _range(probe, probe.arrays[name], place, nearby[place], tolerance)
        grad[place], by_differences[place] = nearby[place], low if low == high else np.nan
    for key, value in probe.arrays.items():
        value[...] = starts[key]
    return surplus if abs(right - left) <= uncertain < abs(surplus) else 0
