"""Chapter 4, exercise 1: the cross entropy of a batch (book, 4.2.4).

How bad are the answers of a net? For one example it is -log of the probability that the net gave to the right class;
for a batch it is the mean of that.

Given: y, probabilities (N, K), a row per example; t, the right classes, (N,) integers from 0 to K - 1.
Return: a number, the mean of -log(y[n, t[n]] + 1e-7). The 1e-7 is there because log(0) is -inf.

    >>> y = np.array([[0.1, 0.6, 0.3], [0.5, 0.3, 0.2]])
    >>> cross_entropy_error(y, np.array([1, 0]))            # (-log 0.6 - log 0.5) / 2
    0.60198621
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch04.exercises.checks import check


def cross_entropy_error(y, t):
    """The mean of -log(y[n, t[n]] + 1e-7)."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
