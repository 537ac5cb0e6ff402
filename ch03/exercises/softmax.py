"""Chapter 3, exercise 2: a softmax that does not overflow (book, 3.5.1 and 3.5.2).

    y_k = exp(x_k) / sum_i exp(x_i)

Given: x, scores of shape (K,) for one example, or (N, K) for N examples. Return: an array of the same shape, in which
the values of every example lie between 0 and 1 and add up to 1. x stays as it is.

    >>> softmax(np.array([0.3, 2.9, 4.0]))
    array([0.01821127, 0.24519181, 0.73659691])
    >>> softmax(np.array([1010.0, 1000.0, 990.0]))          # exp(1010) is inf
    array([9.99954600e-01, 4.53978686e-05, 2.06106005e-09])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch03.exercises.checks import check


def softmax(x):
    """exp(x_k) / sum_i exp(x_i) along the last axis."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
