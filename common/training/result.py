"""Files of trained parameters, each with a note of its accuracy; a result never replaces a better one."""
import copy
import json
import os
import zlib
from contextlib import suppress
from pathlib import Path

from common.files import load_pickle, save_pickle, write_atomically
from common.params import restore, snapshot


def save_best(network, path, x_test, t_test, accuracy):
    """Save the network's parameters, in `path` unless those in it are better; then in `<path>_trial.pkl`.

    `accuracy` is that of the network on x_test, t_test; the parameters in `path` are measured on them too. Returns the
    Path of the file that was written; `accuracy_of` finds the accuracy in a file beside it.
    """
    path = Path(path)
    if path.exists():
        before = copy.deepcopy(network)
        try:
            restore(before, load_pickle(path), path)
            if (best := before.accuracy(x_test, t_test)) > accuracy:
                print(f"{path.name} reads {best:.4f} of the test images right, which is better: it stays")
                path = path.with_stem(f"{path.stem}_trial")
        except ValueError:                  # of another net, or damaged
            os.replace(path, kept := path.with_stem(f"{path.stem}_old"))
            print(f"{path.name} does not fit this net; it is called {kept.name} now")
    save_pickle(path, snapshot(network))
    record = {"accuracy": accuracy, "test images": len(x_test), "crc32": zlib.crc32(path.read_bytes())}
    write_atomically(path.with_suffix(".json"), json.dumps(record).encode())
    return path


def accuracy_of(path):
    """(accuracy, number of test images) of a file of parameters, or None: it was not saved by `save_best`."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        record = json.loads(path.with_suffix(".json").read_text())
        if record["crc32"] == zlib.crc32(path.read_bytes()):
            return float(record["accuracy"]), int(record["test images"])
    return None
