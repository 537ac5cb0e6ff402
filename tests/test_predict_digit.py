"""ch05/predict_digit.py as its reader meets it: good files, bad files and both, from any folder."""
import shutil

import numpy as np
import pytest
from digits import TRAINED, enlarged, real_digits, trained_network
from PIL import Image
from scripts import copy_project, last_line, run_elsewhere, run_script

from ch05 import predict_digit
from ch05.deep_convnet import DeepConvNet
from ch05.predict_digit import are_two_digits, in_words, prepare, probabilities_of


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """With the trained parameters, or, if there are none, those of a net that has learned nothing."""
    project = copy_project(tmp_path_factory.mktemp("predict"), "ch05")
    (project / "ch05/trained").mkdir(exist_ok=True)
    if TRAINED.exists():
        shutil.copy(TRAINED, project / "ch05/trained")
    else:
        DeepConvNet().save_params(project / "ch05/trained" / TRAINED.name)
    return project


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "photo.png"
    digit = Image.fromarray(np.uint8(255 * (1 - real_digits()[0][0])))
    digit.resize((300, 300)).save(path)
    return path


def test_a_photo_is_read_and_shown_from_any_folder(project, photo, tmp_path):
    result = run_elsewhere(project / "ch05/predict_digit.py", tmp_path, photo)
    answer, saved = result.stdout.splitlines()[-2:]
    assert answer.startswith(f"{photo}: ") and answer.count(" %)") == 2 and ", then " in answer
    if TRAINED.exists():
        assert answer.startswith(f"{photo}: {real_digits()[1][0]} (")
    figure = project / "ch05/predict_digit.png"
    assert saved == f"Figure saved: {figure}" and Image.open(figure).size > (900, 200)
    assert result.stderr == ""


def test_bad_files_are_named_and_good_ones_still_read(project, photo, tmp_path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    (tmp_path / "text.jpg").write_text("seven")
    one = np.asarray(Image.open(photo))
    Image.fromarray(np.hstack([one, one])).save(tmp_path / "two.png")
    bad = {"blank.png": "nothing is drawn", "two.png": "expected one digit, got several", "text.jpg": "PNG or JPEG",
           "missing.png": "No such file", "": "Is a directory"}
    copies = [tmp_path / f"{name}.png" for name in ("$_^$", "数字", "c", "d")]
    for path in copies:
        path.write_bytes(photo.read_bytes())
    result = run_script(project / "ch05/predict_digit.py", *(tmp_path / name for name in bad), photo, *copies,
                        check=False)
    assert result.returncode == 2
    for line, (name, words) in zip(result.stderr.splitlines(), bad.items(), strict=True):
        assert line.startswith(f"{tmp_path / name}: ") and words in line
    assert result.stdout.count(" %), then ") == 5
    assert last_line(result) == f"Figure saved: {project / 'ch05/predict_digit_2.png'}"     # four in the first


def test_without_files_or_parameters_it_says_what_it_needs(tmp_path, photo, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["predict_digit.py"])
    with pytest.raises(SystemExit) as end:
        predict_digit.main()
    assert end.value.code == 2 and "FILE" in capsys.readouterr().err

    project = copy_project(tmp_path, "ch05")
    shutil.rmtree(project / "ch05/trained", ignore_errors=True)
    result = run_script(project / "ch05/predict_digit.py", photo, check=False)
    assert result.returncode == 2 and "train_deepnet.py" in result.stderr and "Traceback" not in result.stderr


def test_two_digits_that_touch_are_not_read_as_one(tmp_path):
    seven, two = (enlarged(real_digits()[0][real_digits()[1] == digit][0], 200, (240, 400), 20, left)
                  for digit, left in ((7, 50), (2, 160)))
    for name, ink in (("two", np.maximum(seven, two)), ("one", two)):
        Image.fromarray(np.uint8(255 * (1 - ink))).save(tmp_path / f"{name}.png")
    with pytest.raises(ValueError, match="two.png: expected one digit, got two that touch"):
        prepare(tmp_path / "two.png", trained_network())
    prepare(tmp_path / "one.png", trained_network())


def test_wide_digits_are_one():
    wide = [digit for digit in real_digits()[0] if np.ptp(np.flatnonzero(digit.max(axis=0))) > 17][:40]
    assert len(wide) == 40 and sum(are_two_digits(digit, trained_network()) for digit in wide) <= 2


def test_probabilities_and_their_words():
    probabilities = np.array([0, 0.0012, 0, 0, 0, 0, 0, 0.9981, 0.0004, 0.0003])
    assert in_words(probabilities) == "7 (99.8 %), then 1 (0.1 %)"
    assert probabilities_of(DeepConvNet(), np.zeros((28, 28), np.float32)).sum() == pytest.approx(1)
