"""Honest pickles give their data; damaged and hostile ones an error, and run nothing."""
import base64
import codecs
import collections
import os
import pickle
import struct
import sys
import zlib

import numpy as np
import pytest

from dataset.plain_pickle import build

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
TABLE = np.arange(6.0).reshape(2, 3)


def load(pickled):
    data, size = build(pickled)
    assert size == len(pickled)
    return data


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


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_ordered_dict_loads_as_a_dict(protocol):
    got = load(pickle.dumps(collections.OrderedDict(W2=TABLE, b2=1), protocol))
    assert_same(got, {"W2": TABLE, "b2": 1})


NUMPY_1 = {     # what NumPy 1.26 wrote, by protocol: base85 of the zlib-compressed pickle
    0: ("c-pN~yK2Kg5NyL#De@6&V(z6E1nerH#)S)|2?*(=2!kyj(y36Yd}=-+pO9TEAu%MNKm;o-ce8gpGpnF>0{Mf4ld#=*bkoY7`et"
        "<;4}M?veL11%8++;o-;dVADFibPT|MtRjUW^7&cGJ-R5x}&({Tb9BFHPa2>GG(`;M-O37BB#Qu<0kiIh~%p^#}_R3D9?_LHMCB"
        "%Pl>C6pLsLQqJCg<Km^oko5~n=!WAZFVbh4(>-LsJNizE*?ig&;P#P*2}S*C7`QCsOv?jn+=JQqGiDq3$0i-rBDs|J^857l9%n"
        "LdCH(=PZaB_qAyPrFUDwR8w^z@-)vAR!L>Ns(Ei|omh6H2s|ObhUoK?c5HGD}URv|*hO>})J=0cn$xFvGFU>=z(+^%^o;5?mK{"
        "Ld3Y*AF>o`$|F3RIJC1~@}dzjKBqFq$vmMf2N_GT8D^_Jkm=eC%S*uWKrbW=bZeK25?IOB)Idt9L)w^!)"),
    2: ("c-nQ5%TB^T7==p_h4BW8_xl~Zpcoe}Okm~0CM;$nyQUp#h6D<yoi1u(!bUD{;UoAA`d~V}7!r;DV$Pq;%sJou(^Frd6zZy?D34"
        "_%nC-Q@eu;G)tJL;dqG>pe;S=4lSjTpS<1s;?MyH6~h<1_GlvhkJopl-(bBSdK4MD1&khUf!>yuJjhG^PlO!bkb$P7RzrVCm^Q"
        "?+CtGqGhu_+5E(HUxUQ#oTB(z&u5^pd~}MJLGD$+QXNuaM2Wj1#`qx^|JE2KHn>GSB)ecYc|$=6^mQ~<tdf~md!BX9xGhs;geR"
        "m<Xodzk2uvnHh7G7gUtYKi(*@%@xM?z=1@ZA#xyeXqbGr?RqO_#dldTu2T|xV4u3+Ag3x1%lOR+HhEw3#5z}?kYswF?b)A^Luv"
        "~&-k>XU~EV6KM{?G5Z%xD=7!3EDsq|A6eZxxgRluL@MKFSo=Ug;aYosym"),
    4: ("c-m`VnHtZ?00y;FG<ulA4X5;o=9T6aRO%(?7p3aumgbaXCKeSXR!-^Ri7!e`&d)0@DJo4anKF4w4=Y&VlpglH6o`_^Q@j~kr#L"
        "evO=+JJG)2Rk(VNMexot`YYY%HmNo7GQNE1_<#gxtth&*!-qs<gQKR>VkKmaDZ8A_%kbvhd`pnwndP=*79;(*cuP+G)c3Q$`Qq"
        "uZ1WmJD`~8!|W%E?@$>fDdS|3BukCAxv94oCOfJGyrXMfSOu`#Z(5czXUs-86awkr(`houoWjK<|GyYeVHNX%mFd$f&G*=pq^4"
        "a046VXc>"),
    5: ("c-m`Vof^i-00y;FG<ulA4X5-7<(1|ZRO%(?7p3X}nW;sY$y0i`<I{@rbCXKb(o&12OrD}K&42+L_+SrZI6x>4C@lb`MI5H|u!7"
        "A8(kUgC1*t&8dYIBIrgV0+PYIf$;mzE`Xfwsn&(G^W5P%79hLR~s-b~)iZBu#}ou`xlmGv;XP03)<m?nT~JJ6B_paUEnretsc4"
        "K+a+n!$tBNT#+a8A1>PtH1`rOq!Cx?actPF@ql>T|A{n6e(PCOLIyx6N`!xf&O4CPEO281cgclw=)Ms{{#CeZ9sjcdH@*QZAt"),
}


@pytest.mark.parametrize("protocol", NUMPY_1)
def test_a_pickle_of_numpy_1_loads(protocol):
    pickled = zlib.decompress(base64.b85decode(NUMPY_1[protocol]))
    assert b"numpy._core" not in pickled
    assert_same(load(pickled), {
        "W1": TABLE, "F": np.asfortranarray(np.arange(4, dtype=np.float32).reshape(2, 2)),
        "z": np.zeros((0, 3)), "s": np.float64(0.5)})


# ---- damage

@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_truncated_files_are_refused(protocol):
    pickled = pickle.dumps({"W1": TABLE, "b1": [1, 2.5, "x"]}, protocol)
    for length in range(len(pickled)):
        with pytest.raises(ValueError):
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
        "a function of the loader": Call(build, b"N."),
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
        "an odd dict": Call(collections.OrderedDict, [(1, 2)]),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hostile_calls_run_nothing(tmp_path, protocol, capfd):
    for name, obj in hostile(tmp_path / "hacked").items():
        pickled = pickle.dumps(obj, protocol)
        with pytest.raises(ValueError, match="nothing in it was run"):
            load(pickled)
            pytest.fail(f"{name} loaded")
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")


def text(string):
    return b"X" + struct.pack("<I", len(string)) + string.encode()


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
    "a name left on the stack": text("os") + text("system") + b"0.",
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
    "a state for a dict": b"}}b.",
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
    "data that is no bytes": array(b"K\x05\x85", raw=text("hello")) + b".",
    "a buffer of text": FROM_BUFFER + b"(" + text("x") + UINT8 + b"K\x01\x85" + text("C") + b"tR.",
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
    "a deep key": b"}" + b")" + b"\x85" * 1000 + b"Ns.",
    "a key that takes for ever to hash": b"})" + 18 * b"q\x00h\x00\x86" + b"Ns.",
    "sets in a set": b"((\x91\x91.",
    "a name in a tuple in a list": b"]" + NDARRAY + b"\x85a.",
    "a name deep in tuples": NDARRAY + b"\x85\x85.",
    "a set of arrays": b"\x8f(" + array(b"K\x00\x85") + b"\x90.",
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_pickles_run_nothing(name):
    with pytest.raises(ValueError, match="nothing in it was run"):
        load(HAND_MADE[name])


@pytest.mark.parametrize("once, again", [
    (text("x" * 2000) + b"q\x00", b"c_codecs\nencode\nh\x00" + text("latin1") + b"\x86R"),
    (b"B" + struct.pack("<I", 20000) + bytes(20000) + b"q\x00" + UINT8 + b"q\x01",
     FROM_BUFFER + b"(h\x00h\x01M\x20\x4e\x85" + text("C") + b"tR"),
    (b"](" + 2000 * b"K\x01" + b"eq\x00", b"c__builtin__\nset\nh\x00\x85R"),
    (DTYPE + b"(" + text("S20000") + b"\x89\x88tRB" + struct.pack("<I", 20000) + bytes(20000) + b"\x86q\x00",
     b"cnumpy.core.multiarray\nscalar\nh\x00R"),
    (b"(K\x01M\x20\x4e\x85" + UINT8 + b"\x89B" + struct.pack("<I", 20000) + bytes(20000) + b"tq\x00",
     RECONSTRUCT + NDARRAY + b"K\x00\x85C\x01b\x87Rh\x00b"),
], ids=["bytes", "array", "set", "scalar", "state"])
def test_copies_cannot_fill_the_memory(once, again):
    load(b"(" + once + again + b"l.")
    with pytest.raises(ValueError, match="far larger than the file"):
        load(b"(" + once + 1000 * again + b"l.")


def test_the_error_names_what_the_file_asks_for():
    with pytest.raises(ValueError, match=f"it asks for {os.name}.system, which is not plain"):
        load(pickle.dumps({"W1": Call(os.system, "true")}))


def test_the_error_does_not_print_what_the_file_has_built():
    """A list of twice the list of twice the list ... is small, and endless when printed."""
    with pytest.raises(ValueError, match=r"\(ValueError: it asks for a list, which is not plain data\)"):
        load(b"]" + 10 * b"q\x00](h\x00h\x00e" + b")R.")


def test_more_bytes_may_follow():
    assert build(b"K\x05.more") == (5, 3)


def test_the_pieces_of_the_hand_made_pickles_are_sound():
    """So that each of those files is refused for what its name says."""
    by_state = array(b"K\x02\x85", raw=b"C\x02\x05\x06") + b"."
    by_buffer = FROM_BUFFER + b"(C\x02\x05\x06" + UINT8 + b"K\x02\x85" + text("C") + b"tR."
    for pickled in (by_state, by_buffer):
        assert_same(load(pickled), np.array([5, 6], np.uint8))


def test_a_memo_number_costs_no_memory():
    """Python's own unpickler sets aside memory for all smaller numbers, gigabytes for this one."""
    assert load(b"Nr\xff\xff\xff\x7f.") is None


@pytest.mark.parametrize("seed", range(3))
def test_random_damage_gives_data_or_an_error(seed):
    rng = np.random.RandomState(seed)
    pickled = pickle.dumps({"W1": TABLE, "list": [1, 2.5, (3, "x")], "n": np.float32(2)}, 2 + seed)
    for _ in range(200):
        damaged = np.frombuffer(pickled, np.uint8).copy()
        places = rng.randint(0, len(damaged), rng.randint(1, 5))
        damaged[places] = rng.randint(0, 256, len(places))
        try:
            load(damaged.tobytes())
        except ValueError:
            pass
