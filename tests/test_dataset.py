"""load_mnist on the mini set and on folders: forms, places, spellings, damage, several processes."""
import dataclasses
import errno
import gzip
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from common import files
from dataset import idx, mnist, source
from dataset.mnist import MINI_DIR, MINI_FILES, MiniMnistWarning, load_mnist
from scripts import copy_project

# These digits are good only where they are asked for: elsewhere falling back to them is a failure.
pytestmark = pytest.mark.filterwarnings("error::dataset.mnist.MiniMnistWarning")
ROOT = Path(__file__).resolve().parents[1]
TRAIN_IMAGES = "train-images-idx3-ubyte"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """load_mnist takes the mini digits for the whole of MNIST, and an empty folder for `dataset/`."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.delenv("MNIST_OFFLINE", raising=False)
    folder = tmp_path / "project" / "dataset"
    folder.mkdir(parents=True)
    small = dataclasses.replace(mnist.MNIST, files=MINI_FILES, mirrors=(), folder=folder,
                                cache=folder / "mnist.pkl")
    monkeypatch.setattr(mnist, "MNIST", small)
    return small


def copy_files(folder, spelling="{}.gz"):
    """Put the four files into a folder, under names made from 'train-images-idx3-ubyte' and so on."""
    folder.mkdir(exist_ok=True)
    for file in MINI_FILES.values():
        data = (MINI_DIR / file.name).read_bytes()
        name = spelling.format(file.name.removesuffix(".gz"))
        (folder / name).write_bytes(data if name.endswith(".gz") else gzip.decompress(data))
    return folder


def assert_good(data):
    """`data` is what load_mnist() returns for the mini digits."""
    (x_train, t_train), (x_test, t_test) = data
    assert x_train.shape == (4000, 784) and x_test.shape == (1000, 784)
    for x, t, key in ((x_train, t_train, "train"), (x_test, t_test, "test")):
        digest = hashlib.sha256(idx.encode(np.round(x * 255).astype(np.uint8).reshape(-1, 28, 28)))
        assert digest.hexdigest() == MINI_FILES[f"{key}_img"].sha256
        assert hashlib.sha256(idx.encode(t)).hexdigest() == MINI_FILES[f"{key}_label"].sha256


# ---- what load_mnist returns

@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("flatten", [True, False])
@pytest.mark.parametrize("one_hot_label", [True, False])
def test_every_form(small, normalize, flatten, one_hot_label):
    copy_files(small.folder)
    for (x, t), n in zip(load_mnist(normalize, flatten, one_hot_label), (4000, 1000)):
        assert x.shape == ((n, 784) if flatten else (n, 1, 28, 28))
        assert x.dtype == (np.float32 if normalize else np.uint8)
        assert x.min() == 0 and x.max() == (1 if normalize else 255)
        assert len(np.unique(x)) == 256
        if one_hot_label:
            assert t.shape == (n, 10) and t.dtype == np.float32
            assert np.all(np.sort(t, axis=1) == [0] * 9 + [1])
            t = t.argmax(axis=1)
        else:
            assert t.dtype == np.uint8
        assert t.shape == (n,)
        assert np.all(np.bincount(t) == n // 10)


def test_the_defaults_are_the_books(small):
    copy_files(small.folder)
    for one, other in zip(load_mnist(), load_mnist(normalize=True, flatten=True, one_hot_label=False)):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    (x_train, t_train), _ = load_mnist()
    (pixels, _), _ = load_mnist(normalize=False, flatten=False)
    np.testing.assert_array_equal(x_train, (pixels / 255).astype(np.float32).reshape(4000, 784))


@pytest.mark.parametrize("normalize", [True, False])
def test_the_arrays_are_the_callers_own(small, normalize):
    copy_files(small.folder)
    for _ in range(3):                      # from the files, from the cache, from the cache again
        for x, t in load_mnist(normalize):
            assert x.sum() > 0 and t.sum() > 0
            x[:] = 0
            t[:] = 0


def test_the_books_names_are_there():
    assert mnist.dataset_dir == str(ROOT / "dataset")
    assert mnist.save_file == os.path.join(mnist.dataset_dir, "mnist.pkl")
    assert mnist.key_file == {
        "train_img": "train-images-idx3-ubyte.gz", "train_label": "train-labels-idx1-ubyte.gz",
        "test_img": "t10k-images-idx3-ubyte.gz", "test_label": "t10k-labels-idx1-ubyte.gz"}
    assert (mnist.train_num, mnist.test_num) == (60000, 10000)
    assert (mnist.img_dim, mnist.img_size) == ((1, 28, 28), 784)


# ---- where it looks

@pytest.mark.parametrize("spelling", ["{}.gz", "{}"])
@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("place", ["dataset", "MNIST_DIR"])
def test_spellings(small, tmp_path, monkeypatch, spelling, dotted, place):
    folder = small.folder if place == "dataset" else tmp_path / "mine"
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "mine"))
    copy_files(folder, spelling)
    if dotted:
        for path in folder.iterdir():
            path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert_good(load_mnist())


def test_the_order_of_the_places(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MNIST_DIR", str(copy_files(tmp_path / "mine")))
    copy_files(small.folder)
    (small.folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert_good(load_mnist())
    shown = capsys.readouterr().out
    assert f"Converting {small.folder / TRAIN_IMAGES}.gz" in shown
    assert f"Converting {tmp_path / 'mine' / 't10k-labels-idx1-ubyte.gz'}" in shown
    assert "Creating pickle file" in shown and str(small.cache) in shown
    shutil.rmtree(tmp_path / "mine")
    for path in small.folder.glob("*.gz"):
        path.unlink()
    assert_good(load_mnist())
    assert capsys.readouterr().out == ""            # the cache is enough, and silent


@pytest.mark.parametrize("here", ["", "project", "project/ch05"])
def test_a_relative_folder_is_seen_from_here_or_from_the_project(small, tmp_path, monkeypatch, here):
    copy_files(tmp_path / "shared")
    (tmp_path / here).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / here)
    monkeypatch.setenv("MNIST_DIR", "shared" if here == "" else "../shared")
    assert_good(load_mnist())


def test_folders_with_the_names_of_files_are_passed_by(small):
    copy_files(small.folder)
    (small.folder / TRAIN_IMAGES).mkdir()
    (small.folder / f"{TRAIN_IMAGES}.gz").rename(small.folder / "train-images.idx3-ubyte.gz")
    (small.folder / f"{TRAIN_IMAGES}.gz").mkdir()
    assert_good(load_mnist())


def folder_each(folder):
    """As 7-Zip unpacks: each file in a folder of its own."""
    copy_files(folder)
    for path in list(folder.iterdir()):
        path.rename(path.with_name("x"))
        path.with_suffix("").mkdir()
        (folder / "x").rename(path.with_suffix("") / path.name)


def keras(folder):
    arrays = {key: source.read_file(MINI_DIR / file.name, file) for key, file in MINI_FILES.items()}
    folder.mkdir(exist_ok=True)
    np.savez(folder / "mnist.npz", **{source.KERAS_NAMES[key]: array for key, array in arrays.items()})


def deeper(folder):
    folder.mkdir()
    (folder / "MNIST").mkdir()
    copy_files(folder / "MNIST" / "raw")


def upper_case(folder):
    copy_files(folder)
    for path in list(folder.iterdir()):
        path.rename(path.with_name("x"))
        (folder / "x").rename(path.with_name(path.name.upper()))


NEARLY_RIGHT = {    # what MNIST_DIR is, with {} for the folder, and how the files lie in there
    "quotes": ('"{}"', copy_files), "single quotes": ("'{}'", copy_files), "blanks": (" {} \t", copy_files),
    "blanks in quotes": ('" {}" ', copy_files), "a slash": ("{}/", copy_files),
    "a file": ("{}/train-images-idx3-ubyte.gz", copy_files),
    "deeper": ("{}", deeper), "one deeper": ("{}/MNIST", deeper),
    "a folder for each": ("{}", folder_each), "upper case": ("{}", upper_case),
    "under home": ("~/my data", copy_files), "Keras": ("{}", keras), "Keras's file": ("{}/mnist.npz", keras),
}


@pytest.mark.parametrize("case", NEARLY_RIGHT)
def test_a_folder_that_is_named_nearly_right(small, tmp_path, monkeypatch, case):
    value, fill = NEARLY_RIGHT[case]
    fill(tmp_path / "my data")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MNIST_DIR", value.format(tmp_path / "my data"))
    assert_good(load_mnist(allow_mini=False))


def test_a_folder_for_each_file_in_the_projects_own_folder(small):
    folder_each(small.folder)
    (small.folder / "mini").mkdir()
    (small.folder / "mini" / TRAIN_IMAGES).write_bytes(b"of another set")
    assert_good(load_mnist(allow_mini=False))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(100), b"x" * 1000])
def test_a_damaged_file_of_keras(small, tmp_path, monkeypatch, capsys, data):
    monkeypatch.setenv("MNIST_DIR", str(copy_files(tmp_path / "mine")))
    (tmp_path / "mine" / "mnist.npz").write_bytes(data)
    assert_good(load_mnist(allow_mini=False))
    assert capsys.readouterr().out.count("mnist.npz\n  not used: ") == 4


def test_a_folder_that_does_not_exist(small, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"(?s)nowhere, which does not exist\n.* a folder that MNIST_DIR names"):
        load_mnist(allow_mini=False)
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(FileNotFoundError, match=r"Tried:\n.*dataset\n.*/nowhere\n"):
        load_mnist(allow_mini=False)


@pytest.mark.skipif(os.name != "posix", reason="Windows deletes no current folder")
@pytest.mark.parametrize("named", ["absolute", "relative"])
def test_a_current_folder_that_was_deleted(small, tmp_path, monkeypatch, named):
    copy_files(tmp_path / "shared")
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "shared") if named == "absolute" else "../shared")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert_good(load_mnist(allow_mini=False))


# ---- what is not right

def good(name):
    return (MINI_DIR / name).read_bytes()


def raw(name):
    return gzip.decompress(good(name))


DAMAGE = {
    "empty": lambda: b"",
    "truncated": lambda: good(f"{TRAIN_IMAGES}.gz")[:-1000],
    "truncated header": lambda: raw(f"{TRAIN_IMAGES}.gz")[:10],
    "truncated content": lambda: gzip.compress(raw(f"{TRAIN_IMAGES}.gz")[:-1], 1),
    "too long": lambda: raw(f"{TRAIN_IMAGES}.gz") + b"x",
    "one bit": lambda: raw(f"{TRAIN_IMAGES}.gz")[:-1] + b"\x01",
    "a bit of the gzip": lambda: good(f"{TRAIN_IMAGES}.gz")[:9000] + b"~" + good(f"{TRAIN_IMAGES}.gz")[9001:],
    "labels": lambda: good("train-labels-idx1-ubyte.gz"),
    "the test images": lambda: good("t10k-images-idx3-ubyte.gz"),
    "a web page": lambda: b"<html>404</html>",
    "half of two parts": lambda: gzip.compress(raw(f"{TRAIN_IMAGES}.gz")[:5000], 1),
    "a cut second part": lambda: gzip.compress(raw(f"{TRAIN_IMAGES}.gz")[:5000], 1) + gzip.compress(b"x")[:-5],
    "parts of nothing": lambda: gzip.compress(b"") * 10_000,
    "a bomb": lambda: gzip.compress(bytes(50_000_000), 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_file_is_reported_and_the_next_place_is_tried(small, tmp_path, monkeypatch, capsys, damage):
    monkeypatch.setenv("MNIST_DIR", str(copy_files(tmp_path / "mine")))
    bad = small.folder / f"{TRAIN_IMAGES}.gz"
    bad.write_bytes(DAMAGE[damage]())
    assert_good(load_mnist())
    assert f"Converting {bad}\n  not used: " in capsys.readouterr().out


@pytest.mark.parametrize("harmless", [
    lambda data: gzip.compress(data[:5000], 1) + gzip.compress(data[5000:], 1),
    lambda data: gzip.compress(data, 1) + bytes(512),
    lambda data: gzip.compress(data, 1) + b"made by a server",
    lambda data: gzip.compress(b"") * 30 + gzip.compress(data, 1),
], ids=["two parts", "zeros behind", "text behind", "empty parts"])
def test_gzip_in_several_parts_or_with_more_behind(small, capsys, harmless):
    copy_files(small.folder)
    (small.folder / f"{TRAIN_IMAGES}.gz").write_bytes(harmless(raw(f"{TRAIN_IMAGES}.gz")))
    assert_good(load_mnist())
    assert "not used" not in capsys.readouterr().out


def test_a_bomb_takes_no_memory():
    bomb = gzip.compress(bytes(50_000_000), 1)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="expected x with the SHA-256 , got 1008 bytes"):
            idx.IdxFile("x", (1000,), "").decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_three_of_the_four_files(small):
    copy_files(small.folder)
    (small.folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.warns(MiniMnistWarning, match="t10k-labels-idx1-ubyte.gz was not found"):
        load_mnist()
    assert not small.cache.exists()


def test_the_mini_set_takes_the_place_of_what_is_nowhere(small, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "nowhere")
    monkeypatch.setattr(mnist, "MNIST", dataclasses.replace(small, mirrors=("http://127.0.0.1:1/mnist/",)))
    with pytest.warns(MiniMnistWarning) as warned:
        assert_good(load_mnist())
    assert len(warned) == 1 and warned[0].filename == __file__
    message = str(warned[0].message)
    for part in ("4,000", "1,000", "lower", "nowhere", "http://127.0.0.1:1/mnist/", str(small.folder),
                 "MNIST_DIR", *mnist.key_file.values()):
        assert part in message
    assert os.listdir(small.folder) == []
    with pytest.raises(FileNotFoundError, match="MNIST_DIR"):
        load_mnist(allow_mini=False)
    with pytest.raises(FileNotFoundError):
        mnist.init_mnist()
    with pytest.raises(FileNotFoundError):
        mnist.download_mnist()


def test_offline_means_that_no_mirror_is_asked(small, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "MNIST", dataclasses.replace(small, mirrors=("http://127.0.0.1:1/mnist/",)))
    for value in ("1", "true", "yes"):
        monkeypatch.setenv("MNIST_OFFLINE", value)
        with pytest.raises(FileNotFoundError, match="MNIST_OFFLINE is set"):
            load_mnist(allow_mini=False)
        assert "Downloading" not in capsys.readouterr().out
    for value in ("0", "", "false", "False", "no", " off "):
        monkeypatch.setenv("MNIST_OFFLINE", value)
        with pytest.raises(FileNotFoundError):
            load_mnist(allow_mini=False)
        assert "Downloading" in capsys.readouterr().out


# ---- the cache

def cache_content(small):
    copy_files(small.folder)
    mnist.init_mnist()
    with open(small.cache, "rb") as file:
        content = pickle.load(file)
    assert {key: array.shape for key, array in content.items()} == {
        "train_img": (4000, 784), "train_label": (4000,), "test_img": (1000, 784), "test_label": (1000,)}
    return content


class Hostile:
    def __reduce__(self):
        return os.system, ("echo hacked",)


def make_bad_caches(content):
    other = content | {"train_img": content["train_img"].copy()}
    other["train_img"][5, 300] ^= 1
    swapped = content | {"train_label": content["train_label"][::-1]}
    whole = pickle.dumps(content)
    return {
        "empty": b"", "foreign": b"hello", "truncated": whole[:-5], "half": whole[:len(whole) // 2],
        "hostile": pickle.dumps(Hostile()), "hostile inside": pickle.dumps(content | {"more": Hostile()}),
        "a list": pickle.dumps(list(content.values())), "a key is missing": pickle.dumps({"train_img": 1}),
        "other pixels": pickle.dumps(other), "other labels": pickle.dumps(swapped),
        "floats": pickle.dumps(content | {"train_img": content["train_img"] / 255}),
        "fewer": pickle.dumps(content | {"test_img": content["test_img"][:-1]}),
        "lists": pickle.dumps(content | {"test_label": content["test_label"].tolist()}),
    }


def test_bad_caches_are_reported_and_made_anew(small, capfd):
    content = cache_content(small)
    for name, data in make_bad_caches(content).items():
        small.cache.write_bytes(data)
        capfd.readouterr()
        assert_good(load_mnist())
        shown = capfd.readouterr().out
        assert shown.startswith("Not using the pickle file: "), name
        assert "hacked" not in shown
        assert_good(load_mnist())
        assert capfd.readouterr().out == "", name


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_cache_that_a_reader_of_the_book_has_made(small, capsys, protocol):
    content = cache_content(small)
    shutil.rmtree(small.folder)
    small.folder.mkdir()
    small.cache.write_bytes(pickle.dumps(content, protocol))
    capsys.readouterr()
    assert_good(load_mnist())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", [OSError(errno.EROFS, "Read-only file system"),
                                   OSError(errno.ENOSPC, "No space left on device")])
def test_without_a_place_for_the_cache_there_is_still_data(small, tmp_path, monkeypatch, capsys, error):
    monkeypatch.setenv("MNIST_DIR", str(copy_files(tmp_path / "mine")))

    def refuse(*_):
        raise error
    step = "open" if error.errno == errno.EROFS else "write_atomically"
    monkeypatch.setattr(files, step, refuse, raising=False)
    assert_good(load_mnist())
    assert f"Cannot write it ({error})" in capsys.readouterr().out
    assert os.listdir(small.folder) == []


def test_a_folder_in_the_place_of_the_cache(small, capsys):
    copy_files(small.folder)
    small.cache.mkdir()
    assert_good(load_mnist())
    assert "Cannot write it" in capsys.readouterr().out


# ---- the real MNIST, the mini MNIST, the script

@pytest.fixture
def full(tmp_path, monkeypatch):
    if not os.environ.get("MNIST_DIR"):
        pytest.skip("needs the full MNIST: set MNIST_DIR to the folder that holds its four files")
    full = dataclasses.replace(mnist.MNIST, mirrors=(), cache=tmp_path / "mnist.pkl")
    monkeypatch.setattr(mnist, "MNIST", full)


def test_the_full_mnist(full):
    (x_train, t_train), (x_test, t_test) = load_mnist(normalize=False, allow_mini=False)
    assert x_train.shape == (60000, 784) and x_test.shape == (10000, 784)
    assert t_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert t_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(t_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert round(x_train.mean() / 255, 4) == 0.1307 and round(x_test.mean() / 255, 4) == 0.1325
    (again, _), _ = load_mnist(normalize=False, allow_mini=False)       # from the cache
    np.testing.assert_array_equal(again, x_train)


def test_every_mini_digit_is_a_digit_of_the_real_training_set(full):
    (x_train, t_train), _ = load_mnist(normalize=False, allow_mini=False)
    real = {image.tobytes(): label for image, label in zip(x_train, t_train)}
    mini = {key: source.read_file(MINI_DIR / file.name, file) for key, file in MINI_FILES.items()}
    for part in ("train", "test"):
        for image, label in zip(mini[f"{part}_img"], mini[f"{part}_label"]):
            assert real[image.tobytes()] == label


def test_no_mini_digit_is_used_for_both_training_and_testing():
    train, test = (source.read_file(MINI_DIR / MINI_FILES[key].name, MINI_FILES[key])
                   for key in ("train_img", "test_img"))
    assert len({image.tobytes() for image in [*train, *test]}) == 5000


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_the_script_where_the_terminal_lacks_letters(tmp_path, encoding):
    """In a copy of the project, on a path with blanks and letters of several languages, without MNIST and network."""
    project = copy_project(tmp_path / "my 深学Ł project")
    (project / "dataset" / f"{TRAIN_IMAGES}.gz").write_bytes(b"of another set")
    run = subprocess.run([sys.executable, project / "dataset" / "mnist.py"], capture_output=True, encoding=encoding,
                         env={**os.environ, "PYTHONIOENCODING": encoding, "MNIST_DIR": "", "MNIST_OFFLINE": "1"})
    assert run.returncode == 0 and "MiniMnistWarning" in run.stderr, run.stderr
    shown = str(project / "dataset").encode(encoding, "backslashreplace").decode(encoding)
    assert f"Converting {shown}" in run.stdout and "\\" in shown
    assert not (project / "dataset" / "mnist.pkl").exists()
