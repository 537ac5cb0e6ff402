"""The computational graph of a net's forward and backward pass (book, chapter 5), of our nets and of your own.

    print(summary(net, x, t))           # a table of its layers
    draw(record(net, x, t))             # a picture, with common.figures.draw_graph
"""
import copy

import numpy as np

from common.figures.graph_wiring import Graph
from common.figures.small_steps import FORMULAS, Value
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
    opened : names ("Affine1") or kinds ("Affine") of layers to show step by step; `small_steps.FORMULAS` has the kinds

    Returns
    -------
    Graph with the values "x", "t", one of each layer's name, and "loss"; of opened layers also "Affine1.W", ...

    Raises
    ------
    ValueError : something in `opened` is no kind and no layer that can be opened; two values have one name; or
        `predict` computes on its own what no layer does
    """
    layers, loss = _layers(net, t)
    copies, loss = copy.deepcopy((layers, loss))
    loss_name = type(loss).__name__
    opened = {opened} if isinstance(opened, str) else set(opened)
    can = [kind.__name__ for kind in FORMULAS] + [name for name, layer in copies if type(layer) in FORMULAS]
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
        raise ValueError(f"{type(net).__name__}.predict computes by itself what is neither x nor a layer's output; "
                         "make a layer of that, or wire the layers by hand (Graph)")

    def recorded(name, layer):
        """A forward in place of a layer's own: it runs this copy of the layer, in training."""
        return lambda x, *args, **options: run(name, layer, name_of(x), out=name)

    def in_a_row(x):
        for _, layer in layers:
            x = layer.forward(x)
        return x

    random_state, attributes = np.random.get_state(), [dict(vars(layer)) for _, layer in layers]
    try:
        for (name, layer), (_, its_copy) in zip(layers, copies):
            layer.forward = recorded(name, its_copy)
        y = getattr(net, "predict", in_a_row)(graph.values["x"])
        out = name_of(y)
        if t is not None:
            graph.add("t", np.asarray(t))
            run(loss_name, loss, out, "t", out="loss")
        graph.backward(np.ones_like(y) if t is None else 1)
    finally:
        np.random.set_state(random_state)
        for (_, layer), before in zip(layers, attributes):
            layer.__dict__ = before
    return graph


def summary(net, x, t=None):
    """A table of the net's layers in one pass forward and backward: print it. Parameters as for `record`."""
    return str(record(net, x, t))


def _layers(net, t):
    """[(name, layer), ...], and the loss if there are targets."""
    layers = getattr(net, "layers", net)
    if isinstance(layers, dict):
        layers = [(str(name), layer) for name, layer in layers.items()]
    else:
        layers = [(f"{type(layer).__name__}{n}", layer) for n, layer in enumerate(layers, start=1)]     # as a Network
    if t is None:
        return layers, None
    return layers, getattr(net, "last_layer", None) or getattr(net, "lastLayer", None) or layers.pop()[1]


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
