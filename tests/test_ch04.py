"""Chapter 4 as its reader meets it: each script run in a process of its own, and the net without layers."""
import math
import re

import numpy as np
import pytest
from PIL import Image
from scripts import copy_project, last_line, run_elsewhere, run_in_turn, run_script

from ch04.gradient_1d import numerical_diff, tangent_line
from ch04.gradient_method import gradient_descent
from ch04.two_layer_net import TwoLayerNet
from common.gradient import numerical_gradient
from common.files import load_pickle


DRAWINGS = ["gradient_1d", "gradient_2d", "gradient_method"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("ch04"), "ch04")


@pytest.fixture(scope="module")
def results(project, tmp_path_factory):
    """{name: what the script printed} of those that train nothing."""
    names = [*DRAWINGS, "gradient_simplenet", "two_layer_net"]
    commands = [(project / f"ch04/{name}.py",) for name in names]
    return dict(zip(names, run_in_turn(tmp_path_factory.mktemp("elsewhere"), *commands)))


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_stand_beside_their_script(project, results, name):
    figure = project / f"ch04/{name}.png"
    assert last_line(results[name]) == f"Figure saved: {figure}"
    assert np.asarray(Image.open(figure).convert("L")).std() > 5            # more than white paper


def test_simplenet_learns_by_a_step_against_its_gradient(results):
    words = last_line(results["gradient_simplenet"]).split()
    before, after = float(words[-4].strip(",")), float(words[-1])
    assert after < before


def test_training_learns_and_leaves_parameters_a_figure_and_an_accuracy(project, tmp_path):
    folder = project / "ch04"
    result = run_elsewhere(folder / "train_neuralnet.py", tmp_path, "--epochs", 12, "--limit", 3950)
    assert "epoch 12: " in result.stdout
    assert "/40 " in result.stderr      # the short last batch is a step too
    assert 0.6 < float(last_line(result).removeprefix("Test accuracy: ")) <= 1
    assert Image.open(folder / "train_neuralnet.png").size > (500, 300)
    assert {key: array.shape for key, array in load_pickle(folder / "params.pkl").items()} == {
        "W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,)}


def test_the_seed_decides_what_is_learned(project, tmp_path):
    command = project / "ch04/train_neuralnet.py", "--epochs", 1, "--limit", 100
    first, again, other = run_in_turn(tmp_path, command, command, (*command, "--seed", 1))
    losses = [re.search("epoch  1: loss ([0-9.]+)", result.stdout)[1] for result in (first, again, other)]
    assert losses[0] == losses[1] != losses[2]


def test_numerical_training_gets_where_backprop_gets(project):
    folder = project / "ch04"
    result = run_script(folder / "train_neuralnet.py", "--numerical", "--epochs", 1, "--limit", 100)
    numerical, backprop = last_line(result).removeprefix("Test accuracy: ").split(", ")
    assert numerical.split() == [backprop.split()[0], "numerically"]
    assert re.search(r"by backprop: \d+ times as long\n", result.stdout)
    assert load_pickle(folder / "params_numerical.pkl")["W1"].shape == (49, 10)
    assert (folder / "train_neuralnet_numerical.png").exists()


def test_numerical_diff_and_its_tangent():
    assert numerical_diff(math.sin, 0.3) == pytest.approx(math.cos(0.3), abs=1e-8)
    tangent = tangent_line(lambda x: x**2, 3.0)
    assert [tangent(3.0), tangent(4.0)] == pytest.approx([9, 15])


def test_gradient_descent_walks_down_and_leaves_its_start_alone():
    init_x = np.array([-3.0, 4.0])
    x, x_history = gradient_descent(lambda x: np.sum(x**2), init_x, lr=0.1, step_num=100)
    assert np.abs(x).max() < 1e-8
    assert x_history.shape == (100, 2)
    assert np.array_equal(x_history[0], [-3, 4]) and np.array_equal(init_x, [-3, 4])
    assert x_history[1] == pytest.approx([-2.4, 3.2])


@pytest.mark.parametrize("one_hot", [False, True])
def test_the_two_gradients_agree(one_hot):
    np.random.seed(0)
    network = TwoLayerNet(6, 5, 4, weight_init_std=1.0)
    network.params["b1"][:] = np.random.randn(5)
    network.params["b2"][:] = np.random.randn(4)
    x = np.random.randn(7, 6)
    labels = np.random.randint(4, size=7)
    t = np.eye(4)[labels] if one_hot else labels

    def exact_loss(_):      # cross_entropy_error adds 1e-7 to y, which differences can see
        y = network.predict(x)
        return -np.mean(np.log(y[np.arange(7), labels]))

    gradients, by_differences = network.gradient(x, t), network.numerical_gradient(x, t)
    assert list(gradients) == list(by_differences) == ["W1", "b1", "W2", "b2"]
    for key, param in network.params.items():
        expected = numerical_gradient(exact_loss, param)
        assert np.abs(expected).max() > 1e-3
        assert np.allclose(gradients[key], expected, rtol=0, atol=1e-8), key
        assert np.allclose(by_differences[key], expected, rtol=0, atol=1e-5), key


def test_two_layer_net_as_in_the_book():
    np.random.seed(0)
    network = TwoLayerNet(784, 100, 10)
    assert network.params["W1"].std() == pytest.approx(0.01, rel=0.02)
    assert TwoLayerNet(50, 40, 30, 0.5).params["W1"].std() == pytest.approx(0.5, rel=0.05)
    assert not network.params["b1"].any() and not network.params["b2"].any()
    x = np.random.rand(3, 784)
    y = network.predict(x)
    assert y.shape == (3, 10) and np.allclose(y.sum(axis=1), 1)
    network.params["b2"][:] = -np.log(10) * np.arange(10)   # class 0 ten times as likely as class 1
    t = np.array([0, 0, 1])
    assert network.accuracy(x, t) == network.accuracy(x, np.eye(10)[t]) == pytest.approx(2 / 3)
    assert network.loss(x, t) == pytest.approx(network.loss(x, np.eye(10)[t]))
    assert network.loss(x, t) == pytest.approx(-np.log(0.9) + np.log(10) / 3, abs=0.3)
