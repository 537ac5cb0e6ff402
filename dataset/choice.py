"""The data sets that a training script can be asked for: `--dataset fashion`."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataset.fashion_mnist import CLASS_NAMES, load_fashion_mnist
from dataset.mnist import load_mnist


@dataclass(frozen=True)
class Choice:
    """A data set, for a script that trains on any.

    Attributes
    ----------
    name : str
        As it follows `--dataset`.
    title : str
        As figures show it.
    load : function
        `load_mnist` or its like.
    class_names : tuple of str
        What the labels stand for.
    """
    name: str
    title: str
    load: Callable
    class_names: tuple

    def own(self, path):
        """`path` for MNIST; otherwise with the name in it: `params_fashion.pkl` leaves MNIST's file alone."""
        path = Path(path)
        return path if self.name == "mnist" else path.with_stem(f"{path.stem}_{self.name}")


CHOICES = {choice.name: choice for choice in (
    Choice("mnist", "MNIST", load_mnist, tuple("0123456789")),
    Choice("fashion", "Fashion-MNIST", load_fashion_mnist, CLASS_NAMES),
)}
