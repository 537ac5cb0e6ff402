"""The scripts of chapter 5 that go beyond the book: augmentation, evaluation, recipes for high accuracy."""
import json
import re
import sys

import numpy as np
import pytest
from PIL import Image
from digits import real_digits
from scripts import copy_project, last_line, run_in_turn, run_script

from ch05.batch_norm_convnet import BatchNormConvNet
from ch05.deep_convnet import DeepConvNet
from ch05.keras_convnet import KerasConvNet
from common.files import load_pickle, save_pickle
from common.gradient import check_gradients
from common.layers import Dropout
from common.multi_layer_net import MultiLayerNet
from common.trainer import Trainer
from common.training.live_window import LiveWindow
from common.training.options import training_options
from common.training.result import accuracy_of, save_best
from common.training.schedule import cosine


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("recipes"), "ch05")


COMMANDS = {        # name of a script: its options
    "augmentation": (),
    "train_keras_convnet": ("--epochs", 1, "--limit", 130),
    "train_fast": ("--epochs", 1, "--limit", 130, "--global-pooling"),
    "train_best": ("--epochs", 1, "--limit", 130, "--hold-out", 100),
    "evaluate": (),
}


@pytest.fixture(scope="module")
def results(project, tmp_path_factory):
    """{name: what the script printed}."""
    np.random.seed(1)
    DeepConvNet().save_params(project / "ch05/deep_convnet_params.pkl")
    commands = [(project / f"ch05/{name}.py", *options) for name, options in COMMANDS.items()]
    return dict(zip(COMMANDS, run_in_turn(tmp_path_factory.mktemp("elsewhere"), *commands)))


def assert_drawn(path):
    with Image.open(path) as image:
        assert min(image.size) > 200 and image.convert("L").getextrema() == (0, 255)


def test_every_distortion_is_shown_and_changes_the_digit(project, results):
    changes = re.findall(r"^([\w, ]+?) *: pixels change by ([\d.]+)", results["augmentation"].stdout, re.M)
    assert changes[0] == ("none", "0.000") and len(changes) == 7
    assert min(float(change) for _, change in changes[1:]) > 0.01
    assert_drawn(project / "ch05/augmentation.png")


def test_evaluation_prints_and_draws_what_the_net_does(project, results):
    result = results["evaluate"]
    matrix = np.array([[int(word) for word in line.split()[1:]]
                       for line in re.findall(r"^[0-9](?: +[0-9]+){10}$", result.stdout, re.M)])
    assert matrix.shape == (10, 10) and matrix.sum() == 1000
    accuracy, error = re.fullmatch(r"DeepConvNet: ([\d.]+) of 1,000 test digits right; expected calibration error "
                                   r"([\d.]+)", last_line(result)).groups()
    assert float(accuracy) == matrix.trace() / 1000 and 0 < float(error) < 1
    for figure in ("confusion", "calibration"):
        assert_drawn(project / f"ch05/evaluate_{figure}.png")


@pytest.mark.parametrize("net", [DeepConvNet, KerasConvNet, BatchNormConvNet])
@pytest.mark.parametrize("init", [0.03, "he", "xavier"])
def test_every_weight_begins_as_it_was_asked_to(net, init):
    for key, W in net(weight_init_std=init).params.items():
        if key[0] == "W":
            fan_in = W[0].size if W.ndim == 4 else len(W)
            std = {"he": (2 / fan_in) ** 0.5, "xavier": (1 / fan_in) ** 0.5}.get(init, init)
            assert W.std() == pytest.approx(std, rel=0.2)


# ---- nets and their training -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, build", [
    ((1, 10, 8), lambda shape: KerasConvNet(shape, (2, 3), 5, 3, dtype=np.float64)),
    ((2, 7, 8), lambda shape: BatchNormConvNet(shape, ((2,), (3, 4)), 0.3, output_size=3, dtype=np.float64)),
    ((1, 9, 8), lambda shape: BatchNormConvNet(shape, ((3, 2),), 0, 0.2, 3, dtype=np.float64)),
    ((1, 8, 9), lambda shape: BatchNormConvNet(shape, ((2, 3),), 0, output_size=3, global_average_pooling=True,
                                               dtype=np.float64))])
def test_gradients_agree_with_numerical_ones(shape, build):
    network = build(shape)
    for param in network.params.values():
        param += np.random.uniform(-0.2, 0.2, param.shape)
    check = check_gradients(network, np.random.randn(4, *shape), np.array([0, 2, 1, 1]))
    assert check and list(check) == list(network.params), check


def test_the_keras_net_has_the_sizes_of_the_example():
    network = KerasConvNet()
    assert {key: W.shape for key, W in network.params.items() if key[0] == "W"} == {
        "W1": (32, 1, 3, 3), "W2": (64, 32, 3, 3), "W3": (9216, 128), "W4": (128, 10)}
    assert sum(param.size for param in network.params.values()) == 1_199_882
    assert [layer.dropout_ratio for layer in network.layers.values() if isinstance(layer, Dropout)] == [0.25, 0.5]


def test_layers_of_the_net_with_batch_normalisation():
    network = BatchNormConvNet(blocks=((8,), (16, 24)), label_smoothing=0.1)
    assert list(network.layers) == ("Conv1 Pool1 BatchNorm1 Relu1 Conv2 BatchNorm2 Relu2 Conv3 Pool2 BatchNorm3 Relu3 "
                                    "Dropout1 Affine1").split()
    assert network.params["W4"].shape == (24 * 7 * 7, 10) and network.params["gamma3"].shape == (24,)
    assert network.last_layer.label_smoothing == 0.1
    assert network.predict(np.zeros((2, 1, 28, 28), np.float32)).shape == (2, 10)


@pytest.mark.parametrize("name, build, params", [
    ("train_keras_convnet", KerasConvNet, "keras_convnet_params.pkl"),
    ("train_fast", lambda: BatchNormConvNet(blocks=((16,), (32,), (64,)), global_average_pooling=True),
     "fast_global_pooling_params.pkl"),
    ("train_best", BatchNormConvNet, "best_params.pkl"),
])
def test_training_leaves_parameters_as_good_as_it_says(project, results, name, build, params):
    result = results[name]
    assert "/2 " in result.stderr
    if name == "train_best":
        assert "val acc" in result.stdout and "kept the parameters of epoch 1" in result.stdout
    accuracy = re.fullmatch(r"\w+: ([\d.]+) of 1,000 test images right, .*; parameters in (.*)", last_line(result))
    assert accuracy[2] == str(project / "ch05" / params)
    network = build()
    network.load_params(accuracy[2])
    x, t = real_digits()
    assert float(accuracy[1]) == pytest.approx(network.accuracy(x[:, np.newaxis], t), abs=0.0015)
    assert_drawn(project / f"ch05/{name}.png")


# ---- options of the training scripts -----------------------------------------------------------------------


def test_a_script_is_paused_and_resumed(project, tmp_path):
    script, state, log = project / "ch05/train_neuralnet.py", tmp_path / "state", tmp_path / "log.json"
    first = run_script(script, "--limit", 300, "--epochs", 2, "--checkpoint", state, "--live")
    assert "--live: there is no screen" in first.stdout
    result = run_script(script, "--epochs", 3, "--limit", 300, "--seed", 7, "--resume", state, "--log", log)
    assert re.findall(r"^epoch +(\d)/3 ", result.stdout, re.M) == ["3"] and len(json.loads(log.read_text())) == 3
    assert result.stdout.count("test images right, after") + result.stdout.count("test acc:") == 1       # said once


def options_of(monkeypatch, *words, schedule="constant", epochs=7):
    monkeypatch.setattr(sys, "argv", ["script.py", *map(str, words)])
    return training_options("What it does.", epochs, schedule=schedule)


def train(args, hidden=4):
    x, t = np.random.default_rng(0).random((20, 3), np.float32), np.arange(20) % 2
    trainer = Trainer(MultiLayerNet(3, [hidden], 2), x, t, x, t, args.epochs, verbose=False, callbacks=args.callbacks)
    trainer.train()
    return trainer


def test_the_epochs_of_a_checkpoint_are_those_it_was_to_have(tmp_path, monkeypatch):
    train(options_of(monkeypatch, "--epochs", 2, "--checkpoint", tmp_path / "state"))
    assert options_of(monkeypatch, "--resume", tmp_path / "state").epochs == 2
    assert options_of(monkeypatch, "--resume", tmp_path / "state", "--epochs", 3).epochs == 3


@pytest.mark.parametrize("words, hidden, message", [
    (("--schedule", "cosine", "--epochs", 3), 4,
     r"in 2 epochs\), got Schedule.*in 3 epochs.*only a training with a constant"),
    ((), 4, r"got none. Set it as it was"), (("--schedule", "cosine"), 5, "does not fit this net; W1: expected"),
    (("--schedule", "cosine", "--checkpoint", "absent/state"), 4, "'absent/state': files cannot be written to")])
def test_what_cannot_be_resumed_ends_a_script_in_one_line(tmp_path, monkeypatch, capsys, words, hidden, message):
    monkeypatch.chdir(tmp_path)
    train(options_of(monkeypatch, "--epochs", 2, "--checkpoint", "state", "--schedule", "cosine"))
    with pytest.raises(SystemExit) as stopped:
        train(options_of(monkeypatch, "--resume", "state", *words), hidden)
    assert stopped.value.code == 2 and re.search(message, capsys.readouterr().err.splitlines()[-1])


@pytest.mark.parametrize("words, message", [
    (("--checkpoint", "state"), "state exists; --resume state goes on from it"),
    (("--resume", "other"), "other: "), (("--resume", "absent"), "No such file or directory: 'absent'"),
    (("--resume", "params.pkl"), "params.pkl: expected a checkpoint of a training"),
    (("--checkpoint", "absent/state"), "'absent/state': files cannot be written to"),
    (("--log", "absent/log.csv"), "'absent/log.csv': files cannot be written to"),
    (("--log", "log.txt"), "log.txt: expected a name ending in .json or .csv"),
    (("--resume", ""), "--resume: expected the name of a file, got an empty one"),
    (("--schedule", "cosin"), "invalid choice: 'cosin'"), (("--dataset", "cifar"), "invalid choice: 'cifar'"),
])
def test_options_that_cannot_be_meant_are_named_at_once(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    for name in ("state", "other"):
        (tmp_path / name).write_text("Dear diary,")
    save_pickle("params.pkl", {"W1": np.zeros(3)})
    with pytest.raises(SystemExit):
        options_of(monkeypatch, *words)
    assert message in capsys.readouterr().err


def test_the_folder_of_the_results_is_tried_before_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "absent" / "script.py")])
    with pytest.raises(SystemExit):
        training_options("What it does.", epochs=7)
    assert f"files cannot be written to {tmp_path / 'absent'}" in capsys.readouterr().err


def test_options_become_callbacks(tmp_path, monkeypatch):
    assert options_of(monkeypatch).callbacks == []
    train(options_of(monkeypatch, "--epochs", 5, "--checkpoint", tmp_path / "old"))
    args = options_of(monkeypatch, "--checkpoint", tmp_path / "new", "--resume", tmp_path / "old", "--log",
                      tmp_path / "a.csv", "--live", schedule="cosine")
    schedule, window, log, checkpoint = args.callbacks
    assert schedule.function is cosine and isinstance(window, LiveWindow) and log.path == tmp_path / "a.csv"
    assert (checkpoint.path, checkpoint.resume) == (str(tmp_path / "new"), str(tmp_path / "old")) and args.epochs == 5


# ---- the result ------------------------------------------------------------------------------------------------------


def test_a_result_does_not_replace_a_better_one(tmp_path, capsys):
    x = np.random.default_rng(0).random((40, 3), np.float32)
    path = tmp_path / "params.pkl"

    def save(share):
        """Save a net that reads this share of the examples right, and return the file's name."""
        net = MultiLayerNet(3, [4], 2)
        labels = net.predict(x).argmax(axis=1) ^ (np.arange(40) >= 40 * share)
        return save_best(net, path, x, labels, net.accuracy(x, labels)).name, net, labels

    name, good, labels = save(0.9)
    before = path.read_bytes()
    assert name == "params.pkl" and accuracy_of(path) == (0.9, 40)
    for accuracy in (0.5, 0.9, 0.95):       # of another net, on the same examples
        assert save_best(good, path, x, labels, accuracy).name == ("params_trial.pkl" if accuracy < 0.9 else name)
        said = "reads 0.9000 of the test images right, which is better" in capsys.readouterr().out
        assert said == (accuracy == 0.5)
    assert path.read_bytes() == before and accuracy_of(path) == (0.95, 40)
    save_pickle(path, {"W1": np.zeros(3)})                  # of another net
    assert accuracy_of(path) is None and save(0.5)[0] == "params.pkl"
    assert "is called params_old.pkl now" in capsys.readouterr().out
    assert load_pickle(tmp_path / "params_old.pkl")["W1"].shape == (3,)
