"""check_gradients passes what is right, names what is wrong, and changes nothing; the script that teaches with it."""
import runpy
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scripts import ROOT
from tqdm import tqdm

import common.gradient
from ch04.two_layer_net import TwoLayerNet
from ch05.gradient_check import MISTAKES, broken
from ch05.layer_naive import MulLayer
from ch05.simple_convnet import SimpleConvNet
from common.figures import plot
from common.gradient import check_gradients
from common.layers import (Affine, BatchNormalization, Convolution, Layer, Pooling, Relu, Sigmoid,
                           SoftmaxWithLoss)
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network


def normal(*shape):
    return np.random.randn(*shape).astype(np.float32)


class BookAffine:
    """As a reader types it: no Layer, no names of parameters, no mode."""

    def __init__(self, W, b):
        self.W, self.b, self.x, self.dW, self.db = W, b, None, None, None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW, self.db = np.dot(self.x.T, dout), np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class BookNet:
    """A net whose layers share the arrays of its params."""

    def __init__(self):
        self.params = {"W1": normal(4, 3), "b1": normal(3)}
        self.layer, self.last_layer = BookAffine(self.params["W1"], self.params["b1"]), SoftmaxWithLoss()

    def loss(self, x, t):
        return self.last_layer.forward(self.layer.forward(x), t)

    def gradient(self, x, t):
        self.loss(x, t)
        self.layer.backward(self.last_layer.backward())
        return {"W1": self.layer.dW, "b1": self.layer.db}


def test_nets_pass_with_dropout_and_batch_normalization_and_keep_what_they_have():
    network = MultiLayerNetExtend(6, [5, 4], 3, use_dropout=True, use_batchnorm=True, weight_decay_lambda=0.1)
    x, t = normal(7, 6), np.arange(7) % 3
    arrays = {**network.params, **network.state}
    before = {key: array.copy() for key, array in arrays.items()}
    state = np.random.get_state()[1].copy()
    check = check_gradients(network, x, t)
    assert check and list(check) == list(network.params), check
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    for key, array in {**network.params, **network.state}.items():
        assert array is arrays[key] and array.dtype == np.float32
        np.testing.assert_array_equal(array, before[key])


def test_a_readers_own_layer_and_net_pass_and_fail():
    assert list(check_gradients(BookAffine(normal(4, 3), normal(3)), normal(5, 4))) == ["W", "b", "x"]
    assert check_gradients(BookNet(), normal(5, 4), np.arange(5) % 3)
    used = BookAffine(normal(4, 3), normal(3))
    used.forward(normal(5, 4))
    assert list(check_gradients(used, normal(5, 4))) == ["W", "b", "x"]

    class Wrong(BookNet):
        def gradient(self, x, t):
            grads = super().gradient(x, t)
            return {**grads, "W1": -grads["W1"]}
    check = check_gradients(Wrong(), normal(5, 4), np.arange(5) % 3)
    assert not check and check.failed == ["W1"]


# ---- bends: where the slopes to the left and right differ ------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    """Two images with a black ground: with a bias of 0, relu bends exactly there."""
    x = np.zeros((2, 1, 28, 28), np.float32)
    x[:, :, 8:20, 10:18] = np.random.default_rng(0).random((2, 1, 12, 8))
    return x, np.array([3, 8])


def convnet(**replaced):
    network = SimpleConvNet(weight_init_std="he", conv_param={"filter_num": 5, "filter_size": 5}, hidden_size=8)
    network.layers |= replaced
    return network


def test_a_right_net_passes_at_bends_and_they_are_counted(digits):
    check = check_gradients(convnet(), *digits, at_most=10)
    assert check and check["b1"].at_bends.sum() == check["b1"].count == 5
    assert "passed (5 at bends, compared close by)" in str(check)
    assert not check["W1"].at_bends.any() and check["b1"].diagnosis is None


def test_a_gradient_that_is_wrong_at_bends_only_in_part_fails(digits):
    class Wrong(Convolution):
        def backward(self, dout):
            dx = super().backward(dout)
            self.db = self.db * [1, 1, 1, 1, 0.9]
            return dx

    network = convnet()
    network.layers["Conv1"] = Wrong(network.params["W1"], network.params["b1"])
    check = check_gradients(network, *digits, at_most=10)
    assert check.failed == ["b1"]
    np.testing.assert_array_equal(check["b1"].difference > 1e-3 * check["b1"].largest, [False] * 4 + [True])


TIES = np.arange(32).reshape(1, 2, 4, 4) // 4


@pytest.mark.parametrize("layer, x", [
    (Pooling(3, 3, 1), TIES), (Pooling(2, 2), np.zeros((1, 1, 4, 4))), (Relu(), np.arange(-3, 3).reshape(2, 3))])
def test_a_right_layer_passes_where_all_or_some_values_tie_or_are_0(layer, x):
    check = check_gradients(layer, x)
    assert check and check["x"].at_bends.any() and check["x"].count == x.size, check


class FiveAtZero(Relu):
    """Right but where x is 0."""

    def forward(self, x, train_flg=True):
        self.x = x
        return super().forward(x, train_flg)

    def backward(self, dout):
        return super().backward(dout) + 5 * dout * (self.x == 0)


def test_a_layer_that_is_wrong_only_at_bends_fails():
    assert check_gradients(FiveAtZero(), normal(2, 3))
    assert not check_gradients(FiveAtZero(), np.zeros((2, 3)))


@pytest.mark.parametrize("x", [[3e-7, -3e-7], [1e-7, 6e-7], [-5e-7, 9e-7]])
def test_a_bend_closer_than_the_smallest_step_fails_nothing_that_is_right(x):
    """A net of many relus has some of these: 10 of 20 right SimpleConvNets failed by them."""
    assert check_gradients(Relu(), x)

    class Wrong(Relu):
        def backward(self, dout):
            return 1.001 * super().backward(dout)
    assert not check_gradients(Wrong(), x)


class TwoRelus:
    """At W1 = 0 both relus bend, the slopes are 1 and 3, and backpropagation gives 0."""
    factor = 1

    def __init__(self):
        self.params = {"W1": np.zeros(1)}

    def loss(self, x, t):
        return float((3 * np.maximum(0, self.params["W1"]) - np.maximum(0, -self.params["W1"])).sum())

    def gradient(self, x, t):
        W1 = self.params["W1"]
        return {"W1": self.factor * (3.0 * (W1 > 0) + (W1 < 0))}


def test_bends_of_a_net_may_add_up_to_more_than_the_slopes_beside_them():
    assert check_gradients(TwoRelus(), [1.0], [0])["W1"].at_bends.all() and check_gradients(TwoRelus(), [1.0], [0])

    class Wrong(TwoRelus):
        factor = 1.1
    assert not check_gradients(Wrong(), [1.0], [0])


def test_a_function_that_bends_everywhere_near_is_not_checked_and_does_not_pass():
    class Grid(Relu):
        def forward(self, x):
            steps = x * 2e9
            self.slope = 2 * (np.floor(steps) % 2) - 1
            return np.abs(steps % 2 - 1) / 2e9 * 1e9

        def backward(self, dout):
            return dout * self.slope * 1e9
    check = check_gradients(Grid(), np.array([0.3, 0.7]))
    assert not check, check


# ---- odd layers and odd input ----------------------------------------------------------------------------


class BookRelu:
    """As the book writes it: backward writes into dout."""

    def forward(self, x):
        self.mask = (x <= 0)
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        dx = dout
        return dx


class Triple:
    """Writes into x and dout, and both are its results."""

    def forward(self, x):
        x *= 3
        return x

    def backward(self, dout):
        dout *= 3
        return dout


class Slope:
    """A trained number, and a mode that must be given."""

    def __init__(self):
        self.a, self.da = 0.3, None

    def forward(self, x, train_flg):
        self.x = x
        return self.a * x ** 2

    def backward(self, dout):
        self.da = np.sum(dout * self.x ** 2)
        return 2 * dout * self.a * self.x


class TwoInputs:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y + y

    def backward(self, dout):
        return dout * self.y, dout * (self.x + 1)


class TwoResults(TwoInputs):
    def forward(self, x, y):
        return super().forward(x, y), x + y


class Inherits(Layer):
    """A Layer that says nothing of param_names."""

    def __init__(self):
        self.gamma, self.dgamma = np.array([1, 2, 3]), None

    def forward(self, x, train_flg=True):
        self.x = x
        return self.gamma * x

    def backward(self, dout):
        self.dgamma = (dout * self.x).sum(axis=0)
        return dout * self.gamma


X = np.random.default_rng(3).normal(size=(4, 3))


@pytest.mark.parametrize("layer, inputs, names", [
    (BookRelu(), [X], ["x"]), (Triple(), [X], ["x"]), (Slope(), [X], ["a", "x"]),
    (TwoInputs(), [X, X + 1], ["x", "y"]), (TwoInputs(), [2, 3], ["x", "y"]), (Inherits(), [X], ["gamma", "x"]),
    (Inherits(), [[[1, 2, 3], [4, 5, 6]]], ["gamma", "x"]),
    (BookAffine(np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 0])), [X], ["W", "b", "x"]),
    (Relu(), [np.array([[1, 2], [200, 255]], np.uint8)], ["x"]), (Sigmoid(), [X.astype(np.float16)], ["x"]),
    (SoftmaxWithLoss(), [X, [0, 2, 1, 1]], ["x"]), (MulLayer(), [2, 100], ["x", "y"]),
    (BatchNormalization(normal(3), normal(3)), [X], ["gamma", "beta", "x"])], ids=lambda value: type(value).__name__)
def test_odd_but_right_layers_and_inputs_pass(layer, inputs, names):
    check = check_gradients(layer, *inputs)
    assert check and list(check) == names, check


@pytest.mark.parametrize("layer, factor", [(BookRelu, 2), (Triple, 1.5)])
def test_and_fail_if_they_are_wrong(layer, factor):
    class Wrong(layer):
        def backward(self, dout):
            dout *= factor
            return super().backward(dout)
    assert not check_gradients(Wrong(), X)


def test_frames_and_series_count_by_position():
    pandas = pytest.importorskip("pandas")
    order = [2, 0, 3, 1]
    x, t = pandas.DataFrame(X, index=order), pandas.Series([0, 2, 1, 1], index=order)
    check, right = check_gradients(SoftmaxWithLoss(), x, t), check_gradients(SoftmaxWithLoss(), X, t.to_numpy())
    assert check
    np.testing.assert_array_equal(check["x"].by_backprop, right["x"].by_backprop)


class ThreeGradients(BookAffine):
    def backward(self, dout):
        return super().backward(dout), self.dW, self.db


class Restless:
    numbers = np.random.default_rng(0)

    def forward(self, x):
        return x * type(self).numbers.normal()

    def backward(self, dout):
        return dout


def net(**methods):
    """A BookNet with other methods."""
    return lambda: type("Net", (BookNet,), methods)()


def affine(**methods):
    return lambda: type("Mine", (BookAffine,), methods)(normal(3, 3), normal(3))


def step(layer, dout):
    dx = BookAffine.backward(layer, dout)
    layer.W -= 0.1 * layer.dW
    return dx


def new_array(layer, dout):
    dx = BookAffine.backward(layer, dout)
    layer.W = layer.W - 0.1 * layer.dW
    return dx


def shrink(layer, x):
    layer.W *= 0.9
    return 0 * BookAffine.forward(layer, x)


def step_of_net(network, x, t):
    grads = BookNet.gradient(network, x, t)
    network.params["W1"] -= 0.1 * grads["W1"]
    return grads


def tied():
    W = normal(3, 3)
    return Network([Affine(W, normal(3)), Affine(W, normal(3))])


def transposed():
    layer = BookAffine(normal(3, 3), normal(3))
    layer.W_t = layer.W.T
    return layer


def running(layer, x):
    layer.b = 0.9 * layer.b + 0.1 * x.mean(axis=0)
    return BookAffine.forward(layer, x)


@pytest.mark.parametrize("build, inputs, options, says", [
    (Relu, [X], {"at_most": 0}, "expected at_most of at least 1, .* got 0"),
    (Relu, [X * np.nan], {}, "Relu.forward gives nan or inf for this x"),
    (Sigmoid, [np.zeros((0, 3))], {}, "all arrays are empty: x"),
    (lambda: ThreeGradients(normal(3, 2), normal(2)), [X], {}, "returned 3 gradients, but forward takes 1"),
    (Restless, [X], {}, "Restless.forward gives another result at every call .* random numbers from np.random"),
    (affine(forward=running), [X], {}, "another result at every call .* a running average changes"),
    (affine(forward=lambda s, x: None), [X], {}, "Mine.forward gives None .perhaps its `return` is missing.; expected"),
    (affine(forward=lambda s, x: np.float32(x)), [X], {}, "gives float32 for an x of float64"),
    (TwoResults, [X, X], {}, "TwoResults.forward gives several results; expected one array"),
    (affine(backward=step), [X], {}, "backward changes W. .* step W -= lr . dW after backward"),
    (affine(backward=new_array), [X], {}, "backward changes W"),
    (affine(forward=shrink), [X], {}, "forward or backward changes W"),
    (net(gradient=step_of_net), [normal(5, 4), np.arange(5) % 3], {}, "backward changes W1"),
    (tied, [normal(5, 3), np.arange(5) % 3], {}, "W2 shares its memory with another array"),
    (transposed, [X], {}, "W shares its memory with another array, as W.T does"),
    (net(loss=lambda s, x, t: None), [normal(5, 4), np.arange(5) % 3], {}, "Net.loss gives None")])
def test_what_says_nothing_is_an_error_and_no_pass(build, inputs, options, says):
    with pytest.raises(ValueError, match=says):
        check_gradients(build(), *inputs, **options)


def test_small_gradients_count_too():
    """A net that hardly learns: every gradient is below a thousandth, and a wrong one is noticed all the same."""
    class Faint:
        def forward(self, x):
            self.x = x
            return 1e-5 * np.sin(x)

        def backward(self, dout):
            return 1e-5 * np.cos(self.x) * dout

    class Wrong(Faint):
        def backward(self, dout):
            return 1.001 * super().backward(dout)
    assert check_gradients(Faint(), X) and not check_gradients(Wrong(), X)


def test_one_wrong_value_is_found_and_its_place_known():
    class Wrong(Affine):
        def parameter_gradients(self, dout):
            super().parameter_gradients(dout)
            self.dW[2, 1] += 1e-4
    check = check_gradients(Wrong(normal(4, 3), normal(3)), normal(5, 4))
    assert check.failed == ["W"] and check["W"].absolute == pytest.approx(1e-4, rel=1e-4)
    assert np.unravel_index(check["W"].difference.argmax(), (4, 3)) == (2, 1)


def test_no_more_values_are_compared_than_asked_for():
    check = check_gradients(Affine(normal(9, 8), normal(8)), normal(2, 9), at_most=10)
    assert check and [found.count for found in check.values()] == [10, 8, 10]
    plot.gradient_check(check)
    plt.close()


def test_what_cannot_be_checked_is_named():
    with pytest.raises(TypeError, match="expected a layer .* or a net .*, got list"):
        check_gradients([], normal(2, 2))


# ---- the picture and the script --------------------------------------------------------------------------


def test_the_picture_keeps_rows_and_names_shape_and_mistake():
    class Wrong(Affine):
        def backward(self, dout):
            return -super().backward(dout)
    axes = plot.gradient_check(check_gradients(Wrong(normal(4, 3), normal(3)), normal(5, 4)), "Mine")
    assert axes[0, 0].get_ylabel() == "dW (4, 3)\npassed" and axes[0, 0].images[0].get_array().shape == (4, 3)
    assert axes[0, 0].figure.get_suptitle() == "Mine\ndx has the wrong sign."
    plt.close()


def test_a_long_check_shows_how_far_it_is(monkeypatch, capsys):
    check_gradients(Relu(), X)
    assert capsys.readouterr() == ("", "")
    at_once = {"delay": 0, "mininterval": 0}
    monkeypatch.setattr(common.gradient, "tqdm", lambda *args, **options: tqdm(*args, **options | at_once))
    check_gradients(Relu(), X)
    out, err = capsys.readouterr()
    assert out == "" and "check_gradients, dx: 100%" in err


FAILED = {"transpose": ["x"], "bias": ["b"], "last": ["W"], "dout": ["W", "b"], "xn": ["gamma"], "col2im": ["x"],
          "reshape": ["W"], "decay": ["W1"]}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_fails_where_it_was_made_and_is_named(mistake):
    layer, check = broken(mistake)
    assert check.failed == FAILED.get(mistake, check.failed) and not check
    assert all(check[name].diagnosis for name in check.failed) == (mistake != "flip"), check


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the script here: what it prints, its last words, its exit code and what it drew."""
    def run(*options):
        monkeypatch.setattr(sys, "argv", ["gradient_check.py", *options])
        code = 0
        try:
            runpy.run_path(str(ROOT / "ch05/gradient_check.py"), run_name="__main__")
        except SystemExit as end:
            code = end.code
        return *capsys.readouterr(), code, drawn

    drawn = []
    monkeypatch.delenv("MNIST_DIR", raising=False)      # the mini digits
    monkeypatch.setenv("MNIST_OFFLINE", "1")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(plot, "show", lambda name: drawn.append((name, plt.gcf().get_suptitle())))
    yield run
    plt.close("all")


@pytest.mark.filterwarnings("ignore:only 4,000 training")
def test_the_net_of_the_book_passes(run):
    out, _, code, drawn = run("--at-most", "5")
    assert code == 0 and out.splitlines()[-1].startswith("passed") and len(drawn) == 1
    for name in ("dW1", "db1", "dW2", "db2"):
        assert f"\n{name} " in out


def test_a_mistake_ends_with_exit_code_1_and_is_drawn(run):
    out, err, code, drawn = run("--break", "mask")
    says = "dx is wrong only where x and dout have different signs."
    assert code == 1 and err.startswith("failed: dx differ") and says in out
    assert drawn[0][0] == "gradient_check_mask" and drawn[0][1].endswith(says)


def test_a_random_mistake_is_not_named_before_the_answer(run):
    out, _, _, drawn = run("--break", "random", "--seed", "1")
    assert "A wrong Affine" in out and "FAILED" in out and "number of" not in out + drawn[0][1]
    assert "The answer: python gradient_check.py --break random --seed 1 --answer" in out
    out, _, _, drawn = run("--break", "random", "--seed", "1", "--answer")
    assert "MeanOfBias" in out and "8 is the number of examples" in out and "8 is the number of examples" in drawn[1][1]


@pytest.mark.parametrize("option", [[], ["nonsense"]])
def test_all_mistakes_are_listed(run, option):
    out, _, code, _ = run("--break", *option)
    assert code == 2 and f"--break {' '.join(MISTAKES)} random" in out
    assert len(MISTAKES) >= 16


def test_a_right_net_that_is_very_sure_hears_of_the_1e_7_in_the_books_loss():
    np.random.seed(0)
    check = check_gradients(TwoLayerNet(20, 6, 10, 1.0), np.random.rand(5, 20), np.arange(5))
    assert not check and all("is nearly right. The 1e-7 in log(y + 1e-7)" in check[name].diagnosis
                             for name in check.failed)
