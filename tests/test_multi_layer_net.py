"""common/multi_layer_net*.py: which layers a net has, and that all kinds of it have the right gradients."""
import itertools

import numpy as np
import pytest

from common.layers import Affine, BatchNormalization, Dropout, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network


def test_layers_and_params_of_multi_layer_net():
    net = MultiLayerNet(784, [50, 20], 10)
    assert [(name, type(layer)) for name, layer in net.layers.items()] == [
        ("Affine1", Affine), ("Activation_function1", Relu),
        ("Affine2", Affine), ("Activation_function2", Relu), ("Affine3", Affine)]
    assert {key: array.shape for key, array in net.params.items()} == {
        "W1": (784, 50), "b1": (50,), "W2": (50, 20), "b2": (20,), "W3": (20, 10), "b3": (10,)}
    assert {array.dtype for array in net.params.values()} == {np.dtype(np.float32)}
    assert isinstance(net, Network) and isinstance(net.last_layer, SoftmaxWithLoss)
    assert net.weight_decay_lambda == 0


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


def test_no_hidden_layer():
    net = MultiLayerNet(6, [], 3)
    assert list(net.params) == ["W1", "b1"] and net.params["W1"].shape == (6, 3)
    assert net.predict(np.ones((2, 6), np.float32)).shape == (2, 3)


@pytest.mark.parametrize("net_class", [MultiLayerNet, MultiLayerNetExtend])
@pytest.mark.parametrize("init, stds", [
    ("relu", [0.1, 0.2, 0.408]), ("He", [0.1, 0.2, 0.408]), (0.03, [0.03, 0.03, 0.03]),
    ("xavier", [0.0707, 0.1414, 0.289])])
def test_initial_weights(net_class, init, stds):
    net = net_class(200, [50, 12], 200, weight_init_std=init)
    for n, std in enumerate(stds, start=1):
        assert net.params[f"W{n}"].std() == pytest.approx(std, rel=0.1)
        assert (net.params[f"b{n}"] == 0).all()


@pytest.mark.parametrize("activation, use_dropout, use_batchnorm",
                         list(itertools.product(("relu", "Sigmoid"), (False, True), (False, True))))
@pytest.mark.parametrize("weight_decay_lambda", [0, 0.2])
def test_gradient(activation, use_dropout, use_batchnorm, weight_decay_lambda, rng):
    net = MultiLayerNetExtend(5, [4, 6], 3, activation, 0.7, weight_decay_lambda, use_dropout, 0.3,
                              use_batchnorm, dtype=np.float64)
    for array in net.params.values():       # no zero biases: where all inputs are silent, relu is at its kink
        array += rng.normal(0, 0.3, array.shape)
    x, t = rng.normal(size=(12, 5)), rng.integers(3, size=12)
    numerical, backprop = net.numerical_gradient(x, t), net.gradient(x, np.eye(3)[t])
    assert list(backprop) == list(numerical) == list(net.params)
    for key in backprop:
        np.testing.assert_allclose(backprop[key], numerical[key], atol=5e-7, err_msg=key)


def test_multi_layer_net_is_the_plain_case():
    x, t = np.random.rand(5, 6).astype(np.float32), np.arange(5) % 3
    results = []
    for net_class in (MultiLayerNet, MultiLayerNetExtend):
        np.random.seed(3)
        net = net_class(6, [5, 4], 3, "sigmoid", 0.5, 0.1)
        results.append((net.loss(x, t), net.accuracy(x, t), net.gradient(x, t)["W1"].tolist()))
    assert results[0] == results[1]


def test_weight_decay_counts_every_W(rng):
    net = MultiLayerNet(6, [5, 4], 3, weight_decay_lambda=0.1)
    x, t = rng.normal(size=(4, 6)), np.array([0, 1, 2, 0])
    squares = sum(np.sum(net.params[key] ** 2) for key in ("W1", "W2", "W3"))
    loss = net.loss(x, t)
    net.weight_decay_lambda = 0
    assert loss == pytest.approx(net.loss(x, t) + 0.5 * 0.1 * squares)


@pytest.mark.parametrize("net_class", [MultiLayerNet, MultiLayerNetExtend])
def test_unknown_names(net_class):
    for activation in ("rellu", "tanh", "", None, 3):
        with pytest.raises(ValueError) as caught:
            net_class(6, [5], 3, activation)
        for word in ("activation", "relu", "sigmoid", repr(activation)):
            assert word in str(caught.value)
    with pytest.raises(ValueError, match="weight_init_std.*'xavier'.*'gauss'"):
        net_class(6, [5], 3, weight_init_std="gauss")


def test_a_net_learns_xor():
    """Not linearly separable: only a hidden layer with a right gradient can learn it."""
    x, t = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])
    net = MultiLayerNet(2, [16], 2)
    assert net.loss(x, t) > 0.5
    for _ in range(300):
        for key, grad in net.gradient(x, t).items():
            net.params[key] -= 0.5 * grad
    assert net.loss(x, t) < 0.05 and net.accuracy(x, t) == 1
