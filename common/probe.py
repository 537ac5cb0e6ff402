"""A layer or a net made ready to be measured: a copy in float64, with the same random numbers at every call."""
import copy
import inspect
import itertools

import numpy as np

from common.own_layer import parameter_names


class Probe:
    """A net and its inputs as a function with one number as its result.

    Attributes
    ----------
    thing, inputs : the copy, and the list of what its loss takes
    out, dout : lists of the results, and of the weights with which they are added up: [loss] and [1.0]
    arrays, grads : dicts of the arrays, and of the gradients by backpropagation (None where there is none), by name
    first_grads : grads of the first call; backward must set gradients, not add to them, so both are the same
    size : the sum of the weighted results without signs; rounding is a small part of it
    """

    is_layer = False
    inside = None       # what is wrong with a layer inside, once that is known

    def __init__(self, thing, inputs):
        self.thing, self.inputs = thing, [as_floats(inputs[0]), *inputs[1:]]
        self._state = np.random.get_state()
        self._generators = [(value.bit_generator, value.bit_generator.state) for value in reachable(thing)
                            if isinstance(value, np.random.Generator)]
        try:
            self.out = self.results()
        except (IndexError, TypeError):
            if np.asarray(inputs[0]).dtype.kind not in "iu":
                raise
            self.inputs = list(inputs)          # indices, as of an embedding
            self.out = self.results()
        rng = np.random.default_rng(1)
        self.dout = [rng.normal(size=np.shape(out)) if np.ndim(out) else 1.0 for out in self.out]
        self.size = sum(np.abs(weights * out).sum() for weights, out in zip(self.dout, self.out))
        if not np.isfinite(self.size):
            raise ValueError("check_gradients: the result is nan or infinite for this x and these parameters")
        if abs(self.value() - self.value()) > 1e-9 * self.size:
            raise ValueError("check_gradients: the same x gives another result at every call; take random numbers from "
                             "np.random, or from a generator that is an attribute of the layer")
        self.arrays = self._arrays(inputs)
        for (name, array), (other, others) in itertools.combinations(self.arrays.items(), 2):
            if np.shares_memory(array, others):
                raise ValueError(f"check_gradients: {name} and {other} share memory, so neither can change alone; give "
                                 "each an array of its own")
        self.first_grads = self.gradients()
        self.grads = self.gradients()

    def results(self):
        """What forward gives, as a list. It gets copies: it may write into them."""
        np.random.set_state(self._state)
        for generator, state in self._generators:
            generator.state = state
        self.handed = copy.deepcopy(self.inputs)
        function = self._function()
        mode = {"train_flg": True} if "train_flg" in inspect.signature(function).parameters else {}
        out = function(*self.handed, **mode)
        return list(out) if isinstance(out, tuple) else [out]

    def weighted(self, _=None):
        """All results times their weights, in one row."""
        return np.concatenate([np.ravel(weights * out) for weights, out in zip(self.dout, self.results())])

    def value(self, _=None):
        """The number that the gradients belong to."""
        return float(self.weighted().sum())

    def _function(self):
        return self.thing.loss

    def gradients(self, between=lambda: None):
        """The gradients by backpropagation: {"W1": array or None, ...}."""
        np.random.set_state(self._state)
        grads = self.thing.gradient(*copy.deepcopy(self.inputs))
        return {name: copy.deepcopy(grads.get(name)) for name in self.arrays}

    def _arrays(self, inputs):
        return dict(self.thing.params)


class LayerProbe(Probe):
    """A layer and its inputs: its outputs are added up with random weights, which are the dout of backward."""

    is_layer = True

    def _function(self):
        return self.thing.forward

    def gradients(self, between=lambda: None):
        """forward, whatever comes between, and backward: {"W": array or None, ..., "x": array or None}."""
        self.results()
        between()
        self.handed_dout = copy.deepcopy(self.dout)     # backward may write into it
        takes = len(inspect.signature(self.thing.backward).parameters)
        dx = self.thing.backward(*self.handed_dout if takes >= len(self.dout) else [tuple(self.handed_dout)])
        self._dx = dx if isinstance(dx, tuple) else (dx,)
        grads = {name: getattr(self.thing, "d" + name, None) for name in self.parameters}
        return copy.deepcopy(grads | {name: self._dx[i] for name, i in self._positions.items()})

    def _arrays(self, inputs):
        before = dict(getattr(self.thing, "__dict__", {}))
        self.parameters, self._positions = (), {}
        self.gradients()
        if len(self._dx) > len(inputs):
            raise ValueError(f"check_gradients: backward returned {len(self._dx)} gradients, but forward takes "
                             f"{len(inputs)}: those of parameters belong into attributes like dW")
        declared = getattr(self.thing, "param_names", ())       # what forward sets anew is no parameter
        self.parameters = [name for name in parameter_names(self.thing)
                           if name in declared or before.get(name) is getattr(self.thing, name)]
        for name in self.parameters:
            if not is_float64(getattr(self.thing, name)):
                setattr(self.thing, name, np.array(getattr(self.thing, name), np.float64))
        if len(self._dx) > 1:
            self.inputs = [as_floats(value) for value in self.inputs]
        arrays = {name: getattr(self.thing, name) for name in self.parameters}
        for i, (name, dx) in enumerate(zip(inspect.signature(self.thing.forward).parameters, self._dx)):
            if is_float64(self.inputs[i]) and not (dx is None and np.asarray(inputs[i]).dtype.kind in "iu"):
                arrays[name] = self.inputs[i]
                self._positions[name] = i
        return arrays


def as_array(value):
    """Whatever NumPy can turn into an array of numbers as that array, in order of position; floats as float64."""
    array = np.asarray(value)
    return value if array.dtype.kind not in "biuf" else array.astype(np.float64) if array.dtype.kind == "f" else array


def as_floats(value):
    return np.array(value, np.float64)


def is_float64(value):
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def slopes(f, array):
    """The derivative of f() by every value of an array that f reads; f gives a number or an array (*out_shape).

    Returns
    -------
    array (*out_shape, *array.shape)
    """
    columns = []
    for index in np.ndindex(array.shape):
        value = array[index]
        try:
            array[index] = value + 1e-4
            upper = np.array(f(), np.float64)
            array[index] = value - 1e-4
            columns.append((upper - f()) / 2e-4)
        finally:
            array[index] = value
    return np.reshape(np.stack(columns, -1), (*np.shape(columns[0]), *array.shape))


def reachable(thing):
    """Everything that a thing consists of: itself, its attributes, what its lists and dicts hold, and so on."""
    seen, waiting = {}, [thing]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            waiting.append(vars(value))
    return list(seen.values())


def in_float64(thing):
    """A copy in which every array of floats is float64, and arrays that share memory still do."""
    arrays = [value for value in reachable(thing) if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
    owners, twins = {}, {}
    for array in arrays:
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        owners.setdefault(id(owner), (owner, []))[1].append(array)
    for owner, views in owners.values():
        if len(views) == 1 or owner.dtype.kind != "f" or not owner.flags.forc:
            twins |= {id(view): view.astype(np.float64) for view in views}
            continue
        flat = owner.astype(np.float64).ravel(order="K")
        for view in views:
            start = (view.ctypes.data - owner.ctypes.data) // owner.itemsize
            twins[id(view)] = np.lib.stride_tricks.as_strided(
                flat[start:], view.shape, [8 * stride // owner.itemsize for stride in view.strides])
    return copy.deepcopy(thing, twins)
