"""Files that can be trusted: written whole or not at all, and read without running anything in them."""
import os
import pickle
import re
import secrets
import time
import zlib
from pathlib import Path

from common import plain_pickle


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
    remove_abandoned(path.parent)
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


def remove_abandoned(folder):
    """Delete the temporary files in a folder whose writers were killed before they could do so."""
    for temp in Path(folder).glob("*.tmp"):
        match = re.fullmatch(r".+\.(\d+)-[0-9a-f]{8}\.tmp", temp.name)
        try:
            if match and not _still_written(temp, int(match[1])):
                temp.unlink()
        except OSError:
            pass                                    # another process was faster, or it is not ours to delete


def _still_written(temp, pid):
    seconds = time.time() - temp.stat().st_mtime
    if seconds > 3600:                              # the number of its process may have been given to another
        return False
    if os.name != "posix":                          # os.kill(pid, 0) would end the process
        return seconds < 60
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def printable(message):
    """A message that may hold a stranger's words: cut short, and without what steers a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(message)[:300])


def _checksum(pickled):
    return b"crc32:%08x" % zlib.crc32(pickled)


def save_pickle(path, obj):
    """Save plain data and NumPy arrays so that `load_pickle` and also a plain `pickle.load` can read them.

    A checksum follows the pickle, where `pickle.load` does not look: `load_pickle` notices one flipped bit.
    """
    data = pickle.dumps(obj)
    write_atomically(path, data + _checksum(data))


def load_pickle(path, max_bytes=None):
    """Read a pickle of plain data and NumPy arrays, running nothing in it: see `plain_pickle.build`.

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
    if not path.is_file():
        raise UnreadableFile(f"{path}: expected a file, got a folder, a pipe or a device")
    if max_bytes is not None and size > max_bytes:
        raise UnreadableFile(f"{path}: expected at most {max_bytes} bytes, got {size}")
    data = path.read_bytes()
    try:
        obj, end = plain_pickle.build(data)
    except ValueError as error:
        raise UnreadableFile(f"{path}: {printable(error)}") from error
    if data[end:] not in (b"", _checksum(data[:end])):
        raise UnreadableFile(f"{path}: the checksum does not match")
    return obj
