"""Files are written whole or not at all; a pickle is read whole or refused by name."""
import errno
import gzip
import io
import os
import pickle
import stat
import time

import numpy as np
import pytest

from common import files
from common.files import UnreadableFile, load_pickle, save_pickle, say, write_atomically
from test_pickles import ARRAYS, PLAIN, TABLE, assert_same

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


def load_bytes(tmp_path, data):
    path = tmp_path / "data.pkl"
    path.write_bytes(data)
    return load_pickle(path)


def link(path, target):
    try:
        path.symlink_to(target)
    except OSError as error:
        pytest.skip(f"this user may make no links: {error}")


# ---- writing

def test_write_atomically_replaces_a_file(tmp_path):
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    write_atomically(str(path), lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, failure, step):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*_):
        raise failure
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(failure)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "a.bin", lambda file: file.write(b"half") / 0)
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.bin").write_bytes(b"old")
    link(tmp_path / "link.bin", "real.bin")
    write_atomically(tmp_path / "link.bin", b"new")
    assert (tmp_path / "link.bin").is_symlink() and (tmp_path / "real.bin").read_bytes() == b"new"


SPECIAL = {     # what is no file, and how it is made
    "a folder": os.mkdir,
    "a pipe": lambda path: os.mkfifo(path),
    "a link to a device": lambda path: os.symlink("/dev/zero", path),
    "a link to a folder": lambda path: os.symlink(path.parent, path),
    "a link to itself": lambda path: os.symlink(path, path),
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=() if kind == "a folder" else posix) for kind in SPECIAL])
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path, kind):
    """Reading these would fail, wait for ever, or never end."""
    path = tmp_path / "data.pkl"
    SPECIAL[kind](path)
    before = os.lstat(path)
    for save in (write_atomically, save_pickle):
        with pytest.raises(OSError, match="data.pkl|is a folder, a pipe or a device, and is not replaced"):
            save(path, b"new")
    with pytest.raises((UnreadableFile, OSError), match="data.pkl: expected a file|Too many levels"):
        load_pickle(path)
    assert os.listdir(tmp_path) == ["data.pkl"] and os.path.samestat(os.lstat(path), before)


@posix
def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match="/dev/null .* is not replaced"):
        save_pickle("/dev/null", 1)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        save_pickle(tmp_path / "results" / "params.pkl", 1)
    assert str(caught.value) == f"there is no such folder: {tmp_path / 'results'}"


@posix
def test_a_current_folder_that_was_deleted(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError, match="No such file or directory: 'params.pkl'"):
        save_pickle("params.pkl", 1)
    with pytest.raises(FileNotFoundError, match="params.pkl"):
        load_pickle("params.pkl")
    save_pickle(tmp_path / "params.pkl", 1)
    assert load_pickle(tmp_path / "params.pkl") == 1


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path, monkeypatch):
    def refuse(name, mode):
        raise PermissionError(errno.EACCES, "Permission denied", str(name))
    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(PermissionError) as caught:
        write_atomically(tmp_path / "a.bin", b"new")
    assert str(caught.value) == f"[Errno 13] Permission denied: {str(tmp_path / 'a.bin')!r}"


def test_a_file_that_another_program_has_open_is_tried_again(tmp_path, monkeypatch):
    """Windows refuses to replace such a file."""
    replace, waited, refusals = os.replace, [], [1, 2]

    def refuse(source, target):
        if refusals:
            refusals.pop()
            raise PermissionError(errno.EACCES, "Access is denied", str(source))
        replace(source, target)
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(time, "sleep", waited.append)
    write_atomically(tmp_path / "a.csv", b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"new" and waited == [0.1, 0.3]
    refusals[:] = range(9)
    with pytest.raises(PermissionError, match=r"a\.csv'$"):
        write_atomically(tmp_path / "a.csv", b"newer")
    assert (tmp_path / "a.csv").read_bytes() == b"new" and os.listdir(tmp_path) == ["a.csv"]


def test_what_killed_processes_left_is_removed(tmp_path):
    """What was written in the last minutes may be another machine's, which writes on."""
    seconds = {"a.bin.0123abcd.tmp": 400, "b.bin.00000000.tmp": 9999, "a.bin.89abcdef.tmp": 200,
               "b.bin.ffffffff.tmp": -4000, "a.bin.tmp": 4000, "notes.tmp": 4000, "a.bin.0123abcd": 4000}
    for name, age in seconds.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    write_atomically(tmp_path / "a.bin", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", *list(seconds)[2:]}


# ---- saving and loading

def test_saved_data_loads_here_and_in_plain_python(tmp_path):
    path = tmp_path / "data.pkl"
    save_pickle(path, PLAIN | ARRAYS)
    assert_same(load_pickle(path), PLAIN | ARRAYS)
    with open(path, "rb") as file:
        assert_same(pickle.load(file), PLAIN | ARRAYS)


def test_every_python_writes_the_same(tmp_path):
    save_pickle(tmp_path / "data.pkl", {"W1": TABLE})
    data = (tmp_path / "data.pkl").read_bytes()
    assert data[:2] == b"\x80\x04" and data.startswith(pickle.dumps({"W1": TABLE}, protocol=4))


NOT_DATA = {
    "a generator": (np.random.default_rng(0), "it asks for numpy.random"),
    "a function": (lambda: 0, "pickle"),
    "a function with a name": (test_saved_data_loads_here_and_in_plain_python, "it asks for test_files.test_saved"),
    "an object": (io.StringIO(), "it asks for _io.StringIO"),
    "a class": (dict, "it asks for builtins.dict"),
    "objects": (np.array([1, None]), "it has an array of O8"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "it has an array of M8"),
    "records": (np.zeros(2, "f4,i4"), "it asks for numpy.dtype"),
    "a masked array": (np.ma.masked_array([1.0]), "it asks for numpy.ma.core._mareconstruct"),
}


@pytest.mark.parametrize("name", NOT_DATA)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, name):
    value, why = NOT_DATA[name]
    path = tmp_path / "data.pkl"
    save_pickle(path, "old")
    for data in (value, {"W1": TABLE, "more": [value]}):
        with pytest.raises(ValueError, match=f"data.pkl was not saved, because it could not be loaded again: .*{why}"):
            save_pickle(path, data)
    assert load_pickle(path) == "old" and os.listdir(tmp_path) == ["data.pkl"]


def test_a_list_that_holds_itself_loads_so(tmp_path):
    endless = [TABLE]
    endless.append(endless)
    save_pickle(tmp_path / "data.pkl", endless)
    loaded = load_pickle(tmp_path / "data.pkl")
    assert loaded[1] is loaded
    np.testing.assert_array_equal(loaded[0], TABLE)


# ---- damage

def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.pkl"):
        load_pickle(tmp_path / "nowhere.pkl")


def as_bytes(save, *args):
    file = io.BytesIO()
    save(file, *args)
    return file.getvalue()


OTHER_KINDS = {     # files that are no single pickle of Python 3, and what the error calls them
    "an npz file": (as_bytes(lambda file: np.savez(file, W1=TABLE)), "a zip file, as np.savez and torch.save"),
    "an empty npz file": (as_bytes(np.savez), "a zip file"),
    "an npy file": (as_bytes(np.save, TABLE), r"a NumPy array \(.npy\): read it with np.load"),
    "a gzipped pickle": (gzip.compress(pickle.dumps(TABLE)), "gzipped: unzip it first"),
    "two pickles": (pickle.dumps(TABLE) + pickle.dumps(3), "more follows after the pickle: expected a single one"),
    "two old pickles": (pickle.dumps({}, 0) + pickle.dumps([], 1), "more follows"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12\n", "Git LFS pointer"),
    "a web page": (b"\r\n <!DOCTYPE html><html>", "a web page: download the file itself"),
    "Keras's file": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
    "nothing": (b"", "the file is empty"),
    "a line": (b"\r\n", "the file is empty"),
    "zeros": (bytes(1000), "it is damaged, or no pickle"),
    "text": ("説明".encode(), "it is damaged, or no pickle"),
    "a truncated pickle": (pickle.dumps(TABLE, 4)[:-30], "exhausted before end of frame"),
    "half a pickle": (pickle.dumps([1, 2.5], 2)[:-4], "it is damaged, or no pickle"),
    "junk after a pickle": (b"N.junk", "more follows after the pickle"),
    "half a checksum": (b"N.crc32:1234", "more follows after the pickle"),
    "another checksum": (b"N.crc32:12345678", "the checksum does not match: the file is damaged"),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_foreign_files_are_named_for_what_they_are(tmp_path, kind):
    data, message = OTHER_KINDS[kind]
    with pytest.raises(UnreadableFile, match=f"data.pkl: expected plain data and NumPy arrays; .*{message}"):
        load_bytes(tmp_path, data)


def test_the_error_cannot_steer_a_terminal(tmp_path):
    with pytest.raises(UnreadableFile) as caught:
        load_bytes(tmp_path, b"cos\x1b[2J\nsystem\r" + b"x" * 1000 + b"\n)R.")
    assert "os?[2J.system?xxx" in str(caught.value) and str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(tmp_path)) + 400


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "data.pkl"
    save_pickle(path, {"W1": TABLE, "b1": 3})
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 11):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(UnreadableFile):
            load_bytes(tmp_path, flipped)


# ---- printing

@pytest.mark.parametrize("encoding, shown", [("ascii", r"\u6df1 \xb2"), ("cp932", r"深 \xb2"), ("gbk", r"深 \xb2"),
                                             ("cp949", "深 ²"), ("utf-8", "深 ²")])
def test_letters_that_the_terminal_does_not_have(monkeypatch, encoding, shown):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr("sys.stdout", terminal)
    say("深 ²")
    assert terminal.buffer.getvalue().decode(encoding).rstrip("\r\n") == shown
    monkeypatch.setattr("sys.stdout", io.StringIO())
    say("深 ²")
    monkeypatch.setattr("sys.stdout", None)         # as in pythonw
    say("深 ²")
