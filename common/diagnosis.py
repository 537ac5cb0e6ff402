"""What is wrong with a gradient: the known mistake that explains the difference between it and the right one.

Each function of MISTAKES yields sentences that name a mistake, each with a bool: is it this one? It is if the given
gradient is what the mistake gives, or if it becomes right without the mistake. Nothing is known of the layer but its
arrays, and what it does when it runs again.
"""
import copy
import functools
import itertools
from contextlib import suppress
from math import comb, isclose
from unittest.mock import patch  # patch.dict(vars(thing), ...) gives a thing other attributes for a while

import numpy as np

from common.gradient import check_gradients, slope
from common.probe import Probe, reachable

AXES = {1: ["value"], 2: ["example", "column"], 4: ["example", "channel", "row", "column"]}
ORDER = "reshape and transpose are not the same"
close = functools.partial(isclose, rel_tol=1e-5)


def diagnose(name, comparisons, probe=None):
    """A sentence that says what is wrong with the gradient of `name`, or None: no known mistake fits.

    comparisons is {name: Comparison} of all gradients. probe is the layer or net, a common.probe.Probe, for mistakes
    that show only when it runs again.
    """
    e = Evidence(name, comparisons, probe)
    for mistake, needs in MISTAKES:
        with np.errstate(all="ignore"), suppress(Exception):        # a layer may refuse what it gets here
            for says, is_this in mistake(e) if getattr(e, needs) else ():
                if is_this:
                    return says
    return None


class Evidence:
    """The gradient that was given, the right one (nan where it is not known), and what else is known."""

    def __init__(self, name, comparisons, probe):
        found = comparisons[name]
        self.name, self.comparisons, self.probe = name, comparisons, probe
        self.given, self.right, self.at_bends = found.by_backprop, found.by_differences, found.at_bends
        self.array = self.out = self.dout = None
        if probe:       # array is what the gradient belongs to
            self.array, self.out, self.dout = probe.arrays[name], np.asarray(probe.out[0]), np.asarray(probe.dout[0])
            if np.isnan(self.right).any() and self.array.size <= 300:
                self.right = np.where(np.isnan(self.right), slopes(probe.value, self.array), self.right)
        self.always, self.fits = True, self.given.shape == self.right.shape
        self.runs = self.fits and probe is not None
        self.is_layer = self.runs and probe.is_layer
        self.known, self.error = ~np.isnan(self.right), np.inf
        if self.fits:
            difference = np.where(self.known, np.abs(self.given - self.right), 0)
            self.error = difference.max(initial=0)
            self.wrong = difference > comparisons.bound * found.scale
            if (self.wrong & ~self.at_bends).any():     # what holds at bends may be a chance: not needed then
                self.known &= ~self.at_bends
                self.wrong &= ~self.at_bends
            given, right = (np.abs(values[self.wrong]).max(initial=0) for values in (self.given, self.right))
            self.there = "; it is 0 there" if given == 0 else "; it should be 0 there" if right < 1e-6 * given else ""

    def explains(self, gradient):
        """Is this what was given?"""
        return self.same(self.given, gradient)

    def is_right(self, gradient):
        """Is this what should have been given?"""
        return self.same(gradient, self.right)

    def same(self, a, b):
        if np.shape(a) != np.shape(b):
            return False
        a, b = (np.asarray(values, float)[self.known] for values in (a, b))
        return bool(b.any() and np.abs(a - b).max() <= min(1e-4 * np.abs(b).max(), 1e-2 * self.error))

    @functools.cached_property
    def jacobian(self):
        """d out / d array, of the shape (*out.shape, *array.shape)."""
        if not self.is_layer or len(self.probe.out) > 1 or self.array.size * self.out.size > 10 ** 6:
            raise ValueError("not defined, or too large to be computed")
        return slopes(lambda _: np.array(self.probe.results()[0], np.float64), self.array)

    def right_for(self, dout):
        """The right gradient for this dout."""
        return np.tensordot(dout, self.jacobian, dout.ndim)

    def through_own_output(self):
        """What the gradient would be if every value changed only the output in its own place."""
        return self.dout * np.diag(self.jacobian.reshape(self.out.size, -1)).reshape(self.out.shape)


def no_numbers_or_other_shape(e):
    bad = np.sum(~np.isfinite(e.given))
    yield f"d{e.name} is missing: it is None after backward.", e.given.ndim == 0 and bad
    yield f"d{e.name} is nan or infinite in {bad:,} of {e.given.size:,} places.", bad
    yield f"d{e.name} cannot be compared: forward bends at every point close by.", not e.known.any()
    yield ((f"Close to this {e.name} the result of forward is nan or infinite, so nothing can be compared: choose "
            f"another {e.name}."), not np.isfinite(e.right[e.known]).all())
    yield (f"d{e.name} should be 0 everywhere: the result of forward stays the same if {e.name} changes a little.",
           not e.right[e.known].any())
    yield f"d{e.name} is 0 everywhere.", not e.given.any()
    says = f"d{e.name} has the shape {e.given.shape}, but {e.name} has {e.right.shape}"
    yield (f"{says}: the values are right, they only have to be reshaped.", not e.fits
           and e.given.size == e.right.size and e.is_right(e.given.reshape(e.right.shape)))
    for axes, words in subsets(e.given.ndim):
        yield f"{says}: the sum over {words} is missing.", e.is_right(e.given.sum(axis=axes))
    yield f"{says}: it is the transpose.", not e.fits and e.is_right(e.given.T)
    yield f"{says}.", not e.fits


def other_gradient(e):
    """Another input's, or the right values in another order."""
    for other, found in e.comparisons.items():
        yield (f"d{e.name} is the gradient of {other}, not that of {e.name}.",
               other != e.name and e.explains(found.by_differences))
    if e.right.size > 2:
        yield (f"d{e.name} is 0 where it should have a value, and has a value where it should be 0.",
               np.array_equal(e.given != 0, e.right == 0))
        yield f"d{e.name} is the transpose of what it should be.", e.right.ndim == 2 and e.explains(e.right.T)
        for axes, words in subsets(e.right.ndim):
            yield f"d{e.name} is reversed along {words}.", e.explains(np.flip(e.right, axes))
        yield f"d{e.name} has its axes in the wrong order: {ORDER}.", any(map(e.explains, reordered(e.right)))
        yield (f"d{e.name} has the right values in the wrong places.",
               e.known.all() and np.allclose(np.sort(e.given, None), np.sort(e.right, None), 0, 1e-2 * e.error))


def places_in_common(e):
    """Right but for places that have something in common; more places than chance would choose so."""
    if comb(int(e.known.sum()), int(e.wrong.sum())) >= 100:
        for what, places in _places(e):
            others = e.known & ~places
            yield (f"d{e.name} is wrong only {what}{e.there}.", others.sum() > 1 and not (e.wrong & others).any()
                   and e.wrong.sum() >= 0.95 * (places & e.known).sum())


def _places(e):
    """(words, mask) of places that have something in common."""
    shape, ndim = e.right.shape, e.right.ndim
    yield "where forward bends, as where two values are equal", e.at_bends
    is_input = e.is_layer and e.name not in e.probe.parameters
    for axis, size in enumerate(shape):
        word = AXES[ndim][axis] if is_input and ndim in AXES else f"axis {axis}, place"
        yield from ((f"in {word} {i} of {size}", np.indices(shape)[axis] == i) for i in range(size))
    if ndim == 4 and is_input:
        _, _, row, column = np.indices(shape)
        yield "at the border of the images", np.isin(row, (0, shape[2] - 1)) | np.isin(column, (0, shape[3] - 1))
    for t in e.probe.inputs[1:] if e.probe else ():
        if ndim == 2 and np.shape(t) == shape[:1]:
            yield "at the right classes, those of t", np.asarray(t)[:, None] == np.arange(shape[1])
    alike = {name: values for name, values in ((e.name, e.array), ("out", e.out), ("dout", e.dout))
             if np.shape(values) == shape}
    for name, values in alike.items():
        yield from ((f"where {name} is below 0", values < 0), (f"where {name} is above 0", values > 0))
    for name, other in itertools.combinations(alike, 2):
        yield f"where {name} and {other} have different signs", (alike[name] > 0) != (alike[other] > 0)
    uses = np.count_nonzero(np.abs(e.jacobian) > 1e-9, axis=tuple(range(e.out.ndim)))
    yield f"where no output depends on {e.name}", uses == 0
    fewest = uses[uses > 0].min()
    outputs = f"{fewest} output{'s' if fewest > 1 else ''}"
    yield f"where a value of {e.name} goes into more than {outputs}, as where windows overlap", uses > fewest


def some_places(e):
    wrong, known = e.wrong.sum(), e.known.sum()
    yield (f"d{e.name} is nearly right. The 1e-7 in log(y + 1e-7) can make such a difference, where y is small.",
           not e.is_layer and e.comparisons[e.name].relative < 1e-3)
    where = ", ".join(str(tuple(map(int, place))) for place in np.argwhere(e.wrong)[:3])
    yield (f"d{e.name} is wrong in only {wrong:,} of {known:,} places{', as in' if wrong > 3 else ':'} {where}{e.there}.",
           wrong <= known / 2)


def unsteady(e):
    """Another step changes the differences as much as they differ from backward; or backward grows at every call."""
    places = [tuple(place) for place in np.argwhere(e.wrong & ~e.at_bends)[:5]]
    rough = [abs(slope(e.probe.value, e.array, place, 3e-6) - e.right[place])
             > 0.1 * abs(e.given[place] - e.right[place]) for place in places]
    yield ((f"d{e.name} cannot be compared: forward is not smooth here, so another step gives other differences. "
            "Perhaps it rounds its numbers, as float32 does, or it jumps."), sum(rough) > len(rough) / 2)
    before, after = (e.probe.gradients()[e.name] for _ in range(2))
    yield f"d{e.name} grows at every call: backward adds to what the call before left.", e.is_right(after - before)


def changed_argument(e):
    """Backward works with an x or dout into which forward or backward has written."""
    e.probe.results()
    if not np.array_equal(e.probe.handed[0], e.probe.inputs[0]):
        repaired = e.probe.gradients(lambda: np.copyto(e.probe.handed[0], e.probe.inputs[0]))
        yield (f"d{e.name} is wrong because forward writes into its input, and backward needs it as it was.",
               e.is_right(repaired[e.name]))
    e.probe.gradients()
    changed, dout = e.probe.handed, np.asarray(e.probe.handed_dout[0])
    if not np.array_equal(changed[0], e.probe.inputs[0]) and e.name in e.probe.parameters and e.array.size <= 2000:
        with patch.dict(vars(e.probe), inputs=changed):
            gradient = slopes(e.probe.value, e.array)
        yield f"d{e.name} is computed from an input into which backward has written before.", e.explains(gradient)
    if not np.array_equal(dout, e.dout):
        yield (f"d{e.name} is computed from a dout into which backward has written before.",
               e.explains(e.right_for(dout)))


def layer_inside(e):
    """A layer inside runs forward again before its backward, or fails when it is checked alone."""
    parts = reachable(e.probe.thing)
    names = {id(value): key for part in parts if isinstance(part, dict) for key, value in part.items()}
    for layer in [part for part in parts[1:] if hasattr(part, "forward") and hasattr(part, "backward")]:
        calls, kept, forward, backward = [], [], layer.forward, layer.backward

        @functools.wraps(forward)       # a Network looks whether forward takes train_flg
        def remember(*args, layer=layer, calls=calls, kept=kept, forward=forward, **mode):
            calls.append([copy.copy(value) for value in args if not isinstance(value, bool)])
            out = forward(*args, **mode)
            kept.append({key: copy.copy(value) for key, value in vars(layer).items()})
            return out

        def recall(*args, layer=layer, kept=kept, backward=backward):
            vars(layer).update(kept.pop() if kept else {})
            return backward(*args)

        label = names.get(id(layer), type(layer).__name__)
        with patch.dict(vars(layer), forward=remember, backward=recall):
            repaired = e.probe.gradients()[e.name]
        yield ((f"d{e.name} is wrong because {label} runs forward twice before its backward, and the second run "
                "overwrites what the first has kept."), e.is_right(repaired))
        alone = e.probe.alone.get(id(layer)) or (check_gradients(layer, *calls[0], at_most=200) if calls else None)
        e.probe.alone[id(layer)] = alone        # a layer that passes is checked only once
        for name in alone.failed if calls else ():
            yield f"{label} fails when it is checked alone: {alone[name].diagnosis or f'd{name} is wrong.'}", True


def statistics_held_constant(e):
    """In a normalization, x changes out through the mean and the standard deviation too.

    A right gradient is direct - through mean - through std. How much each value changes its own output gives `direct`.
    """
    for axes, words in subsets(e.right.ndim) if e.array.shape == e.out.shape else ():
        ways = [np.ones(e.right.shape), e.array - e.array.mean(axis=axes, keepdims=True)]
        ways = [way / np.sqrt((way ** 2).sum(axis=axes, keepdims=True)) for way in ways]
        direct = e.through_own_output() / (1 - ways[0] ** 2 - ways[1] ** 2)
        parts = np.array([way * (direct * way).sum(axis=axes, keepdims=True) for way in ways])
        if not np.isfinite(parts).all():
            continue
        amounts = np.linalg.lstsq(parts.reshape(2, -1).T, (direct - e.given).ravel())[0].round(3)
        if e.is_right(direct - parts.sum(axis=0)) and e.explains(direct - np.tensordot(amounts, parts, 1)):
            amounts = dict(zip(("mean", "standard deviation"), amounts))
            constant = " and the ".join(what for what, amount in amounts.items() if amount == 0)
            yield ((f"Backward treats the {constant} over {words} as constant, but {e.name} changes the {constant} "
                    f"too: that part of d{e.name} is missing."), constant)
            for what, amount in amounts.items():
                wrong = "has the wrong sign" if amount == -1 else f"is {times(amount)} what it should be"
                yield f"Over {words}, the part of d{e.name} that comes through the {what} {wrong}.", amount != 1


def other_dout(e):
    """Right, but for another dout; or dout has gone another way."""
    yield (f"d{e.name} does not use dout: it is right for a dout of 1 everywhere.",
           e.dout.ndim > 0 and e.explains(e.right_for(np.ones_like(e.dout))))
    yield (f"d{e.name} uses dout with its axes in the wrong order: {ORDER}.",
           any(e.explains(e.right_for(dout)) for dout in reordered(e.dout)))
    for axis, word in enumerate(AXES.get(e.dout.ndim, [])):
        size = e.dout.shape[axis]
        for i, which in [(0, "first"), (size - 1, "last")]:
            only = np.where(np.indices(e.dout.shape)[axis] == i, e.dout, 0)
            yield (f"d{e.name} uses only the {which} of {size} {word}s of dout: the sum over all is needed.",
                   e.explains(e.right_for(only)))
    for name in e.probe.parameters:
        W = e.probe.arrays[name]
        yield (f"d{e.name} is dout @ {name}. It needs the transpose of {name} in place of {name}.",
               e.dout.shape[-1:] == W.shape[:1] and e.explains(e.dout @ W))
    yield ((f"d{e.name} takes into account only how a value changes its own output. It changes other outputs too: "
            "add up all of them."), e.array.shape == e.out.shape and e.explains(e.through_own_output()))


def missing_array(e):
    """A term or factor that is an array: dout, x, out, a parameter, something that the layer remembers."""
    c = ((e.right - e.given) * e.array)[e.known].sum() / (e.array ** 2)[e.known].sum()
    wrong = "is missing, as of a weight decay" if c > 0 else "does not belong there"
    sizes = np.abs(e.array[e.known & (e.array != 0)])       # if all are the same, the term may be a plain number
    yield (f"In d{e.name}, the term {abs(c):.4g} * {e.name} {wrong}.",
           np.ptp(sizes) > 1e-4 * sizes.max() and e.explains(e.right - c * e.array))
    remembered = {name: value for name, value in vars(e.probe.thing).items() if isinstance(value, np.ndarray)}
    arrays = {"dout": e.dout, **e.probe.arrays, "out": e.out, "(1 - out)": 1 - e.out, "(1 + out)": 1 + e.out}
    for what, values in (arrays | remembered).items():
        if values.ndim == 1 and e.right.ndim == 4:
            values = values.reshape(1, -1, 1, 1)            # a value per channel
        if values.ndim <= e.right.ndim and all(n in (1, m) for n, m in zip(values.shape[::-1], e.right.shape[::-1])):
            for name, factor in ((what, values), (f"1 / {what}", 1 / values)):
                yield f"The factor {name} is missing in d{e.name}.", e.is_right(e.given * factor)
                yield f"d{e.name} has the factor {name}, which does not belong there.", e.explains(e.right * factor)


def factor(e):
    """c times the right gradient, with one c for all values."""
    c = (e.given * e.right)[e.known].sum() / (e.right ** 2)[e.known].sum()
    if e.explains(c * e.right):
        yield f"d{e.name} has the wrong sign.", close(c, -1)
        reason = _reason(e, c) if e.probe and not e.at_bends.any() else ""     # at a bend the factor is not known
        sign = "has the wrong sign and is " if c < 0 else "is "
        yield f"d{e.name} {sign}{times(abs(c))} what it should be{reason}.", True


def _reason(e, c):
    """What a factor c may be: the number of examples, of channels, ..., or a number that the layer has."""
    probe, x, out = e.probe, np.shape(e.probe.inputs[0]), e.out.shape
    size, N = max(abs(c), 1 / abs(c)), x[0] if x else 1
    counts = [(f"{word}s of x", number) for word, number in zip(AXES.get(len(x), []), x)][1:]
    if len(x) == len(out) == 4:
        counts += [("windows", out[2] * out[3]), ("pixels", x[2] * x[3])]
    counts.append(("values of x for each value of out", np.prod(x) / e.out.size))

    twice = [np.concatenate([value, value]) if np.shape(value)[:1] == (N,) else value for value in probe.inputs]
    growth = 1
    with suppress(Exception):       # a layer for one number of examples only
        growth = _factor_now(Probe(probe.thing, twice, probe.is_layer), e.name) / c
    for power, mean in (2, "the mean over {} is missing"), (1 / 2, "a mean stands where the sum belongs"):
        if close(growth, power):
            for what, number in ("", 1), *counts:
                if close(size, N * number):
                    more = f" and {number} {what}" if what else ""
                    return f", and there are {N} examples{more}: {mean.format('them' if what else 'the examples')}"
            return ": the factor depends on the number of examples"
    fitting = [what for what, number in counts if number > 2 and close(size, number)]
    if fitting:
        return f"; {round(size)} is the number of {' and of '.join(fitting)}"

    forms = {"{}": lambda a: a, "1 - {}": lambda a: 1 - a, "1 / {}": lambda a: 1 / a,
             "1 / (1 - {})": lambda a: 1 / (1 - a)}
    for name, value in list(vars(probe.thing).items()):     # a dropout ratio, say
        for form, number in forms.items() if isinstance(value, float) and 0 < value < 1 else ():
            with patch.dict(vars(probe.thing), {name: 0.9 * value}):
                if close(c, number(value)) and close(_factor_now(probe, e.name), number(0.9 * value)):
                    return f", and that is {form.format(name)}"
    return ""


def _factor_now(probe, name):
    """The given gradient divided by the right one, where it is largest."""
    given = probe.gradients()[name]
    place = np.unravel_index(np.abs(given).argmax(), given.shape)
    return given[place] / slope(probe.value, probe.arrays[name], place)


def times(c):
    """"1/8 of", "8 times", "0.37 times", "1.00002 times"."""
    enough = functools.partial(isclose, c, rel_tol=min(6e-5, abs(c - 1) / 100))
    if 0 < c < 1 and enough(1 / round(1 / c)):
        return f"1/{round(1 / c)} of"
    return f"{next(filter(enough, (round(c, digits) for digits in range(18))), c):.15g} times"


def subsets(ndim):
    """All choices of axes but none at all, and what they are called."""
    for axes in itertools.chain.from_iterable(itertools.combinations(range(ndim), n) for n in range(1, ndim + 1)):
        yield axes, f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def slopes(f, array):
    """The derivative of f(array) by every value of the array; (*out_shape, *array.shape)."""
    columns = [slope(f, array, index) for index in np.ndindex(array.shape)]
    return np.reshape(np.stack(columns, -1), (*np.shape(columns[0]), *array.shape))


def reordered(values):
    """The array as it is after a reshape or transpose to another order of axes that was forgotten or made too often."""
    for order in itertools.permutations(range(values.ndim)):
        yield values.transpose(order).reshape(values.shape)
        yield values.reshape([values.shape[axis] for axis in order]).transpose(np.argsort(order))


MISTAKES = [        # and what it needs; in this order: what is more certain, and says more, comes first
    (no_numbers_or_other_shape, "always"), (unsteady, "runs"), (layer_inside, "runs"), (changed_argument, "is_layer"),
    (factor, "fits"), (other_gradient, "fits"), (places_in_common, "fits"), (statistics_held_constant, "is_layer"),
    (other_dout, "is_layer"), (missing_array, "runs"), (some_places, "fits")]
