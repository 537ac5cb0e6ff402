"""What is wrong with a gradient: the known mistake that explains the difference between it and the right one.

Each function of MISTAKES yields what may be said of the gradient, and whether it is so: whether the gradient is what
the mistake gives, or becomes right without it. Of the layer, only its arrays and its results are known.
"""
import functools
import itertools
from contextlib import suppress
from math import comb, isclose
from unittest.mock import patch

import numpy as np

from common.gradient import numerical_gradient, slope
from common.probe import reachable

AXES = {2: ["examples", "columns"], 4: ["examples", "channels", "rows", "columns"]}     # of x
SUMS = [0, 1, (0, 2, 3)]        # the axes over which layers sum
close = functools.partial(isclose, rel_tol=1e-5)


def diagnose(name, check, probe=None):
    """What is wrong with the gradient of `name` in a GradientCheck, in a sentence, or None: no known mistake fits.

    probe is the layer or net that was checked, a common.probe.Probe, or None.
    """
    e = Evidence(name, check, probe)
    for mistake in MISTAKES:
        with np.errstate(all="ignore"), suppress(Exception):    # there is no probe, or the layer refuses what it gets
            for says, is_so in mistake(e):
                if is_so:
                    return f"d{name} {says}."
    return None


class Evidence:
    """The gradient that was given, the right one (nan where it is not known), and what else is known."""

    def __init__(self, name, check, probe):
        found = check[name]
        self.name, self.check, self.probe = name, check, probe
        self.given, self.right, self.at_bends = found.by_backprop, found.by_differences, found.at_bends
        self.known = ~np.isnan(self.right)
        self.wrong = self.known & (found.difference > check.bound * found.scale)
        if (self.wrong & ~self.at_bends).any():     # what holds at bends may be a chance: not needed then
            self.known &= ~self.at_bends
            self.wrong &= ~self.at_bends
        self.error = found.difference[self.wrong].max(initial=0) or np.inf
        if probe:       # array is what the gradient belongs to
            self.array, self.out, self.dout = probe.arrays[name], probe.out, np.asarray(probe.dout)

    def same(self, a, b):
        """Are these two gradients the same, where the right one is known?"""
        if not np.shape(a) == np.shape(b) == self.known.shape:
            return False
        a, b = a[self.known], b[self.known]
        return b.any() and np.abs(a - b).max() <= min(1e-4 * np.abs(b).max(), 1e-2 * self.error)

    @functools.cached_property
    def jacobian(self):
        """d out / d array of a layer, of the shape (*out.shape, *array.shape)."""
        if not self.probe.is_layer or self.array.size * self.out.size > 10 ** 6:
            raise ValueError("not defined, or too large to be computed")
        columns = [slope(lambda _: self.probe.result(), self.array, index) for index in np.ndindex(self.array.shape)]
        return np.reshape(np.stack(columns, -1), (*self.out.shape, *self.array.shape))


def no_numbers_or_other_shape(e):
    bad, shape = np.sum(~np.isfinite(e.given)), e.right.shape
    yield "is missing: it is None. Perhaps a `return` or an assignment is missing", e.given.ndim == 0 and bad
    yield f"is nan or infinite in {bad:,} of {e.given.size:,} places", bad
    yield "cannot be compared: close by, forward bends or gives nan everywhere", not np.isfinite(e.right[e.known]).any()
    yield f"should be 0 everywhere: forward gives the same if {e.name} changes a little", not e.right[e.known].any()
    yield "is 0 everywhere", not e.given.any()
    if e.given.shape != shape:
        says = f"has the shape {e.given.shape}, but {e.name} has {shape}"
        yield f"{says}: it is the transpose", e.same(e.given.T, e.right)
        for axis in SUMS[:e.given.ndim - 1] if e.given.ndim else ():
            yield f"{says}: the sum over axis={axis} is missing", e.same(e.given.sum(axis), e.right)
        yield says, True


def run_again(e):
    """Backward adds to what it left before, or uses an array that was written into."""
    before, after = (e.probe.gradients()[e.name] for _ in range(2))
    yield "grows at every call: backward adds to what the call before left", e.same(after - before, e.right)
    for what, array, left in ("x", e.probe.inputs[0], e.probe.handed[0]), ("dout", e.dout, e.probe.handed_dout):
        start = np.copy(array)
        if not np.array_equal(start, left):
            array[...] = left
            gradient = numerical_gradient(e.probe.value, e.array)
            array[...] = start
            yield f"is computed from what forward or backward has written into {what}", e.same(gradient, e.given)


def layer_used_twice(e):
    """A layer inside runs forward again before its backward."""
    for layer in reachable(e.probe.thing)[1:]:
        if hasattr(layer, "backward"):
            with patch.object(layer, "backward", autospec=True, side_effect=layer.backward) as backward:
                e.probe.gradients()
            yield (f"is wrong because one {type(layer).__name__} runs forward twice before its backward, and remembers "
                   "only the second", backward.call_count > 1)


def factor(e):
    """c times the right gradient, with one c for all values: the number of examples, an attribute of the layer, ..."""
    c = (e.given * e.right)[e.known].sum() / (e.right ** 2)[e.known].sum()
    if not e.same(e.given, c * e.right):
        return
    yield "has the wrong sign", close(c, -1)
    sign, c, size = "has the wrong sign and " if c < 0 else "", abs(c), max(abs(c), 1 / abs(c))
    times = f"1/{round(size)} of" if c < 1 and close(size, round(size)) else f"{c:.6g} times"
    says = f"{sign}is {times} what it should be"
    if e.probe:
        x, out = np.shape(e.probe.inputs[0]), e.out.shape
        counts = dict(zip(AXES.get(len(x), []), x))
        if len(x) == 4:
            counts |= {"pixels": x[2] * x[3], "windows": np.prod(out[2:])}
        counts |= {f"examples times {what}": x[0] * number for what, number in counts.items() if what != "examples"}
        counts["values of x for each value of out"] = np.prod(x) / e.out.size
        fitting = [what for what, number in counts.items() if number > 2 and close(size, number)]
        why = "a mean stands where the sum belongs" if c < 1 else "the division by it is missing"
        yield f"{says}; {round(size)} is the number of {' or '.join(fitting[:2])}: perhaps {why}", fitting
        for name, value in vars(e.probe.thing).items():     # a dropout ratio, say
            for form, number in [(name, value), (f"(1 - {name})", 1 - value)] if isinstance(value, float) else []:
                yield f"{says}, and that is {form}", close(c, number)
                yield f"{says}, and that is 1 / {form}", close(c * number, 1)
    yield says, True


def other_gradient(e):
    """Another input's, or the right values in another order."""
    for other, found in e.check.items():
        yield f"is the gradient of {other}", other != e.name and e.same(e.given, found.by_differences)
    if e.right.size > 2:
        yield "is the transpose of what it should be", e.same(e.given, e.right.T)
        yield ("has the right values in the wrong places",
               np.allclose(np.sort(e.given, None), np.sort(e.right, None), 0, 1e-2 * e.error))


def places_in_common(e):
    """Right but for places that have something in common; more places than chance would choose so."""
    wrong, shape = e.wrong.sum(), e.right.shape
    if comb(int(e.known.sum()), int(wrong)) < 100:
        return
    given, right = (np.abs(values[e.wrong]).max() for values in (e.given, e.right))
    there = "; it is 0 there" if given == 0 else "; it should be 0 there" if right < 1e-6 * given else ""

    def only(where, places):
        others = e.known & ~places
        return (f"is wrong only {where}{there}", others.sum() > 1 and not (e.wrong & others).any()
                and wrong >= 0.95 * (places & e.known).sum())

    yield only("where forward bends, as where two values are equal", e.at_bends)
    if len(shape) == 4 and e.name not in e.probe.parameters:
        _, _, row, column = np.indices(shape)
        yield only("at the border of the images", np.isin(row, (0, shape[2] - 1)) | np.isin(column, (0, shape[3] - 1)))
    for t in e.probe.inputs[1:]:
        if len(shape) == 2 and t.shape == shape[:1]:
            yield only("at the right classes, those of t", t[:, None] == np.arange(shape[1]))
    arrays = {e.name: e.array, "out": e.out, "dout": e.dout}
    above = {what: values > 0 for what, values in arrays.items() if values.shape == shape}
    for what, places in above.items():
        yield only(f"where {what} is above 0", places)
        yield only(f"where {what} is not above 0", ~places)
    for what, other in itertools.combinations(above, 2):
        yield only(f"where {what} and {other} have different signs", above[what] != above[other])
    uses = np.count_nonzero(np.abs(e.jacobian) > 1e-9, axis=tuple(range(e.out.ndim)))
    yield only(f"where no output depends on {e.name}", uses == 0)
    yield only("where a value goes into more outputs than others do, as where windows overlap",
               uses > uses[uses > 0].min())


def statistics_held_constant(e):
    """In a normalization, x changes out through the mean and the standard deviation too.

    A right gradient is direct - through mean - through std. `direct` is dout times the slope of out along x.
    """
    for axis in SUMS[:e.right.ndim]:
        x, out = (values - values.mean(axis, keepdims=True) for values in (e.array, e.out))
        square = (x ** 2).sum(axis, keepdims=True)
        direct = e.dout * (x * out).sum(axis, keepdims=True) / square
        mean, std = direct.mean(axis, keepdims=True), x * (direct * x).sum(axis, keepdims=True) / square
        for constant, gradient in ("mean and std", direct), ("mean", direct - std), ("std", direct - mean):
            yield (f"treats {constant} over axis={axis} as constant, but {e.name} changes {constant} too",
                   e.same(direct - mean - std, e.right) and e.same(e.given, gradient))


def other_factors(e):
    """A term or a factor that is missing or too much; or not the right dout, or W in place of its transpose."""
    c = ((e.right - e.given) * e.array)[e.known].sum() / (e.array ** 2)[e.known].sum()
    yield (f"lacks the term {c:.4g} * {e.name}, as of a weight decay",
           np.ptp(np.abs(e.array)) > 0 and e.same(e.given, e.right - c * e.array))
    arrays = {"dout": e.dout, **e.probe.arrays, "out": e.out, "(1 - out)": 1 - e.out, "(1 + out)": 1 + e.out}
    for what, values in (arrays | vars(e.probe.thing)).items():
        if isinstance(values, np.ndarray) and values.shape in (e.right.shape, e.right.shape[-1:]):
            yield f"lacks the factor {what}", e.same(e.given * values, e.right)
            yield f"has the factor {what}, which does not belong there", e.same(e.given, e.right * values)
    last = np.concatenate([0 * e.dout[:-1], e.dout[-1:]])
    yield f"uses only the last of {len(last)} examples", e.same(e.given, np.tensordot(last, e.jacobian, last.ndim))
    if e.dout.ndim == 4:
        N, C, H, W = e.dout.shape
        mixed = e.dout.reshape(N, H, W, C).transpose(0, 3, 1, 2)
        yield ("uses dout with its axes in the wrong order: reshape and transpose are not the same",
               e.same(e.given, np.tensordot(mixed, e.jacobian, 4)))
    for name in e.probe.parameters:
        yield f"is dout @ {name}; it needs the transpose of {name}", e.same(e.given, e.dout @ e.probe.arrays[name])


def some_places(e):
    yield ("is nearly right. The 1e-7 in log(y + 1e-7) can make such a difference, where y is small",
           not e.probe.is_layer and e.check[e.name].relative < 1e-3)
    where = ", ".join(str(tuple(map(int, place))) for place in np.argwhere(e.wrong)[:3])
    yield (f"differs in only {e.wrong.sum():,} of {e.known.sum():,} places, as in {where}",
           e.wrong.sum() <= e.known.sum() / 2)


MISTAKES = [        # in this order: what is more certain, and says more, comes first
    no_numbers_or_other_shape, run_again, factor, other_gradient, layer_used_twice, places_in_common,
    statistics_held_constant, other_factors, some_places]
