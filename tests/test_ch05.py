"""Chapter 5 as its reader meets it: each script in its own process, the nets against numerical gradients."""
import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from digits import real_digits
from scripts import ENVIRONMENT, ROOT, copy_project, last_line, run_in_turn

from ch05.deep_convnet import DeepConvNet
from ch05 import parameters
from ch05.layer_naive import AddLayer, MulLayer
from ch05.optimizer_compare_naive import walk
from ch05.parameters import load_trained
from ch05.simple_convnet import SimpleConvNet
from ch05.two_layer_net import TwoLayerNet
from common.optimizer import SGD
from common.training.options import training_options
from common.training.result import save_best
from common.figures.plot import training_curves

IMAGE = (1, 8, 8)
CONV = {"filter_num": 2, "filter_size": 3, "pad": 1, "stride": 1}
NETS = {
    "TwoLayerNet": lambda **dtype: TwoLayerNet(64, 6, 3, 0.5, **dtype),
    "SimpleConvNet": lambda **dtype: SimpleConvNet(IMAGE, CONV, 5, 3, "he", **dtype),
    "DeepConvNet": lambda **dtype: DeepConvNet(IMAGE, *[CONV] * 6, hidden_size=5, output_size=3, **dtype),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("ch05"), "ch05")


COMMANDS = {        # name of a script: its options
    "buy_apple": (), "buy_apple_orange": (), "layer_naive": (), "two_layer_net": (), "simple_convnet": (),
    "deep_convnet": (), "optimizer_compare_naive": (), "weight_init_activation_histogram": (),
    "optimizer_compare_mnist": ("--epochs", 1, "--limit", 1000),
    "weight_init_compare": ("--epochs", 6, "--limit", 1000),
    "overfit_weight_decay": ("--epochs", 6, "--limit", 40),
    "overfit_dropout": ("--epochs", 6, "--limit", 40),
    "batch_norm_test": ("--epochs", 1, "--limit", 200),
    "hyperparameter_optimization": ("--epochs", 2, "--limit", 200, "--trials", 3),
    "train_neuralnet": ("--epochs", 1, "--limit", 130),
    "train_convnet": ("--epochs", 1, "--limit", 2030),
    "train_deepnet": ("--epochs", 1, "--limit", 130),
    "visualize_filter": (), "misclassified_mnist": (),          # of the nets just trained
}


@pytest.fixture(scope="module")
def results(project, tmp_path_factory):
    """{name: what the script printed}."""
    commands = [(project / f"ch05/{name}.py", *options) for name, options in COMMANDS.items()]
    return dict(zip(COMMANDS, run_in_turn(tmp_path_factory.mktemp("elsewhere"), *commands)))


def assert_drawn(path):
    assert np.asarray(Image.open(path).convert("L")).std() > 5      # more than white paper


def stated_accuracy(result):
    return float(re.search(r": ([\d.]+) of 1,000 test \w+ right", last_line(result))[1])


# ---- chapter 5 of the book: layers and backpropagation -----------------------------------------------------


@pytest.mark.parametrize("layer, x, y", [(MulLayer(), 3.0, -2.5), (AddLayer(), 3.0, -2.5)])
def test_naive_layers_give_the_slopes_of_their_forward(layer, x, y):
    h = 1e-4
    slopes = [(layer.forward(x + h, y) - layer.forward(x - h, y)) / (2 * h),
              (layer.forward(x, y + h) - layer.forward(x, y - h)) / (2 * h)]
    layer.forward(x, y)
    assert layer.backward(2.0) == pytest.approx([2 * slope for slope in slopes])


@pytest.mark.parametrize("name, numbers", [
    ("buy_apple", [220, 2.2, 110, 200]),
    ("buy_apple_orange", [715, 2.2, 110, 3.3, 165, 650]),
])
def test_shopping_gives_the_numbers_of_the_book(project, results, name, numbers):
    assert [float(number) for number in re.findall(r"price.*: +([\d.]+)\n", results[name].stdout)] == numbers
    assert last_line(results[name]) == f"Figure saved: {project / 'ch05' / name}.png"
    assert_drawn(project / f"ch05/{name}.png")


@pytest.mark.parametrize("name", NETS)
def test_gradients_agree_with_numerical_ones(name):
    np.random.seed(0)
    network = NETS[name](dtype=np.float64)
    for key, param in network.params.items():
        if key[0] == "b":       # zeros would lie on the bend of relu, where a filter sees nothing but padding
            param += np.random.uniform(0.1, 0.2, param.shape)
    x, t = np.random.randn(4, *IMAGE), np.array([0, 2, 1, 1])
    if name == "TwoLayerNet":
        x = x.reshape(4, 64)
    numerical, exact = network.numerical_gradient(x, t), network.gradient(x, t)
    for key in network.params:
        assert np.abs(exact[key]).max() > 1e-4
        np.testing.assert_allclose(exact[key], numerical[key], rtol=0, atol=1e-7, err_msg=key)


@pytest.mark.parametrize("name, layers, params", [
    ("TwoLayerNet", "Affine1 Relu1 Affine2", {"W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,)}),
    ("SimpleConvNet", "Conv1 Relu1 Pool1 Affine1 Relu2 Affine2",
     {"W1": (30, 1, 5, 5), "b1": (30,), "W2": (4320, 100), "b2": (100,), "W3": (100, 10), "b3": (10,)}),
    ("DeepConvNet", "Conv1 Relu1 Conv2 Relu2 Pool1 Conv3 Relu3 Conv4 Relu4 Pool2 "
                    "Conv5 Relu5 Conv6 Relu6 Pool3 Affine1 Relu7 Dropout1 Affine2 Dropout2",
     {"W1": (16, 1, 3, 3), "b1": (16,), "W2": (16, 16, 3, 3), "b2": (16,), "W3": (32, 16, 3, 3), "b3": (32,),
      "W4": (32, 32, 3, 3), "b4": (32,), "W5": (64, 32, 3, 3), "b5": (64,), "W6": (64, 64, 3, 3), "b6": (64,),
      "W7": (1024, 50), "b7": (50,), "W8": (50, 10), "b8": (10,)}),
])
def test_nets_have_the_layers_and_the_sizes_of_the_book(name, layers, params):
    network = TwoLayerNet(784, 50, 10) if name == "TwoLayerNet" else globals()[name]()
    assert list(network.layers) == layers.split()
    assert {key: value.shape for key, value in network.params.items()} == params
    assert {value.dtype for value in network.params.values()} == {np.dtype(np.float32)}
    x = np.random.rand(2, *((784,) if name == "TwoLayerNet" else (1, 28, 28))).astype(np.float32)
    assert network.predict(x).shape == (2, 10) and network.predict(x).dtype == np.float32
    if name == "DeepConvNet":
        np.testing.assert_array_equal(network.predict(x), network.predict(x))
        assert not np.array_equal(network.predict(x, train_flg=True), network.predict(x, train_flg=True))


def test_nets_take_other_images_and_name_what_does_not_fit():
    network = SimpleConvNet((3, 20, 15), {"filter_num": 4, "filter_size": 3, "stride": 2, "pad": 1}, 7, 5)
    assert network.predict(np.zeros((2, 3, 20, 15), np.float32)).shape == (2, 5)
    with pytest.raises(ValueError, match=r"expected images of shape \(N, 3, H, W\).*, got .* shape \(1, 20, 15\)"):
        network.predict(np.zeros((2, 1, 20, 15), np.float32))
    with pytest.raises(ValueError, match="expected .* values per example"):
        network.predict(np.zeros((2, 3, 28, 28), np.float32))
    with pytest.raises(ValueError, match="does not fit"):
        SimpleConvNet((1, 4, 4))
    with pytest.raises(ValueError, match="weight_init_std"):
        SimpleConvNet(weight_init_std="large")
    with pytest.raises(TypeError, match="padding"):
        SimpleConvNet(conv_param={"filter_num": 4, "filter_size": 3, "padding": 1})


# ---- training ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, params, build, least", [
    ("train_neuralnet", "two_layer_net_params.pkl", lambda: TwoLayerNet(784, 50, 10), 0),
    ("train_convnet", "params.pkl", SimpleConvNet, 0.7),
    ("train_deepnet", "deep_convnet_params.pkl", DeepConvNet, 0),
])
def test_training_leaves_a_figure_and_parameters_as_good_as_it_says(project, results, name, params, build, least):
    result, params = results[name], project / "ch05" / params
    assert f"/{COMMANDS[name][-1] // 100 + 1} " in result.stderr        # the progress; the last step is a short one
    assert last_line(result).endswith(f"after epoch 1; parameters in {params}")
    assert_drawn(project / f"ch05/{name}.png")
    network, (x, t) = build(), real_digits()
    network.load_params(params)
    assert least <= stated_accuracy(result) == pytest.approx(network.accuracy(x[:, np.newaxis], t), abs=0.0015)


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
def test_ctrl_c_ends_the_training_and_keeps_what_was_learned(tmp_path):
    project = copy_project(tmp_path, "ch05")        # other tests look at the parameters of theirs
    settings = {key: value for key, value in {**os.environ, **ENVIRONMENT}.items() if value is not None}
    params = project / "ch05/params.pkl"
    command = [sys.executable, "-c",            # with Ctrl-C as in a terminal, whatever the tests were started with
               "import signal, runpy, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
               "sys.path.insert(0, sys.argv[1]); sys.argv[:2] = []; runpy.run_path(sys.argv[0], run_name='__main__')",
               project / "ch05", project / "ch05/train_convnet.py", "--epochs", "1000", "--limit", "100"]
    process = subprocess.Popen(command, env=settings, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert any(line.startswith("epoch  1/1000") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        words, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in words
    line = words.splitlines()[-1]
    assert re.match(r"SimpleConvNet: 0\.\d+ of .* after (epoch|step) \d+; ", line) and line.endswith(str(params))
    SimpleConvNet().load_params(params)


def test_a_training_stopped_in_its_first_epoch_can_be_drawn():
    trainer = SimpleNamespace(train_loss_list=[2.3, 2.2, 2.0], train_acc_list=[], test_acc_list=[], history={})
    loss, accuracy = training_curves(trainer)
    assert [len(line.get_xdata()) for line in (*loss.lines, *accuracy.lines)] == [3, 0, 0]
    plt.close()


# ---- chapter 6: comparisons --------------------------------------------------------------------------------


def test_optimizers_walk_towards_the_minimum(project, results):
    ends = [float(value) for value in re.findall(r"f = ([\d.]+)", results["optimizer_compare_naive"].stdout)]
    assert len(ends) == 4 and max(ends) < 0.2 < 7**2 / 20 + 2**2
    assert_drawn(project / "ch05/optimizer_compare_naive.png")


def test_a_path_of_sgd_is_as_worked_out_by_hand():
    # x shrinks by 1 - lr / 10 in every step, y by 1 - 2 lr
    expected = [(-7 * 0.95**n, 2 * 0.0**n) for n in range(4)]
    np.testing.assert_allclose(walk(SGD(lr=0.5), -7.0, 2.0, steps=3), expected)


def test_activations_fade_with_small_weights_and_not_with_he(project, results):
    spread = {line.split("  ")[0]: [float(word) for word in line.split()[-5:]]
              for line in results["weight_init_activation_histogram"].stdout.splitlines() if "layer by layer:" in line}
    assert spread["ReLU, std = 0.01"][-1] < 0.001 < 0.4 < min(spread["ReLU, He"])
    assert_drawn(project / "ch05/weight_init_activation_histogram.png")


@pytest.mark.parametrize("name, words", [
    ("optimizer_compare_mnist", r"test accuracy: SGD ([\d.]+), .*, Adam ([\d.]+)"),
    ("weight_init_compare", r"test accuracy: std = 0.01 ([\d.]+), .*, He ([\d.]+)"),
    ("overfit_weight_decay", r"weight decay 0.1: train ([\d.]+), test ([\d.]+)"),
    ("overfit_dropout", r"dropout 0.3: train ([\d.]+), test ([\d.]+)"),
    ("batch_norm_test", r"without batch normalization .* at (\d+) of 16 scales"),
    ("hyperparameter_optimization",
     r"best of 3 trials: .*; validation accuracy ([\d.]+), test accuracy ([\d.]+)"),
])
def test_comparisons_end_with_their_result_and_a_figure(project, results, name, words):
    assert_drawn(project / f"ch05/{name}.png")
    numbers = [float(number) for number in re.fullmatch(words, last_line(results[name])).groups()]
    if name in ("optimizer_compare_mnist", "weight_init_compare"):
        assert numbers[0] + 0.1 < numbers[1]    # SGD behind Adam, tiny weights behind He's
    if name.startswith("overfit"):
        assert numbers[0] > numbers[1]


# ---- chapters 7 and 8: looking at trained nets -------------------------------------------------------------


@pytest.mark.parametrize("name, trained_by, params, says", [
    ("visualize_filter", "train_convnet", "params.pkl", "filters"),
    ("misclassified_mnist", "train_deepnet", "deep_convnet_params.pkl", r"(\d+) wrong; shown: the first 20"),
])
def test_a_look_at_the_readers_own_net(project, results, name, trained_by, params, says):
    accuracy = stated_accuracy(results[trained_by])
    assert f"Parameters: your own, {project / 'ch05' / params}: {accuracy:.4f} of" in results[name].stdout
    assert_drawn(project / f"ch05/{name}.png")
    found = re.search(says, results[name].stdout)
    if name == "misclassified_mnist":
        assert int(found[1]) == pytest.approx(1000 * (1 - accuracy), abs=1.5)


def test_trained_parameters_are_the_best_there_are_and_asked_for(tmp_path, monkeypatch, capsys):
    def load():
        """(words, exit code or None)"""
        with pytest.raises(SystemExit) if ending else nullcontext() as stopped:
            load_trained(SimpleConvNet(), "params.pkl", "simple_convnet.pkl", "train_convnet.py")
        return "".join(capsys.readouterr()), stopped and stopped.value.code

    monkeypatch.setattr(parameters, "HERE", tmp_path)
    own, network = tmp_path / "params.pkl", SimpleConvNet()
    digits = real_digits()[0][:, np.newaxis], real_digits()[1]
    ending = True
    assert load() == (f"There are no trained parameters yet. First run: python {tmp_path / 'train_convnet.py'}\n", 2)
    own.write_bytes(b"no parameters")
    words, code = load()
    assert code == 2 and str(own) in words and "train again: python train_convnet.py" in words

    ending = False
    network.save_params(own)
    assert load() == (f"Parameters: your own, {own}: nobody has said how good they are\n", None)
    shutil.copytree(ROOT / "ch05/trained", tmp_path / "trained")
    for accuracy in (0.5, 0.95):            # what a quick trial has left is not used where there is a good one
        own.unlink()
        save_best(network, own, *digits, accuracy)
        words, _ = load()
        assert f"Parameters: your own, {own}: {accuracy:.4f} of 1,000 test images right" in words
        also = re.search(r"no good yet.*\nParameters: the project's, .*simple_convnet.pkl: 0.99\d\d of 10,000", words)
        assert bool(also) == (accuracy == 0.5)


# ---- what all scripts share --------------------------------------------------------------------------------


def test_the_reading_order_leads_from_the_first_script_to_the_last():
    name, read = "layer_naive.py", []
    while name:
        read.append(name)
        words = " ".join(ast.get_docstring(ast.parse((ROOT / "ch05" / name).read_text("utf-8"))).split())
        before = re.search(r"Before: (\w+\.py)", words)
        assert [before[1]] == read[-2:-1] if before else len(read) == 1
        following = re.search(r"next(?: is|:) (\w+\.py)", words)
        name = following[1] if following else None
    assert set(read) == {path.name for path in (ROOT / "ch05").glob("*.py")} - {"parameters.py"}


def test_options_have_defaults_and_seed_the_random_numbers(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script.py"])
    state = np.random.get_state()
    try:
        assert vars(training_options("What it does.", epochs=7)) == {"epochs": 7, "seed": 0, "limit": None}
        first = np.random.rand()
        monkeypatch.setattr(sys, "argv", ["script.py", "--seed", "5", "--limit", "9", "--epochs", "2"])
        assert vars(training_options("What it does.", epochs=7)) == {"epochs": 2, "seed": 5, "limit": 9}
        assert np.random.rand() == np.random.RandomState(5).rand() != first
    finally:
        np.random.set_state(state)


@pytest.mark.parametrize("option, value",
                         [("--epochs", "0"), ("--limit", "-1"), ("--seed", "x"), ("--seed", 2**32)])
def test_wrong_options_are_named(monkeypatch, capsys, option, value):
    monkeypatch.setattr(sys, "argv", ["script.py", option, str(value)])
    with pytest.raises(SystemExit) as error:
        training_options("What it does.", epochs=7)
    assert error.value.code == 2
    assert f"argument {option}: expected a whole number" in capsys.readouterr().err
