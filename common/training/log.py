"""The history of a training as a file for other programs."""
import csv
import io
import json
from itertools import zip_longest
from pathlib import Path

from common.files import write_atomically


def write_log(path, history):
    """Write {name: a number per epoch} as JSON, or as CSV with a line per epoch, as the ending of `path` says.

    Raises
    ------
    ValueError : another ending
    """
    kind = Path(path).suffix.lower()
    if kind == ".json":
        text = json.dumps(history, indent=1, default=float)
    elif kind == ".csv":
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([history, *zip_longest(*history.values(), fillvalue="")])
        text = file.getvalue()
    else:
        raise ValueError(f"{path}: expected a name ending in .json or .csv")
    write_atomically(path, text.encode())
