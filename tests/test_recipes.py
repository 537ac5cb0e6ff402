"""The scripts of chapter 5 that go beyond the book: augmentation, evaluation, recipes for high accuracy."""
import re

import numpy as np
import pytest
from PIL import Image
from scripts import copy_project, last_line, run_from_both

from ch05.deep_convnet import DeepConvNet


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
