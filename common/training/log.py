"""The history of a training as a file for other programs."""
import json
import sys
from pathlib import Path

from common.files import write_atomically


class FileCallback:
    """Calls `write(trainer)` before the first step, where an error ends the training, and after every epoch."""

    def on_train_begin(self, trainer):
        self.write(trainer)

    def on_epoch_end(self, trainer):
        try:
            self.write(trainer)
        except OSError as error:        # another program holds the file open, or the disk is full
            print(f"{self.path} could not be written: {error}; next try after the next epoch", file=sys.stderr)


class Log(FileCallback):
    """The history in a file, a line per epoch: a table in .csv, or a list of {name: number} in .json."""

    def __init__(self, path):
        self.path = Path(path)
        if self.path.suffix not in (".json", ".csv"):
            raise ValueError(f"{path}: expected a name ending in .json or .csv")

    def on_train_begin(self, trainer):
        self.lines = []         # they stay, so that late in a training an epoch takes no longer than at its beginning
        super().on_train_begin(trainer)

    def write(self, trainer):
        history, is_json = trainer.history, self.path.suffix == ".json"
        for place in range(len(self.lines) - len(history["loss"]), 0):      # -1 is the last epoch
            row = {name: float(values[place]) for name, values in history.items() if len(values) >= -place}
            columns = [str(row.get(name, "")) for name in history]
            self.lines.append(json.dumps(row) if is_json else ",".join(columns))
        heading = ",".join(map(json.dumps, history))        # in quotes: a name may have a comma in it
        lines = ["[", ",\n".join(self.lines), "]"] if is_json else [heading, *self.lines]
        write_atomically(self.path, "\n".join([*lines, ""]).encode())
