"""The computational graph of a forward and a backward pass (book, chapter 5): every value, and every derivative.

    graph = record(net, x, t)           # of a net, ours or your own
    print(graph)                        # a table; print(summary(net, x, t)) is the same
    draw(graph)                         # a picture, with common.figures.draw_graph

    graph = Graph(apple=100, apple_num=2)           # or wired by hand
    graph.forward(MulLayer(), "apple", "apple_num", out="price")
    graph.backward()
    graph.values["price"], graph.grads["apple"]     # 200, 2

Values are named; a value that goes into several layers is a branch.
"""
import copy
from dataclasses import dataclass

import numpy as np

from common.figures.small_steps import FORMULAS, Value
from common.own_layer import by_name, parameter_names


@dataclass(eq=False)
class Node:
    """One layer, or one operation, in a graph."""
    name: str
    layer: object
    inputs: tuple                   # names of the values that went in
    out: str                        # name of the value that came out
    grads: tuple = ()               # what backward returned, a derivative for each of the inputs (none for targets)

    @property
    def title(self):
        """The name, and the kind of layer if the name does not tell: "Conv1", but "A: Convolution"."""
        kind = getattr(self.layer, "symbol", type(self.layer).__name__)
        begin = self.name.rstrip("0123456789_")
        return self.name if len(begin) > 2 and kind.startswith(begin) else f"{self.name}: {kind}"

    @property
    def params(self):
        """{"W": (array, its gradient or None), ...}"""
        return {name: (getattr(self.layer, name), getattr(self.layer, f"d{name}", None))
                for name in parameter_names(self.layer)}


class Graph:
    """Layers that pass named values on, recorded as they run. The inputs come first: Graph(apple=100, tax=1.1).

    values : {name: what went forward, a number or an array}
    grads : {name: the derivative of the last value by this one}; where a value was used several times, the sum
    nodes : list of Node, in order of the forward pass
    """

    def __init__(self, **values):
        self.values = values
        self.grads = {}
        self.nodes = []

    def add(self, name, value):
        """Add a value under a name that no other has."""
        if name in self.values:
            raise ValueError(f"{name}: there is a value of that name already; rename one of the two")
        self.values[name] = value

    def forward(self, layer, *inputs, out, name=None):
        """Run layer.forward on the values named `inputs`, and name the result `out`.

        A layer remembers one forward only, so it can stand in the graph once.
        """
        if any(node.layer is layer for node in self.nodes):
            raise ValueError(f"{out}: this {type(layer).__name__} stands in the graph already; expected a new layer")
        self.add(out, layer.forward(*(self.values[value] for value in inputs)))
        self.nodes.append(Node(name or type(layer).__name__, layer, inputs, out))
        return self.values[out]

    def backward(self, dout=1):
        """Run every layer's backward, from the last value to the inputs; dout is the last value's own derivative."""
        self.grads = {self.nodes[-1].out: dout}
        for node in reversed(self.nodes):
            if node.out not in self.grads:
                continue                # the last value does not depend on this one
            grads = node.layer.backward(self.grads[node.out])
            node.grads = tuple(grads) if isinstance(grads, (tuple, list)) else (grads,)
            for name, grad in zip(node.inputs, node.grads):
                self.grads[name] = self.grads[name] + grad if name in self.grads else grad
        return self.grads

    def __str__(self):
        """A table of all values: which layer made each, and how large the gradient is that comes back to it."""
        made = {node.out: node for node in self.nodes}
        rows = [("layer", "output", "parameters", "mean", "std", "|dL/dout|", "|dL/dparams|")]
        for name, value in self.values.items():
            params = made[name].params.values() if name in made else ()
            size = sum(np.size(array) for array, _ in params)
            grads = [grad for _, grad in params if grad is not None]
            rows.append((made[name].title if name in made else name, str(np.shape(value) or "number"),
                         f"{size:,}" if size else "", *mean_and_std(value),
                         f"{length(self.grads[name]):.3g}" if name in self.grads else "",
                         f"{length(*grads):.3g}" if grads else ""))
        widths = [max(map(len, column)) for column in zip(*rows)]
        head, *lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        total = sum(np.size(array) for node in self.nodes for array, _ in node.params.values())
        return "\n".join([head, "-" * len(head), *lines, "-" * len(head), f"{total:,} parameters"])


def record(net, x, t=None, opened=()):
    """The graph of one pass through a net as in training, forward and backward.

    The pass goes through a copy: the net, its running averages and np.random stay as they were. So dropout draws the
    masks that the net's own `gradient` draws next, and the graph shows what that computes (without weight decay).

    net : a Network; any object with `layers` (a dict or a list) and `last_layer` or `lastLayer`; or a list of layers.
        If it has a `predict` of its own, the layers are wired as that runs them.
    x : array (N, ...) of examples
    t : their targets. Without them the graph ends before the loss, and what goes backward starts with ones.
        With them, a net without last layer ends in a layer that takes targets.
    opened : names ("Affine1") or kinds ("Affine") of layers to show step by step; `small_steps.FORMULAS` has the kinds

    Returns a Graph with the values "x", "t", one of each layer's name, and "loss"; of opened layers also "Affine1.W".
    """
    net = copy.deepcopy(net)
    layers = {str(name): layer for name, layer in by_name(getattr(net, "layers", net)).items()}
    loss = getattr(net, "last_layer", None) or getattr(net, "lastLayer", None)
    if t is not None and loss is None:
        _, loss = layers.popitem()
    opened = {opened} if isinstance(opened, str) else set(opened)
    can = [kind.__name__ for kind in FORMULAS] + [name for name, layer in layers.items() if type(layer) in FORMULAS]
    if not opened.issubset(can):
        raise ValueError(f"opened: expected one of {', '.join(can)}, got {', '.join(opened.difference(can))}")
    graph = Graph(x=np.asarray(x))

    def run(name, layer, *inputs, out):
        if type(layer) in FORMULAS and opened & {name, type(layer).__name__}:
            _run_in_steps(graph, name, layer, inputs, out)
        else:
            graph.forward(layer, *inputs, out=out, name=name)
        return graph.values[out]

    def name_of(value):
        for name in reversed(graph.values):         # a layer may return what it was given: the last one counts
            if graph.values[name] is value:
                return name
        raise ValueError(f"{type(net).__name__}.predict computes something outside of all layers; make a layer of "
                         "that, or wire the layers by hand (Graph)")

    def recorded(name, layer):
        """A forward that runs the layer, in training, as a part of the graph."""
        return lambda x, *args, **options: run(name, layer, name_of(x), out=name)

    def in_a_row(x):
        for layer in layers.values():
            x = layer.forward(x)
        return x

    random_state = np.random.get_state()
    try:
        for name, layer in layers.items():
            layer.forward = recorded(name, copy.copy(layer))
        y = getattr(net, "predict", in_a_row)(graph.values["x"])
        out = name_of(y)
        if t is not None:
            graph.add("t", np.asarray(t))
            run(type(loss).__name__, loss, out, "t", out="loss")
        graph.backward(np.ones_like(y) if t is None else 1)
    finally:
        np.random.set_state(random_state)
    return graph


def summary(net, x, t=None):
    """A table of the net's layers in one pass forward and backward: print it. Parameters as for `record`."""
    return str(record(net, x, t))


def _run_in_steps(graph, name, layer, inputs, out):
    """Run the layer's formula step by step; it must come to the same result as the layer itself."""
    expected = layer.forward(*(graph.values[value] for value in inputs))
    parameters = {f"{name}.{key}": getattr(layer, key) for key in parameter_names(layer)}
    for parameter, array in parameters.items():
        graph.add(parameter, array)
    result = FORMULAS[type(layer)](layer, *(Value(graph, value, name) for value in (*inputs, *parameters)))
    if not np.allclose(graph.values[result.name], expected, rtol=1e-4, atol=1e-6, equal_nan=True):
        raise ValueError(f"{name} cannot be opened: it computes something else than its formula")
    graph.nodes[-1].out = out
    graph.add(out, graph.values.pop(result.name))


def length(*arrays):
    """The length of all arrays as one vector, in float64: in float32, the squares of small numbers would be 0."""
    return np.linalg.norm([np.linalg.norm(np.asarray(array, dtype=float)) for array in arrays])


def mean_and_std(value):
    """Both as text, computed in float64."""
    with np.errstate(all="ignore"):             # inf and NaN are shown as they are
        return [f"{f(value, dtype=float):.3g}" if np.size(value) else "" for f in (np.mean, np.std)]
