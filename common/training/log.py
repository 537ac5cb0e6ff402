"""The history of a training as a file for other programs."""
import csv
import io
import json
import sys
from pathlib import Path

from common.files import write_atomically


class Log:
    """After every epoch, the history in a file: a table in CSV, or a list of {name: number} in JSON, a line per epoch.

    A file that cannot be written, because another program holds it open say, is tried again after the next epoch.

    Parameters
    ----------
    path : a name ending in .csv or .json
    """

    def __init__(self, path):
        self.path, self.lines = Path(path), []
        if self.path.suffix.lower() not in (".csv", ".json"):
            raise ValueError(f"{path}: expected a name ending in .json or .csv")

    def on_train_begin(self, trainer):
        self.lines = []
        self._write(trainer.history)        # now, because an error here is worth an end

    def on_epoch_end(self, trainer):
        try:
            self._write(trainer.history)
        except OSError as error:
            print(f"the log could not be written: {error}; next try after the next epoch", file=sys.stderr)

    def _write(self, history):
        json_file, epochs = self.path.suffix.lower() == ".json", len(history["loss"])
        for place in range(len(self.lines) - epochs, 0):        # -1 is the last epoch
            row = {name: float(values[place]) for name, values in history.items() if len(values) >= -place}
            self.lines.append(json.dumps(row) if json_file else _csv(row.get(name, "") for name in history))
        lines = ["[", ",\n".join(self.lines), "]"] if json_file else [_csv(history), *self.lines]
        write_atomically(self.path, "".join(line + "\n" for line in lines).encode())


def _csv(values):
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(values)
    return file.getvalue()
