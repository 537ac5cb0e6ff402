"""Files are written whole or not at all; a pickle is read whole or refused by name."""
import errno
import os
import pickle

import numpy as np
import pytest

from dataset import files
from dataset.files import UnreadableFile, load_pickle, save_pickle, write_atomically
from test_plain_pickle import ARRAYS, PLAIN, TABLE, assert_same


def load_bytes(tmp_path, data):
    path = tmp_path / "data.pkl"
    path.write_bytes(data)
    return load_pickle(path)


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
    link = tmp_path / "link.bin"
    link.symlink_to("real.bin")
    write_atomically(link, b"new")
    assert link.is_symlink() and (tmp_path / "real.bin").read_bytes() == b"new"


@pytest.mark.parametrize("system", ["posix", "nt"])
def test_what_a_killed_process_left_is_removed(tmp_path, monkeypatch, system):
    gone = tmp_path / f"a.bin.{2 ** 22 + 1}-0123abcd.tmp"           # no Linux process has such a number
    mine = tmp_path / f"a.bin.{os.getpid()}-0123abcd.tmp"
    init = tmp_path / "a.bin.1-0123abcd.tmp"
    others = [tmp_path / "b.bin.4194305-0123abcd.tmp", tmp_path / "a.bin.tmp", tmp_path / "notes.tmp"]
    for path in (gone, mine, init, *others):
        path.write_bytes(b"half")
    os.utime(gone, (0, 0))
    monkeypatch.setattr(files, "os", _OsNamed(system))
    write_atomically(tmp_path / "a.bin", b"new")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a.bin", mine, init, *others])


class _OsNamed:
    def __init__(self, name):
        self.name = name

    def __getattr__(self, attribute):
        return getattr(os, attribute)


# ---- saving and loading

def test_saved_data_loads_here_and_in_plain_python(tmp_path):
    path = tmp_path / "data.pkl"
    save_pickle(path, PLAIN | ARRAYS)
    assert_same(load_pickle(path), PLAIN | ARRAYS)
    with open(path, "rb") as file:
        assert_same(pickle.load(file), PLAIN | ARRAYS)


# ---- damage

def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.pkl"):
        load_pickle(tmp_path / "nowhere.pkl")


@pytest.mark.parametrize("data", [b"", b"\n", b"<!DOCTYPE html>", b"PK\x03\x04" + bytes(50), bytes(1000),
                                  b"\x1f\x8b" + bytes(50), "説明".encode(), b".", b"N", b"NN.", b"N.junk"])
def test_foreign_files_are_refused_by_name(tmp_path, data):
    with pytest.raises(UnreadableFile, match="data.pkl"):
        load_bytes(tmp_path, data)


def test_a_hostile_file_is_refused_by_name(tmp_path):
    with pytest.raises(UnreadableFile, match="data.pkl: .* nothing in it was run .* asks for os.mkdir"):
        load_bytes(tmp_path, b"cos\nmkdir\n(V%b\ntR." % os.fsencode(tmp_path / "hacked"))
    assert os.listdir(tmp_path) == ["data.pkl"]


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "data.pkl"
    save_pickle(path, {"W1": TABLE, "b1": 3})
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 5):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(UnreadableFile):
            load_bytes(tmp_path, flipped)


def test_larger_files_than_allowed_are_not_read(tmp_path):
    path = tmp_path / "data.pkl"
    save_pickle(path, TABLE)
    load_pickle(path, max_bytes=path.stat().st_size)
    with pytest.raises(UnreadableFile, match="expected at most 10 bytes"):
        load_pickle(path, max_bytes=10)
