"""Finding a data set that comes in four IDX files: in the cache, in a folder, or on the network.

A data set is described by a `Dataset`; the functions here do the rest for any such description.
"""
import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset import idx
from dataset.download import fetch_from
from common.files import load_pickle, remove_abandoned, save_pickle, write_atomically

OFFLINE = "MNIST_OFFLINE"       # environment variable: 1 means that no download is tried
FILE_NAMES = {
    "train_img": "train-images-idx3-ubyte.gz",
    "train_label": "train-labels-idx1-ubyte.gz",
    "test_img": "t10k-images-idx3-ubyte.gz",
    "test_label": "t10k-labels-idx1-ubyte.gz",
}


@dataclass(frozen=True)
class IdxFile:
    """One file: its name (gzipped), the shape of its array, and the SHA-256 of its content before gzip."""
    name: str
    shape: tuple
    sha256: str

    @property
    def size(self):
        """Bytes of the content."""
        return len(idx.header(self.shape)) + math.prod(self.shape)

    @property
    def max_bytes(self):
        """Bytes of the file at most: gzip makes no content much longer than it is."""
        return self.size + self.size // 100 + 1000

    def decode(self, data):
        """The array in `data`, the file's bytes, gzipped or not. ValueError if it is not the right one."""
        content = idx.unzip(data, self.size)
        array = idx.decode(content, self.shape)
        self._check_sum(content)
        return array

    def check(self, array):
        """`array`, reshaped, if it is what the file holds; ValueError otherwise."""
        size = math.prod(self.shape)
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.size != size:
            raise ValueError(f"expected {size} uint8 values of {self.name}")
        array = np.ascontiguousarray(array.reshape(self.shape))
        self._check_sum(idx.header(self.shape), array.ravel())
        return array

    def _check_sum(self, *parts):
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        if digest.hexdigest() != self.sha256:
            raise ValueError(f"not the content of {self.name}: expected the SHA-256 {self.sha256}, "
                             f"got {digest.hexdigest()}")


def four_files(train, test, sums):
    """The files of a set like MNIST, `train` and `test` images of 28x28 and their labels.

    Parameters
    ----------
    train, test : int
    sums : sequence of four str
        The SHA-256 of each file before gzip, in the order of `FILE_NAMES`.

    Returns
    -------
    dict of str to IdxFile
    """
    shapes = ((train, 28, 28), (train,), (test, 28, 28), (test,))
    return {key: IdxFile(name, shape, sha256)
            for (key, name), shape, sha256 in zip(FILE_NAMES.items(), shapes, sums, strict=True)}


@dataclass(frozen=True)
class Dataset:
    """What there is to know about a data set.

    Attributes
    ----------
    name : str
    files : dict of str to IdxFile
        By the keys train_img, train_label, test_img, test_label.
    mirrors : tuple of str
        URLs of folders that hold the files.
    variable : str
        Environment variable that names a folder with the files.
    folder : Path
        Where downloaded files are kept, and where the reader may put them.
    cache : Path
        A pickle of all the arrays, which loads fast; in the project's folder `dataset`.
    package : str
        Debian's package of the files, if there is one ...
    package_folder : Path
        ... and where it puts them.
    """
    name: str
    files: dict
    mirrors: tuple
    variable: str
    folder: Path
    cache: Path
    package: str = ""
    package_folder: Path | None = None


class NotFound(FileNotFoundError):
    """The data set is in none of the places that the message lists."""


def load(dataset):
    """The arrays of a data set, from its cache or else from `prepare`.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
        uint8: images (N, rows, columns) and labels (N,). They are the caller's own.
    origin : str
        Where they come from.

    Raises
    ------
    NotFound
    """
    for folder in (dataset.folder, dataset.cache.parent):
        remove_abandoned(folder)
    try:
        return _read_cache(dataset), str(dataset.cache)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        print(f"Not using the pickle file: {error}")
    return prepare(dataset)


def prepare(dataset):
    """Find each file in a folder or on the network, and write the cache. Returns and raises as `load`."""
    mirrors = _mirrors(dataset)
    arrays, origins = {}, []
    for key, file in dataset.files.items():
        arrays[key], origin = _find(dataset, file, mirrors)
        origins.append(origin)
    print(f"Creating pickle file {dataset.cache}")
    flat = {key: array.reshape(len(array), -1) if array.ndim > 1 else array for key, array in arrays.items()}
    try:
        save_pickle(dataset.cache, flat)
        print("Done!")
    except OSError as error:
        print(f"Cannot write it ({error}). The data is good, but the next start will be no faster.")
    return arrays, ", ".join(dict.fromkeys(origins))


def download(dataset):
    """Fetch from the mirrors what is not yet in the folder of the data set. Raises NotFound."""
    mirrors = _mirrors(dataset)
    for file in dataset.files.values():
        if not _find_in([dataset.folder], file):
            _download(dataset, file, mirrors)


def split(arrays, normalize, flatten, one_hot_label):
    """((x_train, t_train), (x_test, t_test)) from the arrays of `load`, as `load_mnist` describes them."""
    return tuple((_images(arrays[f"{part}_img"], normalize, flatten),
                  _labels(arrays[f"{part}_label"], one_hot_label)) for part in ("train", "test"))


def report(arrays, origin):
    """Print what `load` has returned."""
    for key, array in arrays.items():
        print(f"{key}: {array.shape} {array.dtype}")
    print(f"From {origin}")


def _images(images, normalize, flatten):
    n, rows, columns = images.shape
    x = images.reshape((n, rows * columns) if flatten else (n, 1, rows, columns))
    if normalize:
        x = x.astype(np.float32)
        x /= 255
    return x


def _labels(labels, one_hot_label):
    return np.eye(10, dtype=np.float32)[labels] if one_hot_label else labels


def read_file(path, file):
    """The array in an IdxFile at `path`, gzipped or not. ValueError or OSError if it is not the right one."""
    size = path.stat().st_size
    if size > file.max_bytes:
        raise ValueError(f"expected at most {file.max_bytes} bytes, got {size}")
    return file.decode(path.read_bytes())


def _read_cache(dataset):
    max_bytes = 2 * sum(file.max_bytes for file in dataset.files.values())
    content = load_pickle(dataset.cache, max_bytes)
    if not isinstance(content, dict) or not dataset.files.keys() <= content.keys():
        raise ValueError(f"{dataset.cache}: expected a dict with the keys {', '.join(dataset.files)}")
    try:
        return {key: file.check(content[key]) for key, file in dataset.files.items()}
    except ValueError as error:
        raise ValueError(f"{dataset.cache}: {error}") from error


def _mirrors(dataset):
    offline = os.environ.get(OFFLINE, "0") not in ("", "0")
    return [] if offline else list(dataset.mirrors)


def _folders(dataset):
    """The data set's own folder, then the reader's, as seen from here or, when relative, from the project;
    then that of the package."""
    folders = [dataset.folder]
    named = os.path.expanduser(os.environ.get(dataset.variable, ""))
    if named:
        folders += [Path(named), dataset.cache.parents[1] / named]
    if dataset.package:
        folders.append(dataset.package_folder)
    return list(dict.fromkeys(Path(os.path.realpath(folder)) for folder in folders))


def _find_in(folders, file):
    """The array of a file and its folder, or None; says so when a file is there but not right."""
    plain = file.name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    for folder in folders:
        for name in (plain + ".gz", plain, dotted + ".gz", dotted):
            path = folder / name
            if not os.path.isfile(path):
                continue
            print(f"Converting {path}")
            try:
                return read_file(path, file), str(folder)
            except (OSError, ValueError) as error:
                print(f"  not used: {error}")
    return None


def _find(dataset, file, mirrors):
    return _find_in(_folders(dataset), file) or _download(dataset, file, mirrors)


def _download(dataset, file, mirrors):
    try:
        body, array, url = fetch_from(mirrors, file.name, file.max_bytes, file.decode)
    except OSError:
        raise NotFound(_how_to_get(dataset, file)) from None     # what each mirror said is printed already
    try:
        dataset.folder.mkdir(exist_ok=True)
        write_atomically(dataset.folder / file.name, body)
    except OSError as error:
        print(f"Cannot keep {file.name} ({error}).")
    return array, url.removesuffix(file.name)


def _how_to_get(dataset, missing):
    named = os.environ.get(dataset.variable)
    tried = [str(dataset.folder), f"{dataset.variable}, which is {named or 'not set'}",
             *([str(dataset.package_folder)] if dataset.package else []),
             *(_mirrors(dataset) or [f"no mirror, because {OFFLINE} is set"])]
    names = [file.name for file in dataset.files.values()]
    package = f"run: sudo apt install {dataset.package} (on Debian)\nor " if dataset.package else ""
    item = "\n  "
    return (f"{dataset.name}: {missing.name} was not found. Tried:{item}{item.join(tried)}\n"
            f"For the full set, {package}put these files (gzipped or not) into {dataset.folder}\n"
            f"or into a folder that {dataset.variable} names:{item}{item.join(names)}")
