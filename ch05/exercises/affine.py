"""Chapter 5, exercise 4: the Affine layer (book, 5.6.1 and 5.6.2).

    out = x W + b

Given: self.W (D, M), self.b (M,), x (N, D), dout (N, M).
Return: out (N, M) from forward; dx (N, D) from backward, which also sets self.dW (D, M) and self.db (M,).
x and dout stay as they are.
Every gradient has the shape of what it belongs to: that alone says much about where the transposes go.

    >>> layer = Affine(W=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), b=np.array([0.1, 0.2, 0.3]))
    >>> layer.forward(np.array([[1.0, 1.0]]))
    array([[5.1, 7.2, 9.3]])
    >>> layer.backward(np.array([[1.0, 0.0, 0.0]]))
    array([[1., 4.]])
    >>> layer.dW
    array([[1., 0., 0.],
           [1., 0., 0.]])
    >>> layer.db
    array([1., 0., 0.])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class Affine:
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.dW = None
        self.db = None

    def forward(self, x):
        """out = x W + b"""
        raise NotImplementedError

    def backward(self, dout):
        """dx; sets self.dW and self.db."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
