"""Chapter 5, exercise 8: Dropout (book, 6.4.3).

In training every value is made 0 with the probability dropout_ratio, each time anew, and the others stay as they are.
In prediction (train_flg=False) nothing is dropped: out = x (1 - dropout_ratio), so that the sums that the next layer
makes are as large as they were on average in training.

Given: x and dout, arrays of one shape, any. Return: out (forward) and dx (backward), of the same shape. backward
belongs to the last forward in training: where a value was dropped, dx is 0. x and dout stay as they are.
Draw with np.random (np.random.rand(*x.shape) gives numbers from 0 to 1), so that the check can repeat it.

If forward gives [1, 0, 0, 4] for [1, 2, 3, 4], backward gives [5, 0, 0, 8] for [5, 6, 7, 8].

    >>> layer = Dropout(0.5)
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> np.array_equal(layer.forward(x), layer.backward(x))
    True
    >>> layer.forward(x, train_flg=False)
    array([0.5, 1. , 1.5, 2. ])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio

    def forward(self, x, train_flg=True):
        """x with some values dropped; in prediction, all of them scaled."""
        raise NotImplementedError

    def backward(self, dout):
        """dx = dout where the value was kept, else 0."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
