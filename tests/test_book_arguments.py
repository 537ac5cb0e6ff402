"""The book's classes and functions take whatever their arithmetic lets through: numbers, lists, one-value arrays,
NumPy's integers; and a star import brings all names of the book's module.

Each call of the tables works with the book's own code; the values are worked by hand or with plain NumPy.
"""
import numpy as np
import pytest

from common.functions import (cross_entropy_error, identity_function, relu, sigmoid, sigmoid_grad, softmax,
                              softmax_loss, step_function, sum_squared_error)
from common.gradient import numerical_gradient, numerical_gradient_2d
from common.layers import Affine, BatchNormalization, Convolution, Dropout, Pooling, Relu, Sigmoid, SoftmaxWithLoss
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop, create_optimizer
from common.trainer import Trainer
from common.util import col2im, conv_output_size, im2col, smooth_curve

A = np.array
ROWS = A([[1.0, 2.0], [3.0, -4.0]])
PAIR = A([[1.0, 0.0], [3.0, 8.0]])        # means 2 and 4, deviations 1 and 4
IMAGE = np.arange(16.0).reshape(1, 1, 4, 4)


# ---- functions ------------------------------------------------

@pytest.mark.parametrize("call, expected", [
    (lambda: sigmoid(0), 0.5), (lambda: sigmoid(0.0), 0.5), (lambda: sigmoid(np.int64(0)), 0.5),
    (lambda: sigmoid(np.float32(0)), 0.5), (lambda: sigmoid(A(0.0)), 0.5), (lambda: sigmoid(A([0])), [0.5]),
    (lambda: sigmoid(True), 1 / (1 + np.exp(-1))), (lambda: sigmoid_grad(0), 0.25),
    (lambda: step_function(3), 1), (lambda: step_function(A(-1.0)), 0), (lambda: step_function(np.int64(2)), 1),
    (lambda: relu(-3), 0), (lambda: relu(2.5), 2.5), (lambda: relu([1, -2]), [1, 0]), (lambda: relu(A(2)), 2),
    (lambda: identity_function([1, 2]), [1, 2]), (lambda: identity_function(3), 3),
    (lambda: softmax([0, np.log(3)]), [0.25, 0.75]), (lambda: softmax([[0, 0], [1, 1]]), [[0.5, 0.5]] * 2),
    (lambda: softmax(3.0), 1), (lambda: softmax(A([3])), [1]),
    (lambda: softmax(np.zeros((2, 3, 4))), np.full((2, 3, 4), 0.25)),
    (lambda: sum_squared_error(3, 1), 2), (lambda: sum_squared_error(A([1, 2]), [0, 0]), 2.5),
    (lambda: sum_squared_error([1, 2], A([0, 0])), 2.5), (lambda: sum_squared_error(A([1.0, 2.0]), 0), 2.5),
    (lambda: sum_squared_error(A(3.0), np.float32(1)), 2),
    (lambda: cross_entropy_error(A([0.25, 0.75]), A([0, 1])), -np.log(0.75)),
    (lambda: cross_entropy_error(A([0.25, 0.75]), A(1)), -np.log(0.75)),
    (lambda: cross_entropy_error(A([0.25, 0.75]), np.int64(1)), -np.log(0.75)),
    (lambda: cross_entropy_error(A([[0.25, 0.75], [0.5, 0.5]]), A([[0, 1], [1, 0]], bool)), -np.log(0.375) / 2),
    (lambda: cross_entropy_error(A([[0.25, 0.75]], np.float32), A([1], np.uint8)), -np.log(0.75)),
    (lambda: softmax_loss(A([[0, np.log(3)]]), A([1])), -np.log(0.75)),
    (lambda: softmax_loss(A([0, np.log(3)]), A([0, 1])), -np.log(0.75)),
])
def test_functions(call, expected):
    result = call()
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    assert np.shape(result) == np.shape(expected)


@pytest.mark.parametrize("call, expected", [
    (lambda: numerical_gradient(lambda x: x ** 2, A(3.0)), 6),
    (lambda: numerical_gradient(lambda x: float(x.sum()), np.ones((2, 1, 2))), np.ones((2, 1, 2))),
    (lambda: numerical_gradient(lambda x: np.float32(x[0]), A([0.5])), [1]),
    (lambda: numerical_gradient_2d(lambda x: np.sum(x ** 2), A([1.0, 2.0])), [2, 4]),
    (lambda: smooth_curve(list(range(20)))[10], 10), (lambda: smooth_curve(tuple([3] * 12)), [3] * 12),
    (lambda: smooth_curve(range(30))[15], 15), (lambda: smooth_curve(A([1] * 12, np.uint8)), [1] * 12),
    (lambda: conv_output_size(np.int64(28), np.int32(5), np.int64(1), np.int8(2)), 28),
    (lambda: conv_output_size(28.0, 5), 24),
    (lambda: conv_output_size(input_size=28, filter_size=5, stride=1, pad=0), 24),
    (lambda: im2col(IMAGE, np.int64(2), np.int64(2), np.int64(2), np.int64(0))[0], [0, 1, 4, 5]),
    (lambda: im2col(IMAGE.astype(np.uint8), 2, 2, stride=2)[3], [10, 11, 14, 15]),
    (lambda: im2col(IMAGE > 7, 2, 2, stride=2)[3], [1, 1, 1, 1]),
    (lambda: col2im(np.ones((4, 4)), [1, 1, 3, 3], 2, 2), [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]),
    (lambda: col2im(np.ones((4, 4)), A([1, 1, 3, 3]), np.int64(2), 2), [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]),
    (lambda: col2im(np.ones((4, 4), int), (1, 1, 3, 3), 2, 2), [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]),
])
def test_tools(call, expected):
    # 1e-3, because np.float32(x[0]) rounds inside f, and the difference divides that by 2h = 2e-4.
    np.testing.assert_allclose(call(), expected, rtol=1e-3, atol=1e-3)


# ---- layers ------------------------------------------------

@pytest.mark.parametrize("make, x, out, dout, dx", [
    (Relu, A([1.0, -2.0]), [1, 0], A([5.0, 6.0]), [5, 0]),                      # one example, without a batch
    (Relu, A(2.0), 2, A(3.0), 3), (Relu, A([-1]), [0], A([4.0]), [0]),
    (Relu, A([[1, -2]]), [[1, 0]], A([[5, 6]]), [[5, 0]]),
    (Relu, np.ones((2, 3, 4)), np.ones((2, 3, 4)), np.ones((2, 3, 4)), np.ones((2, 3, 4))),
    (Sigmoid, 0.0, 0.5, 1.0, 0.25), (Sigmoid, 0, 0.5, 1, 0.25), (Sigmoid, np.float64(0), 0.5, np.float64(4), 1),
    (Sigmoid, A(0.0), 0.5, A(4.0), 1), (Sigmoid, A([0.0, 0.0]), [0.5, 0.5], A([4.0, 8.0]), [1, 2]),
    (Sigmoid, np.zeros((2, 2)), np.full((2, 2), 0.5), 1, np.full((2, 2), 0.25)),
    (Sigmoid, np.zeros((2, 3, 1)), np.full((2, 3, 1), 0.5), np.ones((2, 3, 1)), np.full((2, 3, 1), 0.25)),
    (lambda: Dropout(0), A([1.0, 2.0]), [1, 2], A([3.0, 4.0]), [3, 4]),
    (lambda: Dropout(0), ROWS, ROWS, 1, np.ones((2, 2))), (lambda: Dropout(0), A(2.0), 2, A(3.0), 3),
    (lambda: Affine(np.eye(2), np.zeros(2)), ROWS, ROWS, ROWS, ROWS),
    (lambda: Affine(np.eye(2), 1), ROWS, ROWS + 1, ROWS, ROWS),
    (lambda: Affine(np.eye(2), A([1.0])), ROWS, ROWS + 1, ROWS, ROWS),
    (lambda: Affine(np.eye(2), A(1.0)), ROWS, ROWS + 1, ROWS, ROWS),
    (lambda: Affine(np.eye(2), A([[1.0, 2.0]])), ROWS, ROWS + [1, 2], ROWS, ROWS),
    (lambda: Affine(np.eye(2), [1.0, 2.0]), ROWS, ROWS + [1, 2], ROWS, ROWS),
    (lambda: Affine(A([[2.0, 3.0]]), np.zeros(2)), A([1.0, 10.0]), [[2, 3], [20, 30]], np.ones((2, 2)), [5, 5]),
    (lambda: Affine(np.eye(2, dtype=int), np.zeros(2, int)), ROWS, ROWS, ROWS, ROWS),
    (lambda: Affine(np.eye(4), np.zeros(4)), ROWS.reshape(1, 2, 2), ROWS.reshape(1, 4), np.ones((1, 4)),
     np.ones((1, 2, 2))),
    (lambda: Convolution(np.ones((1, 1, 1, 1)), 2), IMAGE, IMAGE + 2, IMAGE, IMAGE),
    (lambda: Convolution(np.ones((1, 1, 1, 1)), A([[2.0]])), IMAGE, IMAGE + 2, IMAGE, IMAGE),
    (lambda: Convolution(np.ones((1, 1, 1, 1)), [2.0]), IMAGE, IMAGE + 2, IMAGE, IMAGE),
    (lambda: Convolution(np.ones((2, 1, 1, 1)), A([2.0])), IMAGE, np.repeat(IMAGE, 2, axis=1) + 2,
     np.repeat(IMAGE, 2, axis=1), 2 * IMAGE),
    (lambda: Convolution(np.ones((1, 1, 1, 1), int), np.zeros(1, int)), IMAGE, IMAGE, IMAGE, IMAGE),
    (lambda: Convolution(np.ones((1, 1, 2, 2)), np.zeros(1), stride=np.int64(2), pad=np.int32(0)), IMAGE,
     [[[[10, 18], [42, 50]]]], np.ones((1, 1, 2, 2)), np.ones((1, 1, 4, 4))),
    (lambda: Pooling(np.int64(4), np.int64(4), np.int64(1), np.int64(0)), IMAGE, [[[[15]]]], A([[[[2.0]]]]),
     2 * (IMAGE == 15)),
    (lambda: Pooling(pool_h=4, pool_w=4, stride=1), IMAGE.astype(np.uint8), [[[[15]]]], A([[[[2.0]]]]),
     2 * (IMAGE == 15)),
    (lambda: BatchNormalization(1.0, 0.0), PAIR, [[-1, -1], [1, 1]], np.ones((2, 2)), np.zeros((2, 2))),
    (lambda: BatchNormalization(10, 5), PAIR, [[-5, -5], [15, 15]], np.ones((2, 2)), np.zeros((2, 2))),
    (lambda: BatchNormalization(A([1.0]), A([0.0])), PAIR, [[-1, -1], [1, 1]], np.ones((2, 2)), np.zeros((2, 2))),
    (lambda: BatchNormalization(A([[1.0, 2.0]]), A([[0.0, 1.0]])), PAIR, [[-1, -1], [1, 3]],
     np.ones((2, 2)), np.zeros((2, 2))),
    (lambda: BatchNormalization(np.ones(2, int), np.zeros(2, int)), A([[1, 0], [3, 8]]), [[-1, -1], [1, 1]],
     np.ones((2, 2)), np.zeros((2, 2))),
    (lambda: BatchNormalization([1.0, 2.0], [0.0, 1.0]), PAIR, [[-1, -1], [1, 3]], np.ones((2, 2)), np.zeros((2, 2))),
])
def test_layers(make, x, out, dout, dx):
    """Out of forward and backward have the shapes that they have in the book; prediction takes the same x."""
    layer = make()
    for result, expected in ((layer.forward(x), out), (layer.backward(dout), dx)):
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
        assert np.shape(result) == np.shape(expected)
    assert np.shape(layer.forward(x, False) if isinstance(layer, (Dropout, BatchNormalization)) else layer.forward(x)) \
        == np.shape(out)


def test_one_gamma_for_all_learns_statistics_of_every_value():
    layer = BatchNormalization(1.0, 0.0)
    layer.forward(PAIR)
    np.testing.assert_allclose(layer.running_mean, [0.2, 0.4])
    np.testing.assert_allclose(layer.forward(A([[0.2, 0.4]]), train_flg=False), [[0, 0]], atol=1e-12)
    layer.backward(np.ones((2, 2)))
    assert np.shape(layer.dgamma) == np.shape(layer.dbeta) == (2,)      # as in the book, of every value


@pytest.mark.parametrize("x, t, dx", [
    (A([0, np.log(3)]), A([0, 1]), [0.25, -0.25]),
    (A([[0, 0]] * 2), A([[1, 0], [0, 1]]), [[-0.25, 0.25], [0.25, -0.25]]),
    ([0, np.log(3)], A([0, 1]), [0.25, -0.25]), (A([[0, np.log(3)]]), A([1]), [[0.25, -0.25]]),
    (A([[0, 0]]), A([[1, 0]], bool), [[-0.5, 0.5]]), (A([[0, 0]] * 2), [1, 0], [[0.25, -0.25], [-0.25, 0.25]])])
def test_softmax_with_loss(x, t, dx):
    """One example without a batch gives dx without a batch."""
    for dout in (1, 1.0, np.float64(1), A(1.0), A([1.0])):
        layer = SoftmaxWithLoss()
        assert np.shape(layer.forward(x, t)) == ()
        result = layer.backward(dout)
        np.testing.assert_allclose(result, dx, rtol=1e-6)
        assert np.shape(result) == np.shape(dx)
        assert np.shape(layer.y) == np.shape(x)


# ---- optimizers ------------------------------------------------

RULES = [SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("param, grad", [
    (1, 0.5), (1.0, 1), (np.float64(1), np.float64(0.5)), (np.float32(1), 0.5), (np.int64(1), 0.5), (1.0, A(0.5)),
    (1.0, A([0.5])), (A(1.0), 0.5), (A([1.0]), 0.5), (A([1.0]), A(0.5)), (A([1.0, 2.0]), A([1, 2])),
    ([1.0, 2.0], A([0.5, 1.0])), ([1, 2], A([0.5, 1.0])), ((1.0, 2.0), A([0.5, 1.0])), (A([1.0, 2.0]), [0.5, 1.0])],
    ids=lambda value: f"{type(value).__name__} {value}")
def test_parameters_and_gradients(rule, param, grad):
    """A list of numbers counts as an array: it must not grow."""
    params, exact = {"x": param}, {"x": np.array(param, float)}
    mine, usual = rule(), rule()
    for _ in range(3):
        mine.update(params, {"x": grad})
        usual.update(exact, {"x": np.reshape(np.array(grad, float), exact["x"].shape)})
    np.testing.assert_allclose(params["x"], np.reshape(exact["x"], np.shape(params["x"])), rtol=1e-6)
    assert np.size(params["x"]) == np.size(param)
    assert isinstance(params["x"], np.ndarray) or np.shape(param) == ()
    if isinstance(param, np.ndarray):
        assert params["x"] is param and param.dtype == float        # an array stays where it is


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("lr", [1, np.float32(1), np.int64(1), A(1.0), A([1.0])], ids=repr)
def test_learning_rates(rule, lr):
    several = []
    for value in (lr, 1.0):
        params = {"W1": np.ones(2, np.float32), "x": 3.0}
        for optimizer in (rule(lr=value), create_optimizer(rule.__name__, lr=value)):
            optimizer.update(params, {"W1": np.ones(2, np.float32), "x": 1.0})
        assert params["W1"].dtype == np.float32
        several.append([*params["W1"], float(np.reshape(params["x"], ()))])
    assert several[0] == several[1]


# ---- nets and training ------------------------------------------------

@pytest.mark.parametrize("sizes", [(4, [5, 5], 3), (np.int64(4), (5, 5), np.int64(3)), (4, A([5, 5]), 3),
                                   (4, [np.int64(5)] * 2, np.int32(3))], ids=repr)
@pytest.mark.parametrize("settings", [{}, {"activation": "ReLU"},
                                      {"activation": "Sigmoid", "weight_init_std": "Xavier"},
                                      {"weight_init_std": np.float64(0.1)}, {"weight_init_std": 1},
                                      {"weight_init_std": A(0.1)}, {"weight_decay_lambda": np.float64(0.1)},
                                      {"weight_decay_lambda": 1}], ids=repr)
def test_nets(sizes, settings):
    x, t = np.random.rand(6, 4), np.arange(6) % 3
    more = {"use_dropout": np.bool_(True), "dropout_ration": A(0.3), "use_batchnorm": 1}
    for net in (MultiLayerNet(*sizes, **settings), MultiLayerNetExtend(*sizes, **settings, **more)):
        assert net.hidden_layer_num == 2 and net.params["W3"].shape == (5, 3)
        assert set(net.gradient(x, t)) == set(net.params)
        assert 0 <= net.accuracy(x, t) <= 1 and np.shape(net.loss(x, t)) == ()


@pytest.mark.parametrize("settings", [
    {"epochs": np.int64(2), "mini_batch_size": np.int64(5)}, {"evaluate_sample_num_per_epoch": np.int64(4)},
    {"optimizer": "sgd", "optimizer_param": {"lr": np.float32(0.1)}}, {"optimizer": "AdaGrad"},
    {"optimizer": "Adam", "optimizer_param": {"lr": 1}}, {"verbose": 0}, {"verbose": np.bool_(False)}], ids=str)
def test_trainers(settings):
    x, t = np.random.rand(10, 4), np.arange(10) % 3
    settings = {"epochs": 2, "mini_batch_size": 5, "verbose": False, **settings}
    trainer = Trainer(MultiLayerNet(4, [5], 3), x, t, x, t, **settings)
    trainer.train()
    assert len(trainer.train_loss_list) == 4 and len(trainer.test_acc_list) == 2


# ---- star imports ------------------------------------------------

FUNCTIONS = ("identity_function step_function sigmoid sigmoid_grad relu relu_grad softmax sum_squared_error "
             "cross_entropy_error softmax_loss")
LAYERS = f"Relu Sigmoid Affine SoftmaxWithLoss Dropout BatchNormalization Convolution Pooling im2col col2im {FUNCTIONS}"
OPTIMIZERS = "SGD Momentum Nesterov AdaGrad RMSprop Adam"
NAMES = {
    "common.functions": FUNCTIONS,
    "common.gradient": "numerical_gradient numerical_gradient_2d",
    "common.layers": LAYERS,
    "common.optimizer": OPTIMIZERS,
    "common.trainer": "Trainer",
    "common.util": "smooth_curve shuffle_dataset conv_output_size im2col col2im",
    "dataset.mnist": "load_mnist init_mnist download_mnist save_file dataset_dir key_file train_num test_num img_dim "
                     "img_size",
}


@pytest.mark.parametrize("module, names", NAMES.items(), ids=list(NAMES))
def test_a_star_import_brings_the_names_of_the_books_module(module, names):
    """The module's own, and those that it imports: readers' scripts use them without an import of their own."""
    space = {}
    exec(f"from {module} import *", space)
    missing = [name for name in ("np", *names.split()) if name not in space]
    assert not missing
