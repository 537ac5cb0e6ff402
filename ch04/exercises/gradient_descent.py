"""Chapter 4, exercise 3: the steps of gradient descent (book, 4.4.1).

The gradient points to where f grows fastest. A step goes the other way:

    x  <-  x - lr * gradient of f at x

Given:
    f           a function of an array that returns a number; numerical_gradient(f, x) gives its gradient
    init_x      where to begin, an array (D,); it stays as it is
    lr          the learning rate, a number
    step_num    how many steps

Return: x, where the last step ended (D,), and x_history, where each step began (step_num, D).

    >>> x, x_history = gradient_descent(lambda x: np.sum(x ** 2), np.array([3.0, 4.0]), 0.1, 2)
    >>> x
    array([1.92, 2.56])
    >>> x_history
    array([[3. , 4. ],
           [2.4, 3.2]])

When it is right, you see its way down.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch04.exercises.checks import check
from common.gradient import numerical_gradient


def gradient_descent(f, init_x, lr=0.01, step_num=100):
    """x and x_history."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
