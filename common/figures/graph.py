"""The computational graph of one forward and one backward pass (book, chapter 5): every value, and every derivative.

Of a net, ours or your own, in one line:

    print(summary(net, x, t))           # a table of its layers
    draw(record(net, x, t))             # a picture, with common.figures.draw_graph

Of layers wired by hand, the values are named, and a name used twice is a branch:

    graph = Graph(apple=100, apple_num=2)
    graph.forward(MulLayer(), "apple", "apple_num", out="price")
    graph.backward()
    graph.values["price"], graph.grads["apple"]     # 200, 2
"""
import copy
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from common.figures.small_steps import STEPS


@dataclass(eq=False)
class Node:
    """One layer, or one operation, in a graph.

    Attributes
    ----------
    name : what it is called in the graph
    layer : the object whose forward and backward ran
    inputs : names of the values that went in
    out : name of the value that came out
    inside : title of the layer that this is a step of, or None
    grads : what backward returned, a derivative for each of the inputs (none for targets)
    seconds : for forward and backward
    """
    name: str
    layer: object
    inputs: tuple
    out: str
    inside: str | None = None
    grads: tuple = ()
    seconds: float = 0

    @property
    def title(self):
        """The name, and the kind of layer if the name does not tell: "Activation1: Relu"."""
        return _title(self.name, self.layer)

    @property
    def params(self):
        """{"W": (array, its gradient), ...} of the layer's trained parameters."""
        layer = self.layer
        names = getattr(layer, "param_names",
                        [name for name in ("W", "b", "gamma", "beta") if hasattr(layer, f"d{name}")])
        return {name: (getattr(layer, name), getattr(layer, f"d{name}")) for name in names}


class Graph:
    """Layers that pass named values on, recorded as they run.

    Parameters
    ----------
    **values : the inputs, numbers or arrays, each under its name

    Attributes
    ----------
    values : {name: what went forward}
    grads : {name: the derivative of the last value by this one, which came backward}; where a value was used several
        times, the sum over the uses
    nodes : list of Node, in order of the forward pass
    """

    def __init__(self, **values):
        self.values = values
        self.grads = {}
        self.nodes = []

    def forward(self, layer, *inputs, out, name=None, inside=None):
        """Run layer.forward on the values named `inputs`, and name the result `out`.

        A layer remembers one forward only, so it can stand in the graph once.
        """
        for value in inputs:
            if value not in self.values:
                raise ValueError(f"{out}: expected one of the values {', '.join(self.values)}, got {value!r}")
        if out in self.values:
            raise ValueError(f"{out}: there is a value of that name already; give this one another")
        for node in self.nodes:
            if node.layer is layer:
                raise ValueError(f"{out}: this {type(layer).__name__} made {node.out} already, and would forget what "
                                 "its backward needs; expected a new layer")
        start = perf_counter()
        self.values[out] = layer.forward(*(self.values[value] for value in inputs))
        seconds = perf_counter() - start
        self.nodes.append(Node(name or type(layer).__name__, layer, inputs, out, inside, seconds=seconds))
        return self.values[out]

    def backward(self, dout=1):
        """Run every layer's backward, from the last value to the inputs; dout is the last value's own derivative."""
        if not self.nodes:
            raise ValueError("backward: expected a forward before it, got an empty graph")
        self.grads = {self.nodes[-1].out: dout}
        for node in reversed(self.nodes):
            if node.out not in self.grads:
                continue                # the last value does not depend on this one
            start = perf_counter()
            grads = node.layer.backward(self.grads[node.out])
            node.seconds += perf_counter() - start
            node.grads = tuple(grads) if isinstance(grads, (tuple, list)) else (grads,)
            for name, grad in zip(node.inputs, node.grads):
                self.grads[name] = self.grads[name] + grad if name in self.grads else grad
        return self.grads

    @property
    def inputs(self):
        """Names of the values that no layer made."""
        made = {node.out for node in self.nodes}
        return [name for name in self.values if name not in made]

    def __str__(self):
        return _table(self)


def record(net, x, t=None, opened=()):
    """The graph of one pass through a net as in training, forward and backward.

    The pass goes through a copy: the net, its running averages and np.random stay as they were. So dropout draws the
    masks that the net's own `gradient` draws next, and the graph shows what that computes (without weight decay).

    Parameters
    ----------
    net : a Network; any object with `layers` (a dict or a list) and `last_layer` or `lastLayer`; or a list of layers
    x : array (N, ...) of examples
    t : their targets. Without them the graph ends before the loss, and what goes backward starts with ones.
        With them, a net without last layer ends in a layer that takes targets.
    opened : names ("Affine1") or kinds ("Affine") of layers to show step by step: Affine, Sigmoid, SoftmaxWithLoss

    Returns
    -------
    Graph with the values "x", "t", one of each layer's name, and "loss"; of opened layers also "W1", "b1", ...

    Raises
    ------
    TypeError : net has no layers
    ValueError : a name in `opened` fits no layer, or one that cannot be opened
    """
    layers, last_layer = copy.deepcopy(_layers(net, t))
    calls = [(name, layer, (), name) for name, layer in layers.items()]
    inputs = {"x": np.asarray(x)}
    if t is not None:
        calls.append((type(last_layer).__name__, last_layer, ("t",), "loss"))
        inputs["t"] = np.asarray(t)
    opened = _checked({opened} if isinstance(opened, str) else set(opened), calls)

    graph, value, number = Graph(**inputs), "x", {"W": 0, "b": 0}
    random_state = np.random.get_state()
    try:
        for name, layer, targets, out in calls:
            for key in number:          # parameters are named as in Network: the n-th layer that has a W calls it Wn
                number[key] += hasattr(layer, key)
            if opened & {name, type(layer).__name__}:
                _forward_in_steps(graph, name, layer, (value, *targets), out, number)
            else:
                graph.forward(layer, value, *targets, out=out, name=name)
            value = out
        graph.backward(1 if t is not None else np.ones_like(graph.values[value]))
    finally:
        np.random.set_state(random_state)
    return graph


def summary(net, x, t=None):
    """A table of the net's layers in one pass forward and backward: print it. Parameters as for `record`."""
    return str(record(net, x, t))


def _layers(net, t):
    """({name: layer, ...}, the loss or None)"""
    layers = getattr(net, "layers", net)
    if not isinstance(layers, (dict, list, tuple)) or not layers:
        raise TypeError(f"expected a net with layers, or a list of layers, got {type(net).__name__}")
    if isinstance(layers, dict):
        named = {str(name): layer for name, layer in layers.items()}
    else:
        named, count = {}, {}
        for layer in layers:
            kind = type(layer).__name__
            count[kind] = count.get(kind, 0) + 1
            named[f"{kind}{count[kind]}"] = layer
    last_layer = getattr(net, "last_layer", None) or getattr(net, "lastLayer", None)
    if last_layer is None and t is not None:
        _, last_layer = named.popitem()
    return named, last_layer


def _title(name, layer):
    kind = type(layer).__name__
    return name if kind.startswith(name.rstrip("0123456789_")) else f"{name}: {kind}"


def _checked(opened, calls):
    kinds = {key: type(layer).__name__ for name, layer, *_ in calls for key in (name, type(layer).__name__)}
    for name in opened:
        if kinds.get(name) not in STEPS:
            can = [name for name, layer, *_ in calls if type(layer).__name__ in STEPS]
            raise ValueError(f"opened: expected one of {', '.join(can) or 'none, as no layer can be'}, got {name!r}")
    return opened


def _forward_in_steps(graph, name, layer, inputs, out, number):
    """Run the steps that the layer is made of; they must come to the same result as the layer itself."""
    expected = layer.forward(*(graph.values[value] for value in inputs))
    value, *_ = inputs
    steps = STEPS[type(layer).__name__]
    for step, *others in steps:
        for i, key in enumerate(others):
            if key != "t":
                others[i] = f"{key}{number[key]}"
                graph.values[others[i]] = getattr(layer, key)
        result = out if step is steps[-1][0] else f"{name}.{step.__name__}"
        graph.forward(step(), value, *others, out=result, inside=_title(name, layer))
        value = result
    if not np.allclose(graph.values[out], expected, rtol=1e-4, atol=1e-6):
        raise ValueError(f"{name} cannot be opened: this {type(layer).__name__} computes something else than its steps")


def _table(graph):
    head = ("layer", "output", "parameters", "mean", "std", "|dL/dout|", "|dL/dparams|", "seconds")
    rows = [(name, *_of_value(graph, name), "", "") for name in graph.inputs if name in graph.grads]
    total = 0
    for node in graph.nodes:
        shape, _, *numbers = _of_value(graph, node.out)
        size = sum(value.size for value, _ in node.params.values())
        norm = _norm([grad for _, grad in node.params.values() if grad is not None])
        title = f"{node.inside}, {node.title}" if node.inside else node.title
        rows.append((title, shape, f"{size:,}" if size else "", *numbers, norm, f"{node.seconds:.4f}"))
        total += size
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in (head, *rows)]
    rule = "-" * max(map(len, lines))
    last = graph.nodes[-1].out
    end = [f"{last} {graph.values[last]:.6g}"] if np.ndim(graph.values[last]) == 0 else []
    end += [f"{total:,} parameters"] if total else []
    end += [f"{sum(node.seconds for node in graph.nodes):.4f} seconds"]
    return "\n".join([lines[0], rule, *lines[1:], rule, ", ".join(end)])


def _of_value(graph, name):
    """Cells of the table: shape, parameters, mean, std, norm of the derivative."""
    value, grad = graph.values[name], graph.grads.get(name)
    shape = str(np.shape(value)) if np.ndim(value) else "number"
    return shape, "", f"{np.mean(value):.3g}", f"{np.std(value):.3g}", "" if grad is None else _norm([grad])


def _norm(arrays):
    """The length of all the arrays as one vector; "" for none."""
    return f"{np.sqrt(sum(np.sum(np.square(array)) for array in arrays)):.3g}" if arrays else ""
