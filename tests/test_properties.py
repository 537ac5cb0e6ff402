"""Neither NaN nor inf, for float32 up to 1e4, tried on the values that hypothesis thinks of."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.functions import cross_entropy_error, sigmoid, softmax, softmax_loss
from common.layers import Affine, BatchNormalization, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop

some = settings(max_examples=50, derandomize=True, deadline=None, database=None)
seeds = st.integers(0, 2 ** 32 - 1)


LAYERS = {
    "affine": lambda D: Affine(np.full((D, 3), 0.5, np.float32), np.ones(3, np.float32)), "sigmoid": lambda D: Sigmoid(),
    "batch norm": lambda D: BatchNormalization(np.full(D, 2, np.float32), np.full(D, -3, np.float32)),
    "relu": lambda D: Relu()}
up_to_1e4 = st.one_of(st.floats(-1e4, 1e4, width=32), st.sampled_from([0, 1e4, -1e4, -0.0, 1e-38]))


def matrices(rows=st.integers(1, 5), columns=st.integers(1, 5)):
    return st.tuples(rows, columns).flatmap(lambda shape: arrays(np.float32, shape, elements=up_to_1e4))


def assert_finite(*results):
    for values in results:
        assert values.dtype == np.float32 and np.isfinite(values).all(), values


@some
@given(matrices(), seeds)
def test_functions_stay_finite(x, seed):
    t = np.random.default_rng(seed).integers(x.shape[1], size=len(x))
    y = softmax(x)
    assert_finite(sigmoid(x), y, softmax_loss(x, t), cross_entropy_error(y, t),
                  cross_entropy_error(y, np.eye(x.shape[1], dtype=np.float32)[t]))
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-5)
    assert (0 <= sigmoid(x)).all() and (sigmoid(x) <= 1).all()
    layer = SoftmaxWithLoss()
    assert_finite(layer.forward(x, t), layer.backward())


@some
@given(matrices(), up_to_1e4, st.sampled_from(list(LAYERS)))
def test_layers_stay_finite(x, constant, kind):
    """One column, at least, is constant."""
    x[:, 0] = constant
    layer = LAYERS[kind](x.shape[1])
    out = layer.forward(x)
    assert_finite(out, layer.backward(np.ones_like(out)), *(getattr(layer, f"d{name}") for name in layer.param_names),
                  layer.forward(x, False))
    if kind == "batch norm":
        np.testing.assert_allclose(out[:, 0], layer.beta[0], atol=1e4 * 1e-4)


@some
@given(matrices(st.integers(1, 3), st.just(4)), st.booleans(), st.booleans(), seeds)
def test_a_training_step_stays_finite(x, use_batchnorm, use_dropout, seed):
    np.random.seed(seed)
    net = MultiLayerNetExtend(4, [5], 3, use_batchnorm=use_batchnorm, use_dropout=use_dropout)
    loss, grads = net.value_and_gradient(x, np.zeros(len(x), int))
    Adam().update(net.params, grads)
    assert_finite(np.float32(loss), *grads.values(), *net.state.values(), net.predict(x))


@some
@given(arrays(np.float32, 4, elements=up_to_1e4), st.integers(1, 3),
       st.sampled_from([SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW]))
def test_optimizers_stay_finite_from_the_first_step_on(grad, steps, rule):
    params, optimizer = {"W1": np.zeros(4, np.float32)}, rule()
    for _ in range(steps):
        optimizer.update(params, {"W1": grad})
        assert_finite(params["W1"])
    if rule is Adam:                # a step is lr at most, or so
        assert np.abs(params["W1"]).max() <= 1.01 * steps * optimizer.lr
    assert ((params["W1"] == 0) | (np.sign(params["W1"]) == -np.sign(grad))).all()
