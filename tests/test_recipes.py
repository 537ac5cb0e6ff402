"""The scripts of chapter 5 that go beyond the book: augmentation, evaluation, recipes for high accuracy."""
import argparse
import json
import re

import numpy as np
import pytest
from PIL import Image
from scripts import copy_project, last_line, run_from_both, run_script

from ch05.deep_convnet import DeepConvNet
from common import schedule
from common.options import trainer_options
from dataset.files import load_pickle


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("recipes"), "ch05")


def assert_drawn(path):
    with Image.open(path) as image:
        assert min(image.size) > 200 and image.convert("L").getextrema() == (0, 255)


def test_every_distortion_is_shown_and_changes_the_digit(project, tmp_path):
    result = run_from_both(project / "ch05/augmentation.py", tmp_path)
    changes = re.findall(r"^([\w, ]+?) *: pixels change by ([\d.]+)", result.stdout, re.M)
    assert changes[0] == ("none", "0.000") and len(changes) == 7
    assert min(float(change) for _, change in changes[1:]) > 0.01
    assert_drawn(project / "ch05/augmentation.png")


def test_evaluation_prints_and_draws_what_the_net_does(project, tmp_path):
    np.random.seed(1)
    DeepConvNet().save_params(project / "ch05/deep_convnet_params.pkl")
    result = run_from_both(project / "ch05/evaluate.py", tmp_path)
    matrix = np.array([[int(word) for word in line.split()[1:]]
                       for line in re.findall(r"^[0-9](?: +[0-9]+){10}$", result.stdout, re.M)])
    assert matrix.shape == (10, 10) and matrix.sum() == 1000
    accuracy, error = re.fullmatch(r"DeepConvNet: ([\d.]+) of 1,000 test digits right; expected calibration error "
                                   r"([\d.]+)", last_line(result)).groups()
    assert float(accuracy) == matrix.trace() / 1000 and 0 < float(error) < 1
    for figure in ("confusion", "classes", "calibration"):
        assert_drawn(project / f"ch05/evaluate_{figure}.png")


# ---- options of the training scripts -----------------------------------------------------------------------


def test_a_script_resumes_to_the_parameters_of_an_uninterrupted_run(project, tmp_path):
    script, params = project / "ch05/train_neuralnet.py", project / "ch05/two_layer_net_params.pkl"
    state, log = tmp_path / "state", tmp_path / "log.json"
    run_script(script, "--limit", 300, "--epochs", 4)
    expected = load_pickle(params)
    run_script(script, "--limit", 300, "--epochs", 2, "--checkpoint", state)
    result = run_script(script, "--limit", 300, "--epochs", 4, "--seed", 7, "--resume", state, "--log", log)
    assert result.stdout.startswith("epoch  3/4") and len(json.loads(log.read_text())["test_acc"]) == 4
    for key, array in load_pickle(params).items():
        np.testing.assert_array_equal(array, expected[key])


def options_of(*words):
    return vars(trainer_options(argparse.ArgumentParser()).parse_args([str(word) for word in words]))


def test_options_of_the_trainer(tmp_path, capsys):
    assert options_of() == {"schedule": schedule.constant, "checkpoint": None, "resume": None, "log": None,
                            "live": False}
    (tmp_path / "old").touch()
    assert options_of("--schedule", "cosine", "--checkpoint", "new", "--resume", tmp_path / "old", "--log", "a.csv",
                      "--live") == {
        "schedule": schedule.cosine, "checkpoint": "new", "resume": str(tmp_path / "old"), "log": "a.csv", "live": True}
    for words, message in ((("--schedule", "cosin"), "invalid choice: 'cosin' (choose from constant, step, cosine)"),
                           (("--resume", "absent"), "there is no file 'absent'")):
        with pytest.raises(SystemExit):
            options_of(*words)
        assert message in capsys.readouterr().err
