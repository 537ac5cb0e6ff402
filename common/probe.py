"""A layer or a net made ready to be measured: a copy in float64, with the same random numbers at every call."""
import copy
import inspect
import itertools
from collections.abc import Mapping

import numpy as np

from common.own_layer import parameter_names


def training_mode(function):
    """{"train_flg": True} for a function that takes it, else {}."""
    return {"train_flg": True} if "train_flg" in inspect.signature(function).parameters else {}


class Probe:
    """A layer or net and its inputs as a function whose result is one number.

    Attributes
    ----------
    thing, inputs : the copy, and the list of what its forward or loss takes
    out, dout : lists of the results, and of the weights with which they are added up: random ones for the outputs of a
        layer, which are the dout of its backward; [1.0] for a loss
    arrays, grads : dicts of the arrays, and of the gradients by backpropagation (None where there is none), by name
    size : the sum of the weighted results without signs, a loss as at least 1; rounding is a small part of it
    alone : {id(layer): GradientCheck} of layers inside that have been checked alone
    """

    def __init__(self, thing, inputs, is_layer):
        self.thing, self.is_layer, self.forward = thing, is_layer, thing.forward if is_layer else thing.loss
        self._state = np.random.get_state()
        self._generators = [(value.bit_generator, value.bit_generator.state) for value in reachable(thing)
                            if isinstance(value, np.random.Generator)]
        self.inputs = [np.array(inputs[0], np.float64), *inputs[1:]]
        self._mode, self._draws = training_mode(self.forward), True
        try:
            self.out = self.results()
        except (IndexError, TypeError):
            if inputs[0].dtype.kind not in "iu":
                raise
            self.inputs = list(inputs)          # indices, as of an embedding
            self.out = self.results()
        called = "forward" if is_layer else "loss"
        says = f"check_gradients: {type(thing).__name__}.{called} gives"
        for out in self.out:
            if out is None:
                raise ValueError(f"{says} None; expected a result. Perhaps its `return` is missing")
            if np.asarray(out).dtype in (np.float16, np.float32):
                raise ValueError(f"{says} {out.dtype} for an x of float64; expected float64, as less is too coarse")
            if not np.isfinite(out).all():
                raise ValueError(f"{says} nan or inf for this x and these parameters")
        rng = np.random.default_rng(1)
        self.dout = [rng.normal(size=np.shape(out)) if is_layer and np.ndim(out) else 1.0 for out in self.out]
        least = sum(1e-4 * np.abs(dout).sum() if np.ndim(dout) else 1 for dout in self.dout)
        self.size = max(np.abs(self.weighted()).sum(), least)    # a loss near 0 is the log of a number near 1
        self.arrays = self._find_arrays(inputs) if is_layer else dict(thing.params)
        if abs(self.value() - self.value()) > 1e-9 * self.size:
            raise ValueError(f"{says} another result at every call with the same x. Either it has random numbers of "
                             "its own: take them from np.random, or from a generator that is an attribute. Or it "
                             "changes what it uses, such as a running average: in training, use the mean of the batch")
        for (name, array), (other, others) in itertools.combinations(self.arrays.items(), 2):
            if np.shares_memory(array, others):
                raise ValueError(f"check_gradients: {name} and {other} share memory, so neither can change alone; give "
                                 "each an array of its own")
        start = copy.deepcopy(self.arrays)
        self.results()
        self._check_unchanged(start, called)
        self.grads, self.alone = self.gradients(), {}
        self._check_unchanged(start, "backward" if is_layer else "gradient")
        self._draws = not all(map(np.array_equal, np.random.get_state(), self._state))

    def _check_unchanged(self, start, who):
        for name, array in self._parameters().items():
            if array is not self.arrays[name] or not np.array_equal(array, start[name]):
                raise ValueError(f"check_gradients: {who} changes {name}, so its gradient cannot be compared. Leave "
                                 f"{name} as it is: a step like {name} -= lr * d{name} belongs after backward")

    def _parameters(self):
        return {name: getattr(self.thing, name) for name in self.parameters} if self.is_layer else self.thing.params

    def _find_arrays(self, inputs):
        """The parameters of a layer, and the inputs for which backward returns a gradient."""
        before, after = dict(vars(self.thing)), {}
        self.parameters, self._positions = (), {}
        self.gradients(between=lambda: after.update(vars(self.thing)))
        if len(self._dx) > len(inputs):
            raise ValueError(f"check_gradients: backward returned {len(self._dx)} gradients, but forward takes "
                             f"{len(inputs)}: those of parameters belong into attributes like dW")
        declared = getattr(self.thing, "param_names", ())       # what forward sets anew is no parameter
        self.parameters = [name for name in parameter_names(self.thing)
                           if name in declared or before.get(name) is after.get(name)]
        for name, value in self._parameters().items():
            setattr(self.thing, name, np.asarray(value, np.float64))
        if len(self._dx) > 1:
            self.inputs = [np.array(value, np.float64) for value in self.inputs]
        for i, (name, dx) in enumerate(zip(inspect.signature(self.forward).parameters, self._dx)):
            if self.inputs[i].dtype == np.float64 and not (dx is None and inputs[i].dtype.kind in "iu"):
                self._positions[name] = i
        return self._parameters() | {name: self.inputs[i] for name, i in self._positions.items()}

    def _call(self, function, mode):
        """What a function gives for copies of the inputs, as it may write into them. Random numbers are the same."""
        if self._draws:                         # else leave it: it takes longer than a small forward
            np.random.set_state(self._state)
        for generator, state in self._generators:
            generator.state = state
        self.handed = copy.deepcopy(self.inputs)
        return function(*self.handed, **mode)

    def results(self):
        """What forward gives, as a list."""
        out = self._call(self.forward, self._mode)
        return list(out) if isinstance(out, tuple) else [out]

    def weighted(self, _=None):
        """All results times their weights, in one row."""
        return np.concatenate([np.ravel(weights * out) for weights, out in zip(self.dout, self.results())])

    def value(self, _=None):
        """The number that the gradients belong to."""
        return float(self.weighted().sum())

    def gradients(self, between=lambda: None):
        """The gradients by backpropagation, {"W1": array or None, ...}; a layer runs `between` before backward."""
        if not self.is_layer:
            grads = self._call(self.thing.gradient, training_mode(self.thing.gradient))
            if not isinstance(grads, Mapping):
                raise ValueError(f"check_gradients: {type(self.thing).__name__}.gradient gives {grads!r:.60}; expected "
                                 f"a dict, {{'{next(iter(self.arrays))}': ...}}. Perhaps its `return` is missing")
            return {name: copy.deepcopy(grads.get(name)) for name in self.arrays}
        self.results()
        between()
        self.handed_dout = copy.deepcopy(self.dout)     # backward may write into it
        takes = len(inspect.signature(self.thing.backward).parameters)
        dx = self.thing.backward(*self.handed_dout if takes >= len(self.dout) else [tuple(self.handed_dout)])
        self._dx = dx if isinstance(dx, tuple) else (dx,)
        grads = {name: getattr(self.thing, "d" + name, None) for name in self.parameters}
        return copy.deepcopy(grads | {name: self._dx[i] for name, i in self._positions.items()})


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


def in_float64(thing):
    """A copy in which every array of floats is float64; arrays that share memory, as W and W.T do, still share it."""
    owners, twins = {}, {}
    for array in [value for value in reachable(thing) if isinstance(value, np.ndarray) and value.dtype.kind == "f"]:
        owner = array if array.base is None else array.base
        if isinstance(owner, np.ndarray) and owner.dtype == array.dtype and owner.flags.forc:
            if id(owner) not in owners:
                owners[id(owner)] = owner.astype(np.float64).ravel(order="K")
            start = (array.ctypes.data - owner.ctypes.data) // array.itemsize
            strides = [8 * stride // array.itemsize for stride in array.strides]
            twins[id(array)] = np.lib.stride_tricks.as_strided(owners[id(owner)][start:], array.shape, strides)
        else:
            twins[id(array)] = array.astype(np.float64)
    return copy.deepcopy(thing, twins)
