"""The command-line options that every training script takes."""
import argparse
import os
import sys
from pathlib import Path

import numpy as np

from common.training.checkpoint import saved_epochs
from common.training.schedule import constant, cosine, step
from dataset.choice import CHOICES


def training_options(description, epochs, limit=None, parser=None):
    """Read --epochs, --seed and --limit from the command line, and seed NumPy's random numbers with --seed.

    Parameters
    ----------
    description : what --help says; a script's own docstring
    epochs, limit : defaults; a limit of None stands for all training examples
    parser : argparse.ArgumentParser, optional; one that has the script's own options already

    Returns
    -------
    argparse.Namespace of `epochs`, `seed`, `limit` (`x_train[:args.limit]` are the examples to train on) and
    the script's own options
    """
    parser = parser or argparse.ArgumentParser()
    parser.description = description
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--epochs", type=at_least(1), metavar="N",
                        help=f"how often every training example is seen (default: {epochs})")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N",
                        help="for the random numbers: the same seed, the same result (default: %(default)s)")
    parser.add_argument("--limit", type=at_least(1), default=limit, metavar="N",
                        help=f"train on the first N examples only (default: {limit or 'all'})")
    args = parser.parse_args()
    resume, checkpoint = getattr(args, "resume", None), getattr(args, "checkpoint", None)
    if checkpoint and Path(checkpoint).exists() and not resume:
        parser.error(f"--checkpoint: {checkpoint} exists; --resume {checkpoint} goes on from it")
    try:
        args.epochs = args.epochs or (saved_epochs(resume) if resume else epochs)
    except ValueError as error:
        parser.error(str(error))
    folder = Path(sys.argv[0]).resolve().parent
    if not os.access(folder, os.W_OK):      # better now than after the training
        parser.error(f"results are saved in {folder}, which cannot be written: run a copy of the project")
    np.random.seed(args.seed)
    return args


def dataset_option():
    """A parser of --dataset, for `training_options`; then `args.dataset` is a `dataset.choice.Choice`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", type=_one_of(CHOICES), default="mnist", metavar="NAME",
                        help=f"what to train on: {' or '.join(CHOICES)} (default: %(default)s)")
    return parser


def trainer_options(parser, schedule="constant"):
    """Adds --schedule, --checkpoint, --resume, --log and --live to a parser, for `training_options`.

    `args.schedule` is a function of `common.training.schedule`, the one named `schedule` if the reader asks for no other;
    `args.live` is for `common.training.live_window`; the others are names of files, or None: settings of a Trainer.
    """
    schedules = {"constant": constant, "step": step, "cosine": cosine}

    def existing(path):
        if not Path(path).is_file():
            raise argparse.ArgumentTypeError(f"expected a checkpoint, but there is no file {path!r}")
        return path

    def writable(path):
        folder = Path(path).absolute().parent
        if not os.access(folder, os.W_OK):
            raise argparse.ArgumentTypeError(f"{path!r}: expected a folder that can be written, got {folder}")
        return path

    def log(path):
        if Path(path).suffix.lower() not in (".json", ".csv"):
            raise argparse.ArgumentTypeError(f"expected a name ending in .json or .csv, got {path!r}")
        return writable(path)

    parser.add_argument("--schedule", type=_one_of(schedules), default=schedule, metavar="NAME",
                        help=f"how the learning rate changes: {', '.join(schedules)} (default: %(default)s)")
    parser.add_argument("--checkpoint", type=writable, metavar="FILE",
                        help="save the state of the training here after every epoch")
    parser.add_argument("--resume", type=existing, metavar="FILE",
                        help="go on from this checkpoint, and end with the numbers of a training without a pause")
    parser.add_argument("--log", type=log, metavar="FILE",
                        help="write the history here after every epoch, as .json or .csv")
    parser.add_argument("--live", action="store_true", help="show loss and accuracy in a window during the training")
    return parser


def _one_of(choices):
    """A type for `add_argument`: a name, turned into what the dict `choices` has under it."""
    def choice(name):
        if name not in choices:
            raise argparse.ArgumentTypeError(f"invalid choice: {name!r} (choose from {', '.join(choices)})")
        return choices[name]
    return choice


def at_least(smallest):
    """A type for `add_argument`: a whole number, `smallest` or more, that NumPy takes for a seed too."""
    def number(text):
        if not text.isdecimal() or not smallest <= int(text) < 2 ** 32:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {smallest}, got {text!r}")
        return int(text)
    return number
