"""Chapter 5, exercise 13: max pooling (book, 7.3 and 7.4.4).

forward keeps the largest value of every window, each channel by itself. backward gives dout to the place that had the
largest value (the first one, if there are several): the others did not matter.

Given: self.pool_h, self.pool_w, the size of the window; self.stride; x (N, C, H, W); dout (N, C, out_h, out_w), with
out_h = (H - pool_h) // stride + 1. im2col and col2im are ready.
Return: out (N, C, out_h, out_w) (forward), dx (N, C, H, W) (backward). x and dout stay as they are.

    >>> layer = Pooling(2, 2)
    >>> layer.forward(np.array([[[[1.0, 2.0], [4.0, 3.0]]]]))
    array([[[[4.]]]])
    >>> layer.backward(np.array([[[[7.0]]]]))[0, 0]
    array([[0., 0.],
           [7., 0.]])

When it is right, your layer shrinks digits.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check
from common.util import col2im, im2col


class Pooling:
    def __init__(self, pool_h, pool_w, stride=2):
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride

    def forward(self, x):
        """The largest value of every window."""
        raise NotImplementedError

    def backward(self, dout):
        """dx = dout where the largest value was, else 0."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
