"""Numerical gradients by central differences (book, 4.3 and 4.4), and the check of backpropagation by them (5.7.3)."""
import copy
import inspect

import numpy as np


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
    h = 1e-4
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        try:
            x[index] = value + h
            upper, f_upper = x[index], f(x)
            x[index] = value - h
            lower, f_lower = x[index], f(x)
        finally:
            x[index] = value
        step = 2 * h
        if x.dtype.itemsize < 8:
            step = upper - lower        # the step that was really made: x is rounded
            if step == 0:
                raise ValueError(f"numerical_gradient: {value} + {h} is {value} in {x.dtype}; expected float64")
        grad[index] = (f_upper - f_lower) / step
    return grad


def numerical_gradient_2d(f, X):
    """The gradient of f at every row of X (N, D), or at X itself if it is one point (D,)."""
    if X.ndim == 1:
        return numerical_gradient(f, X)
    return np.stack([numerical_gradient(f, x) for x in X])


class GradientCheck(dict):
    """What `check_gradients` found: {"W1": Comparison, ...}. True if every gradient passed; prints as a table."""

    def __init__(self, comparisons, bound):
        super().__init__(comparisons)
        self.bound = bound

    @property
    def failed(self):
        """The names of the gradients that differ by more than the bound."""
        return [name for name, comparison in self.items() if not comparison.relative <= self.bound]     # nan fails too

    def __bool__(self):
        return not self.failed

    def __str__(self):
        lines = ["gradient   largest    largest difference    relative    checked"]
        for name, found in self.items():
            verdict = "FAILED" if name in self.failed else "passed"
            lines.append(f"d{name:8}  {found.largest:.1e}  {found.absolute:18.1e}    {found.relative:.1e}  "
                         f"{found.count:9,}   {verdict}")
        return "\n".join(lines)

    __repr__ = __str__


class Comparison:
    """One gradient, computed in both ways.

    Attributes
    ----------
    by_backprop, by_differences : float64 arrays of one shape; by_differences is nan where it was not computed
    """

    def __init__(self, by_backprop, by_differences):
        self.by_backprop = by_backprop
        self.by_differences = by_differences
        self._checked = ~np.isnan(by_differences)

    @property
    def count(self):
        """How many values were compared."""
        return int(self._checked.sum())

    @property
    def largest(self):
        """The largest of the compared gradients, without its sign."""
        return max(np.abs(grad[self._checked]).max(initial=0) for grad in (self.by_backprop, self.by_differences))

    @property
    def difference(self):
        """|by_backprop - by_differences|, as an array."""
        return np.abs(self.by_backprop - self.by_differences)

    @property
    def absolute(self):
        """The largest difference."""
        return self.difference[self._checked].max(initial=0)

    @property
    def relative(self):
        """The largest difference divided by the largest gradient; by 0.001 if that is larger, as where all gradients
        are 0 nothing but rounding is left to compare."""
        return self.absolute / max(self.largest, 1e-3)


def check_gradients(layer_or_net, x, *others, bound=1e-6, at_most=None):
    """Compare what backpropagation computes with central differences (book, 5.7.3).

        assert check_gradients(Affine(W, b), x)
        print(check_gradients(network, x, t))

    Everything is computed in float64 on a copy, so float32 hides no mistake and nothing is changed. Random numbers, for
    dropout, are the same at every probe. Near the bend of a relu, or where two values of a pool are nearly alike,
    differences mean nothing: one that fails alone may be one of those; take another x.

    Parameters
    ----------
    layer_or_net : a net with `params`, `loss(x, t)` and `gradient(x, t)`; or a layer with `forward` and `backward`. A
        layer's parameters are its `param_names`, or else its pairs of attributes like `W` and `dW`; its outputs are
        added up with random weights, so that there is one number to take the gradient of.
    x, others : what forward or loss takes: x alone, x and t, or several inputs if backward returns as many gradients
    bound : the largest relative difference that passes
    at_most : compare only so many values of each array, drawn at random; all of them if None

    Returns
    -------
    GradientCheck, a dict of `Comparison` by the name of the parameter ("W1", "gamma") or, for a layer, the input ("x")

    Raises
    ------
    TypeError : neither a layer nor a net
    ValueError : a gradient has another shape than what it belongs to
    """
    checked = _in_float64(layer_or_net)
    x = np.array(x, np.float64)
    state = np.random.get_state()
    try:
        if all(hasattr(checked, name) for name in ("params", "loss", "gradient")):
            arrays, grads, f = _net(checked, x, *others)
        elif all(hasattr(checked, name) for name in ("forward", "backward")):
            arrays, grads, f = _layer(checked, x, *others)
        else:
            raise TypeError("check_gradients: expected a layer with forward and backward, or a net with params, loss "
                            f"and gradient, got {type(layer_or_net).__name__}")

        def same_random_numbers(_):
            np.random.set_state(state)
            return f()

        rng = np.random.default_rng(0)
        comparisons = {}
        for name, array in arrays.items():
            if np.shape(grads[name]) != array.shape:
                raise ValueError(f"check_gradients: {name} has the shape {array.shape}, "
                                 f"but its gradient {np.shape(grads[name])}")
            by_differences = np.full(array.shape, np.nan)
            for index in rng.permutation(array.size)[:at_most]:
                place = (*np.unravel_index(index, array.shape), ...)
                by_differences[place] = numerical_gradient(same_random_numbers, array[place])
            comparisons[name] = Comparison(np.array(grads[name], np.float64), by_differences)
    finally:
        np.random.set_state(state)
    return GradientCheck(comparisons, bound)


def _net(net, x, t):
    """The parameters, their gradients and the loss they belong to."""
    training = {"train_flg": True} if "train_flg" in inspect.signature(net.loss).parameters else {}
    return net.params, net.gradient(x, t), lambda: net.loss(x, t, **training)


def _layer(layer, *inputs):
    """The parameters and inputs, their gradients and the number they belong to."""
    before = {name for name, value in vars(layer).items() if _is_float_array(value)}
    out = layer.forward(*inputs)
    weights = np.random.default_rng(1).normal(size=np.shape(out)) if np.ndim(out) else 1.0
    dx = layer.backward(weights)
    if isinstance(dx, tuple):
        inputs = [np.array(value, np.float64) for value in inputs]
    else:
        dx = (dx,)
    input_names = list(inspect.signature(layer.forward).parameters)[:len(dx)]
    names = getattr(layer, "param_names", None)
    if names is None:
        names = [name for name in vars(layer) if name in before - {"out", *input_names} and hasattr(layer, "d" + name)]
    arrays = {name: getattr(layer, name) for name in names} | dict(zip(input_names, inputs))
    grads = {name: getattr(layer, "d" + name) for name in names} | dict(zip(input_names, dx))
    return arrays, grads, lambda: np.sum(weights * layer.forward(*inputs))


def _in_float64(thing):
    """A copy in which every array of floats is float64, and arrays that were shared still are."""
    twins, seen, waiting = {}, {}, [thing]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if _is_float_array(value):
            twins[id(value)] = value.astype(np.float64)
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            waiting.append(vars(value))
    return copy.deepcopy(thing, twins)


def _is_float_array(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
