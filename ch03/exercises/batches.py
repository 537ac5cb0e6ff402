"""Chapter 3, exercise 4: a batch at a time (book, 3.6.3).

How many digits does a net read right? Let it read batch_size of them at a time: that is much faster than one by one.

Given:
    predict         a function: examples (B, D) in, probabilities (B, K) out
    x               all examples, (N, D)
    t               their right classes, (N,) integers
    batch_size      how many examples predict gets at a time. The last batch has what is left over: N may be 7 and
                    batch_size 3, then predict gets 3, 3 and 1.

Return: the share of examples whose largest probability is that of the right class, a number from 0 to 1.

    >>> x = np.array([[0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    >>> def predict(x):                                     # a net that says what it was given: class 1, class 2
    ...     return x
    >>> accuracy(predict, x, np.array([1, 0]), 100)         # the first answer is right, the second is not
    0.5
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch03.exercises.checks import check


def accuracy(predict, x, t, batch_size):
    """The share of right answers."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
