"""load_fashion_mnist: places, files beside MNIST's, the whole set; scripts with `--dataset fashion`."""
import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from common.training.options import training_options
from dataset import fashion_mnist, mnist
from dataset.fashion_mnist import CLASS_NAMES, FASHION_MNIST, load_fashion_mnist
from dataset.mnist import MINI_FILES, MNIST
from scripts import copy_project, last_line, run_in_turn, run_script
from test_dataset import assert_good, copy_files
from test_dataset_download import serve


@pytest.fixture
def small(tmp_path, monkeypatch):
    """load_fashion_mnist takes the mini digits for Fashion-MNIST, and finds its folders empty."""
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    monkeypatch.delenv("MNIST_OFFLINE", raising=False)
    home = tmp_path / "project" / "dataset"
    home.mkdir(parents=True)
    small = dataclasses.replace(FASHION_MNIST, files=MINI_FILES, mirrors=(), folder=home / "fashion",
                                cache=home / "fashion_mnist.pkl", package=tmp_path / "package")
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", small)
    return small


def test_the_order_of_the_places(small, tmp_path, monkeypatch, capsys):
    folders = [small.folder, tmp_path / "mine", small.package]
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folders[1]))
    for folder in folders:
        copy_files(folder)
    for folder in folders:
        assert_good(load_fashion_mnist())
        assert f"Converting {folder}{os.sep}train-images" in capsys.readouterr().out
        shutil.rmtree(folder)
        small.cache.unlink()


def test_downloads_have_a_folder_of_their_own(small, monkeypatch):
    """MNIST's files have the same names."""
    with serve() as server:
        online = dataclasses.replace(small, mirrors=(f"{server.url}good/",))
        monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", online)
        assert_good(load_fashion_mnist())
    assert sorted(os.listdir(small.cache.parent)) == ["fashion", "fashion_mnist.pkl"]
    assert sorted(os.listdir(small.folder)) == sorted(mnist.key_file.values())
    small.cache.unlink()
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", small)
    assert_good(load_fashion_mnist())


def test_nothing_is_shared_with_mnist():
    ours, other = FASHION_MNIST, mnist.MNIST
    assert [file.name for file in ours.files.values()] == [file.name for file in other.files.values()]
    for field in ("folder", "cache", "variable", "mirrors"):
        assert getattr(ours, field) != getattr(other, field)
    assert not {file.sha256 for file in ours.files.values()} & {file.sha256 for file in other.files.values()}


def test_mnist_is_not_taken_for_it(small, monkeypatch, capsys):
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", dataclasses.replace(small, files=FASHION_MNIST.files))
    copy_files(small.folder)
    with pytest.raises(FileNotFoundError):
        load_fashion_mnist()
    assert "got 3136016 bytes" in capsys.readouterr().out


def test_what_is_nowhere_is_an_error_that_says_how_to_get_it(small, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_DIR", "nowhere")
    with pytest.raises(FileNotFoundError) as raised:
        load_fashion_mnist()
    for part in ("Fashion-MNIST", "apt install dataset-package", "nowhere, which does not exist",
                 str(small.folder), str(small.package), *mnist.key_file.values()):
        assert part in str(raised.value)
    assert os.listdir(small.cache.parent) == []


def test_the_forms(small):
    copy_files(small.folder)
    data = load_fashion_mnist(normalize=False, flatten=False, one_hot_label=True)
    for (x, t), n in zip(data, (4000, 1000)):
        assert x.shape == (n, 1, 28, 28) and x.dtype == np.uint8
        assert t.shape == (n, 10) and t.dtype == np.float32


# ---- the real Fashion-MNIST

def full_folder():
    """The reader's folder or the package's; the test is skipped without them."""
    folder = os.environ.get("FASHION_MNIST_DIR") or FASHION_MNIST.package
    if not os.path.isdir(folder):
        pytest.skip("needs Fashion-MNIST: set FASHION_MNIST_DIR to the folder that holds its four files")
    return str(folder)


def test_the_full_set(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_DIR", full_folder())
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST",
                        dataclasses.replace(FASHION_MNIST, mirrors=(), cache=tmp_path / "fashion_mnist.pkl"))
    (x_train, t_train), (x_test, t_test) = load_fashion_mnist(normalize=False)
    assert x_train.shape == (60000, 784) and x_test.shape == (10000, 784)
    assert np.bincount(t_train).tolist() == [6000] * 10 and np.bincount(t_test).tolist() == [1000] * 10
    assert [CLASS_NAMES[t] for t in t_test[:4]] == ["Ankle boot", "Pullover", "Trouser", "Trouser"]
    assert round(x_train.mean() / 255, 4) == 0.2860 and round(x_test.mean() / 255, 4) == 0.2868
    (again, _), _ = load_fashion_mnist(normalize=False)                 # from the cache
    np.testing.assert_array_equal(again, x_train)


def test_the_script(tmp_path):
    project = copy_project(tmp_path)
    run = run_script(project / "dataset" / "fashion_mnist.py", FASHION_MNIST_DIR=full_folder())
    assert run.stdout.count("Converting ") == 4


def test_the_script_without_data(tmp_path):
    if FASHION_MNIST.package.is_dir():
        pytest.skip("needs a machine without Debian's package")
    project = copy_project(tmp_path)
    run = run_script(project / "dataset" / "fashion_mnist.py", check=False, FASHION_MNIST_DIR=None)
    assert run.returncode == 1
    assert run.stderr.startswith("Fashion-MNIST: train-images-idx3-ubyte.gz was not found")


# ---- --dataset fashion

@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project, where the mini digits pass for Fashion-MNIST."""
    project = copy_project(tmp_path_factory.mktemp("fashion"), "ch05")
    with open(project / "dataset/fashion_mnist.py", "a") as file:
        file.write("\nimport dataclasses\nfrom dataset.mnist import MINI_DIR, MINI_FILES\n"
                   "FASHION_MNIST = dataclasses.replace(\n"
                   "    FASHION_MNIST, files=MINI_FILES, package=MINI_DIR)\n")
    return project


def test_training_on_it_leaves_files_of_its_own(project, tmp_path):
    folder, params = project / "ch05", {"train_neuralnet": "two_layer_net_params", "train_convnet": "params"}
    before = set(folder.iterdir())
    options = "--dataset", "fashion", "--epochs", 1, "--limit", 30
    results = run_in_turn(tmp_path, *((folder / f"{script}.py", *options) for script in params), FASHION_MNIST_DIR=None)
    made = {path.name for path in set(folder.iterdir()) - before if path.is_file()}
    assert made == {name for script, params in params.items() for name in (
        f"{params}_fashion.pkl", f"{params}_fashion.json", f"{script}_fashion.png")}
    assert (project / "dataset/fashion_mnist.pkl").exists() and not (project / "dataset/mnist.pkl").exists()
    for name, result in zip(params.values(), results):
        assert f"{name}_fashion.pkl" in last_line(result)


def test_the_option_gives_the_data_set_that_it_names(monkeypatch):
    for words, dataset in (([], mnist.MNIST), (["mnist"], mnist.MNIST), (["fashion"], FASHION_MNIST)):
        monkeypatch.setattr("sys.argv", ["script.py", *(f"--dataset={name}" for name in words)])
        assert training_options("What it does.", epochs=1, schedule="constant").dataset is dataset


def test_the_files_of_mnist_keep_their_names():
    assert MNIST.own("a/params.pkl") == Path("a/params.pkl")
    assert FASHION_MNIST.own("a/params.pkl") == Path("a/params_fashion.pkl")
