"""Files are written whole or not at all; a pickle is read whole or refused by name."""
import errno
import os
import pickle
import time

import numpy as np
import pytest

from common import files
from common.files import UnreadableFile, load_pickle, save_pickle, write_atomically
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
def test_what_killed_processes_left_is_removed(tmp_path, monkeypatch, system):
    gone = {f"{name}.bin.{2 ** 22 + 1}-0123abcd.tmp": 70 for name in "ab"}      # no Linux process has that number
    taken = {f"a.bin.{os.getpid()}-aaaaaaaa.tmp": 4000, "a.bin.1-aaaaaaaa.tmp": 4000}       # by another process
    written = {f"a.bin.{os.getpid()}-0123abcd.tmp": 50, "a.bin.1-0123abcd.tmp": 50}
    others = {"a.bin.tmp": 4000, "notes.tmp": 4000, "a.bin.4194305-0123abcd": 4000}
    for name, seconds in (gone | taken | written | others).items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - seconds,) * 2)
    monkeypatch.setattr(files, "os", _OsNamed(system))
    write_atomically(tmp_path / "a.bin", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", *written, *others}


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


def test_the_error_cannot_steer_a_terminal(tmp_path):
    with pytest.raises(UnreadableFile) as caught:
        load_bytes(tmp_path, b"cos\x1b[2J\nsystem\r" + b"x" * 1000 + b"\n)R.")
    assert "os?[2J.system?xxx" in str(caught.value) and str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(tmp_path)) + 400


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)]
                         if os.name == "posix" else [os.mkdir])
def test_what_is_no_file_is_not_read(tmp_path, make):
    """Reading these would fail, wait for ever, or never end."""
    make(tmp_path / "data.pkl")
    with pytest.raises(UnreadableFile, match="data.pkl: expected a file"):
        load_pickle(tmp_path / "data.pkl")


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
