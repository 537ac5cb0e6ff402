"""A layer or a net made ready to be measured: a copy in float64, with the same random numbers at every call."""
import copy
import inspect

import numpy as np

from common.own_layer import parameter_names


class Probe:
    """A layer or net and its inputs as a function whose result is one number, `value`.

    thing, inputs : the copy, and the list of what its forward or loss takes
    out, dout : the result, and the weights with which its values are added up: random ones for a layer, which are the
        dout of its backward; 1.0 for a loss
    parameters : the names of the arrays that are no inputs
    arrays, grads : dicts of the arrays, and of the gradients by backpropagation (None where there is none), by name
    size : the sum of the weighted results without signs, a loss as at least 1; rounding is a small part of it
    handed, handed_dout : the copies of inputs and dout that the last call got, and may have written into
    """

    def __init__(self, thing, inputs, is_layer):
        in_float64 = {id(value): value.astype(np.float64) for value in reachable(thing)
                      if isinstance(value, np.ndarray) and value.dtype.kind == "f"}
        given, self.thing = thing, copy.deepcopy(thing, in_float64)
        thing = self.thing
        self.is_layer, self.parameters = is_layer, []
        self._forward = thing.forward if is_layer else thing.loss
        self._names = list(inspect.signature(self._forward).parameters)
        self._mode = {"train_flg": True} if "train_flg" in self._names else {}
        self._state, self._draws = np.random.get_state(), True
        self.out = self._first_result([np.asarray(value) for value in inputs])
        self.dout = np.random.default_rng(1).normal(size=self.out.shape) if is_layer and self.out.ndim else 1.0
        self.size = max(np.abs(self.weighted()).sum(), 1e-4 * np.abs(self.dout).sum() if self.out.ndim else 1)
        grads = self.gradients()        # a layer may have no dW before its first backward
        self.parameters = list(parameter_names(thing) if is_layer else thing.params)
        self._check_memory(vars(given) if is_layer else given.params, reachable(given))
        owner = vars(thing) if is_layer else thing.params
        for name in self.parameters:
            owner[name] = np.asarray(owner[name], np.float64)
        self.arrays = {name: owner[name] for name in self.parameters}
        self.arrays |= {name: value for name, value in zip(self._names, self.inputs)
                        if name in grads and value.dtype == np.float64}
        start = copy.deepcopy(self.arrays)
        self.grads = self.gradients()
        self._draws = not all(map(np.array_equal, np.random.get_state(), self._state))
        for name in self.parameters:
            if owner[name] is not self.arrays[name] or not np.array_equal(owner[name], start[name]):
                raise ValueError(f"check_gradients: forward or backward changes {name}. A gradient belongs in d{name}, "
                                 f"a step {name} -= lr * d{name} after backward; what forward remembers, elsewhere")

    def _check_memory(self, owner, things):
        """ValueError: a parameter cannot change alone, as it shares its memory."""
        mine = [owner[name] for name in self.parameters]
        others = [value for value in things if isinstance(value, np.ndarray) and not any(value is W for W in mine)]
        for i, name in enumerate(self.parameters):
            if any(np.may_share_memory(mine[i], other) for other in mine[:i] + others):
                raise ValueError(f"check_gradients: {name} shares its memory with another array, as W.T does with W; "
                                 "take W.T in forward, and give every parameter an array of its own")

    def _first_result(self, given):
        """What forward gives. Whole numbers become floats, unless they are used as indices."""
        for as_floats in (given, given[:1], []):
            self.inputs = [value.astype(np.float64) if i < len(as_floats) or value.dtype.kind == "f" else value
                           for i, value in enumerate(given)]
            try:
                out = self.result()
                break
            except (IndexError, TypeError, ValueError):
                if not as_floats:
                    raise
        says = f"check_gradients: {type(self.thing).__name__}.{'forward' if self.is_layer else 'loss'} gives"
        if out is None or isinstance(out, tuple):
            what = "several results" if out else "None (perhaps its `return` is missing)"
            raise ValueError(f"{says} {what}; expected one array or number")
        if np.asarray(out).dtype in (np.float16, np.float32):
            raise ValueError(f"{says} {out.dtype} for an x of float64; expected float64, as less is too coarse")
        if not np.isfinite(out).all():
            raise ValueError(f"{says} nan or inf for this x and these parameters")
        if not np.allclose(out, self.result(), 1e-9, 1e-9 * np.abs(out).max(initial=0)):
            raise ValueError(f"{says} another result at every call with this x. Take random numbers from np.random; "
                             "in training take the mean of the batch, for a running average changes at every call")
        return np.array(out, np.float64)

    def _call(self, function, **mode):
        """What a function gives for copies of the inputs, as it may write into them. Random numbers are the same."""
        if self._draws:     # to set the state takes longer than a small forward
            np.random.set_state(self._state)
        self.handed = copy.deepcopy(self.inputs)
        return function(*self.handed, **mode)

    def result(self):
        """What forward or loss gives."""
        return self._call(self._forward, **self._mode)

    def weighted(self, _=None):
        """All results times their weights, in one row."""
        return np.ravel(self.dout * self.result())

    def value(self, _=None):
        """The number that the gradients belong to."""
        return float(self.weighted().sum())

    def gradients(self):
        """The gradients by backpropagation, {"W1": array or None, ...}."""
        if not self.is_layer:
            grads = self._call(self.thing.gradient) or {}
            return {name: copy.deepcopy(grads.get(name)) for name in self.parameters}
        self.result()
        self.handed_dout = copy.copy(self.dout)
        dx = self.thing.backward(self.handed_dout)
        dx = dx if isinstance(dx, tuple) else (dx,)
        if len(dx) > len(self.inputs):
            raise ValueError(f"check_gradients: backward returned {len(dx)} gradients, but forward takes "
                             f"{len(self.inputs)}: those of parameters belong into attributes like dW")
        grads = {name: getattr(self.thing, "d" + name, None) for name in self.parameters}
        return copy.deepcopy(grads | dict(zip(self._names, dx)))


def reachable(thing, seen=None):
    """Everything that a thing consists of: itself, its attributes, what its lists and dicts hold, and so on."""
    seen = {} if seen is None else seen
    if id(thing) not in seen:
        seen[id(thing)] = thing
        parts = (thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else
                 [vars(thing)] if hasattr(thing, "__dict__") and not isinstance(thing, type) else ())
        for part in parts:
            reachable(part, seen)
    return list(seen.values())
