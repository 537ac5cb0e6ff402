"""A computational graph of layers wired by hand (book, chapter 5): every value, and every derivative.

    graph = Graph(apple=100, apple_num=2)
    graph.forward(MulLayer(), "apple", "apple_num", out="price")
    graph.backward()
    graph.values["price"], graph.grads["apple"]     # 200, 2

Values are named; a name that is used twice is a branch. `common.figures.graph` does the same for a whole net.
"""
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from common.own_layer import parameter_names


@dataclass(eq=False)
class Node:
    """One layer, or one operation, in a graph."""
    name: str
    layer: object
    inputs: tuple                   # names of the values that went in
    out: str                        # name of the value that came out
    inside: str | None = None       # title of the layer that this is a step of
    grads: tuple = ()               # what backward returned, a derivative for each of the inputs (none for targets)
    seconds: float = 0              # for forward and backward

    @property
    def title(self):
        """The name, and the kind of layer if the name does not tell: "Conv1", but "A: Convolution"."""
        kind, begin = getattr(self.layer, "symbol", type(self.layer).__name__), self.name.rstrip("0123456789_")
        tells = kind in (self.name, begin) or len(begin) > 2 and kind.startswith(begin)
        return self.name if tells else f"{self.name}: {kind}"

    @property
    def params(self):
        """{"W": (array, its gradient or None), ...}"""
        return {name: (getattr(self.layer, name), getattr(self.layer, f"d{name}", None))
                for name in parameter_names(self.layer)}


def precise(value):
    """In float64, or complex128: in float32, the squares of small numbers would be 0."""
    return np.asarray(value, complex if np.iscomplexobj(value) else float)


def length(*arrays):
    """The length of all arrays as one vector."""
    with np.errstate(over="ignore"):
        return np.linalg.norm([np.linalg.norm(precise(array)) for array in arrays])


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

    def forward(self, layer, *inputs, out, name=None, inside=None):
        """Run layer.forward on the values named `inputs`, and name the result `out`.

        A layer remembers one forward only, so it can stand in the graph once.
        """
        for value in inputs:
            if value not in self.values:
                raise ValueError(f"{out}: expected one of the values {', '.join(self.values)}, got {value!r}")
        for node in self.nodes:
            if node.layer is layer:
                raise ValueError(f"{out}: this {type(layer).__name__} made {node.out} already, and would forget what "
                                 "its backward needs; expected a new layer")
        start = perf_counter()
        value = layer.forward(*(self.values[value] for value in inputs))
        seconds = perf_counter() - start
        self.add(out, value)
        self.nodes.append(Node(name or type(layer).__name__, layer, inputs, out, inside, seconds=seconds))
        return value

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
        """A table: every layer's output, and how large what comes back to it is."""
        rows = [("layer", "output", "parameters", "mean", "std", "|dL/dout|", "|dL/dparams|", "seconds")]
        rows += [(name, *self._numbers(name), "") for name in self.inputs if name in self.grads]
        rows += [(f"{node.inside}, {node.title}" if node.inside else node.title,
                  *self._numbers(node.out, node.params.values()), f"{node.seconds:.4f}") for node in self.nodes]
        widths = [max(map(len, column)) for column in zip(*rows)]
        head, *lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
                        for row in rows]
        last, size = self.nodes[-1].out, sum(np.size(value) for node in self.nodes for value, _ in node.params.values())
        end = [f"{last} {self.values[last]:.6g}"] if np.ndim(self.values[last]) == 0 else []
        end += [f"{size:,} parameters"] if size else []
        end += [f"{sum(node.seconds for node in self.nodes):.4f} seconds"]
        rule = "-" * len(head)
        return "\n".join([head, rule, *lines, rule, ", ".join(end)])

    def _numbers(self, name, params=()):
        """What the table says of a value, and of the parameters [(array, gradient), ...] of the layer that made it."""
        value, size = precise(self.values[name]), sum(np.size(array) for array, _ in params)
        grads = [grad for _, grad in params if grad is not None]
        with np.errstate(all="ignore"):         # inf and NaN are shown as they are
            return (str(value.shape) if value.ndim else "number", f"{size:,}" if size else "",
                    f"{value.mean():.3g}" if value.size else "", f"{value.std():.3g}" if value.size else "",
                    f"{length(self.grads[name]):.3g}" if name in self.grads else "",
                    f"{length(*grads):.3g}" if grads else "")
