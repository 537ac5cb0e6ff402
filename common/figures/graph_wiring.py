"""A computational graph of layers wired by hand (book, chapter 5): every value, and every derivative.

    graph = Graph(apple=100, apple_num=2)
    graph.forward(MulLayer(), "apple", "apple_num", out="price")
    graph.backward()
    graph.values["price"], graph.grads["apple"]     # 200, 2

Values are named; a name that is used twice is a branch. `common.figures.graph` does the same for a whole net.
"""
from dataclasses import dataclass

import numpy as np

from common.own_layer import parameter_names


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
    """Layers that pass named values on, recorded as they run.

    Parameters
    ----------
    **values : the inputs, numbers or arrays, each under its name

    Attributes
    ----------
    values : {name: what went forward}
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

    @property
    def inputs(self):
        """Names of the values that no layer made."""
        made = {node.out for node in self.nodes}
        return [name for name in self.values if name not in made]

    def __str__(self):
        """A table: every layer's output, and how large what comes back to it is."""
        rows = [("layer", "output", "parameters", "mean", "std", "|dL/dout|", "|dL/dparams|")]
        rows += [self._row(name, name, {}) for name in self.inputs if name in self.grads]
        rows += [self._row(node.title, node.out, node.params) for node in self.nodes]
        widths = [max(map(len, column)) for column in zip(*rows)]
        head, *lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        total = sum(np.size(value) for node in self.nodes for value, _ in node.params.values())
        return "\n".join([head, "-" * len(head), *lines, "-" * len(head), f"{total:,} parameters"])

    def _row(self, title, out, params):
        """The row of the value `out`, and of the parameters of the layer that made it."""
        size = sum(np.size(value) for value, _ in params.values())
        grads = [grad for _, grad in params.values() if grad is not None]
        return (title, str(np.shape(self.values[out]) or "number"), f"{size:,}" if size else "",
                *mean_and_std(self.values[out]),
                f"{length(self.grads[out]):.3g}" if out in self.grads else "", f"{length(*grads):.3g}" if grads else "")


# In float32, the squares of small numbers would be 0.


def length(*arrays):
    """The length of all arrays as one vector."""
    with np.errstate(over="ignore"):
        return np.sqrt(sum(np.square(array, dtype=float).sum() for array in arrays))


def mean_and_std(value):
    """Both as text; inf and NaN are shown as they are."""
    with np.errstate(all="ignore"):
        return [f"{f(value, dtype=float):.3g}" if np.size(value) else "" for f in (np.mean, np.std)]
