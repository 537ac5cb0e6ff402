"""The command-line options that every training script takes."""
import argparse

import numpy as np

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
    parser.add_argument("--epochs", type=at_least(1), default=epochs, metavar="N",
                        help="how often every training example is seen (default: %(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N",
                        help="for the random numbers: the same seed, the same result (default: %(default)s)")
    parser.add_argument("--limit", type=at_least(1), default=limit, metavar="N",
                        help=f"train on the first N examples only (default: {limit or 'all'})")
    args = parser.parse_args()
    np.random.seed(args.seed)
    return args


def dataset_option():
    """A parser of --dataset, for `training_options`; then `args.dataset` is a `dataset.choice.Choice`."""
    def choice(name):
        if name not in CHOICES:
            raise argparse.ArgumentTypeError(f"invalid choice: {name!r} (choose from {', '.join(CHOICES)})")
        return CHOICES[name]
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", type=choice, default="mnist", metavar="NAME",
                        help=f"what to train on: {' or '.join(CHOICES)} (default: %(default)s)")
    return parser


def at_least(smallest):
    """A type for `add_argument`: a whole number, `smallest` or more, that NumPy takes for a seed too."""
    def number(text):
        if not text.isdecimal() or not smallest <= int(text) < 2 ** 32:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {smallest}, got {text!r}")
        return int(text)
    return number
