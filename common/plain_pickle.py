"""Reading a pickle of plain data without running anything in it.

A pickle is a program for a small stack machine, and Python's own machine calls any function that the file
names: `pickle.load` on a stranger's file can run anything. The machine here can only build data.
"""
import pickletools
import re
import sys

import numpy as np


def build(pickled):
    """The data that a pickle describes: None, bool, int, float, complex, str, bytes, list, tuple, dict, set
    and NumPy arrays, scalars and dtypes of numbers or text, written by NumPy 1 or 2 with any protocol.

    Keys of dicts and members of sets are text or numbers.

    Parameters
    ----------
    pickled : bytes
        More bytes may follow the pickle.

    Returns
    -------
    data
    size : int
        Bytes of the pickle.

    Raises
    ------
    ValueError
        It is damaged or holds anything else. Nothing in it was run.
    """
    try:
        return _Machine(len(pickled)).run(pickled)
    except Exception as error:      # damaged bytes can fail in any way; each means the same to the caller
        raise ValueError(f"expected plain data and NumPy arrays; nothing in it was run "
                         f"({type(error).__name__}: {str(error)[:200]})") from error


class _Name(str):
    """A class or function that the pickle mentions, as 'module name': only compared, never looked up."""


class _Arguments(tuple):
    """A tuple with a name in it: good for a call, but no data."""


_VALUES = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
           "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
           "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_LARGEST = {"b": ("u1", 1), "U": ("u4", sys.maxunicode)}    # NumPy trusts that none is larger
FREE_INSTRUCTIONS = 100_000     # and one for every 8 bytes: a float in a list takes 9, an array far more


class _Machine:
    """Carries out the instructions of a pickle that build data, and refuses all others.

    The errors show nothing that the file has built: a few nested lists can be endless when printed.
    """

    def __init__(self, size):
        self.stack, self.below_marks, self.memo = [], [], {}
        self.allowance = 4 * size       # bytes that copies may take: a small file makes no huge arrays

    def run(self, pickled):
        for count, (opcode, value, position) in enumerate(pickletools.genops(pickled)):
            if count > FREE_INSTRUCTIONS + position // 8:
                raise ValueError("it has far more instructions than data")
            name = opcode.name
            if name == "MARK":
                self.below_marks.append(self.stack)
                self.stack = []
            elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
                self.memo[len(self.memo) if name == "MEMOIZE" else value] = self.stack[-1]
            elif name not in ("PROTO", "FRAME"):
                operands = self.take(opcode.stack_before)
                self.stack.append(self.result(name, value, operands))
        if len(self.stack) > 1 or self.below_marks:
            raise ValueError("it leaves more than one thing on the stack")
        return self.stack[0], position + 1

    def take(self, kinds):
        """The operands of an instruction, from the stack; those of a variable number lie above a mark."""
        operands = []
        if pickletools.stackslice in kinds:
            operands, self.stack = self.stack, self.below_marks.pop()
            kinds = kinds[:-2]
        return [self.stack.pop() for _ in kinds][::-1] + operands

    def result(self, name, value, operands):
        """What an instruction leaves on the stack."""
        if name == "REDUCE":
            return self.call(*operands)
        names = [operand for operand in operands if isinstance(operand, (_Name, _Arguments))]
        if name in ("EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE"):
            return _Arguments(operands) if names else tuple(operands)
        if names:
            raise ValueError(f"it asks for {_shown(names[0])}, which is not plain data")
        if name in _VALUES:
            return value
        match name, operands:
            case "GET" | "BINGET" | "LONG_BINGET", _:
                return self.memo[value]
            case "NONE" | "NEWTRUE" | "NEWFALSE", _:
                return {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name]
            case "EMPTY_LIST" | "LIST", items:
                return items
            case "EMPTY_DICT" | "DICT", items:
                return _dict(items)
            case "FROZENSET", items:
                return frozenset(_keys(items))
            case "EMPTY_SET", _:
                return set()
            case "APPEND" | "APPENDS", [list() as target, *items]:
                target.extend(items)
                return target
            case "SETITEM" | "SETITEMS", [dict() as target, *items]:
                target.update(_dict(items))
                return target
            case "ADDITEMS", [set() as target, *items]:
                target.update(_keys(items))
                return target
            case "BUILD", [target, state]:
                return self.fill(target, state)
            case "GLOBAL", _:
                return _name(value)
            case "STACK_GLOBAL", [str() as module, str() as function]:
                self.charge(len(module) + len(function))
                return _name(f"{module} {function}")
            case "STOP", [data]:
                return data
        raise ValueError(f"the instruction {name} on {[type(operand).__name__ for operand in operands[:3]]} "
                         f"is not for plain data")

    def call(self, function, arguments):
        """What the few functions that pickles of plain data call would return."""
        self.charge(sum(len(item) for item in arguments if isinstance(item, (str, bytes, list))))
        match isinstance(function, _Name) and function, arguments:      # NumPy's arrays compare themselves with text
            case "numpy._core.multiarray _reconstruct", ("numpy ndarray", (0,), b"b"):
                return np.empty(0, np.int8)
            case "numpy._core.numeric _frombuffer", (raw, np.dtype() as dtype, shape, "C" | "F" as order):
                return self.fill(np.empty(0, np.int8), (1, shape, dtype, order == "F", raw))
            case "numpy._core.multiarray scalar", (np.dtype() as dtype, bytes() as raw):
                return self.fill(np.empty(0, np.int8), (1, (), dtype, False, raw))[()]
            case "numpy dtype", (str() as code, _, _):
                if not re.fullmatch(r"[biufcSU][1-9]\d*", code):
                    raise ValueError(f"it has an array of {code[:60]}, not of numbers or text")
                return np.dtype(code, False, True)      # a copy, which `fill` may change
            case "_codecs encode", (str() as text, "latin1" | "latin-1"):
                return text.encode("latin1")
            case "collections OrderedDict", ():
                return {}
            case "builtins bytes", ():
                return b""
            case "builtins bytearray", (bytes() as raw,):
                return bytearray(raw)
            case "builtins set", (list() as items,):
                return set(_keys(items))
            case "builtins frozenset", (list() as items,):
                return frozenset(_keys(items))
            case "builtins complex", (float() as real, float() as imaginary):
                return complex(real, imaginary)
        raise ValueError(f"it asks for {_shown(function)}, which is not plain data")

    def fill(self, target, state):
        """`target`, a NumPy array or dtype, with its state: numbers and text only, never objects."""
        match target, state:
            case np.dtype(), (3, "<" | ">" | "|" | "=" as byte_order, None, None, None, *_):
                target.__setstate__((3, byte_order, None, None, None,
                                     target.itemsize, target.alignment, target.flags))
            case np.ndarray(), (1, tuple() as shape, np.dtype() as dtype, bool() | int() as fortran,
                                bytes() | bytearray() as raw):
                self.charge(len(raw))
                if np.ndarray(shape, dtype, raw).nbytes != len(raw):    # it checks what __setstate__ trusts
                    raise ValueError(f"an array of {dtype} has {len(raw)} bytes, which is not its size")
                if dtype.kind in _LARGEST:
                    unsigned, largest = _LARGEST[dtype.kind]
                    if np.any(np.frombuffer(raw, dtype.str[0] + unsigned) > largest):
                        raise ValueError(f"an array of {dtype} has values that it cannot have")
                target.__setstate__((1, shape, dtype, bool(fortran), bytes(raw)))
            case _:
                raise ValueError(f"it gives a {type(target).__name__} a state that plain data does not have")
        return target

    def charge(self, number):
        self.allowance -= number
        if self.allowance < 0:
            raise ValueError("its contents would be far larger than the file")


def _name(text):
    text = re.sub(r"^numpy\.core\.", "numpy._core.", text)          # NumPy 1
    return _Name(re.sub(r"^__builtin__ ", "builtins ", text))       # protocols 0 to 2


def _shown(function):
    return function.replace(" ", ".") if isinstance(function, _Name) else f"a {type(function).__name__}"


def _dict(items):
    return dict(zip(_keys(items[::2]), items[1::2], strict=True))


def _keys(items):
    """`items`, if they are fit to be keys.

    Anybody can make thousands of tuples, complex numbers or large ones that have the same hash, and so take
    for ever to compare.
    """
    for item in items:
        small = isinstance(item, int) and abs(item) < sys.hash_info.modulus
        if not (small or isinstance(item, (str, bytes, float))):
            raise ValueError("it has keys that are more than text and numbers")
    return items
