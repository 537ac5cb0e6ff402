"""What holds for every shape, stride, pad and dtype, tried on those that hypothesis thinks of."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_layers import check_jacobian, distinct, gradients_of

from common.functions import cross_entropy_error, sigmoid, softmax, softmax_loss
from common.layers import Affine, BatchNormalization, Convolution, Dropout, Pooling, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop

some = settings(max_examples=50, derandomize=True, deadline=None, database=None)
size = st.integers(1, 4)
seeds = st.integers(0, 2 ** 32 - 1)


@st.composite
def windows(draw, pooling=False):
    """Sizes that go together: (N, C, H, W), (FH, FW), stride, pad."""
    FH, FW = draw(size), draw(size)
    pad = draw(st.integers(0, min(FH, FW) - 1 if pooling else 3))
    H, W = (max(1, filter_size - 2 * pad) + draw(st.integers(0, 4)) for filter_size in (FH, FW))
    return (draw(size), draw(st.integers(1, 3)), H, W), (FH, FW), draw(st.integers(1, 3)), pad


def random_layer(kind, shape, rng, dtype=np.float64):
    """A layer for x of this shape."""
    def array(*shape):
        return rng.normal(size=shape).astype(dtype)

    if kind == "affine":
        return Affine(array(int(np.prod(shape[1:])), 3), array(3))
    if kind == "batch norm":
        features = shape[1] if len(shape) == 4 else int(np.prod(shape[1:]))
        return BatchNormalization(array(features), array(features))
    return {"relu": Relu, "sigmoid": Sigmoid}[kind]()


# ---- gradients ------------------------------------------------

@some
@given(windows(), st.integers(1, 3), seeds)
def test_gradient_of_convolution(sizes, FN, seed):
    (N, C, H, W), filter_size, stride, pad = sizes
    rng = np.random.default_rng(seed)
    layer = Convolution(rng.normal(size=(FN, C, *filter_size)), rng.normal(size=FN), stride, pad)
    check_jacobian(layer, rng.normal(size=(N, C, H, W)))


@some
@given(windows(pooling=True), seeds)
def test_gradient_of_pooling(sizes, seed):
    shape, pool, stride, pad = sizes
    check_jacobian(Pooling(*pool, stride, pad), distinct(np.random.default_rng(seed), shape))


shapes = st.one_of(st.tuples(st.integers(2, 5), st.integers(1, 5)),
                   st.tuples(st.integers(2, 3), st.integers(1, 3), size, size))


@some
@given(st.sampled_from(["affine", "batch norm", "relu", "sigmoid"]), shapes, seeds)
def test_gradient_of_the_others(kind, shape, seed):
    rng = np.random.default_rng(seed)
    check_jacobian(random_layer(kind, shape, rng), distinct(rng, shape))


@some
@given(st.floats(0, 0.9), shapes, seeds)
def test_gradient_of_dropout(ratio, shape, seed):
    layer, rng = Dropout(ratio), np.random.default_rng(seed)
    layer.seed = seed
    check_jacobian(layer, rng.normal(size=shape))


@some
@given(st.integers(1, 5), st.integers(1, 6), st.floats(0, 0.9), seeds, st.sampled_from([1e-3, 1, 30]))
def test_gradient_of_softmax_with_loss(N, K, label_smoothing, seed, scale):
    rng = np.random.default_rng(seed)
    x, t, h = scale * rng.normal(size=(N, K)), rng.integers(K, size=N), 1e-6
    layer = SoftmaxWithLoss(label_smoothing)
    v = rng.normal(size=x.shape)
    slope = (layer.forward(x + h * v, t) - layer.forward(x - h * v, t)) / (2 * h)
    layer.forward(x, t)
    np.testing.assert_allclose(np.sum(layer.backward() * v), slope, rtol=1e-6, atol=1e-6)


@some
@given(windows(pooling=True), st.sampled_from([np.float16, np.float32]), seeds)
def test_other_dtypes_are_kept_and_give_the_numbers_of_float64(sizes, dtype, seed):
    shape, (FH, FW), stride, pad = sizes
    results = []
    for computed_in in (dtype, np.float64):
        def array(*shape):
            return rng.uniform(-1, 1, shape).astype(dtype).astype(computed_in)

        rng = np.random.default_rng(seed)       # the same numbers, rounded the same way
        x, results = array(*shape), [*results, []]
        for layer in (Convolution(array(2, shape[1], FH, FW), array(2), stride, pad), Pooling(FH, FW, stride, pad),
                      Affine(array(x[0].size, 3), array(3)), Sigmoid()):
            out = layer.forward(x)
            results[-1] += [out, layer.backward(np.ones_like(out)), *gradients_of(layer).values()]
    for mine, exact in zip(*results, strict=True):
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, exact, atol=200 * np.finfo(dtype).eps)


# ---- neither NaN nor inf, for float32 up to 1e4 ------------------------------------------------

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
@given(matrices(), up_to_1e4, st.sampled_from(["batch norm", "sigmoid", "relu", "affine"]), seeds)
def test_layers_stay_finite(x, constant, kind, seed):
    """One column, at least, is constant."""
    x[:, 0] = constant
    layer = random_layer(kind, x.shape, np.random.default_rng(seed), np.float32)
    out = layer.forward(x)
    assert_finite(out, layer.backward(np.ones_like(out)), *gradients_of(layer).values(), layer.forward(x, False))
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
