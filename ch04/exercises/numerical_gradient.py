"""Chapter 4, exercise 2: the numerical gradient (book, 4.3 and 4.4).

How much does f(x) change when one value of x changes a little? Ask f itself, on both sides of that value:

    (f(x + h) - f(x - h)) / (2 h),      with h = 1e-4 added to that value only

and so for every value of x.

Given: f, a function of an array that returns a number; x, an array of floats of any shape.
Return: a new array of x's shape, the derivative for every value. Afterwards x is as it was before. Change x itself for
the two calls, and put the value back: the f of a net has no use for its argument, it reads x where x lives.

    >>> numerical_gradient(lambda x: np.sum(x ** 2), np.array([3.0, 4.0]))
    array([6., 8.])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch04.exercises.checks import check


def numerical_gradient(f, x):
    """The derivative of f for every value of x."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
