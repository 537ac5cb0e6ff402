"""The computational graph of a net's forward and backward pass (book, chapter 5), of our nets and of your own.

    print(summary(net, x, t))           # a table of its layers
    draw(record(net, x, t))             # a picture, with common.figures.draw_graph
"""
import copy
import functools

import numpy as np

from common.figures.graph_wiring import Graph, Node
from common.figures.layer_steps import STEPS


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
    opened : names ("Affine1") or kinds ("Affine") of layers to show step by step; `layer_steps.STEPS` has the kinds

    Returns
    -------
    Graph with the values "x", "t", one of each layer's name, and "loss"; of opened layers also "W1", "b1", ...

    Raises
    ------
    TypeError : net has no layers
    ValueError : a name in `opened` fits no layer, or one that cannot be opened; or `predict` computes on its own
        what no layer does
    """
    layers, last_layer = copy.deepcopy(_layers(net, t))
    random_state = np.random.get_state()
    try:
        calls = _calls(net, layers, np.asarray(x)[:2])
        np.random.set_state(random_state)
        graph, number = Graph(x=np.asarray(x)), {}
        if t is not None:
            graph.values["t"] = np.asarray(t)
            calls.append((type(last_layer).__name__, last_layer, (calls[-1][0] if calls else "x", "t"), "loss"))
        opened = _checked({opened} if isinstance(opened, str) else set(opened), calls)
        for name, layer, inputs, out in calls:
            own = {key: f"{key}{number.setdefault(key, 0) + 1}" for key in Node(name, layer, (), out).params}
            for key in own:             # parameters are named as in Network: the n-th layer that has a W calls it Wn
                number[key] += 1
            if opened & {name, type(layer).__name__}:
                _forward_in_steps(graph, name, layer, inputs, out, own)
            else:
                graph.forward(layer, *inputs, out=out, name=name)
        graph.backward(1 if t is not None else np.ones_like(graph.values[calls[-1][3]]))
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


def _calls(net, layers, x):
    """[(name, layer, names of its inputs, name of its output), ...] in the order in which net.predict runs them.

    For the time of one prediction the net's layers have a forward that notes what comes in, and lets copies compute.
    x : a few examples
    """
    if not hasattr(net, "predict"):
        return [(name, layer, (source,), name) for (name, layer), source in zip(layers.items(), ["x", *layers])]
    values, calls, computing = {"x": x}, [], copy.deepcopy(layers)

    def noting(name):
        @functools.wraps(layers[name].forward)       # a Network looks whether forward takes train_flg
        def forward(x, *args, **options):
            source = [key for key, value in values.items() if value is x] or [
                key for key, value in values.items() if np.array_equal(value, x, equal_nan=True)]
            if not source:
                raise ValueError(f"{name}: {type(net).__name__}.predict gives it what neither x nor a layer is; "
                                 "make a layer of that, or wire the layers by hand (Graph)")
            calls.append((name, layers[name], (source[-1],), name))
            values[name] = computing[name].forward(x, *args, **options)
            return values[name]
        return forward

    own = net.layers if isinstance(net.layers, dict) else dict(zip(layers, net.layers))
    before = [(layer, dict(vars(layer))) for layer in own.values()]
    try:
        for name, layer in zip(layers, own.values()):
            layer.forward = noting(name)
        out = net.predict(x)
    finally:
        for layer, attributes in before:
            vars(layer).clear()
            vars(layer).update(attributes)
    if not calls or not np.array_equal(out, values[calls[-1][0]], equal_nan=True):
        raise ValueError(f"{type(net).__name__}.predict returns what no layer has computed; "
                         "make a layer of that, or wire the layers by hand (Graph)")
    return calls


def _checked(opened, calls):
    kinds = {key: type(layer).__name__ for name, layer, *_ in calls for key in (name, type(layer).__name__)}
    for name in opened:
        if kinds.get(name) not in STEPS:
            can = [name for name, layer, *_ in calls if type(layer).__name__ in STEPS]
            raise ValueError(f"opened: expected one of {', '.join(can) or 'none, as no layer can be'}, got {name!r}")
    return opened


def _forward_in_steps(graph, name, layer, inputs, out, own):
    """Run the steps that the layer is made of; they must come to the same result as the layer itself.

    own : {"W": "W1", ...}, the names of the layer's parameters in the graph
    """
    x = graph.values[inputs[0]]
    expected = layer.forward(*(graph.values[value] for value in inputs))
    for key, parameter in own.items():
        graph.values[parameter] = getattr(layer, key)
    title = Node(name, layer, (), out).title
    names = {"x": inputs[0], "t": inputs[-1], "out": out, **own}
    try:
        for result, (step, *taken) in STEPS[type(layer).__name__](layer, x.shape).items():
            names.setdefault(result, f"{name}.{result}")
            graph.forward(step, *(names[key] for key in taken), out=names[result], inside=title)
        right = np.allclose(graph.values[out], expected, rtol=1e-4, atol=1e-6, equal_nan=True)
    except (AttributeError, KeyError):      # a layer of the reader's own, with the name of one of ours
        right = False
    if not right:
        raise ValueError(f"{name} cannot be opened: this {type(layer).__name__} computes something else than its steps")
