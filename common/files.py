"""Files that can be trusted: written whole or not at all, and read without running anything in them."""
import copy
import io
import os
import pickle
import re
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

CHECKSUM = b"crc32:%08x"        # after the pickle
OTHER_KINDS = {     # the first bytes of files that are given instead of a pickle, and what these are
    b"PK": "a zip file, as np.savez and torch.save write it: for np.savez, read it with np.load",
    b"\x93NUMPY": "a NumPy array (.npy): read it with np.load",
    b"\x1f\x8b": "gzipped: unzip it first",
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself: get that with git lfs pull",
    b"<": "a web page: download the file itself",
}


class UnreadableFile(ValueError):
    """The file is damaged, or holds more than plain data and NumPy arrays. Nothing in it was run."""


def printable(message):
    """A message that may hold a stranger's words: cut short, and without what steers a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(message)[:300])


def say(text):
    r"""Print a line. A letter that the terminal does not have becomes \u6df1; `print` would raise an error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(str(text).encode(encoding, "backslashreplace").decode(encoding), flush=True)


def write_atomically(path, data):
    """Write a file under a temporary name in the same folder, then move it into place.

    Whoever reads `path` sees the old file or the whole new one, also when several processes write it at once, the
    disk fills up or the process is killed. `data` is bytes, or a function that writes to the open file it is given.
    Raises an OSError, and leaves all as it was, if that is impossible, or `path` is a folder, a pipe or a device.
    """
    path = Path(os.path.realpath(path) if os.path.islink(path) else path)      # a link stays a link
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no such folder: {path.parent}")
    if os.path.lexists(path) and not path.is_file():
        raise OSError(f"{path} is a folder, a pipe or a device, and is not replaced")
    temp = path.with_name(f"{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with open(temp, "xb") as file:
            data(file) if callable(data) else file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _remove_abandoned(temp)
        _replace(temp, path)
    except BaseException as error:
        temp.unlink(missing_ok=True)
        if getattr(error, "filename", None) == str(temp):       # a name that the reader does not know
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def _remove_abandoned(temp):
    """Delete what killed writers left beside `temp`, five minutes old by the clock of the folder's own machine."""
    for other in temp.parent.glob("*." + 8 * "[0-9a-f]" + ".tmp"):
        with suppress(OSError):                     # another process was faster, or it is not ours to delete
            if temp.stat().st_mtime - other.stat().st_mtime > 300:
                other.unlink()


def _replace(temp, path):
    for seconds in (0.1, 0.3, 1):
        with suppress(PermissionError):             # on Windows, while another program has the file open
            return os.replace(temp, path)
        time.sleep(seconds)
    return os.replace(temp, path)


def save_pickle(path, obj):
    """Save plain data and NumPy arrays so that `load_pickle` and also a plain `pickle.load` can read them.

    A checksum follows the pickle, where `pickle.load` does not look: `load_pickle` notices one flipped bit.
    Raises a ValueError if `load_pickle` could not read it, and the OSErrors of `write_atomically`.
    """
    try:
        data = pickle.dumps(obj, protocol=4)        # the same for every Python
        _read(data)
    except Exception as error:
        raise ValueError(f"{path} was not saved, because it could not be loaded again: {printable(error)}") from error
    write_atomically(path, data + CHECKSUM % zlib.crc32(data))


def load_pickle(path):
    """Read a pickle of plain data and NumPy arrays, of any protocol, running nothing in it.

    Plain data is None, numbers, text, bytes, lists, tuples, dicts (of any kind: they load as dict) and sets. Arrays
    (of any kind: they load as ndarray), NumPy's scalars and dtypes are of numbers or text. Raises an UnreadableFile
    if the file is damaged or holds anything else, and an OSError if it is missing or cannot be read.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise UnreadableFile(f"{path}: expected a file, got a folder, a pipe or a device")
    data = path.read_bytes()
    try:
        return _read(data)
    except Exception as error:      # damaged bytes can fail in any way
        why = error if isinstance(error, (ValueError, pickle.UnpicklingError)) else "it is damaged, or no pickle"
        expected = "expected plain data and NumPy arrays; nothing in it was run"
        raise UnreadableFile(f"{path}: {expected} ({printable(why)})") from error


def _read(data):
    """What the bytes of a file hold, if they are one pickle of plain data."""
    start = data[:100].lstrip()
    for beginning, kind in OTHER_KINDS.items():
        if start.startswith(beginning):
            raise ValueError(f"this is {kind}")
    if not start:
        raise ValueError("the file is empty")
    pickled, checksum = data[:-14], data[-14:]
    if not checksum.startswith(b"crc32:"):
        pickled = data                              # another program has written it
    elif checksum != CHECKSUM % zlib.crc32(pickled):
        raise ValueError("the checksum does not match: the file is damaged")
    file = io.BytesIO(pickled)
    obj = copy.deepcopy(_Unpickler(file, encoding="latin1").load())    # Python 2 has bytes as text of this encoding
    if file.tell() < len(pickled):
        raise ValueError("more follows after the pickle: expected a single one, so put all into one dict")
    return obj


class _Unpickler(pickle._Unpickler):
    """Lets in the names in `PLAIN` and `NUMPY` only. Made from Python's own: a damaged file cannot fill the memory."""

    def find_class(self, module, name):
        asked = f"{module}.{name}".replace("numpy.core.", "numpy._core.").replace("__builtin__.", "builtins.")
        if asked not in PLAIN and asked not in NUMPY:
            raise ValueError(f"it asks for {asked}, which is not plain data")
        return _Asked(asked)


class _Asked:
    """What a pickle asks for. Plain data is made at once; of arrays and dtypes, arguments and state are noted.

    When all is read, `copy.deepcopy` of the data puts the arrays in the place of these notes.
    """

    def __init__(self, name, args=None):
        self.name, self.args, self.state = name, args, None

    def __call__(self, *args):
        return PLAIN[self.name](*args) if self.name in PLAIN else _Asked(self.name, args)

    def __setstate__(self, state):      # NumPy's own would believe anything
        self.state = state

    def __deepcopy__(self, done):
        """The array, scalar or dtype that NumPy would make. `done` is what `copy.deepcopy` wants handed on."""
        match self.name, self.args, copy.deepcopy(self.state, done):
            case "numpy._core.multiarray._reconstruct", (_, _, _), (_, shape, dtype, fortran, raw):
                return _array(raw, dtype, shape, "F" if fortran else "C")
            case "numpy._core.numeric._frombuffer", (raw, dtype, shape, order, *axis_order), None:
                return _array(raw, copy.deepcopy(dtype, done), shape, order, *axis_order)
            case "numpy._core.multiarray.scalar", (dtype, raw), None:
                return _array(raw, copy.deepcopy(dtype, done), ())[()]
            case "numpy.dtype", (str() as code, *_), None | (_, _, None, None, None, *_) as state:
                if not re.fullmatch(r"[biufcSU][1-9][0-9]*", code):
                    raise ValueError(f"it has an array of {code}, not of numbers or text")
                return np.dtype(code).newbyteorder(state[1] if state else "=")
        raise ValueError(f"it asks for {self.name} in a way that plain data does not")


def _array(raw, dtype, shape, order="C", axis_order=None):
    """A NumPy array from its bytes, checked first, in the byte order of this machine."""
    raw = raw.encode("latin1") if isinstance(raw, str) else raw        # as Python 2 has it
    if not (isinstance(dtype, np.dtype) and isinstance(raw, (bytes, bytearray))):
        raise ValueError("it has an array that is not of numbers or text")
    array = np.ndarray(shape, dtype, raw, order="F" if order == "F" else "C")
    if array.nbytes != len(raw):
        raise ValueError(f"an array of {array.nbytes} bytes has {len(raw)} bytes of data")
    if dtype.kind in "bU":                          # NumPy trusts that none is larger
        kind, largest = ("u1", 1) if dtype.kind == "b" else ("u4", sys.maxunicode)
        if np.any(np.frombuffer(raw, dtype.str[0] + kind) > largest):
            raise ValueError(f"an array of {dtype} has values that it cannot have")
    array = array if axis_order is None else array.transpose(axis_order)
    return array.astype(dtype.newbyteorder("="), order="K")


PLAIN = {       # what pickles of plain data call
    "builtins.dict": dict, "collections.OrderedDict": dict, "collections.Counter": dict,
    "collections.defaultdict": lambda kind: {}, "builtins.set": set, "builtins.frozenset": frozenset,
    "builtins.complex": complex, "builtins.bytes": lambda: b"",
    "builtins.bytearray": lambda *parts: bytearray().join(parts),
    "_codecs.encode": lambda text, codec: text.encode({"latin1": codec}[codec]),
}
NUMPY = {       # the other names in pickles of arrays, and what a defaultdict may be of
    "numpy.dtype", "numpy.ndarray", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix", "numpy.memmap",
    "numpy._core.memmap.memmap", "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer", "builtins.list", "builtins.int", "builtins.long", "builtins.float",
}
