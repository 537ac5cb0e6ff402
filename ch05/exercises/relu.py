"""Chapter 5, exercise 2: the Relu layer (book, 5.5.1).

Forward lets positive values pass and makes all others 0. Where a value passed, backward lets its dout pass; where it
did not, the output does not depend on x, so dx is 0 there.

Given: x and dout, arrays of one shape, any. Return: out (forward) and dx (backward), of the same shape. What backward
needs, forward keeps in self. x and dout stay as they are.

    >>> layer = Relu()
    >>> layer.forward(np.array([[1.0, -2.0], [0.0, 3.0]]))
    array([[1., 0.],
           [0., 3.]])
    >>> layer.backward(np.array([[5.0, 6.0], [7.0, 8.0]]))
    array([[5., 0.],
           [0., 8.]])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class Relu:
    def forward(self, x):
        """x where x > 0, else 0."""
        raise NotImplementedError

    def backward(self, dout):
        """dx = dout where x > 0, else 0."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
