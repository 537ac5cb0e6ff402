"""The history of a training as a file for other programs."""
import csv
import io
import json
import sys
from pathlib import Path

from common.files import write_atomically


class Log:
    """After every epoch, the history in a file: a table in CSV, or a list of {name: number} in JSON, a line per epoch.

    A file that cannot be written, because another program holds it open say, does not end the training: it is tried
    again after the next epoch.

    Parameters
    ----------
    path : a name ending in .csv or .json
    """

    def __init__(self, path):
        self.path = Path(path)
        if self.path.suffix.lower() not in (".csv", ".json"):
            raise ValueError(f"{path}: expected a name ending in .json or .csv")
        self._json = self.path.suffix.lower() == ".json"

    def on_train_begin(self, trainer):
        self._lines = []
        self._write(trainer.history)        # now, because an error here is worth an end

    def on_epoch_end(self, trainer):
        try:
            self._write(trainer.history)
        except OSError as error:
            print(f"the log could not be written: {error}; next try after the next epoch", file=sys.stderr)

    def _write(self, history):
        epochs = len(history["loss"])
        while len(self._lines) < epochs:
            place = len(self._lines) - epochs       # -1 for the last epoch; a column that began late is shorter
            self._lines.append(self._line({name: float(values[place]) for name, values in history.items()
                                           if len(values) >= -place}, history))
        if self._json:
            text = "[\n" + ",\n".join(self._lines) + "\n]\n"
        else:
            text = "\n".join([_csv(history), *self._lines, ""])
        write_atomically(self.path, text.encode())

    def _line(self, row, columns):
        return json.dumps(row) if self._json else _csv(row.get(name, "") for name in columns)


def _csv(values):
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(values)
    return file.getvalue()
