"""Chapter 3, exercise 1: the sigmoid function (book, 3.2.4).

    sigmoid(x) = 1 / (1 + exp(-x))

Given: x, an array of any shape. Return: an array of the same shape, the sigmoid of every value. x stays as it is.

    >>> sigmoid(np.array([-1.0, 0.0, 1.0]))
    array([0.26894142, 0.5       , 0.73105858])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch03.exercises.checks import check


def sigmoid(x):
    """1 / (1 + exp(-x)) of every value."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
