"""Chapter 5, exercise 3: the Sigmoid layer (book, 5.5.2).

    out = 1 / (1 + exp(-x))

Its derivative can be written with out alone; find it, by hand or in the book.

Given: x and dout, arrays of one shape, any. Return: out (forward), dx (backward), of the same shape. What backward
needs, forward keeps in self. x and dout stay as they are.

    >>> layer = Sigmoid()
    >>> layer.forward(np.array([0.0, 2.0]))
    array([0.5       , 0.88079708])
    >>> layer.backward(np.array([1.0, 1.0]))
    array([0.25      , 0.10499359])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class Sigmoid:
    def forward(self, x):
        """1 / (1 + exp(-x))"""
        raise NotImplementedError

    def backward(self, dout):
        """dx = dout times the derivative of sigmoid."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
