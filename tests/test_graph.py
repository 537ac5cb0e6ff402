"""Graphs of forward and backward: the numbers are the net's own, nothing is changed by looking, nothing overlaps."""
import copy
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections import OrderedDict
from types import MethodType, SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import BboxImage
from matplotlib.text import Text
from PIL import Image
from scripts import ROOT, copy_project, run_in_turn

from ch05.backprop_graph import load_net
from ch05.deep_convnet import DeepConvNet
from ch05.layer_naive import AddLayer, MulLayer
from ch05.simple_convnet import SimpleConvNet
from ch05.two_layer_net import TwoLayerNet
from common.figures import draw_graph, graph_layout
from common.figures.draw_graph import BACKWARD, FORWARD, describe, draw
from common.figures.graph import Graph, record, summary
from common.figures.small_steps import FORMULAS
from common.layers import Affine, BatchNormalization, Convolution, Pooling, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network

CONV = {"filter_num": 3, "filter_size": 3, "pad": 1, "stride": 1}
NETS = {
    "two layers": lambda **dtype: TwoLayerNet(144, 7, 4, "he", **dtype),
    "sigmoid": lambda **dtype: MultiLayerNet(144, [6, 5], 4, "sigmoid", "sigmoid", **dtype),
    "everything": lambda **dtype: MultiLayerNetExtend(144, [6, 5], 4, use_dropout=True, use_batchnorm=True, **dtype),
    "simple": lambda **dtype: SimpleConvNet((1, 12, 12), CONV, 5, 4, "he", **dtype),
    "deep": lambda **dtype: DeepConvNet((1, 12, 12), *[CONV] * 6, hidden_size=5, output_size=4, **dtype),
}


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def batch(name, N=3, dtype=np.float32):
    x = np.random.rand(N, 1, 12, 12).astype(dtype)
    return x if name in ("simple", "deep") else x.reshape(N, -1), np.arange(N) % 4


def wired(steps, **values):
    """A graph by hand, forward and backward: steps {"out": (layer, names of the inputs), ...}."""
    graph = Graph(**values)
    for out, (layer, *inputs) in steps.items():
        graph.forward(layer, *inputs, out=out)
    graph.backward()
    return graph


def two_apples():
    return wired({"apple_price": (MulLayer(), "apple", "apple_num"), "price": (MulLayer(), "apple_price", "tax")},
                 apple=100, apple_num=2, tax=1.1)


def polynomial():
    """x^3 + x with x = 3, so 30 with the slope 3 x^2 + 1 = 28; x is used four times."""
    return wired({"xx": (MulLayer(), "x", "x"), "xxx": (MulLayer(), "xx", "x"), "y": (AddLayer(), "xxx", "x")}, x=3.0)


# ---- graphs made by hand -------------------------------------------------------------------------------------


def test_layers_wired_by_hand_are_recorded():
    graph = two_apples()
    assert graph.values == pytest.approx({"apple": 100, "apple_num": 2, "tax": 1.1, "apple_price": 200, "price": 220})
    assert graph.grads == pytest.approx({"price": 1, "apple_price": 1.1, "tax": 200, "apple": 2.2, "apple_num": 110})


def test_gradients_of_a_value_used_several_times_add_up():
    graph = polynomial()
    assert graph.values["y"] == 30 and graph.grads["x"] == 28
    assert [node.grads for node in graph.nodes] == [(9, 9), (3, 9), (1, 1)]      # of each use by itself


def test_adding_up_changes_no_array_of_a_layer():
    class Keeper:
        def forward(self, x):
            return 2 * x

        def backward(self, dout):
            self.dx = 2 * dout
            return self.dx

    keepers = Keeper(), Keeper()
    graph = wired({"a": (keepers[0], "x"), "b": (keepers[1], "x"), "y": (AddLayer(), "a", "b")}, x=np.ones(3))
    graph.backward(np.ones(3))
    assert (graph.grads["x"] == 4).all() and all((keeper.dx == 2).all() for keeper in keepers)


def test_what_the_result_does_not_depend_on_gets_no_gradient():
    graph = Graph(x=3.0, a=2.0)
    graph.forward(MulLayer(), "x", "a", out="unused")
    graph.forward(AddLayer(), "x", "x", out="y")
    graph.backward(10)
    assert graph.grads == {"y": 10, "x": 20}
    draw(graph)


def test_mistakes_in_wiring_are_named():
    graph, layer = Graph(x=1), MulLayer()
    graph.forward(layer, "x", "x", out="y")
    with pytest.raises(ValueError, match="y: there is a value of that name"):
        graph.forward(AddLayer(), "x", "x", out="y")
    with pytest.raises(ValueError, match="z: this MulLayer stands in the graph already"):
        graph.forward(layer, "x", "y", out="z")


# ---- graphs of nets ------------------------------------------------------------------------------------------


def arrays_of(net):
    """Every array and number in the layers, copied: {(layer, attribute): value}."""
    return copy.deepcopy({(name, key): value for name, layer in {**net.layers, "loss": net.last_layer}.items()
                          for key, value in vars(layer).items()})


@pytest.mark.parametrize("name", NETS)
def test_a_recorded_net_has_the_values_of_its_own_passes_and_stays_as_it_was(name):
    net = NETS[name]()
    x, t = batch(name)
    net.gradient(x, t)
    before, params = arrays_of(net), {key: id(array) for key, array in net.params.items()}
    graph = record(net, x, t)
    np.testing.assert_equal(arrays_of(net), before)
    assert {key: id(array) for key, array in net.params.items()} == params

    loss, grads = net.value_and_gradient(x, t)         # with dropout: draws the masks that were recorded
    assert graph.values["loss"] == pytest.approx(loss, rel=1e-5)
    recorded = [grad for node in graph.nodes for _, grad in node.params.values()]
    assert len(recorded) == len(grads)
    for grad, key in zip(recorded, grads):
        np.testing.assert_allclose(grad, grads[key], rtol=1e-4, atol=1e-6, err_msg=key)
    assert [node.name for node in graph.nodes] == [*net.layers, "SoftmaxWithLoss"]
    assert set(graph.values) == {"x", "t", *net.layers, "loss"}
    assert set(graph.grads) == set(graph.values) - {"t"}
    assert graph.grads["loss"] == 1


def test_the_gradient_of_the_input_is_right():
    net = NETS["simple"](dtype=np.float64)
    x, t = batch("simple", dtype=np.float64)
    direction = np.random.randn(*x.shape)
    slope = (net.loss(x + 1e-6 * direction, t) - net.loss(x - 1e-6 * direction, t)) / 2e-6
    assert np.sum(record(net, x, t).grads["x"] * direction) == pytest.approx(slope, rel=1e-6)


class ReadersAffine:
    def __init__(self, W, b):
        self.W, self.b, self.dW, self.db = W, b, None, None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW, self.db = np.dot(self.x.T, dout), np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


def readers_layers():
    return [ReadersAffine(np.random.randn(5, 4), np.random.randn(4)), Relu(),
            ReadersAffine(np.random.randn(4, 3), np.random.randn(3))]


@pytest.mark.parametrize("make", [
    lambda layers, loss: SimpleNamespace(layers=OrderedDict(zip("abc", layers)), lastLayer=loss),
    lambda layers, loss: SimpleNamespace(layers=layers, last_layer=loss),
    lambda layers, loss: SimpleNamespace(layers=[*layers, loss]),
    lambda layers, loss: [*layers, loss],
])
def test_nets_of_a_readers_own_are_recorded(make):
    layers, loss = readers_layers(), SoftmaxWithLoss()
    x, t = np.random.randn(2, 5), np.array([0, 2])
    graph = record(make(layers, loss), x, t)
    assert layers[0].dW is None and loss.y is None

    out = x
    for layer in layers:
        out = layer.forward(out)
    assert graph.values["loss"] == loss.forward(out, t)
    dout = loss.backward()
    for layer in reversed(layers):
        dout = layer.backward(dout)
    assert np.array_equal(graph.grads["x"], dout)
    assert np.array_equal(graph.nodes[0].params["W"][1], layers[0].dW)
    assert "39 parameters" in summary(make(layers, loss), x, t)


class OldBook:
    """A class as a reader types it: `predict` runs the layers one after the other."""

    def __init__(self):
        self.layers = OrderedDict(zip("abc", readers_layers()))
        self.lastLayer = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x


def test_the_net_that_predict_computes_is_recorded():
    class Shortcut(TwoLayerNet):
        """Leaves the relu out."""

        def predict(self, x, train_flg=False):
            return self.layers["Affine2"].forward(self.layers["Affine1"].forward(x, train_flg), train_flg)

    x, t = batch("")
    net = Shortcut(144, 7, 4, "he")
    graph = record(net, x, t)
    assert [(node.name, *node.inputs) for node in graph.nodes] == [
        ("Affine1", "x"), ("Affine2", "Affine1"), ("SoftmaxWithLoss", "Affine2", "t")]
    assert graph.values["loss"] == pytest.approx(net.loss(x, t), rel=1e-5)

    net = NETS["two layers"]()
    net.predict = MethodType(lambda self, x: self.layers["Affine1"].forward(x), net)        # of this net alone
    assert [node.name for node in record(net, x, t).nodes] == ["Affine1", "SoftmaxWithLoss"]

    reader = OldBook()
    x = np.random.randn(400, 5)
    assert record(reader, x).values["c"] == pytest.approx(reader.predict(x))


@pytest.mark.parametrize("predict", [
    lambda layers, x: layers["Affine1"].forward(x - 0.5),
    lambda layers, x: 2 * layers["Affine1"].forward(x),
    lambda layers, x: Affine.forward(layers["Affine1"], x, False),
    lambda layers, x: NETS["two layers"]().layers["Affine1"].forward(x),       # of another net
])
def test_what_predict_computes_itself_is_not_left_out_in_silence(predict):
    net = NETS["two layers"]()
    net.predict = MethodType(lambda self, x: predict(self.layers, x), net)
    with pytest.raises(ValueError, match="TwoLayerNet.predict computes something outside"):
        record(net, *batch(""))


def test_without_targets_ones_go_back():
    graph = record(readers_layers(), np.random.randn(2, 5))
    assert [node.name for node in graph.nodes] == ["ReadersAffine1", "Relu2", "ReadersAffine3"]
    assert (graph.grads["ReadersAffine3"] == np.ones((2, 3))).all() and "loss" not in graph.values
    assert record(NETS["two layers"](), batch("")[0]).nodes[-1].name == "Affine2"


class Loss(SoftmaxWithLoss):
    pass


def square():
    return Affine(np.random.randn(4, 4), np.random.randn(4))


def three(names, loss=SoftmaxWithLoss):
    return Network(dict(zip(names, [square(), Relu(), square()])), loss())


@pytest.mark.parametrize("layers, opened, name", [
    (lambda: three(["x", "R", "C"]), (), "x"),
    (lambda: three(["A", "t", "C"]), (), "t"),
    (lambda: three(["loss", "R", "C"]), (), "loss"),
    (lambda: three(["loss", "R", "C"]), "SoftmaxWithLoss", "loss"),
    (lambda: three(["A", "C.W", "C"]), "C", "C.W"),                         # C's own parameter
    (lambda: three(["C.2", "R", "C"]), "C", "C.2"),                         # so is C's first step called
    (lambda: three(["A", "A.0", "C"]), "A", "A.0"),
])
def test_no_name_is_taken_twice(layers, opened, name):
    with pytest.raises(ValueError, match=f"{name}: there is a value of that name already"):
        record(layers(), np.random.randn(2, 4), [0, 1], opened)


@pytest.mark.parametrize("names, loss, opened", [
    (["Loss", "R", "C"], Loss, ()),
    (["SoftmaxWithLoss", "R", "C"], SoftmaxWithLoss, ()),
    (["A", "SoftmaxWithLoss", "C"], SoftmaxWithLoss, "SoftmaxWithLoss"),
    (["Relu", "R", "C"], SoftmaxWithLoss, "Relu"),
])
def test_layers_may_be_called_as_a_kind(names, loss, opened):
    net, x, t = three(names, loss), np.random.randn(3, 4), [0, 1, 3]
    graph, other = record(net, x, t, opened), record(list(net.layers.values()) + [net.last_layer], x, t)
    assert [*net.layers, "loss"] == [name for name in graph.values if name in (*names, "loss")]
    assert graph.values["loss"] == pytest.approx(other.values["loss"])
    np.testing.assert_allclose(graph.grads["x"], other.grads["x"], rtol=1e-8, atol=1e-12)


def test_a_layer_that_returns_what_it_was_given_is_not_passed_over():
    same = SimpleNamespace(forward=lambda x: x, backward=lambda dout: dout)
    graph = record({"same": same, "relu": Relu()}, np.ones((1, 2)))
    assert [node.inputs for node in graph.nodes] == [("x",), ("same",)]


def test_a_layer_that_stands_twice_in_a_net_is_refused():
    relu = Relu()
    with pytest.raises(ValueError, match="this Relu stands in the graph already"):
        record([relu, relu], np.ones((1, 2)))
    assert "forward" not in vars(relu)


def test_the_random_numbers_go_on_after_an_error_too():
    net, state = NETS["everything"](), np.random.get_state()[1].copy()
    with pytest.raises(ValueError, match="Affine"):
        record(net, np.ones((2, 143), "f"), [0, 1])
    assert np.array_equal(np.random.get_state()[1], state)


# ---- layers opened -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["two layers", "sigmoid", "everything", "simple"])
def test_opened_layers_come_to_the_results_of_the_closed_ones(name):
    net = NETS[name](dtype=np.float64)
    x, t = batch(name, dtype=np.float64)
    closed = record(net, x, t)
    kinds = {type(node.layer).__name__ for node in closed.nodes}
    opened = record(net, x, t, kinds & {kind.__name__ for kind in FORMULAS})
    for key in closed.grads:
        np.testing.assert_allclose(opened.values[key], closed.values[key], rtol=1e-10, err_msg=key)
        np.testing.assert_allclose(opened.grads[key], closed.grads[key], rtol=1e-8, atol=1e-12, err_msg=key)
    expected = {f"{node.name}.{key}": pair for node in closed.nodes for key, pair in node.params.items()}
    assert set(opened.values) >= {"x", "t", *expected}
    for key, (array, grad) in expected.items():
        np.testing.assert_array_equal(opened.values[key], array)
        np.testing.assert_allclose(opened.grads[key], grad, rtol=1e-8, atol=1e-12, err_msg=key)


CONVOLUTION, POOLING = "im2col reshape dot + reshape", "im2col reshape max reshape"
NORMALIZATION = "mean − x² mean √x 1/x × × +"


@pytest.mark.parametrize("make, shape, steps", [
    (lambda: Affine(np.random.randn(12, 4), np.random.randn(4)), (2, 3, 2, 2), "reshape dot +"),
    (lambda: Sigmoid(), (3, 4), "×−1 exp +1 1/x"),
    (lambda: Convolution(np.random.randn(3, 2, 3, 2), np.random.randn(3), 2, 1), (2, 2, 5, 6), CONVOLUTION),
    (lambda: Convolution(np.random.randn(1, 1, 2, 2), np.random.randn(1)), (1, 1, 3, 3), CONVOLUTION),
    (lambda: Pooling(2, 3, stride=2), (2, 3, 5, 7), POOLING),
    (lambda: Pooling(3, 3, stride=1, pad=1), (2, 2, 4, 4), POOLING),
    (lambda: BatchNormalization(np.random.randn(5), np.random.randn(5)), (4, 5), NORMALIZATION),
    (lambda: BatchNormalization(np.random.randn(3), np.random.randn(3)), (4, 3, 2, 5),
     f"reshape {NORMALIZATION} reshape"),
])
def test_the_steps_of_a_layer_together_are_the_layer(make, shape, steps, rng):
    layer, x = make(), rng.standard_normal(shape)
    kind = type(layer).__name__
    graph = record([layer], x, opened=kind)
    assert [node.title for node in graph.nodes] == [f"{kind}1: {step}" for step in steps.split()]
    np.testing.assert_allclose(graph.values[f"{kind}1"], layer.forward(x), rtol=1e-10, atol=1e-12)

    dout = rng.standard_normal(graph.values[f"{kind}1"].shape)
    graph.backward(dout)
    np.testing.assert_allclose(graph.grads["x"], layer.backward(dout), rtol=1e-8, atol=1e-10)
    for key in layer.param_names:
        np.testing.assert_allclose(graph.grads[f"{kind}1.{key}"], getattr(layer, f"d{key}"), rtol=1e-8, atol=1e-10)

    for node in graph.nodes:            # and each step's backward fits its own forward
        inputs = [graph.values[name] for name in node.inputs]
        directions = [rng.standard_normal(value.shape) for value in inputs]
        up, down = (node.layer.forward(*(value + sign * 1e-6 * v for value, v in zip(inputs, directions)))
                    for sign in (1, -1))
        with np.errstate(invalid="ignore"):
            slope = np.nansum((up - down) / 2e-6 * graph.grads[node.out])       # the border of pooling is -inf
        assert sum(np.sum(g * v) for g, v in zip(node.grads, directions)) == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_large_values_pass_through_the_steps():
    x = np.array([[-1000, -90, 0, 90, 1000]], np.float32)
    sigmoid = record([Sigmoid()], x, opened=["Sigmoid1"])
    np.testing.assert_allclose(sigmoid.values["Sigmoid1"], [[0, 0, 0.5, 1, 1]], atol=1e-7)
    np.testing.assert_allclose(sigmoid.grads["x"], [[0, 0, 0.25, 0, 0]], atol=1e-7)
    loss = record([SoftmaxWithLoss()], x / 5, 4, opened="SoftmaxWithLoss")
    assert loss.values["loss"] == pytest.approx(record([SoftmaxWithLoss()], x / 5, 4).values["loss"], abs=1e-6)
    assert sigmoid.grads["x"].dtype == loss.grads["x"].dtype == np.float32


def test_what_cannot_be_opened_is_named():
    for wrong in ("Relu1", "Relu", "Affine3", "Afine"):
        with pytest.raises(ValueError, match=f"one of .*Affine1, Affine2, .*got {wrong}"):
            record(NETS["two layers"](), *batch(""), ["Affine1", wrong])
    with pytest.raises(ValueError, match="got ReadersAffine1"):
        record(readers_layers(), np.ones((1, 5)), opened="ReadersAffine1")
    with pytest.raises(ValueError, match="SoftmaxWithLoss cannot be opened: it computes something else"):
        record(three("ARC", lambda: SoftmaxWithLoss(label_smoothing=0.1)), np.ones((1, 4)), [1], "SoftmaxWithLoss")


# ---- the table -----------------------------------------------------------------------------------------------


def test_the_table_has_what_it_promises():
    net = NETS["simple"]()
    x, t = batch("simple")
    graph = record(net, x, t)
    head, _, *rows, _, end = summary(net, x, t).splitlines()
    assert head.split() == ["layer", "output", "parameters", "mean", "std", "|dL/dout|", "|dL/dparams|"]
    assert [row.split()[0] for row in rows] == ["x", *net.layers, "t", "SoftmaxWithLoss"]
    cells = {row.split()[0]: row.replace(", ", ",").split() for row in rows}
    _, shape, parameters, mean, std, norm, params_norm = cells["Affine1"]
    out, node = graph.values["Affine1"], graph.nodes[3]
    assert (shape, parameters) == ("(3,5)", str(3 * 36 * 5 + 5))
    assert [float(mean), float(std), float(norm)] == pytest.approx(
        [out.mean(), out.std(), np.linalg.norm(graph.grads["Affine1"])], rel=0.01)
    both = np.concatenate([grad.ravel() for _, grad in node.params.values()])
    assert float(params_norm) == pytest.approx(np.linalg.norm(both), rel=0.01)
    assert float(cells["SoftmaxWithLoss"][2]) == pytest.approx(net.loss(x, t), rel=0.01)
    assert end == f"{sum(array.size for array in net.params.values()):,} parameters"


def test_the_table_tells_the_kind_of_layer_where_its_name_does_not():
    text = str(record(NETS["sigmoid"](), *batch(""), ["Affine1", "SoftmaxWithLoss"]))
    tiny = Graph(x=np.full(4, 1e-30, np.float32))
    tiny.forward(Relu(), "x", out="y")
    tiny.backward(tiny.values["y"])
    assert str(tiny).count("2e-30") == 2        # the length of [1e-30] * 4
    assert "Activation_function1: Sigmoid" in text and "Affine2:" not in text and "Affine1: dot " in text
    assert "SoftmaxWithLoss: Softmax " in text


# ---- the picture ---------------------------------------------------------------------------------------------


def residual():
    """A shortcut round two layers, drawn with arrays."""
    class Join(AddLayer):
        pass

    x, t = batch("", N=1)
    affine = [Affine(np.random.randn(*shape).astype("f"), np.zeros(shape[1], "f")) for shape in ((144, 20), (20, 20))]
    return wired({"a": (affine[0], "x"), "b": (affine[1], "a"), "r": (Relu(), "b"), "s": (Join(), "a", "r"),
                  "loss": (SoftmaxWithLoss(), "s", "t")}, x=x, t=t)


def crossed():
    """Lines that cannot be drawn without crossings."""
    inputs = {"p": "ab", "q": "bc", "r": "ca", "u": "pr", "v": "qp", "w": "rq", "k": "uv", "y": "kw"}
    return wired({out: (MulLayer(), *names) for out, names in inputs.items()}, a=1.0, b=2.0, c=3.0)


def not_numbers():
    net = NETS["simple"]()
    net.params["W1"][0] = np.nan
    net.params["W2"][...] = np.inf
    with np.errstate(all="ignore"):
        return record(net, *batch("simple"))


def forward_only():
    graph = Graph(x=np.random.rand(2, 30))
    graph.forward(Relu(), "x", out="y")
    return graph


PICTURES = {
    "two apples": two_apples,
    "polynomial": polynomial,
    "residual": residual,
    "crossed": crossed,
    "not numbers": not_numbers,
    "no backward": forward_only,
    "sigmoid opened": lambda: record(NETS["sigmoid"](), *batch("", N=1), ["Affine", "Sigmoid", "SoftmaxWithLoss"]),
    "normalization": lambda: record(NETS["everything"](), *batch(""), "BatchNormalization"),
    "convolution": lambda: record(NETS["simple"](), *batch("simple"), ["Convolution", "Pooling"]),
    "deep": lambda: record(NETS["deep"](), *batch("deep")),
}


def rectangle(artist, renderer):
    return artist.get_window_extent(renderer).extents


def texts(axes):
    """Those that are seen, on a drawn figure."""
    return [text for text in axes.findobj(Text) if text.get_text() and text.get_visible()]


def overlap(a, b, slack=0.5):
    return min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack


def inside(a, b):
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


@pytest.mark.parametrize("name, width", [*((name, 11) for name in PICTURES), ("sigmoid opened", 4)])
def test_nothing_overlaps(name, width):
    axes = draw(PICTURES[name](), title="a title over all of it", width=width)
    axes.figure.canvas.draw()
    renderer = axes.figure.canvas.get_renderer()
    nodes = [("node", rectangle(block.patch, renderer)) for block in axes.artists if block.patch.get_visible()]
    words = [(text.get_text(), rectangle(text, renderer)) for text in texts(axes)]
    pictures = [("picture", rectangle(image, renderer)) for image in axes.findobj(BboxImage)]
    assert nodes and words
    for (a, a_box), (b, b_box) in itertools.combinations([*nodes, *pictures, *words], 2):
        if not (a == "node" and b != "picture" and inside(b_box, a_box)):
            assert not overlap(a_box, b_box), f"{a!r} overlaps {b!r}"
    figure = (0, 0, *axes.figure.get_size_inches() * axes.figure.dpi)
    everything = [*nodes, *words, *pictures]
    for a, box in everything:
        assert inside(box, figure), f"{a!r} is cut off"

    names, boxes = [name for name, _ in everything], np.array([box for _, box in everything])
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 - 1.5
    round_ones = np.array([a == "node" for a in names]) & np.isclose(half[:, 0], half[:, 1])
    blocks, before = [rectangle(block, renderer) for block in axes.artists], None
    for line in axes.lines:
        points = axes.transData.transform(line.get_xydata())
        if line.get_color() == FORWARD:
            x, y = points[-1]
            assert any(abs(box[0] - x) < 2 and box[1] - 2 < y < box[3] + 2 for box in blocks), "a line leads to nothing"
        length = np.r_[0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()]
        every = np.arange(0, length[-1], 2)                                 # two pixels
        points = np.stack([np.interp(every, length, points[:, i]) for i in (0, 1)], axis=1)
        away = np.abs(points[:, np.newaxis] - middle) / half
        hit = np.where(round_ones, np.linalg.norm(away, axis=2), away.max(axis=2)).min(axis=0) < 1
        assert not hit.any(), f"a line crosses {names[hit.argmax()]!r}"
        if line.get_color() == BACKWARD:
            assert np.linalg.norm(before[:, np.newaxis] - points, axis=2).min() > 4, "forward and backward meet"
        before = points


@pytest.mark.parametrize("module, gap", [(graph_layout, "BOX_GAP"), (draw_graph, "CLEAR")])
def test_the_test_for_overlaps_can_fail(module, gap, monkeypatch):
    monkeypatch.setattr(module, gap, -0.1)
    with pytest.raises(AssertionError, match="overlaps|crosses"):
        test_nothing_overlaps("polynomial", 11)


def random_graph(rng):
    names = ["a", "b"]
    steps = {}
    for i in range(rng.integers(2, 9)):
        steps[f"v{i}"] = AddLayer(), *rng.choice(names[-4:], 2)
        names.append(f"v{i}")
    return wired(steps, a=1.0, b=2.0)


@pytest.mark.parametrize("width", [11, 4])
def test_any_graph_finds_its_places(width, rng, monkeypatch):
    for _ in range(3):
        monkeypatch.setitem(PICTURES, "random", lambda: random_graph(rng))
        test_nothing_overlaps("random", width)
        plt.close("all")


def numbers_in_place(axes, color):
    """{text: the middle of its place, in inches} of the numbers of one color, without the legend."""
    axes.figure.canvas.draw()
    places = [(text.get_text(), text.get_window_extent()) for text in texts(axes) if text.get_color() == color]
    middles = [(text, (box.p0 + box.p1) / 2 / axes.figure.dpi) for text, box in places if "ward" not in text]
    return [(text, x, y) for text, (x, y) in middles]


def test_over_each_line_stands_the_value_and_under_it_its_derivative():
    axes = draw(two_apples())
    over, under = (numbers_in_place(axes, color) for color in (FORWARD, BACKWARD))
    pairs = {a: b for (a, x, y), (b, u, v) in itertools.product(over, under) if abs(x - u) < 0.05 and 0 < y - v < 0.5}
    assert pairs == {"100": "2.2", "2": "110", "200": "1.1", "1.1": "200", "220": "1"}
    assert {text.get_style() for text in texts(axes) if text.get_color() == BACKWARD} == {"italic"}
    assert {(line.get_color(), line.get_linestyle()) for line in axes.lines} == {(FORWARD, "-"), (BACKWARD, "--")}


def test_gradients_meet_at_a_dot():
    axes = draw(polynomial())
    under = [text for text, _, _ in numbers_in_place(axes, BACKWARD)]
    assert sorted(under) == sorted(["28", "9", "9", "9", "1", "3", "1", "1"])
    assert [to_hex(block.patch.get_facecolor()) for block in axes.artists].count("#000000") == 1


@pytest.mark.parametrize("name, kind", [("A", "Affine"), ("C1", "Affine"), ("Affine1", None), ("Aff_2", None)])
def test_a_layer_keeps_its_parameters_under_any_name(name, kind):
    layers = {name: Affine(np.ones((3, 2), "f"), np.zeros(2, "f")), "loss": SoftmaxWithLoss()}
    axes = draw(record(SimpleNamespace(layers=layers), np.ones((1, 3), "f"), [1]))
    assert {"W (3, 2)", "b (2,)", name, kind or name} <= {text.get_text() for text in texts(axes)}


@pytest.mark.parametrize("values", [
    np.float32(1) - np.arange(40, dtype=np.float32) * 1e-8, np.full(40, 1e308) * [*[1, -1] * 20], np.full(40, 5e-324),
    np.full(40, np.nan), np.r_[np.inf, -np.inf, np.ones(38)], np.arange(40, dtype=np.float16) * 1600, np.zeros((3, 0)),
    np.arange(40) > 20, np.arange(40),
])
@pytest.mark.filterwarnings("error")
def test_odd_values_and_names_are_drawn(values):
    graph = Graph(**{"$x_$": values.reshape(2, -1), "money in $": 1.0})
    graph.forward(MulLayer(), "$x_$", "money in $", out=r"\alpha$")
    graph.nodes[0].grads = values.reshape(2, -1), 1.0
    axes = draw(graph, title="what $ costs $")
    axes.figure.canvas.draw()
    assert {"$x_$", "money in $", r"\alpha$", "what $ costs $"} <= {text.get_text() for text in texts(axes)}
    str(graph)


@pytest.mark.filterwarnings("error")
def test_what_is_infinite_is_left_blank():
    x = np.ones((1, 2, 4, 4))
    x[0, 1, 2, 3] = np.inf
    graph = Graph(x=x)
    graph.forward(Relu(), "x", out="y")
    graph.nodes[0].grads = x,
    for image in draw(graph).findobj(BboxImage)[:2]:
        blank = np.ma.getmaskarray(np.ma.masked_invalid(image.get_array()))
        assert blank.sum() == 5 and blank[2, 8] and blank[:, 4].all()          # and the line between the channels


@pytest.mark.parametrize("value, text", [
    (220.00000000000003, "220"), (3, "3"), (np.float32(2.2), "2.2"), (np.array([7], np.uint8), "7"),
    (np.float32(-0.0), "0"), (np.array([[1.0, -0.001]]), "1 -0.001"), (np.array([[1e-7, -2.5e-5]]), "1e-07 -2.5e-05"),
    (np.zeros((2, 2)), "0 0\n0 0"), (np.array([[123.0, 4.0]]), "123 4"), (np.array([np.nan, 1.0]), "nan 1"),
    (np.arange(12) % 2, "0 1 0 1 0 1 0 1 0 1 0 1"), (np.arange(12).reshape(2, 6), "0  1  2  3  4  5\n6  7  8  9 10 11"),
    (np.array([True, False]), "1 0"), (np.full((9, 2), [1e-30, -1e-30], "f"), "(9, 2)\nmean 0\nstd 1e-30"),
    (np.zeros((0, 3)), "(0, 3)\nmean \nstd "), (np.ones((4, 5)), "(4, 5)\nmean 1\nstd 0"),
])
def test_values_are_written_without_noise(value, text):
    assert describe(np.asarray(value)) == text


def test_pictures_show_the_first_example():
    graph = record(NETS["simple"](), *batch("simple"))
    pictures = [image.get_array() for image in draw(graph).findobj(BboxImage)]
    assert np.array_equal(pictures[0], graph.values["x"][0, 0])
    assert np.array_equal(pictures[1], graph.grads["x"][0, 0])
    maps = pictures[2]                                          # three channels in a square, a line between
    assert maps.shape == (25, 25)
    assert np.array_equal(maps[:12, 13:], graph.values["Conv1"][0, 1])
    assert np.array_equal(maps[13:, :12], graph.values["Conv1"][0, 2])


def test_a_histogram_is_as_high_as_the_counts():
    graph = Graph(x=np.repeat([-1.0, 0.0, 1.0], [5, 20, 10]))
    graph.forward(Relu(), "x", out="y")
    picture = draw(graph).findobj(BboxImage)[0].get_array()
    heights = (~np.ma.getmaskarray(np.ma.masked_invalid(picture))).sum(axis=0)
    assert heights[[0, 12, 23]].tolist() == [6, 24, 12] and heights.sum() == 42


def test_long_chains_are_broken_into_rows():
    graph = record(NETS["sigmoid"](), *batch(""))
    wide, narrow = draw(graph, width=100), draw(graph, width=5)
    assert wide.figure.get_size_inches()[0] > 12 and narrow.figure.get_size_inches()[0] < 6.5
    assert wide.figure.get_size_inches()[1] < 4 < narrow.figure.get_size_inches()[1]


def test_what_leads_straight_on_has_one_height():
    """As in the book: apples go straight to the price, their number and the tax join from below."""
    heights = {text: y for text, _, y in numbers_in_place(draw(two_apples()), "black")}
    assert abs(heights["apple"] - heights["price"]) < 0.05
    assert heights["price"] > heights["tax"] + 0.3 and heights["tax"] + 0.05 >= heights["apple_num"]

    axes = draw(wired({"apples": (MulLayer(), "apple", "apple_num"), "oranges": (MulLayer(), "orange", "orange_num"),
                       "sum": (AddLayer(), "apples", "oranges")}, apple=100, apple_num=2, orange=150, orange_num=3))
    heights = {text: y for text, _, y in numbers_in_place(axes, "black")}
    assert heights["apple"] > heights["apple_num"] > heights["orange"] > heights["orange_num"]


# ---- the script ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = copy_project(tmp_path_factory.mktemp("graph"), "ch05")
    shutil.copy(ROOT / "ch05/trained/simple_convnet.pkl", folder / "ch05/trained")
    return folder


def test_the_script_draws_three_nets_beside_itself_and_says_what_they_read(project, tmp_path):
    net = TwoLayerNet(784, 9, 10)
    net.params["b2"][3] = 100
    net.save_params(project / "threes.pkl")
    script = project / "ch05/backprop_graph.py"
    all_three, misread = run_in_turn(tmp_path, (script,), (script, "--net", "two_layer_net", "--params",
                                                           project / "threes.pkl", "--examples", 2))
    for name in ("two_layer_net", "sigmoid_net", "simple_convnet"):
        path = project / f"ch05/backprop_graph_{name}.png"
        assert f"Figure saved: {path}\n" in all_three.stdout
        with Image.open(path) as picture:
            assert picture.width < 1600 and np.asarray(picture.convert("L")).std() > 5
    assert "Affine1: dot" in all_three.stdout and "Conv1 " in all_three.stdout
    assert "two_layer_net, after two epochs on 4,000 digits: 7, read right" in all_three.stdout
    assert "simple_convnet, parameters of simple_convnet.pkl: 7, read right" in all_three.stdout
    assert re.search(r"two_layer_net, parameters of threes.pkl: 7\d, misread as 33\n", misread.stdout)


def test_a_file_of_another_net_is_named(tmp_path):
    MultiLayerNet(784, [9, 8], 10).save_params(tmp_path / "relu.pkl")
    with pytest.raises(ValueError, match="relu.pkl does not fit"):
        load_net("simple_convnet", tmp_path / "relu.pkl")


@pytest.mark.parametrize("kind, net", [
    ("two_layer_net", lambda: TwoLayerNet(784, 9, 10)),
    ("relu_net", lambda: MultiLayerNet(784, [9, 8], 10)),
    ("sigmoid_net", lambda: MultiLayerNet(784, [9], 10, "sigmoid")),
    ("batch_norm_net", lambda: MultiLayerNetExtend(784, [9, 8], 10, use_batchnorm=True)),
    ("simple_convnet", lambda: SimpleConvNet(conv_param={"filter_num": 2, "filter_size": 3}, hidden_size=7)),
    ("deep_convnet", DeepConvNet),
])
def test_saved_nets_of_any_size_are_loaded(kind, net, tmp_path):
    saved = net()
    saved.save_params(tmp_path / "params.pkl")
    loaded = load_net(kind, tmp_path / "params.pkl")
    np.testing.assert_equal(dict(loaded.params), dict(saved.params))
    assert [type(layer) for layer in loaded.layers.values()] == [type(layer) for layer in saved.layers.values()]


def test_the_modules_know_neither_chapters_nor_without_need_matplotlib():
    code = ("import sys, common.figures.graph, common.figures.graph_layout; "
            "print('matplotlib' in sys.modules, 'ch05' in sys.modules)")
    env = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
