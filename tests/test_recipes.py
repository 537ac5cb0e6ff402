"""The scripts of chapter 5 that go beyond the book: augmentation, evaluation, recipes for high accuracy."""
import re

import pytest
from PIL import Image
from scripts import copy_project, run_from_both


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
