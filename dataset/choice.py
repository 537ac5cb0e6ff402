"""The data sets that a training script can be asked for: `--dataset fashion`."""
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataset.fashion_mnist import load_fashion_mnist
from dataset.mnist import load_mnist


@dataclass(frozen=True)
class Choice:
    """A data set, for a script that trains on any."""
    name: str           # as it follows `--dataset`
    title: str          # as figures show it
    loader: Callable    # `load_mnist` or its like

    def load(self, **options):
        """What `loader` returns; where it finds no files, the program ends and says how to get them."""
        try:
            return self.loader(**options)
        except FileNotFoundError as error:
            sys.exit(str(error))

    def own(self, path):
        """`path` for MNIST; otherwise with the name in it: `params_fashion.pkl` leaves MNIST's file alone."""
        path = Path(path)
        return path if self.name == "mnist" else path.with_stem(f"{path.stem}_{self.name}")


CHOICES = {choice.name: choice for choice in (
    Choice("mnist", "MNIST", load_mnist),
    Choice("fashion", "Fashion-MNIST", load_fashion_mnist),
)}
