"""check_gradients passes what is right, names what is wrong, and changes nothing; the script that teaches with it."""
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from scripts import copy_project, last_line, run_script

from ch05.gradient_check import MISTAKES, broken
from ch05.layer_naive import MulLayer
from common.figures import plot
from common.gradient import check_gradients
from common.layers import Affine, BatchNormalization, Convolution, Dropout, Pooling, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net_extend import MultiLayerNetExtend


def normal(*shape):
    return np.random.randn(*shape).astype(np.float32)


LAYERS = {
    "Affine": (lambda: Affine(normal(4, 3), normal(3)), (5, 4), ["W", "b", "x"]),
    "Relu": (Relu, (5, 4), ["x"]),
    "Sigmoid": (Sigmoid, (5, 4), ["x"]),
    "Dropout": (Dropout, (5, 4), ["x"]),
    "BatchNormalization": (lambda: BatchNormalization(normal(4), normal(4)), (5, 4), ["gamma", "beta", "x"]),
    "Convolution": (lambda: Convolution(normal(3, 2, 3, 3), normal(3), 2, 1), (2, 2, 5, 5), ["W", "b", "x"]),
    "Pooling": (lambda: Pooling(2, 2, 2), (2, 2, 4, 4), ["x"]),
}


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


@pytest.mark.parametrize("name", LAYERS)
def test_layers_pass_in_float64_though_they_are_float32(name):
    build, shape, names = LAYERS[name]
    check = check_gradients(build(), normal(*shape))
    assert check, check
    assert list(check) == names
    assert max(found.relative for found in check.values()) < 1e-7 < min(found.largest for found in check.values())


@pytest.mark.parametrize("t", [np.array([0, 2, 1]), np.eye(4)[[0, 2, 1]]])
def test_a_loss_passes_with_its_targets(t):
    assert list(check_gradients(SoftmaxWithLoss(), normal(3, 4), t)) == ["x"]
    assert check_gradients(SoftmaxWithLoss(), normal(3, 4), t)


def test_nets_pass_with_dropout_and_batch_normalization_and_keep_what_they_have():
    network = MultiLayerNetExtend(6, [5, 4], 3, use_dropout=True, use_batchnorm=True, weight_decay_lambda=0.1)
    x, t = normal(7, 6), np.arange(7) % 3
    arrays = {**network.params, **network._named("buffer_names")}
    before = {key: array.copy() for key, array in arrays.items()}
    state = np.random.get_state()[1].copy()
    check = check_gradients(network, x, t)
    assert check and list(check) == list(network.params), check
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    for key, array in {**network.params, **network._named("buffer_names")}.items():
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


def test_several_inputs_each_have_a_gradient():
    check = check_gradients(MulLayer(), 2, 100)
    assert check and check["x"].by_backprop == 100 and check["y"].by_backprop == 2


@pytest.mark.parametrize("mistake, failed", [
    ("transpose", ["x"]), ("bias", ["b"]), ("n", ["x"]), ("mask", ["x"]), ("batchnorm", ["x"])])
def test_each_mistake_fails_where_it_was_made(mistake, failed):
    check = check_gradients(*broken(mistake))
    assert not check and check.failed == failed and "FAILED" in str(check)
    layer, *inputs = broken(mistake)
    layer.__class__ = MISTAKES[mistake].__base__
    assert check_gradients(layer, *inputs)


def test_one_wrong_value_is_found_and_its_place_known():
    class Wrong(Affine):
        def parameter_gradients(self, dout):
            super().parameter_gradients(dout)
            self.dW[2, 1] += 1e-4
    check = check_gradients(Wrong(normal(4, 3), normal(3)), normal(5, 4))
    assert check.failed == ["W"] and check["W"].absolute == pytest.approx(1e-4, rel=1e-4)
    assert np.unravel_index(check["W"].difference.argmax(), (4, 3)) == (2, 1)


def test_a_gradient_of_nan_fails():
    class Wrong(Sigmoid):
        def backward(self, dout):
            return dout * np.nan
    assert not check_gradients(Wrong(), normal(2, 2))


def test_no_more_values_are_compared_than_asked_for():
    check = check_gradients(Affine(normal(9, 8), normal(8)), normal(2, 9), at_most=10)
    assert check and [found.count for found in check.values()] == [10, 8, 10]
    plot.gradient_check(check)
    plt.close()


def test_what_cannot_be_checked_is_named():
    with pytest.raises(TypeError, match="expected a layer .* or a net .*, got list"):
        check_gradients([], normal(2, 2))

    class Wrong(Affine):
        def parameter_gradients(self, dout):
            super().parameter_gradients(dout)
            self.db = dout
    check = check_gradients(Wrong(normal(4, 3), normal(3)), normal(5, 4))
    assert check.failed == ["b"]
    assert check["b"].diagnosis == "db has the shape (5, 3), but b has (3,): the sum over axis 0 is missing."


# ---- the script ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("gradient_check"), "ch05")


def test_the_net_of_the_book_passes(project, tmp_path):
    result = run_script(project / "ch05/gradient_check.py", "--at-most", 50, cwd=tmp_path)
    assert last_line(result).startswith("passed")
    assert [line.split()[0] for line in result.stdout.splitlines()[2:6]] == ["dW1", "db1", "dW2", "db2"]
    assert np.asarray(Image.open(project / "ch05/gradient_check.png").convert("L")).std() > 5


def test_a_mistake_ends_with_exit_code_1_and_is_drawn(project):
    result = run_script(project / "ch05/gradient_check.py", "--break", "mask", check=False)
    assert result.returncode == 1 and result.stderr.startswith("failed: dx differ")
    dark = np.asarray(Image.open(project / "ch05/gradient_check_mask.png").convert("RGB"))[..., 1] < 60
    assert 0.02 < dark.mean() < 0.3
