"""Chapter 3 as its reader meets it: each script run in a process of its own, and the ready weights."""
import gzip
import os
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image
from scripts import ROOT, copy_project, last_line, run_elsewhere, run_in_turn

from ch03.neuralnet_mnist import init_network, predict
from dataset.mnist import load_mnist

DRAWINGS = ["step_function", "sigmoid", "relu", "sig_step_compare", "mnist_show"]
READINGS = ["neuralnet_mnist", "neuralnet_mnist_batch"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("ch03"), "ch03")


@pytest.fixture(scope="module")
def results(project, tmp_path_factory):
    """{name: what the script printed} of all that only draw or read."""
    names = [*DRAWINGS, *READINGS]
    commands = [(project / f"ch03/{name}.py",) for name in names]
    return dict(zip(names, run_in_turn(tmp_path_factory.mktemp("elsewhere"), *commands)))


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_stand_beside_their_script(project, results, name):
    figure = project / f"ch03/{name}.png"
    assert last_line(results[name]) == f"Figure saved: {figure}"
    assert np.asarray(Image.open(figure).convert("L")).std() > 5            # more than white paper


def test_mnist_show_draws_the_digit_that_it_names(project, results):
    with gzip.open(ROOT / "dataset/mini/train-labels-idx1-ubyte.gz") as file:
        first = file.read()[8]
    assert f"t_train[0] says {first}" in results["mnist_show"].stdout
    assert (project / "ch03/mnist_show_first.png").exists()


def test_inference_says_how_many_digits_it_reads(results):
    one_by_one, in_batches = (results[name] for name in READINGS)
    assert 0.95 <= float(last_line(one_by_one).removeprefix("Accuracy: ")) <= 1
    assert last_line(in_batches) == last_line(one_by_one)
    assert "\n(100, 784) goes in, (100, 10) comes out\n" in in_batches.stdout


def test_the_weights_are_what_the_chapter_says():
    network = init_network()
    assert {key: array.shape for key, array in network.items()} == {
        "W1": (784, 50), "b1": (50,), "W2": (50, 100), "b2": (100,), "W3": (100, 10), "b3": (10,)}
    assert {array.dtype for array in network.values()} == {np.dtype(np.float32)}


def test_the_weights_read_the_full_test_set():
    if not os.environ.get("MNIST_DIR"):
        pytest.skip("needs the full MNIST: set MNIST_DIR to the folder of its four files")
    _, (x_test, t_test) = load_mnist(allow_mini=False)
    assert len(t_test) == 10000
    assert np.mean(predict(init_network(), x_test).argmax(axis=1) == t_test) >= 0.965


def test_predict_by_hand():
    network = {"W1": np.zeros((784, 1)), "b1": np.zeros(1), "W2": np.array([[2.0]]), "b2": np.zeros(1),
               "W3": np.eye(10)[:1], "b3": np.zeros(10)}
    score = np.exp(1 / (1 + np.exp(-1)))            # sigmoid(2 * sigmoid(0)) for class 0, 0 for the nine others
    expected = [score / (score + 9)] + 9 * [1 / (score + 9)]
    np.testing.assert_allclose(predict(network, np.ones(784)), expected)
    np.testing.assert_allclose(predict(network, np.ones((3, 784))), 3 * [expected])


def test_training_leaves_weights_a_figure_and_an_accuracy(project, tmp_path):
    folder = project / "ch03"
    good = (folder / "sample_weight.pkl").read_bytes()
    result = run_elsewhere(folder / "train_sample_weight.py", tmp_path, "--epochs", 2, "--limit", 1000)
    assert 0.2 < float(last_line(result).removeprefix("Test accuracy: ")) < 0.95
    assert (folder / "train_sample_weight.png").exists()
    assert init_network(folder / "sample_weight_trial.pkl")["W3"].shape == (100, 10)
    assert (folder / "sample_weight.pkl").read_bytes() == good


def test_a_readers_own_float64_weights_work(project, tmp_path):
    """The book's file is a plain pickle of float64 arrays, and may have other hidden sizes."""
    folder = shutil.copytree(project, tmp_path / "project") / "ch03"
    sizes = (784, 20, 30, 10)
    network = {}
    for n, (rows, columns) in enumerate(zip(sizes, sizes[1:]), start=1):
        network[f"W{n}"] = np.zeros((rows, columns))
        network[f"b{n}"] = np.zeros(columns)
    network["b3"][7] = 1.0      # a net that reads every digit as a 7
    with open(folder / "sample_weight.pkl", "wb") as file:
        pickle.dump(network, file)
    (tmp_path / "elsewhere").mkdir()
    for result in run_in_turn(tmp_path / "elsewhere", *((folder / f"{name}.py",) for name in READINGS)):
        assert last_line(result) == "Accuracy: 0.1000"


@pytest.mark.parametrize("change, message", [
    (lambda network: network.pop("b2"), "'b2'"),
    (lambda network: network.update(W2=[[1.0]]), "'W2'"),
    (lambda network: network.update(W1=np.zeros((785, 50))), r"layer 1: expected W1 \(784, n\).*\(785, 50\)"),
    (lambda network: network.update(b3=np.zeros((1, 10))), r"layer 3: .*\(100, 10\) and \(1, 10\)"),
    (lambda network: network.update(W3=np.zeros((100, 9)), b3=np.zeros(9)), "expected 10 outputs, got 9"),
])
def test_weights_that_do_not_fit_are_named(tmp_path, change, message):
    network = init_network()
    change(network)
    (tmp_path / "weights.pkl").write_bytes(pickle.dumps(network))
    with pytest.raises(ValueError, match=message):
        init_network(tmp_path / "weights.pkl")


def test_weights_that_are_no_data_are_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    (tmp_path / "weights.pkl").write_bytes(pickle.dumps({"W1": Hostile()}))
    with pytest.raises(ValueError, match="nothing in it was run"):
        init_network(tmp_path / "weights.pkl")
    assert not (tmp_path / "run").exists()
    (tmp_path / "weights.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match="expected a dict .* got list"):
        init_network(tmp_path / "weights.pkl")
