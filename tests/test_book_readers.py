"""What readers type beside chapters 4 to 7 of the book: their own classes and loops around our parts.

Each test is a small script such as a reader writes; first comes the list of names, positions and defaults
that such scripts rely on. Whole scripts, which train on digits, are in tests/book.
"""
import copy
import inspect
import json
import runpy
import shutil
from collections import OrderedDict

import numpy as np
import pytest
from scripts import ROOT, copy_project, run_script

import common.functions
import common.gradient
import common.layers
import common.multi_layer_net
import common.multi_layer_net_extend
import common.optimizer
import common.trainer
import common.util
import dataset.mnist
from common.gradient import check_gradients
from common.initializer import random_affine, random_convolution
from common.layers import Affine, BatchNormalization, Convolution, Dropout, Pooling, Relu, SoftmaxWithLoss
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network
from common.trainer import Trainer

BOOK = ROOT / "tests/book"
ReadersNet = runpy.run_path(BOOK / "ch05/two_layer_net.py")["TwoLayerNet"]
ReadersConvNet = runpy.run_path(BOOK / "ch07/simple_convnet.py")["SimpleConvNet"]
PROMISED = {
    dataset.mnist: {
        "load_mnist": "(normalize=True, flatten=True, one_hot_label=False", "init_mnist": "()",
        "download_mnist": "()"},
    common.functions: {
        "identity_function": "(x)", "step_function": "(x)", "sigmoid": "(x)", "sigmoid_grad": "(x)",
        "relu": "(x)", "relu_grad": "(x)", "softmax": "(x)", "sum_squared_error": "(y, t)",
        "cross_entropy_error": "(y, t)", "softmax_loss": "(x, t)"},
    common.gradient: {"numerical_gradient": "(f, x)", "numerical_gradient_2d": "(f, X)"},
    common.layers: {
        "Relu": "()", "Sigmoid": "()", "Affine": "(W, b)", "SoftmaxWithLoss": "(label_smoothing=0)",
        "Dropout": "(dropout_ratio=0.5)",
        "BatchNormalization": "(gamma, beta, momentum=0.9, running_mean=None, running_var=None)",
        "Convolution": "(W, b, stride=1, pad=0)", "Pooling": "(pool_h, pool_w, stride=2, pad=0)"},
    common.optimizer: {
        "SGD": "(lr=0.01", "Momentum": "(lr=0.01, momentum=0.9", "Nesterov": "(lr=0.01, momentum=0.9",
        "AdaGrad": "(lr=0.01", "RMSprop": "(lr=0.01, decay_rate=0.99",
        "Adam": "(lr=0.001, beta1=0.9, beta2=0.999"},
    common.trainer: {
        "Trainer": "(network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100, "
                   "optimizer='SGD', optimizer_param={'lr': 0.01}, evaluate_sample_num_per_epoch=None, "
                   "verbose=True"},
    common.util: {
        "smooth_curve": "(x)", "shuffle_dataset": "(x, t)",
        "conv_output_size": "(input_size, filter_size, stride=1, pad=0)",
        "im2col": "(input_data, filter_h, filter_w, stride=1, pad=0)",
        "col2im": "(col, input_shape, filter_h, filter_w, stride=1, pad=0)"},
    common.multi_layer_net: {
        "MultiLayerNet": "(input_size, hidden_size_list, output_size, activation='relu', "
                         "weight_init_std='relu', weight_decay_lambda=0"},
    common.multi_layer_net_extend: {
        "MultiLayerNetExtend": "(input_size, hidden_size_list, output_size, activation='relu', "
                               "weight_init_std='relu', weight_decay_lambda=0, use_dropout=False, "
                               "dropout_ration=0.5, use_batchnorm=False"},
}


@pytest.mark.parametrize("module, name, signature", [
    (module, name, signature) for module, names in PROMISED.items() for name, signature in names.items()])
def test_signatures_are_the_books(module, name, signature):
    """Names, order and defaults. Where no bracket ends the text, more settings with defaults may follow."""
    real = inspect.signature(getattr(module, name))
    if signature.endswith(")"):
        assert str(real) == signature
    else:
        promised, more = str(real)[:len(signature)], str(real)[len(signature):]
        assert promised == signature and more[0] in ",)"
        assert all("=" in text for text in more.strip(",)").split(", ") if text.strip() not in ("", "*"))


@pytest.mark.parametrize("owner, methods", [
    (common.optimizer.SGD, {"update": "(self, params, grads)"}),
    (SoftmaxWithLoss, {"forward": "(self, x, t)", "backward": "(self, dout=1)"}),
    (Dropout, {"forward": "(self, x, train_flg=True)", "backward": "(self, dout)"}),
    (BatchNormalization, {"forward": "(self, x, train_flg=True)", "backward": "(self, dout)"}),
    (Trainer, {"train": "(self)", "train_step": "("}),
    (MultiLayerNetExtend, {"predict": "(self, x, train_flg=False)", "loss": "(self, x, t, train_flg=False)",
                           "accuracy": "(self, x, t", "gradient": "(self, x, t)",
                           "numerical_gradient": "(self, x, t)",
                           "save_params": "(self, file_name='params.pkl')",
                           "load_params": "(self, file_name='params.pkl')"}),
])
def test_methods_are_the_books(owner, methods):
    for name, signature in methods.items():
        assert str(inspect.signature(getattr(owner, name))).startswith(signature), name


def test_attributes_are_the_books():
    affine = Affine(np.ones((2, 2)), np.ones(2))
    norm = BatchNormalization(np.ones(2), np.zeros(2))
    assert affine.dW is affine.db is norm.dgamma is norm.dbeta is None
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    for layer, names in ((affine, "W b dW db"),
                         (norm, "gamma beta dgamma dbeta running_mean running_var momentum"),
                         (Convolution(np.ones((1, 1, 1, 1)), np.ones(1)), "W b dW db stride pad")):
        images = x[:, :1, None, None] if isinstance(layer, Convolution) else x
        layer.backward(layer.forward(images))
        assert all(getattr(layer, name) is not None for name in names.split())
    net = MultiLayerNet(2, [3], 2)
    for name in "params layers last_layer predict loss accuracy gradient numerical_gradient".split():
        assert hasattr(net, name)


# ---- scripts in folders of chapters ------------------------------------------------

@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("readers"))


@pytest.mark.parametrize("chapter", sorted(path.name for path in BOOK.iterdir()))
def test_scripts_of_a_reader(chapter, project):
    """Those in tests/book run as in a folder of the reader's own, one after the other; they check their results."""
    folder = project / chapter
    shutil.copytree(BOOK / chapter, folder)
    if chapter == "ch03":
        shutil.copy(ROOT / "ch03/sample_weight.pkl", folder)
    scripts = json.dumps([[str(path)] for path in sorted(folder.glob("*.py"))])
    run_script(ROOT / "tests/in_turn.py", scripts, cwd=folder)


# ---- data to learn from ------------------------------------------------

def two_rows(n=90, seed=0):
    """Images (n, 1, 8, 8) of three classes: a bright bar at the top, in the middle or at the bottom."""
    rng = np.random.default_rng(seed)
    t = rng.integers(3, size=n)
    x = rng.random((n, 1, 8, 8)) * 0.5
    x[np.arange(n), 0, 1 + 2 * t] += 1
    return x.astype(np.float32), t.astype(np.uint8)


def readers_convnet():
    """conv - relu - pool - affine - relu - affine - softmax, its params in a pickle."""
    return ReadersConvNet((1, 8, 8), {"filter_num": 4, "filter_size": 3, "pad": 0, "stride": 1}, 10, 3, 0.1)


def our_convnet():
    """The same net, of our own Network."""
    return Network({"Conv1": random_convolution(1, 0.1, 4, 3), "Relu1": Relu(), "Pool1": Pooling(2, 2),
                    "Affine1": random_affine(36, 10, 0.1), "Relu2": Relu(),
                    "Affine2": random_affine(10, 3, 0.1)})


# ---- layers in classes of one's own ------------------------------------------------

@pytest.mark.parametrize("net, x", [(ReadersNet(4, 5, 3, 0.1), np.random.rand(6, 4)),
                                    (readers_convnet(), np.random.rand(6, 1, 8, 8))])
def test_gradient_check_of_a_readers_net(net, x):
    t = np.array([0, 1, 2, 2, 1, 0])
    assert check_gradients(net, x, t, at_most=200)          # plain differences fail where a relu bends close by
    other = copy.deepcopy(net)                              # is copied whole
    other.params["W1"] *= 0
    assert net.params["W1"].any() and not next(iter(other.layers.values())).W.any()


def test_a_readers_net_in_a_loop_and_in_the_trainer(capsys):
    (x, t), (x_test, t_test), net = two_rows(), two_rows(40, seed=1), ReadersNet(64, 10, 3, 0.1)
    for _ in range(60):
        mask = np.random.choice(len(x), 30)
        grads = net.gradient(x[mask], t[mask])
        for key in net.params:
            net.params[key] -= 0.5 * grads[key]
    assert net.accuracy(x, t) > 0.95
    assert net.params["W1"] is net.layers["Affine1"].W and net.params["W1"].dtype == np.float64

    trainer = Trainer(ReadersNet(64, 10, 3, 0.1), x, t, x_test, t_test, 5, 20, "Momentum", {"lr": 0.1}, None, True)
    trainer.train()
    assert len(trainer.train_acc_list) == len(trainer.test_acc_list) == 5 and len(trainer.train_loss_list) == 25
    assert trainer.test_acc_list[-1] > 0.9 and "Final Test Accuracy" in capsys.readouterr().out


def test_batch_norm_and_dropout_layers_in_ones_own_loop():
    layers = OrderedDict(Affine1=Affine(0.3 * np.random.randn(64, 20), np.zeros(20)),
                         BatchNorm1=BatchNormalization(np.ones(20), np.zeros(20)), Relu1=Relu(),
                         Dropout1=Dropout(0.2), Affine2=Affine(0.3 * np.random.randn(20, 3), np.zeros(3)))
    last, (x, t) = SoftmaxWithLoss(), two_rows()
    x = x.reshape(len(x), -1)

    def predict(x, train_flg=False):
        for key, layer in layers.items():
            x = layer.forward(x, train_flg) if "Dropout" in key or "BatchNorm" in key else layer.forward(x)
        return x

    for _ in range(60):
        last.forward(predict(x, train_flg=True), t)
        dout = last.backward()
        for layer in reversed(list(layers.values())):
            dout = layer.backward(dout)
        for key in ("Affine1", "Affine2"):
            layers[key].W -= 0.3 * layers[key].dW
            layers[key].b -= 0.3 * layers[key].db
        layers["BatchNorm1"].gamma -= 0.3 * layers["BatchNorm1"].dgamma
        layers["BatchNorm1"].beta -= 0.3 * layers["BatchNorm1"].dbeta
    assert np.mean(predict(x).argmax(axis=1) == t) > 0.95


# ---- nets of ours in scripts of theirs ------------------------------------------------

def test_outputs_of_hidden_layers():
    """For histograms: the images go through the layers of a net, one after the other."""
    net = MultiLayerNetExtend(50, [40] * 4, 10, activation="sigmoid", weight_init_std=1)
    z, outputs = np.random.randn(200, 50), {}
    for name, layer in net.layers.items():
        z = layer.forward(z)
        outputs[name] = z
    saturated = outputs["Activation_function3"]
    assert np.mean((saturated < 0.05) | (saturated > 0.95)) > 0.25
    assert not np.shares_memory(outputs["Affine1"], outputs["Affine2"])


def test_parameter_files_go_both_ways(tmp_path):
    """Our nets read a reader's file, into float32, and a reader's net reads ours."""
    (x, t), net, ours = two_rows(100), readers_convnet(), our_convnet()
    Trainer(net, x, t, x, t, 2, 15, "Adam", {"lr": 0.01}, verbose=False).train()
    net.save_params(tmp_path / "params.pkl")
    ours.load_params(tmp_path / "params.pkl")
    np.testing.assert_allclose(ours.predict(x), net.predict(x), atol=1e-4)
    ours.save_params(tmp_path / "ours.pkl")
    again = readers_convnet()
    again.load_params(tmp_path / "ours.pkl")
    np.testing.assert_allclose(again.predict(x), net.predict(x), atol=1e-4)


@pytest.mark.parametrize("n", [5, 40])
def test_the_backward_loop_of_the_book_on_a_net_of_ours(n):
    """To see the gradient of the images: loss in training, then backward after backward."""
    net, (x, t) = our_convnet(), two_rows(n)
    expected = copy.deepcopy(net).gradient(x, t)
    for compute in (lambda: net.loss(x, t, train_flg=True),
                    lambda: net.last_layer.forward(net.predict(x, train_flg=True), t)):
        out = x[::-1]                       # a look at the hidden layers before, of other images
        for layer in net.layers.values():
            out = layer.forward(out)
        compute()
        net.accuracy(x[:20][::-1], t[:20])      # and a look at the accuracy in between
        dout = net.last_layer.backward(1)
        for layer in reversed(list(net.layers.values())):
            dout = layer.backward(dout)
        assert dout.shape == x.shape and np.abs(dout).max() > 0
        np.testing.assert_allclose(net.layers["Conv1"].dW, expected["W1"], atol=1e-6)


def test_half_precision():
    """Chapter 8 casts data and weights to float16 and finds the accuracy unchanged."""
    (x, t), net = two_rows(), our_convnet()
    Trainer(net, x, t, x, t, epochs=8, mini_batch_size=15, optimizer="Adam", optimizer_param={"lr": 0.01},
            verbose=False).train()
    before, x = net.accuracy(x, t), x.astype(np.float16)
    for param in net.params.values():
        param[...] = param.astype(np.float16)
    assert net.accuracy(x, t) == before > 0.9
    for key in net.params:
        net.params[key] = net.params[key].astype(np.float16)
    assert net.accuracy(x, t) == before
    half = net.astype(np.float16)
    assert half.predict(x).dtype == np.float16 and half.accuracy(x, t) == pytest.approx(before, abs=0.05)
