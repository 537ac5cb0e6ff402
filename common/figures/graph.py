"""The computational graph of a net's forward and backward pass (book, chapter 5), of our nets and of your own.

    print(summary(net, x, t))           # a table of its layers
    draw(record(net, x, t))             # a picture, with common.figures.draw_graph
"""
import copy
import functools
import itertools

import numpy as np

from common.figures.formulas import FORMULAS
from common.figures.graph_wiring import Graph, Node
from common.figures.small_steps import Value
from common.own_layer import parameter_names


def record(net, x, t=None, opened=()):
    """The graph of one pass through a net as in training, forward and backward.

    The pass goes through a copy: the net, its running averages and np.random stay as they were. So dropout draws the
    masks that the net's own `gradient` draws next, and the graph shows what that computes (without weight decay).

    Parameters
    ----------
    net : a Network; any object with `layers` (a dict or a list) and `last_layer` or `lastLayer`; or a list of layers.
        If it has a `predict` of its own, the layers are wired as that runs them.
    x : array (N, ...) of examples
    t : their targets. Without them the graph ends before the loss, and what goes backward starts with ones.
        With them, a net without last layer ends in a layer that takes targets.
    opened : names ("Affine1") or kinds ("Affine") of layers to show step by step; `formulas.FORMULAS` has the kinds

    Returns
    -------
    Graph with the values "x", "t", one of each layer's name, and "loss"; of opened layers also "W1", "b1", ...

    Raises
    ------
    TypeError : net has no layers
    ValueError : a name in `opened` fits no layer, or one that cannot be opened; two values have one name; or `predict`
        computes on its own what no layer does
    """
    layers, loss = _layers(net, t)
    copies, loss = copy.deepcopy((layers, loss))
    opened = {opened} if isinstance(opened, str) else set(opened)
    can = [(name, type(layer).__name__) for name, layer in [*copies.items(), (type(loss).__name__, loss)]
           if type(layer).__name__ in FORMULAS]
    for wrong in opened.difference(*can):
        names = ", ".join(name for name, _ in can) or "none, as no layer can be"
        raise ValueError(f"opened: expected one of {names}, got {wrong!r}")
    graph = Graph(x=np.asarray(x))

    def run(layer, name, inputs, out):
        kind = type(layer).__name__
        if (name, kind) in can and opened & {name, kind}:
            earlier = itertools.takewhile(lambda other: other is not layer, copies.values())
            _forward_in_steps(graph, name, layer, earlier, inputs, out)
        else:
            graph.forward(layer, *inputs, out=out, name=name)
        return graph.values[out]

    def recorded(name):
        """A forward to put in place of a layer's own: it finds where x came from, and runs the copy, in training."""
        @functools.wraps(layers[name].forward)       # a Network looks whether forward takes train_flg
        def forward(x, *args, **options):
            known = [(key, value) for key, value in graph.values.items() if key in ("x", *layers)]
            found = ([key for key, value in known if value is x]
                     or [key for key, value in known if np.array_equal(value, x, equal_nan=True)])
            if found:
                return run(copies[name], name, [found[-1]], name)
            raise ValueError(f"{name}: {type(net).__name__}.predict gives it what neither x nor a layer is; "
                             "make a layer of that, or wire the layers by hand (Graph)")
        return forward

    def in_a_row(x):
        for layer in layers.values():
            x = layer.forward(x)
        return x

    random_state, before = np.random.get_state(), [(layer, dict(vars(layer))) for layer in layers.values()]
    try:
        for name, layer in layers.items():
            layer.forward = recorded(name)
        y = getattr(net, "predict", in_a_row)(graph.values["x"])
        out = graph.nodes[-1].out if graph.nodes else "x"
        if not np.array_equal(y, graph.values[out], equal_nan=True):
            raise ValueError(f"{type(net).__name__}.predict returns what no layer has computed; "
                             "make a layer of that, or wire the layers by hand (Graph)")
        if t is not None:
            graph.add("t", np.asarray(t))
            run(loss, type(loss).__name__, (out, "t"), "loss")
        graph.backward(np.ones_like(y) if t is None else 1)
    finally:
        np.random.set_state(random_state)
        for layer, attributes in before:
            vars(layer).clear()
            vars(layer).update(attributes)
    return graph


def summary(net, x, t=None):
    """A table of the net's layers in one pass forward and backward: print it. Parameters as for `record`."""
    return str(record(net, x, t))


def _layers(net, t):
    """({name: layer, ...}, the loss or None)"""
    layers = getattr(net, "layers", net)
    if not isinstance(layers, (dict, list, tuple)) or not layers:
        raise TypeError(f"expected a net with layers, or a list of layers, got {type(net).__name__}")
    pairs = layers.items() if isinstance(layers, dict) else (
        (f"{type(layer).__name__}{n}", layer) for n, layer in enumerate(layers, start=1))       # as by a Network
    named = {}
    for name, layer in pairs:
        if not hasattr(layer, "forward") or not hasattr(layer, "__dict__"):
            raise TypeError(f"{name}: expected a layer, with forward and without __slots__, got {type(layer).__name__}")
        if str(name) in named:
            raise ValueError(f"{name}: there is a layer of that name already; rename one of the two")
        named[str(name)] = layer
    if t is None:
        return named, None
    loss = getattr(net, "last_layer", None) or getattr(net, "lastLayer", None)
    return named, loss or named.popitem()[1]


def _forward_in_steps(graph, name, layer, earlier, inputs, out):
    """Run the layer's formula step by step; it must come to the same result as the layer itself.

    Parameters are named as in Network: the n-th layer that has a W calls it Wn. `earlier` are the layers before it.
    """
    expected = layer.forward(*(graph.values[value] for value in inputs))
    so_far = [key for other in earlier for key in parameter_names(other)]
    parameters = {key: f"{key}{so_far.count(key) + 1}" for key in parameter_names(layer)}
    for key, parameter in parameters.items():
        graph.add(parameter, getattr(layer, key))
    kind, title = type(layer).__name__, Node(name, layer, (), out).title
    try:
        result = FORMULAS[kind](
            layer, *(Value(graph, value, title) for value in inputs),
            **{key: Value(graph, parameter, title) for key, parameter in parameters.items()})
        if not np.allclose(graph.values[result.name], expected, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise ValueError("the layer computes something else")
    except (AttributeError, TypeError, ValueError) as error:    # a reader's own layer, with the name of one of ours
        raise ValueError(f"{name} cannot be opened with the formula of {kind}: {error}") from error
    graph.nodes[-1].out = out
    graph.add(out, graph.values.pop(result.name))
