"""Files that can be trusted: written whole or not at all, and read without running anything in them."""
import math
import os
import pickle
import pickletools
import re
import secrets
import time
import zlib
from pathlib import Path

import numpy as np


class UnreadableFile(ValueError):
    """The file is damaged, or holds more than plain data and NumPy arrays. Nothing in it was run."""


def write_atomically(path, data):
    """Write a file under a temporary name in the same folder, then move it into place.

    Whoever reads `path` sees the old file or the whole new one, also when several processes write it at once,
    the disk fills up or the process is killed.

    Parameters
    ----------
    path : str or Path
    data : bytes, or a function that is called with the open binary file and writes to it

    Raises
    ------
    OSError
        The folder cannot be written or the disk is full; `path` is as it was, no temporary file is left.
    """
    path = Path(os.path.realpath(path))
    _remove_abandoned(path)
    temp = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temp, "xb") as file:
            if callable(data):
                data(file)
            else:
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temp, path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def _remove_abandoned(path):
    """Delete the temporary files of `path` whose writers were killed before they could do so."""
    for temp in path.parent.glob("*.tmp"):
        match = re.fullmatch(r"(.+)\.(\d+)-[0-9a-f]{8}\.tmp", temp.name)
        try:
            if match and match[1] == path.name and not _still_written(temp, int(match[2])):
                temp.unlink()
        except OSError:
            pass                                    # another process was faster, or it is not ours to delete


def _still_written(temp, pid):
    if os.name != "posix":                          # elsewhere os.kill(pid, 0) would end the process
        return time.time() - temp.stat().st_mtime < 60
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _checksum(pickled):
    return b"crc32:%08x" % zlib.crc32(pickled)


def save_pickle(path, obj):
    """Save plain data and NumPy arrays so that `load_pickle` and also a plain `pickle.load` can read them.

    A checksum follows the pickle, where `pickle.load` does not look: `load_pickle` notices one flipped bit.
    """
    data = pickle.dumps(obj)
    write_atomically(path, data + _checksum(data))


def load_pickle(path, max_bytes=None):
    """Read a pickle of plain data: None, bool, int, float, complex, str, bytes, list, tuple, dict, set and
    NumPy arrays, scalars and dtypes of numbers or text, written by NumPy 1 or 2 with any pickle protocol.

    A pickle is a program for a small stack machine, and Python's own machine calls any function that the
    file names: `pickle.load` on a stranger's file can run anything. The machine here can only build data.

    Parameters
    ----------
    path : str or Path
    max_bytes : int, optional
        Refuse larger files, without reading them.

    Raises
    ------
    UnreadableFile
        The file is damaged or holds anything else. Nothing in it was run.
    OSError
        The file is missing or cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if max_bytes is not None and size > max_bytes:
        raise UnreadableFile(f"{path}: expected at most {max_bytes} bytes, got {size}")
    data = path.read_bytes()
    try:
        return _Builder(data).build()
    except Exception as error:      # damaged bytes can fail in any way; each means the same to the caller
        raise UnreadableFile(f"{path}: expected a whole file of plain data and NumPy arrays; nothing in it "
                             f"was run ({type(error).__name__}: {str(error)[:200]})") from error


class _Name(str):
    """A class or function that the pickle mentions, as 'module name': only compared, never looked up."""


_NAMES = {"numpy ndarray", "numpy dtype", "numpy._core.multiarray _reconstruct",
          "numpy._core.multiarray scalar", "numpy._core.numeric _frombuffer",
          "_codecs encode", "collections OrderedDict",
          "builtins bytes", "builtins bytearray", "builtins set", "builtins frozenset", "builtins complex"}
_VALUES = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
           "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
           "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_FRESH = {"NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
          "EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Builder:
    """The stack machine: it builds the data that a pickle describes, one instruction at a time."""

    def __init__(self, data):
        self.data = data
        self.stack, self.marks, self.memo = [], [], {}
        self.allowance = 4 * len(data)      # bytes that copies may take: a small file makes no huge arrays

    def build(self):
        for opcode, value, position in pickletools.genops(self.data):
            self.step(opcode.name, value)
        rest = self.data[position + 1:]
        if rest and rest != _checksum(memoryview(self.data)[:position + 1]):
            raise ValueError("the checksum does not match")
        (result,) = self.plain(self.stack)
        return result

    def step(self, name, value):
        stack, memo = self.stack, self.memo
        if name in _VALUES:
            stack.append(value)
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[value] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name in _FRESH:
            stack.append(_FRESH[name]())
        elif name in _SHORT_TUPLES:
            stack.append(tuple(self.pop(_SHORT_TUPLES[name])))
        elif name == "TUPLE":
            stack.append(tuple(self.pop_to_mark()))
        elif name == "LIST":
            stack.append(self.plain(self.pop_to_mark()))
        elif name == "DICT":
            stack.append(self.pairs(self.pop_to_mark()))
        elif name == "FROZENSET":
            stack.append(frozenset(self.plain(self.pop_to_mark())))
        elif name in ("APPEND", "APPENDS"):
            items = self.plain(self.pop(1) if name == "APPEND" else self.pop_to_mark())
            list.extend(stack[-1], items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self.pairs(self.pop(2) if name == "SETITEM" else self.pop_to_mark())
            dict.update(stack[-1], items)
        elif name == "ADDITEMS":
            items = self.plain(self.pop_to_mark())
            set.update(stack[-1], items)
        elif name == "GLOBAL":
            stack.append(self.mention(value))
        elif name == "STACK_GLOBAL":
            stack.append(self.mention(" ".join(self.pop(2))))
        elif name == "REDUCE":
            stack.append(self.call(*self.pop(2)))
        elif name == "BUILD":
            target, state = self.pop(2)
            self.fill(target, state)
            stack.append(target)
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"the instruction {name} is not for plain data")

    def pop(self, count):
        if len(self.stack) < count:
            raise ValueError("an instruction finds too little on the stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def pop_to_mark(self):
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def plain(self, items):
        for item in items:
            if isinstance(item, _Name):
                raise ValueError(f"{item} is not plain data")
        return items

    def pairs(self, items):
        self.plain(items)
        return dict(zip(items[::2], items[1::2], strict=True))

    def mention(self, name):
        name = re.sub(r"^numpy\.core\.", "numpy._core.", name)          # NumPy 1
        name = re.sub(r"^__builtin__ ", "builtins ", name)              # protocols 0 to 2
        if name not in _NAMES:
            raise ValueError(f"it asks for {name.replace(' ', '.')}, which is not plain data")
        return _Name(name)

    def charge(self, number):
        self.allowance -= number
        if self.allowance < 0:
            raise ValueError("its contents would be far larger than the file")

    def call(self, function, arguments):
        """What the few functions that pickles of plain data call would return."""
        match function, arguments:
            case "numpy._core.multiarray _reconstruct", ("numpy ndarray", (0,), b"b"):
                return np.empty(0, np.int8)
            case "numpy._core.numeric _frombuffer", (raw, np.dtype() as dtype, shape, "C" | "F" as order):
                array = np.empty(0, np.int8)
                self.fill(array, (1, shape, dtype, order == "F", raw))
                return array
            case "numpy._core.multiarray scalar", (np.dtype() as dtype, bytes() as raw):
                (scalar,) = np.frombuffer(raw, dtype)
                return scalar
            case "numpy dtype", (str() as code, _, _):
                if not re.fullmatch(r"[biufcSU][1-9]\d*", code):
                    raise ValueError(f"it has an array of {code[:60]}, not of numbers or text")
                return np.dtype(code, False, True)      # a copy, which `fill` may change
            case "_codecs encode", (str() as text, "latin1" | "latin-1"):
                self.charge(len(text))
                return text.encode("latin1")
            case "collections OrderedDict", ():
                return {}
            case "builtins bytes", ():
                return b""
            case "builtins bytearray", (bytes() as raw,):
                self.charge(len(raw))
                return bytearray(raw)
            case "builtins set" | "builtins frozenset", (list() as items,):
                self.charge(len(items))
                return set(items) if function == "builtins set" else frozenset(items)
            case "builtins complex", (float() as real, float() as imaginary):
                return complex(real, imaginary)
        raise ValueError(f"it calls {str(function)[:60]!r} as plain data does not")

    def fill(self, target, state):
        """Give a NumPy array or dtype its state: numbers and text only, never objects."""
        match target, state:
            case np.dtype(), (3, "<" | ">" | "|" | "=" as byte_order, None, None, None, *_):
                target.__setstate__((3, byte_order, None, None, None,
                                     target.itemsize, target.alignment, target.flags))
            case np.ndarray(), (1, tuple() as shape, np.dtype() as dtype, bool() | int() as fortran,
                                bytes() | bytearray() as raw):
                whole = all(type(n) is int and n >= 0 for n in shape)
                if not whole or math.prod(shape) * dtype.itemsize != len(raw):
                    raise ValueError(f"an array of shape {shape} and {dtype} has {len(raw)} bytes")
                self.charge(len(raw))
                target.__setstate__((1, shape, dtype, bool(fortran), bytes(raw)))
            case _:
                raise ValueError(f"it gives a {type(target).__name__} a state that plain data does not have")
