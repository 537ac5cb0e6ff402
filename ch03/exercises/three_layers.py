"""Chapter 3, exercise 3: a net of three layers, forward (book, 3.4.3 and 3.6.2).

Every layer multiplies by its weights and adds its bias. Sigmoid follows the first and the second layer, softmax the
third:

    x (N, 784)  ->  x W1 + b1, sigmoid  ->  z1  ->  z1 W2 + b2, sigmoid  ->  z2  ->  z2 W3 + b3, softmax  ->  y (N, 10)

Given: network, a dict of the arrays W1 (784, 50), b1 (50,), W2 (50, 100), b2 (100,), W3 (100, 10), b3 (10,); the
sizes may be others. x, one example (784,) or a batch (N, 784). Return: y, probabilities (10,) or (N, 10).

    >>> network = {"W1": np.ones((1, 1)), "b1": np.zeros(1), "W2": np.ones((1, 1)), "b2": np.zeros(1),
    ...            "W3": np.array([[0.0, 1.0]]), "b3": np.zeros(2)}
    >>> predict(network, np.array([0.0]))       # z1 is [0.5], z2 is [0.62245933]
    array([0.34922204, 0.65077796])

When it is right, your net reads 1,000 handwritten digits with weights that are ready, and shows some of them.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch03.exercises.checks import check
from common.functions import sigmoid, softmax


def predict(network, x):
    """The probabilities of each class."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
