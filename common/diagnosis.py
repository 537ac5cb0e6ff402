"""What is wrong with a gradient: the known mistake that explains the difference between it and the right one.

A mistake is named only if that can be computed: the given gradient is what the mistake gives, or it becomes right
without the mistake. Nothing is known of the layer but its arrays, and what it does when it runs again.
"""
import copy
import functools
import itertools
import math
from contextlib import contextmanager

import numpy as np

from common.probe import reachable, slopes

AXES = {1: ["value"], 2: ["example", "column"], 3: ["example", "row", "column"],
        4: ["example", "channel", "row", "column"]}


def diagnose(name, comparisons, probe=None):
    """A sentence that says what is wrong with the gradient of `name`, or None: no known mistake fits.

    Parameters
    ----------
    comparisons : {name: Comparison} of all gradients that were compared
    probe : common.probe.Probe, optional; the layer or net, for mistakes that show only when it runs again
    """
    e = Evidence(name, comparisons, probe)
    for mistake, needs in MISTAKES:
        if getattr(e, needs):
            try:
                with np.errstate(all="ignore"):
                    found = mistake(e)
            except Exception:       # noqa: BLE001, S112 - a layer may refuse what it gets here
                continue
            if found:
                return found
    return None


class Evidence:
    """The gradient that was given, the right one, and what else is known.

    Attributes
    ----------
    given, right : arrays; right is nan where it is not known
    array, out, dout : what the gradient belongs to, the first output, its weights; None without a probe
    """

    def __init__(self, name, comparisons, probe):
        found = comparisons[name]
        self.name, self.comparisons, self.probe = name, comparisons, probe
        self.given, self.right, self.at_bends = found.given, found.by_differences.copy(), found.at_bends
        self.array = self.out = self.dout = self._jacobian = None
        if probe:
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

    def explains(self, gradient):
        """Is this what was given?"""
        return self.same(self.given, gradient)

    def is_right(self, gradient):
        """Is this what should have been given?"""
        return gradient is not None and self.same(gradient, self.right)

    def same(self, a, b):
        if np.shape(a) != np.shape(b):
            return False
        a, b = (np.asarray(values, float)[self.known] for values in (a, b))
        return bool(b.any() and np.abs(a - b).max() <= min(1e-4 * np.abs(b).max(), 1e-2 * self.error))

    @property
    def jacobian(self):
        """d out / d array, of the shape (*out.shape, *array.shape); None if it is too large to be computed."""
        small = self.is_layer and len(self.probe.out) == 1 and self.array.size * self.out.size <= 10 ** 6
        if self._jacobian is None and small:
            self._jacobian = slopes(lambda: self.probe.results()[0], self.array)
        return self._jacobian

    def gradient_for(self, dout):
        """What a right backward gives for another dout."""
        return np.tensordot(dout, self.jacobian, dout.ndim)


# ---- seen in the two gradients ---------------------------------------------------------------------------------------


def no_gradient(e):
    if e.given.ndim == 0 and np.isnan(e.given):
        return f"d{e.name} is missing: backward gives None."
    if not np.isfinite(e.given).all():
        return f"d{e.name} is nan or infinite in {np.sum(~np.isfinite(e.given)):,} of {e.given.size:,} places."
    if not np.isfinite(e.right[e.known]).all():
        return f"The function itself is infinite close to this {e.name}: choose another."


def other_shape(e):
    if e.fits:
        return None
    says = f"d{e.name} has the shape {e.given.shape}, but {e.name} has {e.right.shape}"
    if e.given.size == e.right.size and e.same(e.given.reshape(e.right.shape), e.right):
        return f"{says}: the values are right, they only have to be reshaped."
    for axes in subsets(e.given.ndim):
        if e.is_right(e.given.sum(axis=axes)):
            return f"{says}: the sum over {words(axes)} is missing."
        if e.is_right(e.given.mean(axis=axes)):
            return f"{says}: it repeats the right values along {words(axes)}."
    if e.is_right(e.given.T):
        return f"{says}: it is the transpose."
    return f"{says}."


def nothing(e):
    if not e.given[e.known].any():
        return f"d{e.name} is 0 everywhere."


def another_input(e):
    for other, found in e.comparisons.items():
        if other != e.name and e.explains(found.by_differences):
            return f"d{e.name} is the gradient of {other}, not that of {e.name}."


def factor(e):
    """c times the right gradient, with one c for all values."""
    given, right = e.given[e.known], e.right[e.known]
    c = given @ right / (right @ right)
    if not e.explains(c * e.right):
        return None
    if close(c, -1):
        return f"d{e.name} has the wrong sign."
    sign = "has the wrong sign and is " if c < 0 else "is "
    return f"d{e.name} {sign}{times(abs(c))} what it should be{_reason(e, c)}."


def rearranged(e):
    ndim = e.right.ndim
    if e.right.size < 3:
        return None
    if ndim == 2 and e.explains(e.right.T):
        return f"d{e.name} is the transpose of what it should be."
    for axes in subsets(ndim):
        if e.explains(np.flip(e.right, axes)):
            return f"d{e.name} is reversed along {words(axes)}."
    if any(e.explains(values) for values in reordered(e.right)):
        return f"d{e.name} has its axes in the wrong order (reshape and transpose are not the same)."
    if e.known.all() and e.same(np.sort(e.given, None).reshape(e.right.shape),
                                np.sort(e.right, None).reshape(e.right.shape)):
        return f"d{e.name} has the right values in the wrong places."


def known_places(e):
    """Right but for places that have something in common; more places than chance would choose so."""
    if math.comb(int(e.known.sum()), int(e.wrong.sum())) < 100:
        return None
    for what, places in _places(e):
        places = places & e.known
        others = (e.known & ~places).sum()
        if others > 1 and not (e.wrong & ~places).any() and e.wrong.sum() >= 0.95 * places.sum():
            return f"d{e.name} is wrong only {what}{_there(e)}."


def statistics_held_constant(e):
    """In a normalization, what x changes through the mean, the standard deviation or the norm is missing, or too much.

    A right gradient is direct - through mean - through std: `direct` is what dout gives if both are constant. How much
    each value changes its own output, on the diagonal of the jacobian, tells how large that is.
    """
    if not e.is_layer or e.array.shape != e.out.shape or e.right.ndim < 2 or e.jacobian is None:
        return None
    for axes in subsets(e.right.ndim):
        centred = e.array - e.array.mean(axis=axes, keepdims=True)
        ways = {"mean": np.ones(e.right.shape), "standard deviation": centred, "norm": e.array}
        ways = {what: way / np.sqrt((way ** 2).sum(axis=axes, keepdims=True)) for what, way in ways.items()}

        for statistics in [("mean", "standard deviation"), ("mean",), ("norm",)]:
            direct = e.dout * diagonal(e.jacobian) / (1 - sum(ways[what] ** 2 for what in statistics))
            parts = [ways[what] * (direct * ways[what]).sum(axis=axes, keepdims=True) for what in statistics]
            if not e.is_right(direct - sum(parts)):
                continue
            amounts = np.linalg.lstsq(np.array([part.ravel() for part in parts]).T, (direct - e.given).ravel())[0]
            if not e.explains(direct - sum(amount * part for amount, part in zip(amounts, parts))):
                continue
            wrong = {what: amount for what, amount in zip(statistics, amounts.round(3)) if amount != 1}
            if not any(wrong.values()):
                return (f"d{e.name} takes the {' and the '.join(wrong)} over {words(axes)} for constant: "
                        f"what {e.name} changes through it is missing.")
            says = [f"through the {what} {'has the wrong sign' if amount == -1 else f'stands there {amount:.4g} times'}"
                    for what, amount in wrong.items()]
            return f"In d{e.name}, what {e.name} changes {', and what it changes '.join(says)} (over {words(axes)})."


def missing_factor(e):
    """A factor that is an array: dout, x, out, a parameter, something that the layer remembers, a spread."""
    for what, values in _arrays(e):
        if np.ptp(values[e.known]) > 0 and e.is_right(e.given * values):
            return f"d{e.name} lacks the factor {what}."
        if np.ptp(values[e.known]) > 0 and e.explains(e.right * values):
            return f"d{e.name} has the factor {what} once too often."


def missing_term(e):
    """The difference is a multiple of a known array, as the gradient of a weight decay is."""
    missing = (e.right - e.given)[e.known]
    for what, values in _arrays(e) if missing.size > 2 else ():
        values = values[e.known]
        c = missing @ values / (values @ values)
        if np.ptp(values) > 0 and np.abs(missing - c * values).max() <= 1e-4 * e.error:
            term = what if close(abs(c), 1) else f"{abs(c):.4g} * {what}"
            return f"d{e.name} lacks the term {term}." if c > 0 else f"d{e.name} has the term {term} too much."


def some_places(e):
    wrong = e.wrong.sum()
    if wrong <= e.known.sum() / 2:
        where = ", ".join(str(tuple(map(int, place))) for place in np.argwhere(e.wrong)[:3])
        return (f"d{e.name} is wrong in only {wrong:,} of {e.known.sum():,} places: {where}"
                f"{', ...' if wrong > 3 else ''}{_there(e)}.")


# ---- seen when a layer or net runs again -----------------------------------------------------------------------------


def added_up(e):
    first = e.probe.first_grads[e.name]
    if np.shape(first) == e.given.shape and e.is_right(e.given - first):
        return f"d{e.name} grows at every call: backward adds to the gradient of the call before."


def overwritten(e):
    """A layer inside remembers one forward only, but runs another before its backward."""
    for inner in _layers_inside(e):
        memories, forward, backward = [], inner.forward, inner.backward

        @functools.wraps(forward)       # a Network looks whether forward takes train_flg
        def remember(*args, forward=forward, memories=memories, inner=inner, **kwargs):
            out = forward(*args, **kwargs)
            memories.append({key: copy.copy(value) for key, value in vars(inner).items()})
            return out

        def recall(*args, backward=backward, memories=memories, inner=inner):
            vars(inner).update(memories.pop() if memories else {})
            return backward(*args)

        with _replaced(inner, forward=remember, backward=recall):
            repaired = e.probe.gradients()[e.name]
        if e.is_right(repaired):
            return (f"d{e.name} is wrong because {_label(e, inner)} runs forward again before its backward, and "
                    "remembers only the last.")


def layer_inside(e):
    """Which of the layers inside fails when it is checked alone, on what it got."""
    if e.probe.inside is None:
        e.probe.inside = _failing_layer(e)      # once for all gradients that fail
    return e.probe.inside


def _failing_layer(e):
    from common.gradient import check_gradients     # here, because that module needs this one

    for inner in _layers_inside(e):
        calls, forward = [], inner.forward

        @functools.wraps(forward)
        def record(*args, forward=forward, calls=calls, **kwargs):
            calls.append([copy.copy(value) for value in args if not isinstance(value, bool)])
            return forward(*args, **kwargs)

        with _replaced(inner, forward=record):
            e.probe.results()
        check = check_gradients(inner, *calls[0], at_most=200) if calls else {}
        for name in getattr(check, "failed", ()):
            found = check[name].diagnosis or f"d{name} is wrong."
            return f"{_label(e, inner)} fails when it is checked alone: {found}"
    return ""


def changed_input(e):
    """forward or backward wrote into x."""
    def restore():
        for handed, value in zip(e.probe.handed, e.probe.inputs):
            if isinstance(value, np.ndarray):
                handed[...] = value

    if e.is_right(e.probe.gradients(between=restore)[e.name]):
        return f"d{e.name} is wrong because forward writes into its input, which backward needs as it was."
    e.probe.gradients()
    changed, inputs = e.probe.handed, e.probe.inputs
    if not np.array_equal(changed[0], inputs[0]) and e.name in e.probe.parameters and e.array.size <= 2000:
        with _replaced(e.probe, inputs=changed):
            gradient = slopes(e.probe.value, e.array)
        if e.explains(gradient):
            return f"d{e.name} is computed from an x that was written into before."


def wrote_into_dout(e):
    e.probe.gradients()
    changed = np.asarray(e.probe.handed_dout[0])
    if not np.array_equal(changed, e.dout) and e.jacobian is not None and e.explains(e.gradient_for(changed)):
        return f"d{e.name} is computed from a dout that backward has written into before."


def other_dout(e):
    if e.dout.ndim == 0 or e.jacobian is None:
        return None
    if e.explains(e.gradient_for(np.ones_like(e.dout))):
        return f"d{e.name} does not use dout: it is the gradient for a dout of 1 everywhere."
    if e.explains(e.gradient_for(e.dout ** 2)):
        return f"d{e.name} uses dout twice, as a factor of itself."
    if any(e.explains(e.gradient_for(dout)) for dout in reordered(e.dout)):
        return f"d{e.name} uses dout with its axes in the wrong order (reshape and transpose are not the same)."
    for axis, word in enumerate(AXES.get(e.dout.ndim, [])):
        size = e.dout.shape[axis]
        for i, which in [(0, "first"), (size - 1, "last")]:
            only = np.zeros_like(e.dout)
            place = (slice(None),) * axis + (i,)
            only[place] = e.dout[place]
            if size > 1 and e.explains(e.gradient_for(only)):
                return f"d{e.name} counts only the {which} of {size} {word}s of dout, not their sum."
            if size > 2 and e.explains(e.gradient_for(e.dout - only)):
                return f"d{e.name} leaves out the {which} of {size} {word}s of dout."


def own_value_only(e):
    if e.array.shape == e.out.shape and e.out.ndim and e.jacobian is not None:
        if e.explains(e.dout * diagonal(e.jacobian)):
            return f"d{e.name} counts only how a value changes its own output; it changes the outputs beside it too."


def wrong_memory(e):
    """backward is right if one of the things that it uses is replaced by another."""
    for attribute, kept in list(vars(e.probe.thing).items()):
        for what, value in _variants(e, attribute, kept):
            def replace(attribute=attribute, value=value):
                setattr(e.probe.thing, attribute, value)
            with _replaced(e.probe.thing):
                try:
                    repaired = e.probe.gradients(between=replace)[e.name]
                except Exception:       # noqa: BLE001, S112 - a layer may refuse what it gets here
                    continue
            if e.is_right(repaired):
                return f"d{e.name} is right if backward uses {what} in place of {attribute}."


def not_proportional(e):
    with _replaced(e.probe, dout=[2 * weights for weights in e.probe.dout]):
        doubled = e.probe.gradients()[e.name]
    if e.dout.ndim and np.abs(doubled - 2 * e.given).max() > 1e-2 * e.error:
        return f"d{e.name} is not proportional to dout: twice the dout must give twice the gradient."



# ---- candidates ------------------------------------------------------------------------------------------------------


def _there(e):
    """What the given gradient is in the wrong places."""
    given, right = e.given[e.wrong], e.right[e.wrong]
    if not given.any():
        return "; it is 0 there"
    if not right.any():
        return "; it should be 0 there"
    c = given @ right / (right @ right)
    if given.size > 1 and np.abs(given - c * right).max() <= 1e-3 * np.abs(given).max():
        return "; there it has the wrong sign" if close(c, -1) else f"; there it is {times(c)} what it should be"
    return ""


def _places(e):
    """Places that have something in common: (words, mask)."""
    shape = e.right.shape
    if e.at_bends.any():
        yield "where the function bends, as where two values tie", e.at_bends
    is_input = e.is_layer and e.name not in e.probe.parameters
    for axis, size in enumerate(shape):
        word = AXES[len(shape)][axis] if is_input and len(shape) in AXES else f"axis {axis}, place"
        for i in range(size):
            yield f"in {word} {i} of {size}", np.broadcast_to(
                np.expand_dims(np.arange(size) == i, [n for n in range(len(shape)) if n != axis]), shape)
    if len(shape) == 4 and is_input:
        border = np.ones(shape, bool)
        border[:, :, 1:-1, 1:-1] = False
        yield "at the border of the images", border
        yield "inside the images, not at the border", ~border
    for classes in _targets(e):
        yield "at the right classes, those of t", classes
        yield "at the wrong classes, those that are not t", ~classes
    many = math.comb(int(e.known.sum()), int(e.wrong.sum())) > 10 ** 5     # for limits that are read off the values
    alike = [(what, values) for what, values in ((e.name, e.array), ("dout", e.dout), ("out", e.out))
             if values is not None and values.shape == shape]
    for what, values in alike:
        for sign, side in (1, "above"), (-1, "below"):
            inside, outside = sign * values[e.wrong], sign * values[e.known & ~e.wrong]
            if len(outside) and inside.min() > outside.max():
                limit = 0 if inside.min() >= 0 >= outside.max() else (inside.min() + outside.max()) / 2
                if limit and not many:
                    continue
                yield f"where {what} is {side} {sign * limit:.2g}", e.wrong
        yield f"where {what} is 0", values == 0
        low, high = values[e.wrong].min(), values[e.wrong].max()
        if many:
            yield f"where {what} is between {low:.2g} and {high:.2g}", (low <= values) & (values <= high)
    for (what, values), (other, others) in itertools.combinations(alike, 2):
        yield f"where {what} and {other} have different signs", (values > 0) != (others > 0)
        yield f"where {what} and {other} have the same sign", (values > 0) == (others > 0)
    if e.jacobian is not None:
        uses = np.count_nonzero(np.abs(e.jacobian) > 1e-9, axis=tuple(range(e.out.ndim)))
        yield f"where no output depends on {e.name}", uses == 0
        fewest = uses[uses > 0].min(initial=e.out.size)
        outputs = "1 output" if fewest == 1 else f"{fewest} outputs"
        yield f"where {e.name} goes into more than {outputs}, as where windows overlap", uses > fewest


def _targets(e):
    """t as a mask of the gradient's shape, if there is a t."""
    for t in map(np.asarray, e.probe.inputs[1:] if e.probe else ()):
        if t.ndim == 1 and t.dtype.kind in "iu" and e.right.ndim == 2 and len(t) == len(e.right):
            yield t[:, None] == np.arange(e.right.shape[1])
        elif t.shape == e.right.shape and np.isin(t, (0, 1)).all():
            yield t == 1


def _arrays(e):
    """What a gradient may be a multiple of: (words, array of the gradient's shape)."""
    if not e.probe:
        return
    candidates = {"dout": e.dout, **e.probe.arrays, "out": e.out, "1 - out": 1 - e.out, "1 + out": 1 + e.out,
                  f"sign({e.name})": np.sign(e.array), **dict(zip(["t"], _targets(e)))}
    if e.is_layer:
        candidates |= {name: value for name, value in vars(e.probe.thing).items() if isinstance(value, np.ndarray)}
        candidates |= {f"the standard deviation of {e.name} over {words(axes)}": e.array.std(axis=axes, keepdims=True)
                       for axes in subsets(e.array.ndim)}
    for what, values in candidates.items():
        if values.dtype.kind not in "biuf":
            continue
        values = np.asarray(values, np.float64)
        if values.ndim == 1 and e.right.ndim == 4 and len(values) == e.right.shape[1]:
            values = values.reshape(1, -1, 1, 1)            # a value per channel
        try:
            values = np.broadcast_to(values, e.right.shape)
        except ValueError:
            continue
        yield from ((what, values), (f"1 / ({what})", 1 / values))


def _variants(e, attribute, kept):
    """What might have to stand in place of an array that a layer remembers: (words, value)."""
    if not isinstance(kept, np.ndarray):
        return
    if kept.dtype.kind == "b":
        yield f"the opposite of {attribute}", ~kept
    if kept.dtype.kind == "f":
        yield from ((what, values) for what, values in [*e.probe.arrays.items(), ("out", e.out)]
                    if values.shape == kept.shape and not np.array_equal(values, kept))
        yield f"the square of {attribute}", kept ** 2
        yield f"the square root of {attribute}", np.sqrt(kept)
        if kept.ndim == 2:
            yield f"the transpose of {attribute}", kept.T.copy()
        if kept.ndim == 4:
            yield f"{attribute} flipped, last rows and columns first,", kept[:, :, ::-1, ::-1].copy()


def _layers_inside(e):
    return [inner for inner in reachable(e.probe.thing)
            if inner is not e.probe.thing and hasattr(inner, "forward") and hasattr(inner, "backward")
            and hasattr(inner, "__dict__") and not isinstance(inner, type)]


def _label(e, inner):
    for holder in reachable(e.probe.thing):
        for key, value in holder.items() if isinstance(holder, dict) else ():
            if value is inner:
                return str(key)
    return type(inner).__name__


@contextmanager
def _replaced(thing, **attributes):
    """Give a thing other attributes for a while."""
    kept = dict(vars(thing))
    vars(thing).update(attributes)
    try:
        yield
    finally:
        vars(thing).clear()
        vars(thing).update(kept)


# ---- the reason for a factor -----------------------------------------------------------------------------------------


def _reason(e, c):
    """What a factor c may be: the number of examples, of channels, ..., or a number that the layer has."""
    if not e.probe:
        return ""
    size, N = max(abs(c), 1 / abs(c)), len(np.atleast_1d(e.probe.inputs[0]))
    with_more_examples = _power_of_examples(e)
    if with_more_examples:
        counts = [("", 1), *((f" and {number} {what}", number) for what, number in _counts(e))]
        fitting = [what for what, number in counts if close(size, N * number)]
        if not fitting:
            return ": the factor depends on the number of examples"
        over = "" if fitting[0] else " over the examples"
        mean = "a mean stands where the sum belongs" if with_more_examples < 0 else f"the mean{over} is missing"
        return f", and there are {N} examples{fitting[0]}: {mean}"
    fitting = [what for what, number in _counts(e) if number > 2 and close(size, number)]
    return f"; {round(size)} is the number of {' and of '.join(fitting)}" if fitting else _attribute(e, c)


def _ratio(probe, name):
    """The given gradient divided by the right one, where it is largest, as the probe is now."""
    given, array = probe.gradients()[name], probe.arrays[name]
    place = np.unravel_index(np.abs(given).argmax(), given.shape)
    return given[place] / slopes(probe.value, array[(*place, ...)])


def _power_of_examples(e):
    """1 if c doubles with every example taken twice, -1 if it halves, else 0."""
    N = len(e.probe.inputs[0]) if np.ndim(e.probe.inputs[0]) else 0
    twice = [np.concatenate([value, value]) if np.ndim(value) and len(value) == N else value
             for value in e.probe.inputs]
    try:
        more = _ratio(type(e.probe)(e.probe.thing, twice), e.name) / _ratio(e.probe, e.name)
    except Exception:       # noqa: BLE001 - a layer for one number of examples only
        return 0
    return 1 if close(more, 2) else -1 if close(more, 0.5) else 0


def _counts(e):
    """(words, number) of what can be counted in the shapes of x and out."""
    x, out = np.shape(e.probe.inputs[0]), e.out.shape
    if len(x) == 4:
        yield from (("channels", x[1]), ("pixels", x[2] * x[3]))
    if len(out) == 4 and out != x:
        yield from (("output channels", out[1]), ("windows", out[2] * out[3]))
    if len(x) == 2:
        yield "values per example", x[1]
    if len(out) == 2:
        yield "outputs per example", out[1]
    if e.jacobian is not None and e.out.ndim:
        uses = np.count_nonzero(np.abs(e.jacobian) > 1e-9, axis=tuple(range(e.out.ndim, e.jacobian.ndim)))
        if np.ptp(uses) == 0:
            yield f"values of {e.name} that an output depends on", uses.flat[0]


def _attribute(e, c):
    """A number that the layer has, if the factor follows it when it is changed."""
    numbers = vars(e.probe.thing).items() if e.is_layer else ()
    for attribute, value in [(key, value) for key, value in numbers if isinstance(value, float) and 0 < value < 1]:
        for what, number in [(attribute, lambda a: a), (f"1 - {attribute}", lambda a: 1 - a),
                             (f"1 / {attribute}", lambda a: 1 / a), (f"1 / (1 - {attribute})", lambda a: 1 / (1 - a))]:
            with _replaced(e.probe.thing, **{attribute: 0.9 * value}):
                if close(c, number(value)) and close(_ratio(e.probe, e.name), number(0.9 * value)):
                    return f", and that is {what}"
    return ""


# ---- words and small tools -------------------------------------------------------------------------------------------


def times(c):
    """"1/8 of", "8 times", "0.37 times"."""
    if 0 < c < 1 and close(1 / c, round(1 / c)) and 1 / c < 10 ** 6:
        return f"1/{round(1 / c)} of"
    return f"{round(c) if close(c, round(c)) else format(c, '.4g')} times"


def words(axes):
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def diagonal(jacobian):
    """How much every value changes its own output."""
    shape = jacobian.shape[:jacobian.ndim // 2]
    return np.diag(jacobian.reshape(np.prod(shape), -1)).reshape(shape)


def close(a, b):
    return bool(abs(a - b) <= 1e-4 * abs(b))


def subsets(ndim):
    """All choices of axes but none at all."""
    return [axes for n in range(1, ndim + 1) for axes in itertools.combinations(range(ndim), n)]


def reordered(values):
    """The array as it is after a reshape or transpose to another order of axes that was forgotten or made too often."""
    for order in itertools.permutations(range(values.ndim)):
        yield values.transpose(order).reshape(values.shape)
        yield values.reshape([values.shape[axis] for axis in order]).transpose(np.argsort(order))


MISTAKES = [        # and what it needs; in this order: what is more certain, and says more, comes first
    (no_gradient, "always"), (other_shape, "always"), (nothing, "fits"), (added_up, "runs"), (overwritten, "runs"),
    (changed_input, "is_layer"), (wrote_into_dout, "is_layer"), (another_input, "fits"), (factor, "fits"),
    (rearranged, "fits"), (layer_inside, "runs"), (known_places, "fits"), (statistics_held_constant, "is_layer"),
    (other_dout, "is_layer"), (own_value_only, "is_layer"), (missing_factor, "runs"), (missing_term, "runs"),
    (wrong_memory, "is_layer"), (some_places, "fits"), (not_proportional, "is_layer")]
