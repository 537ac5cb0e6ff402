"""Honest pickles give their data; damaged and hostile ones an error, and run nothing."""
import base64
import codecs
import collections
import os
import pickle
import re
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from common.files import UnreadableFile, load_pickle
from common.multi_layer_net_extend import MultiLayerNetExtend

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
TABLE = np.arange(6.0).reshape(2, 3)


def load(pickled):
    """What `load_pickle` makes of a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.pkl")
        path.write_bytes(pickled)
        return load_pickle(path)


def assert_same(got, expected):
    if isinstance(expected, np.ndarray):
        assert got.dtype == expected.dtype.newbyteorder("=") and got.shape == expected.shape
        assert got.flags.f_contiguous == expected.flags.f_contiguous
        assert got.flags.writeable
        np.testing.assert_array_equal(got, expected)
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            assert_same(got[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert type(got) is type(expected) and len(got) == len(expected)
        for one, other in zip(got, expected):
            assert_same(one, other)
    else:
        assert type(got) is type(expected) and got == expected


# ---- honest pickles

PLAIN = {
    "none": None, "true": True, "int": 3, "negative": -70000, "large": 10 ** 40,
    "float": 0.1, "complex": 3 - 4j,
    "text": "数字", "bytes": b"\xff\x00", "no bytes": b"", "bytearray": bytearray(b"xy"),
    "tuple": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "list": [[], [1, [2.5]]],
    "set": set(range(1000)), "frozenset": frozenset([3]), 5: "an int as key", "nested": {"a": {"b": ()}},
    "random state": np.random.get_state(),
}
ARRAYS = {
    "float64": TABLE, "float32": TABLE.astype(np.float32), "float16": TABLE.astype(np.float16),
    "uint8": np.arange(256, dtype=np.uint8), "bool": np.array([True, False]), "complex": np.array([1 + 2j]),
    "text": np.array(["あ", "bc"]), "bytes": np.array([b"a", b"bc"]), "big-endian": TABLE.astype(">f4"),
    "in neither order": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "Fortran": np.asfortranarray(TABLE), "empty": np.zeros((0, 3)), "no dimensions": np.array(2.5),
    "view": np.arange(3000).reshape(30, 100)[::2, 1:], "large": np.random.RandomState(0).rand(100, 100),
    "scalar": np.float32(1.5), "bool scalar": np.bool_(True), "text scalar": np.str_("héllo"),
    "dtype": np.dtype(np.float32), "big-endian dtype": np.dtype(">i2"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("data", [PLAIN, ARRAYS], ids=["plain", "arrays"])
def test_honest_pickles_load(data, protocol):
    pickled = pickle.dumps(data, protocol)
    assert_same(load(pickled), pickle.loads(pickled))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_array_met_twice_is_one_array(protocol):
    got = load(pickle.dumps({"a": TABLE, "b": [TABLE]}, protocol))
    assert got["a"] is got["b"][0]


class Own(dict):
    """A reader's class that pickles as a plain dict."""
    def __reduce__(self):
        return dict, (dict(self),)


PARAMS = {"W1": TABLE, "b1": np.zeros(3, np.float32)}
NET = MultiLayerNetExtend(3, [4], 2, use_batchnorm=True)
READERS_OWN = {     # what readers' scripts have dumped, and what it loads as
    "the params of a net": (NET.params, dict(NET.params)), "the state of a net": (NET.state, dict(NET.state)),
    "an OrderedDict": (collections.OrderedDict(PARAMS), PARAMS),
    "a defaultdict": (collections.defaultdict(int, PARAMS), PARAMS),
    "a defaultdict of lists": (collections.defaultdict(list, PARAMS), PARAMS),
    "a Counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "a dict of one's own": (Own(PARAMS), PARAMS),
    "a matrix": (TABLE.view(np.matrix), TABLE),
    "other keys": ({np.int64(3): 1, None: 2, (1, ("x", 2)): TABLE, 0.5: 3, b"b": 4, frozenset([1]): 5, True: 6},) * 2,
    "sets of them": ({(1, 2), np.float32(0.5), None},) * 2,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", READERS_OWN)
def test_what_readers_have(name, protocol):
    dumped, expected = READERS_OWN[name]
    assert_same(load(pickle.dumps(dumped, protocol)), expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_mapped_array(tmp_path, protocol):
    mapped = np.memmap(tmp_path / "mapped", np.float32, "w+", shape=(2, 3))
    mapped[:] = TABLE
    got = load(pickle.dumps({"W1": mapped, "b1": mapped[0]}, protocol))
    assert_same(got, {"W1": TABLE.astype(np.float32), "b1": TABLE[0].astype(np.float32)})
    assert type(got["W1"]) is np.ndarray


NUMPY_1 = {     # what NumPy 1.26 wrote, by protocol: base85 of the zlib-compressed pickle
    2: ("c-nQ730D$P7=}MK#c{*EeP6JWM6Ik$XtR={`dXxwm;oFL(HDja)1n2Cenmf_KhWu%{9$$PFr%HY;T-OqnS0;ox!-rE>|6!;V@@K"
        "P3&Nr0iVI7nfVP-V1r~}~Ba_JI6D1{{Pic#}f{`z3h5~0}mXb?0-oh233fx*;TTG_3f|AO~8wH-2L&U0RiM5C^n=mrDAX=;NGTL"
        "fT814RuBjSv>s_3vHlSXMttn4&}(v#?_uhr1a@cAPyGi?ez(P(t`x46u|2pQ;A>$)cvq<^pV?;-0h+!(yp=(EQDF#2>M)Xx|&Fs"
        "Pb@84T%8-Q3bPU3hM1>}Ys8tJtYqY7^Kc)pj%X2sOP~YOlH`q<S`O1oKx}2!+GgC!zZp2Mio+K$mgIh8~vCBaEXGO0qb9-B;J*a"
        "kZEc4avphidr&K1qH*yjAI6lHzEo+@t^J$v_v+MS1_Xcgi_mPeZGYdkSZq`qg4bMV`kDQ#%-AiDRYW(TF49w4YA(4vECiV8M%Ct"
        "an``OhDHYG^%1K|nMq8^DqUbqZ(XI3DiVFt<;VKZzkdkJ<co|;Ra|CVF|&)fYKzTCv1^R$W@{?AVIhk_%t~a0ann9CE4bAJj+$r"
        "2CEhv&?6!p6Vca#qs`*sS%;TO7yDwo67!M`PQNi5iDTqnfBgSJJHjO7uu%{->Bi@GA%S3o4anBiX120rFX=WJ-o2E*d#z;z<cv3"
        "}5-&5B`r_<Ktam?G3bvZf1cxin~5qAx*?DCHxEA<u_xvk5;Xdcp0vzr~{CLejJpB&Ul9_pbs8XzZiQ495wLWAU@Zfd1IYNsK>lH"
        "3Crc>@L2`p^yAswk~qGu~L;d21P|L6oG?GUJ^zYVOO5St>c#L0FZH_lyq)$_<8&j~k~eJ%&#*>@(xb*4wM7R#rNIs?4e})~cv8z"
        "7_+20QJOxvH"),
    4: ("c-n<h%TB^j5S@ElUWy0^x^ipK1p#%z!U#zX3!AWT<I+$b-X^?K+66`vHawc#9pnG_DSm=KVDQr31PoPX(P`3|bIzR8vHET*;ME)"
        "EIDIT4&-R?|V3cq4tyaG4bZoP3S@jX}_><LY^m{|wavC-+kcYfM<dI&}A6cLd6V!--Gkn0DPIRg(Q)D3?YTBbgYqdn%C3NThcZH"
        "K1tkr7wOHtlK2OAAnE5NV%D$AFO-=eZ7WzSSltZ`CBrn1ON1B<N{P@y0pc(2#IEWOP-*OF_Nv0$u7)RzEM@a{^v8u&9qWR!=8je"
        "4hUi7Q!3i~3lfWt@r~P72#7=PLj?r%Eyt*~Ln&S^8hC7X4oOCGnl0+b7=TPI1%m*FeW9S$YB#!+Z`vB9ko-Ik^o)Qp+FUyF#l$)"
        "+ss&>rP#E=FeOOhNkH1%%e0fcf}@tmN=-8geYWyzyX9H1u@71g#?5l4SR453LHWNj$j{7WMszQh8Y`%vAbZqBnp#xwRgzWXglvE"
        "<>Y?=^_Drn"),
    5: ("c-n=M%}&BV5XYw<XtgMafDhoMUK&sj9E^}O;b0REUObu>Tek@aDfEERgo{O!y*ctcK8lav3mDvP%V!A8VP})+{^mdb=`i(WNWkM"
        "2H7eefk>;L)c6XpRJHDf{tK)l3r0TuvciMK~x{i;ZsEtdoE`F=Yr4}b8$=M|5Ye-X^&+<cm&~+G$if#oz-bZ+gnkiA?3LA~a&4d"
        "L%Oz5L+il!7I6%6dN&!|vGB5UL9a(C8b$OP1CNE8OWoI^=^Em91T<YM462Tn;yR1>0(Bomi=NDB+Tw1ZaPvwYuTbL{k*R?CW9A*"
        "!Lo?|-To@^>YURhDGROrLr-C3{FtBe`B>vs^>@o5Ycz1CACGs4(F}2jxX4U)DPLHl0ecy+;m_6G-(t8hyn(DqOF_2s4aWUp232N"
        "+yK!`US7gf0;DMkOc+uAix2n;0X4h03sa14&-1TiXcG-cHtOQIEfW`=UcZaneu41PkY&&7-BEDLn<4+5lFHZcS~bKbalRwK>r6d"
        "ml>P"),
}


@pytest.mark.parametrize("protocol", NUMPY_1)
def test_a_pickle_of_numpy_1_loads(protocol):
    pickled = zlib.decompress(base64.b85decode(NUMPY_1[protocol]))
    assert b"numpy._core" not in pickled
    assert_same(load(pickled), {
        "W1": TABLE, "F": np.asfortranarray(np.arange(4, dtype=np.float32).reshape(2, 2)),
        "z": np.zeros((0, 3)), "s": np.float64(0.5), "0": np.array(2.5), "i": np.int64(-3),
        "u": np.array([1, 255], np.uint8), "big": np.array([1.5], ">f4"), "Fz": np.zeros((3, 0), np.float32),
        "F3": np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
        "b": np.array([True, False]), "h": np.float16(0.1)})


PYTHON_2 = {       # {"W1": [[0.0, 1.5]], "s": 0.5 of float32} as Python 2 and NumPy 1.16 wrote it
    0: b"(dp0\nS'W1'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
       b"(I1\n(I1\nI2\ntp8\ncnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\n"
       b"tp14\nbI00\nS'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\xf8?'\np15\ntp16\nbs"
       b"S's'\np17\ncnumpy.core.multiarray\nscalar\np18\n(g9\n(S'f4'\np19\nI0\nI1\ntp20\nRp21\n(I3\nS'<'\np22\n"
       b"NNNI-1\nI-1\nI0\ntp23\nbS'\\x00\\x00\\x00?'\np24\ntp25\nRp26\ns.",
    2: b"\x80\x02}q\x00(U\x02W1q\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87Rq\x04"
       b"(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x05U\x02f8K\x00K\x01\x87Rq\x06(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
       b"K\x00tb\x89U\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf8?tbU\x01scnumpy.core.multiarray\nscalar\nq\x07h\x05U\x02f4"
       b"K\x00K\x01\x87Rq\x08(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x04\0\0\0?\x86Rq\x09u.",
}


@pytest.mark.parametrize("protocol", PYTHON_2)
def test_a_pickle_of_python_2_loads(protocol):
    assert_same(load(PYTHON_2[protocol]), {"W1": np.array([[0, 1.5]]), "s": np.float32(0.5)})


def test_a_far_place_of_the_memo_takes_no_memory():
    """Python's unpickler in C makes a list that long, 32 gigabytes."""
    assert load(b"K\x05r\xff\xff\xff\x7f0j\xff\xff\xff\x7f.") == 5


SHAPES = [(), (1,), (0,), (0, 3), (3, 0, 2), (2, 3), (2, 3, 4)]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("names", ["numpy._core", "numpy.core"], ids=["NumPy 2", "NumPy 1"])
def test_arrays_of_every_kind(protocol, names):
    arrays = [np.asarray(np.arange(np.prod(shape)).reshape(shape), dtype, order=order)
              for shape in SHAPES for order in "CF"
              for dtype in "f2 f4 f8 >f8 c8 c16 i1 >i2 i8 u1 u8 b1 U3 S3".split()]
    arrays += [array.T for array in arrays if array.ndim == 3]                      # in neither order
    scalars = [np.dtype(dtype).type(1) for dtype in "f2 f4 f8 c8 c16 i1 i8 u1 u8 b1".split()]
    pickled = pickle.dumps([arrays, scalars], protocol)
    expected = pickle.loads(pickled)
    pickled = named(pickled, names)
    assert set(re.findall(rb"numpy\._?core", pickled)) == {names.encode()}
    assert_same(load(pickled), expected)


def named(pickled, names):
    """A pickle as a NumPy with these names for its modules would have written it."""
    def renamed(match):
        name = re.sub(rb"numpy\._?core", names.encode(), match[2])
        return name if match[1] is None else b"\x8c" + bytes([len(name)]) + name
    pickled = re.sub(rb"\x95..\0{6}", b"", pickled, flags=re.DOTALL)     # frames of another length
    return re.sub(rb"(\x8c[\x12-\x16])?(numpy\._?core\.(multiarray|numeric))", renamed, pickled)


# ---- damage

@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_truncated_files_are_refused(protocol):
    pickled = pickle.dumps({"W1": TABLE, "b1": [1, 2.5, "x"]}, protocol)
    for length in range(0, len(pickled), 5):
        with pytest.raises(UnreadableFile):
            load(pickled[:length])


# ---- hostile pickles

class Call:
    """Pickles as a call of `function`."""
    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments, state) if state else (function, arguments)

    def __reduce__(self):
        return self.reduced


def marker():
    """What hostile pickles in these tests try to do."""
    raise AssertionError("a hostile pickle ran code")


def hostile(path):
    """Objects whose pickles would write `path`, or ask for something else that is not plain data."""
    system = Call(os.system, f"echo hacked > {path}")
    return {
        "os.system": system,
        "in a list": [1, system],
        "in a dict": {"W1": TABLE, "b1": system},
        "as a key": {system: 1},
        "in a tuple": (system,),
        "in an argument": Call(complex, system, 1.0),
        "in a state": Call(np.ndarray, state=system),
        "in an array": np.array([system], object),
        "eval": Call(eval, f"open({str(path)!r}, 'w')"),
        "exec": Call(exec, "import os"),
        "compile": Call(compile, "1", "x", "eval"),
        "open": Call(open, str(path), "w"),
        "import": Call(__import__, "os"),
        "getattr": Call(getattr, "", "upper"),
        "type": Call(type, 1),
        "print": Call(print, "hacked"),
        "sys.exit": Call(sys.exit, 3),
        "a function of ours": Call(marker),
        "a function of the loader": Call(load_pickle, b"x.pkl"),
        "a pickle in a pickle": Call(pickle.loads, b"N."),
        "a class": os._wrap_close,
        "a class of NumPy": np.ndarray,
        "a class in a list": [np.dtype],
        "np.load": Call(np.load, "x.npy"),
        "np.fromfile": Call(np.fromfile, "/dev/zero"),
        "np.memmap": Call(np.memmap, "x"),
        "a huge array": Call(np.ndarray, (2 ** 40,)),
        "huge zeros": Call(np.zeros, (2 ** 40,)),
        "huge bytes": Call(bytes, 2 ** 40),
        "a huge bytearray": Call(bytearray, 2 ** 40),
        "a huge list": Call(list, range(2 ** 40)),
        "another codec": Call(codecs.encode, "x", "rot13"),
        "an array of objects": np.array([1, "a", None], object),
        "an array of records": np.zeros(2, "f4,O"),
        "an array of dates": np.array(["2020-01-01"], "M8[D]"),
        "a dtype of objects": np.dtype(object),
        "a generator": np.random.default_rng(0),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hostile_calls_run_nothing(tmp_path, protocol, capfd):
    for name, obj in hostile(tmp_path / "hacked").items():
        pickled = pickle.dumps(obj, protocol)
        with pytest.raises(UnreadableFile, match="nothing in it was run"):
            load(pickled)
            pytest.fail(f"{name} loaded")
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")


def text(string):
    return b"X" + struct.pack("<I", len(string.encode())) + string.encode()


NDARRAY = b"cnumpy\nndarray\n"
DTYPE = b"cnumpy\ndtype\n"
UINT8 = DTYPE + b"(" + text("u1") + b"\x89\x88tR"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
FROM_BUFFER = b"cnumpy._core.numeric\n_frombuffer\n"


def array(shape, dtype=UINT8, raw=b"C\x00"):
    """The instructions that build an array, from those for its parts."""
    return (RECONSTRUCT + b"(" + NDARRAY + b"K\x00\x85" + b"C\x01b" + b"tR"
            + b"(K\x01" + shape + dtype + b"\x89" + raw + b"tb")


HAND_MADE = {
    "system by GLOBAL": b"cos\nsystem\n(" + text("true") + b"tR.",
    "system by INST": b"(" + text("true") + b"ios\nsystem\n.",
    "system by OBJ": b"(cos\nsystem\n" + text("true") + b"o.",
    "a class by NEWOBJ": NDARRAY + b"K\x05\x85\x81.",
    "a class by NEWOBJ_EX": NDARRAY + b"K\x05\x85}\x92.",
    "a name from the stack": text("os") + text("system") + b"\x93" + text("true") + b"\x85R.",
    "a name from the memo": text("os") + b"q\x00" + text("system") + b"q\x01" + b"h\x00h\x01\x93" + b")R.",
    "a dotted name": text("numpy") + text("core.os.system") + b"\x93.",
    "a name with a newline": text("numpy\nos") + text("system") + b"\x93.",
    "a name of numbers": b"K\x01K\x02\x93.",
    "a name in a list": b"]" + NDARRAY + b"a.",
    "a name as key": b"}" + NDARRAY + b"Ns.",
    "an extension code": b"\x82\x01.",
    "a persistent id": b"Pos.system\n.",
    "a persistent id from the stack": text("os") + b"Q.",
    "an outside buffer": b"\x97.",
    "a read-only buffer": b"N\x98.",
    "a call of a text": text("os.system") + text("true") + b"\x85R.",
    "a call of an array": array(b"K\x00\x85") + b")R.",
    "a state for a list": b"](K\x01tb.",
    "a state for a dict": b"}}" + text("keys") + b"Nsb.",
    "a state for a function": RECONSTRUCT + b"}" + text("__code__") + b"Nsb.",
    "a state for a class": NDARRAY + b"N}" + text("__setstate__") + b"Ns\x86b.",
    "an array of objects": array(b"K\x01\x85", DTYPE + b"(" + text("O8") + b"\x89\x88tR", b"]Na"),
    "a dtype with parts": UINT8 + b"(K\x03" + text("|") + b"N" + text("ab") + b"NK\x08K\x01K\x3ftb.",
    "a dtype with fields": UINT8 + b"(K\x03" + text("|") + b"N(" + text("a") + b"t}K\x01K\x01K\x00tb.",
    "a dtype of no size": DTYPE + b"(" + text("S0") + b"\x89\x88tR.",
    "a dtype of huge size": DTYPE + b"(" + text("S" + "9" * 30) + b"\x89\x88tR.",
    "a huge shape": array(b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86") + b".",
    "a shape beyond 64 bits": array(b"K\x00\x8a\x09" + b"\xff" * 8 + b"\x00\x86") + b".",
    "an empty shape, too big":
        array(b"K\x00" + 2 * (b"\x8a\x08" + b"\xff" * 7 + b"\x7f") + b"\x87") + b".",
    "a negative shape": array(b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86", raw=b"C\x01x") + b".",
    "a shape of truths": array(b"\x88\x85", raw=b"C\x01x") + b".",
    "a shape larger than the data": array(b"K\x02\x85", raw=b"C\x01x") + b".",
    "a shape smaller than the data": array(b"K\x01\x85", raw=b"C\x02xy") + b".",
    "data that is no bytes": array(b"K\x05\x85", raw=b"K\x05") + b".",
    "a buffer of text": FROM_BUFFER + b"(" + text("あ") + UINT8 + b"K\x01\x85" + text("C") + b"tR.",
    "a scalar of two": b"cnumpy.core.multiarray\nscalar\n(" + UINT8 + b"C\x02xytR.",
    "bytes that are not there": b"\x8e" + struct.pack("<Q", 2 ** 60) + b"x.",
    "a bytearray that is not there": b"\x96" + struct.pack("<Q", 2 ** 62) + b"x.",
    "a text that is not there": b"\x8d" + struct.pack("<Q", 2 ** 62) + b"x.",
    "a number that is not there": b"\x8b\xff\xff\xff\x7f.",
    "a number of a million digits": b"I" + b"9" * 10 ** 6 + b"\n.",
    "an empty place of the memo": b"h\x07.",
    "a mark that is not there": b"Nt.",
    "too little on the stack": b"N\x86.",
    "keys without values": b"}(Nu.",
    "a list as key": b"}]Ns.",
    "an item for a number": b"K\x01Na.",
    "a truth of 5": array(b"K\x01\x85", DTYPE + b"(" + text("b1") + b"\x89\x88tR", raw=b"C\x01\x05") + b".",
    "a character beyond Unicode":
        array(b"K\x01\x85", DTYPE + b"(" + text("U1") + b"\x89\x88tR", raw=b"C\x04\0\0\x11\0") + b".",
    "a scalar beyond Unicode":
        b"cnumpy.core.multiarray\nscalar\n(" + DTYPE + b"(" + text("U1") + b"\x89\x88tRC\x04\xff\xff\xff\x7ftR.",
    "a name in a tuple in a list": b"]" + NDARRAY + b"\x85a.",
    "a name deep in tuples": NDARRAY + b"\x85\x85.",
    "a dtype that is turned after its array":
        array(b"K\x01\x85", DTYPE + b"(" + text("U1") + b"\x89\x88tRq\x05", raw=b"C\x04A\0\0\0")
        + b"h\x05(K\x03" + text(">") + b"NNNK\x04K\x04K\x08tb0.",
    "a set of arrays": b"\x8f(" + array(b"K\x00\x85") + b"\x90.",
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_pickles_run_nothing(name):
    with pytest.raises(UnreadableFile, match="nothing in it was run"):
        load(HAND_MADE[name])


def test_the_error_names_what_the_file_asks_for():
    with pytest.raises(UnreadableFile, match=f"it asks for {os.name}.system, which is not plain"):
        load(pickle.dumps({"W1": Call(os.system, "true")}))


def test_the_pieces_of_the_hand_made_pickles_are_sound():
    """So that each of those files is refused for what its name says."""
    by_state = array(b"K\x02\x85", raw=b"C\x02\x05\x06") + b"."
    by_buffer = FROM_BUFFER + b"(C\x02\x05\x06" + UINT8 + b"K\x02\x85" + text("C") + b"tR."
    for pickled in (by_state, by_buffer):
        assert_same(load(pickled), np.array([5, 6], np.uint8))
