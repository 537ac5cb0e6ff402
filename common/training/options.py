"""The command-line options that every training script takes."""
import argparse
import os
import sys
from pathlib import Path

import numpy as np

from common.script import end, start
from common.training.checkpoint import Checkpoint, read_checkpoint
from common.training.live_window import LiveWindow
from common.training.log import Log
from common.training.schedule import Schedule, cosine, step
from dataset.fashion_mnist import FASHION_MNIST
from dataset.mnist import MNIST

DATASETS = {"mnist": MNIST, "fashion": FASHION_MNIST}
SCHEDULES = {"constant": None, "step": Schedule(step), "cosine": Schedule(cosine)}


def training_options(doc, epochs, limit=None, parser=None, schedule=None):
    """Read the command line, and seed NumPy's random numbers with --seed.

    doc : the script's own docstring, see `common.script.start`
    epochs, limit, schedule : defaults of the options; a limit of None stands for all training examples
    parser : argparse.ArgumentParser with the script's own options, if it has any

    Returns an argparse.Namespace of `epochs`, `seed`, `limit` (train on `x_train[:args.limit]`) and the script's own
    options. With a schedule, also of `dataset`, a `dataset.source.Dataset`, and `callbacks`, a list of those that
    --schedule, --checkpoint, --resume, --log and --live ask for.
    """
    parser = parser or argparse.ArgumentParser()
    option = parser.add_argument
    option("--epochs", type=at_least(1), metavar="N", help=f"how often every example is seen (default: {epochs})")
    option("--seed", type=at_least(0), default=0, metavar="N",
           help="for the random numbers: the same seed, the same result (default: %(default)s)")
    option("--limit", type=at_least(1), default=limit, metavar="N",
           help=f"train on the first N examples only (default: {limit or 'all'})")
    if schedule:
        option("--dataset", choices=DATASETS, default="mnist", help="what to train on (default: %(default)s)")
        option("--schedule", choices=SCHEDULES, default=schedule,
               help="how the learning rate changes (default: %(default)s)")
        option("--checkpoint", metavar="FILE", help="save the state of the training here after every epoch")
        option("--resume", metavar="FILE",
               help="go on from this checkpoint, and end with the numbers of a training without a pause")
        option("--log", metavar="FILE", help="write the history here after every epoch, as .json or .csv")
        option("--live", action="store_true", help="show loss and accuracy in a window during the training")
    args = start(doc, parser)
    try:        # better now than after the training
        for name in ("checkpoint", "resume", "log"):
            if vars(args).get(name) == "":      # as in --checkpoint "$FILE" when FILE is not set
                raise ValueError(f"--{name}: expected the name of a file, got an empty one")
        for path in (sys.argv[0], vars(args).get("checkpoint"), vars(args).get("log")):
            if path and not os.access(folder := Path(path).absolute().parent, os.W_OK):
                raise ValueError(f"{path!r}: files cannot be written to {folder}")
        if schedule:
            if args.checkpoint and not args.resume and Path(args.checkpoint).exists():
                raise ValueError(f"--checkpoint: {args.checkpoint} exists; --resume {args.checkpoint} goes on from it")
            asked = [SCHEDULES[args.schedule], args.live and LiveWindow(), args.log and Log(args.log),
                     (args.checkpoint or args.resume) and _Checkpoint(args.checkpoint, args.resume)]
            args.callbacks = [callback for callback in asked if callback]
            args.dataset = DATASETS[args.dataset]
            epochs = read_checkpoint(args.resume)["epochs"] if args.resume else epochs
    except (ValueError, OSError) as error:
        parser.error(str(error))
    args.epochs = args.epochs or epochs
    np.random.seed(args.seed)
    return args


class _Checkpoint(Checkpoint):
    """A checkpoint that ends the script with one line if it does not fit or cannot be written."""

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
