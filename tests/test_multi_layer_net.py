"""common/multi_layer_net*.py: which layers a net has, and that all kinds of it have the right gradients."""
import numpy as np
import pytest

from common.gradient import check_gradients
from common.layers import Affine, BatchNormalization, Dropout, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network
from common.optimizer import Adam

BOTH = pytest.mark.parametrize("net_class", [MultiLayerNet, MultiLayerNetExtend])


def test_layers_and_params_of_multi_layer_net():
    net = MultiLayerNet(784, [50, 20], 10)
    assert [(name, type(layer)) for name, layer in net.layers.items()] == [
        ("Affine1", Affine), ("Activation_function1", Relu),
        ("Affine2", Affine), ("Activation_function2", Relu), ("Affine3", Affine)]
    assert {key: array.shape for key, array in net.params.items()} == {
        "W1": (784, 50), "b1": (50,), "W2": (50, 20), "b2": (20,), "W3": (20, 10), "b3": (10,)}
    assert {array.dtype for array in net.params.values()} == {np.dtype(np.float32)}
    assert isinstance(net, Network) and isinstance(net.last_layer, SoftmaxWithLoss) and net.weight_decay_lambda == 0
    assert {key: array.shape for key, array in MultiLayerNet(6, [], 3).params.items()} == {"W1": (6, 3), "b1": (3,)}


def test_layers_of_multi_layer_net_extend():
    net = MultiLayerNetExtend(6, [5, 4], 3, activation="sigmoid", use_dropout=True, dropout_ration=0.2,
                              use_batchnorm=True)
    assert [(name, type(layer)) for name, layer in net.layers.items()] == [
        ("Affine1", Affine), ("BatchNorm1", BatchNormalization), ("Activation_function1", Sigmoid),
        ("Dropout1", Dropout),
        ("Affine2", Affine), ("BatchNorm2", BatchNormalization), ("Activation_function2", Sigmoid),
        ("Dropout2", Dropout), ("Affine3", Affine)]
    assert net.layers["Dropout2"].dropout_ratio == 0.2
    assert {key: array.shape for key, array in net.params.items() if key[0] in "gb"} == {
        "b1": (5,), "gamma1": (5,), "beta1": (5,), "b2": (4,), "gamma2": (4,), "beta2": (4,), "b3": (3,)}
    assert (net.params["gamma1"] == 1).all() and (net.params["beta2"] == 0).all()


@BOTH
@pytest.mark.parametrize("init, stds", [
    ("relu", [0.1, 0.2, 6 ** -0.5]), ("He", [0.1, 0.2, 6 ** -0.5]), (0.03, [0.03, 0.03, 0.03]),
    ("xavier", [0.005 ** 0.5, 0.02 ** 0.5, 12 ** -0.5])])
def test_initial_weights(net_class, init, stds):
    net = net_class(200, [50, 12], 200, weight_init_std=init)
    for n, std in enumerate(stds, start=1):
        W, b = net.params[f"W{n}"], net.params[f"b{n}"]
        assert W.std() == pytest.approx(std, rel=5 / (2 * W.size) ** 0.5) and (b == 0).all()


@pytest.mark.parametrize("activation, use_dropout, use_batchnorm, weight_decay_lambda", [
    ("relu", False, False, 0), ("Sigmoid", False, False, 0.2), ("relu", True, True, 0.2), ("relu", False, True, 0),
    ("Sigmoid", True, False, 0.2), ("Sigmoid", True, True, 0)])
def test_gradient(activation, use_dropout, use_batchnorm, weight_decay_lambda, rng):
    net = MultiLayerNetExtend(5, [4, 6], 3, activation, 0.7, weight_decay_lambda, use_dropout, 0.3,
                              use_batchnorm, dtype=np.float64)
    check = check_gradients(net, rng.normal(size=(12, 5)), np.eye(3)[rng.integers(3, size=12)])
    assert check and list(check) == list(net.params), check


@pytest.mark.parametrize("use_dropout", [False, True])
@pytest.mark.parametrize("use_batchnorm", [False, True])
@pytest.mark.parametrize("rows", [[[1e4, -1e4, 0, 1e-38]], [[7, 1e4, -1e4, 0], [7, -1e4, 1e4, 1]]])
def test_a_training_step_with_large_and_constant_values_stays_finite(rows, use_batchnorm, use_dropout):
    net, x = MultiLayerNetExtend(4, [5], 3, use_batchnorm=use_batchnorm, use_dropout=use_dropout), np.float32(rows)
    loss, grads = net.value_and_gradient(x, np.zeros(len(x), int))
    Adam().update(net.params, grads)
    for array in (loss, *grads.values(), *net.state.values(), net.predict(x)):
        assert array.dtype == np.float32 and np.isfinite(array).all()


def test_multi_layer_net_is_the_plain_case():
    x, t = np.random.rand(5, 6).astype(np.float32), np.arange(5) % 3
    results = []
    for net_class in (MultiLayerNet, MultiLayerNetExtend):
        np.random.seed(3)
        net = net_class(6, [5, 4], 3, "sigmoid", 0.5, 0.1)
        results.append((net.loss(x, t), net.accuracy(x, t), net.gradient(x, t)["W1"].tolist()))
    assert results[0] == results[1]


@BOTH
@pytest.mark.parametrize("activation", ["rellu", "tanh", "", None, 3])
def test_unknown_names(net_class, activation):
    with pytest.raises(ValueError) as caught:
        net_class(6, [5], 3, activation)
    assert all(word in str(caught.value) for word in ("activation", "relu", "sigmoid", repr(activation)))
    with pytest.raises(ValueError, match="weight_init_std.*'xavier'.*'gauss'"):
        net_class(6, [5], 3, weight_init_std="gauss")


def test_a_net_learns_xor():
    """Not linearly separable: only a hidden layer with a right gradient can learn it."""
    np.random.seed(0)               # from other weights too, but not from all
    x, t = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])
    net = MultiLayerNet(2, [16], 2)
    assert net.loss(x, t) > 0.5
    for _ in range(300):
        for key, grad in net.gradient(x, t).items():
            net.params[key] -= 0.5 * grad
    assert net.loss(x, t) < 0.05 and net.accuracy(x, t) == 1
