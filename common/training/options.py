"""The command-line options that every training script takes."""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from common.script import end, start
from common.training.checkpoint import Checkpoint, saved_epochs
from common.training.live_window import LiveWindow
from common.training.log import Log
from common.training.schedule import Schedule, constant, cosine, step
from dataset.choice import CHOICES

SCHEDULES = {"constant": constant, "step": step, "cosine": cosine}


def training_options(doc, epochs, limit=None, parser=None):
    """Read --epochs, --seed and --limit from the command line, and seed NumPy's random numbers with --seed.

    Parameters
    ----------
    doc : the script's own docstring, see `common.script.start`
    epochs, limit : defaults; a limit of None stands for all training examples
    parser : argparse.ArgumentParser, optional; one that has the script's own options already

    Returns
    -------
    argparse.Namespace of `epochs`, `seed`, `limit` (`x_train[:args.limit]` are the examples to train on) and
    the script's own options
    """
    parser = parser or argparse.ArgumentParser()
    parser.add_argument("--epochs", type=at_least(1), metavar="N",
                        help=f"how often every training example is seen (default: {epochs})")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N",
                        help="for the random numbers: the same seed, the same result (default: %(default)s)")
    parser.add_argument("--limit", type=at_least(1), default=limit, metavar="N",
                        help=f"train on the first N examples only (default: {limit or 'all'})")
    args = start(doc, parser)
    files = {option: vars(args).get(option) for option in ("checkpoint", "log", "resume")}
    try:        # better now than after the training
        for path in (sys.argv[0], files["checkpoint"], files["log"] and Log(files["log"]).path):
            if path:
                _check_folder(path)
        if files["resume"]:
            args.epochs = args.epochs or saved_epochs(files["resume"])
        elif files["checkpoint"] and Path(files["checkpoint"]).exists():
            raise ValueError(f"--checkpoint: {args.checkpoint} exists; --resume {args.checkpoint} goes on from it")
    except (ValueError, OSError) as error:
        parser.error(str(error))
    args.epochs = args.epochs or epochs
    if "dataset" in args:
        args.dataset = CHOICES[args.dataset]
    np.random.seed(args.seed)
    return args


def _check_folder(path):
    """ValueError if no file can be made in the folder of this one."""
    folder = Path(path).absolute().parent
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"{str(path)!r}: files cannot be written to {folder}: {error.strerror}") from None


def dataset_option():
    """A parser of --dataset, for `training_options`; then `args.dataset` is a `dataset.choice.Choice`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", choices=CHOICES, default="mnist", help="what to train on (default: %(default)s)")
    return parser


def trainer_options(parser, schedule="constant"):
    """Adds --schedule, --checkpoint, --resume, --log and --live to a parser; `callbacks` makes a list of them."""
    parser.add_argument("--schedule", choices=SCHEDULES, default=schedule,
                        help="how the learning rate changes (default: %(default)s)")
    parser.add_argument("--checkpoint", metavar="FILE",
                        help="save the state of the training here after every epoch")
    parser.add_argument("--resume", metavar="FILE",
                        help="go on from this checkpoint, and end with the numbers of a training without a pause")
    parser.add_argument("--log", metavar="FILE",
                        help="write the history here after every epoch, as .json or .csv")
    parser.add_argument("--live", action="store_true", help="show loss and accuracy in a window during the training")
    return parser


def callbacks(args):
    """The callbacks that the options of `trainer_options` ask for; the checkpoint last, as it must be."""
    asked = [args.schedule != "constant" and Schedule(SCHEDULES[args.schedule]), args.live and LiveWindow(),
             args.log and Log(args.log), (args.checkpoint or args.resume) and _Checkpoint(args.checkpoint, args.resume)]
    return [callback for callback in asked if callback]


class _Checkpoint(Checkpoint):
    """If it does not fit or cannot be written, the script ends with one line."""

    def on_train_begin(self, trainer):
        try:
            super().on_train_begin(trainer)
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            end(2)


def at_least(smallest):
    """A type for `add_argument`: a whole number, `smallest` or more, that NumPy takes for a seed too."""
    def number(text):
        if not text.isdecimal() or not smallest <= int(text) < 2 ** 32:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {smallest}, got {text!r}")
        return int(text)
    return number
