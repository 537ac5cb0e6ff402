"""A data set that comes in four IDX files, and where it is found: in a cache, in a folder, or on the internet."""
import math
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset.download import fetch
from dataset.idx import IdxFile
from common.files import load_pickle, printable, save_pickle, say, write_atomically

OFFLINE = "MNIST_OFFLINE"       # environment variable: 1 means that no download is tried
FILE_NAMES = {
    "train_img": "train-images-idx3-ubyte.gz",
    "train_label": "train-labels-idx1-ubyte.gz",
    "test_img": "t10k-images-idx3-ubyte.gz",
    "test_label": "t10k-labels-idx1-ubyte.gz",
}
KERAS_NAMES = {"train_img": "x_train", "train_label": "y_train", "test_img": "x_test", "test_label": "y_test"}
MINI_DIR = Path(__file__).resolve().with_name("mini")


def four_files(train, test, sums):
    """{key: IdxFile} of a set like MNIST; `sums` holds each SHA-256, in the order of `FILE_NAMES`."""
    shapes = ((train, 28, 28), (train,), (test, 28, 28), (test,))
    return {key: IdxFile(name, shape, sha256)
            for (key, name), shape, sha256 in zip(FILE_NAMES.items(), shapes, sums, strict=True)}


def read_file(path, file):
    """The array in an IdxFile at `path`, gzipped or not. ValueError or OSError if it is not the right one."""
    return file.decode(path.read_bytes())


class MiniMnistWarning(UserWarning):
    """The full MNIST was not found, and the mini MNIST takes its place."""


@dataclass(frozen=True)
class Dataset:
    """A data set. Where its files are not found, a FileNotFoundError lists where they were looked for."""
    title: str                          # as figures show it
    files: dict                         # {"train_img": IdxFile, ...}, as FILE_NAMES has the keys
    mirrors: tuple                      # URLs of folders that hold the files
    variable: str                       # environment variable that names a folder with the files
    folder: Path                        # where downloaded files are kept, and where readers may put them
    cache: Path                         # a pickle of all the arrays, which loads fast
    package: Path | None = None         # where Debian's package puts the files, if there is one
    mini: dict | None = None            # files in MINI_DIR, for want of better ones
    ending: str = ""                    # of the names of files that belong to it: `params_fashion.pkl`

    def load(self, **options):
        """What `pairs` returns, for a script: where there are no files, it ends and says how to get them."""
        try:
            return self.pairs(**options)
        except FileNotFoundError as error:
            sys.exit(str(error))

    def own(self, path):
        """`path` with the data set's ending, so that each set has files of its own."""
        return Path(path).with_stem(Path(path).stem + self.ending)

    def pairs(self, normalize=True, flatten=True, one_hot_label=False, allow_mini=True):
        """((x_train, t_train), (x_test, t_test)), as `load_mnist` describes them."""
        try:
            arrays = self.arrays()
        except FileNotFoundError as error:
            if not (self.mini and allow_mini):
                raise
            warnings.warn("only 4,000 training and 1,000 test digits are used: results will be lower.\n"
                          f"{error}\n", MiniMnistWarning, stacklevel=3)
            arrays = {key: read_file(MINI_DIR / file.name, file) for key, file in self.mini.items()}
        parts = []
        for part in ("train", "test"):
            x, t = arrays[f"{part}_img"], arrays[f"{part}_label"]
            x = x.reshape(len(x), -1) if flatten else x[:, np.newaxis]
            if normalize:
                x = x.astype(np.float32)
                x /= 255
            parts.append((x, np.eye(10, dtype=np.float32)[t] if one_hot_label else t))
        return tuple(parts)

    def arrays(self):
        """{"train_img": (N, 28, 28), "train_label": (N,), ...} of uint8, from the cache or else from `prepare`."""
        if self.cache.exists():
            try:
                return self.read_cache()
            except (OSError, ValueError) as error:
                say(f"Not using the pickle file: {error}")
        return self.prepare()

    def read_cache(self):
        """The arrays in the cache. ValueError or OSError if they are not the right ones."""
        content = load_pickle(self.cache)
        if not isinstance(content, dict):
            raise ValueError(f"expected a dict of arrays, got {type(content).__name__}")
        return {key: file.check(content.get(key)) for key, file in self.files.items()}

    def prepare(self):
        """The arrays, from files in a folder or on the internet; they are written to the cache."""
        arrays = self.find_or_download(self.folders())
        say(f"Creating pickle file {self.cache}")
        flat = {key: array.reshape(len(array), -1) if array.ndim > 1 else array for key, array in arrays.items()}
        try:
            save_pickle(self.cache, flat)
        except OSError as error:
            say(f"Cannot write it ({error}). The data is good, but the next start will be no faster.")
        return arrays

    def folders(self):
        """Where the files may be. The reader's folder is seen from the current folder and from the project's."""
        folders = [self.folder]
        if named := os.environ.get(self.variable, "").strip(" \t\"'"):      # Windows keeps the quotes
            named = Path(named).expanduser()
            folders += [named, self.cache.parents[1] / named]
        return list(dict.fromkeys(folders + [self.package] * bool(self.package)))

    def urls(self):
        """The mirrors, or none where downloads are forbidden."""
        offline = os.environ.get(OFFLINE, "").strip().lower() not in ("", "0", "false", "no", "off")
        return [] if offline else list(self.mirrors)

    def find_or_download(self, folders):
        """The arrays, each from the first of the folders, or else of the mirrors, that has it."""
        paths = [path for folder in folders for path in _files_in(folder)]
        mirrors = self.urls()
        return {key: self._find(key, file, paths, mirrors) for key, file in self.files.items()}

    def _find(self, key, file, paths, mirrors):
        """The array of a file, from the first of the paths that has it, or else from a mirror."""
        for path in paths:
            name = path.name.lower().removesuffix(".gz").replace(".idx", "-idx")
            if name not in (file.name.removesuffix(".gz"), "mnist.npz"):
                continue
            say(f"Converting {path}")
            try:
                if name == "mnist.npz":     # as Keras has it
                    with np.load(path, allow_pickle=False) as arrays:
                        return file.check(arrays[KERAS_NAMES[key]])
                return read_file(path, file)
            except Exception as error:      # a damaged npz can fail in any way
                say(f"  not used: {error}")
        return self._download(file, mirrors)

    def _download(self, file, mirrors):
        """The array of a file, from the first mirror that has it; those that fail are taken out of the list."""
        max_bytes = 2000 + math.prod(file.shape) * 101 // 100       # gzip makes no content much longer than it is
        for mirror in list(mirrors):
            say(f"Downloading {mirror}{file.name}")
            try:
                data = fetch(mirror + file.name, max_bytes)
                array = file.decode(data)
            except (OSError, ValueError) as error:
                say(f"  failed: {printable(error)}")
                mirrors.remove(mirror)
                continue
            try:
                self.folder.mkdir(exist_ok=True)
                write_atomically(self.folder / file.name, data)
            except OSError as error:
                say(f"Cannot keep {file.name} ({error}).")
            return array
        raise FileNotFoundError(self._how_to_get(file))

    def _how_to_get(self, missing):
        tried = [str(folder) if folder.exists() else f"{folder}, which does not exist" for folder in self.folders()]
        tried += self.urls() or [f"no mirror, because {OFFLINE} is set"]
        package = f"run: sudo apt install dataset-{self.package.name} (on Debian)\nor " if self.package else ""
        item = "\n  "
        return (f"{self.title}: {missing.name} was not found. Tried:{item}{item.join(tried)}\n"
                f"For the full set, {package}put these files (gzipped or not) into {self.folder}\n"
                f"or into a folder that {self.variable} names:{item}{item.join(FILE_NAMES.values())}")


def _files_in(folder):
    """The files in a folder, and in its folders two levels down: unpacking often makes folders."""
    folder = folder.parent if folder.is_file() else folder
    paths = [path for pattern in ("*", "*/*", "*/*/*") for path in sorted(folder.glob(pattern))]
    other_sets = {"mini", "fashion"}
    return [path for path in paths
            if os.path.isfile(path) and other_sets.isdisjoint(path.relative_to(folder).parts)]
