"""Chapter 4, exercise 4: the gradient of a two-layer net, by hand (book, 4.5; chapter 5 does the same with layers).

Forward, the net computes

    a1 = x W1 + b1,   z1 = sigmoid(a1),   a2 = z1 W2 + b2,   y = softmax(a2),   loss = the cross entropy of y and t

Given: self.params, a dict of the arrays W1 (D, H), b1 (H,), W2 (H, K), b2 (K,); x (N, D); t, the right classes (N,).
Return: a dict with the keys W1, b1, W2, b2: how the loss changes with every value of these arrays.

Walk backwards, a line for every line above. It begins so, softmax and cross entropy in one:

    da2 = (y - t) / N           with t as rows of 0 and a 1 in the place of the right class: np.eye(K)[t], (N, K)

    >>> grads = MyNet(1, 1, 2, weight_init_std=0).gradient(np.array([[1.0]]), np.array([0]))
    >>> grads["b2"]                             # all weights are 0, so z1 is 0.5, and y is [0.5, 0.5]
    array([-0.5,  0.5])
    >>> grads["W2"]
    array([[-0.25,  0.25]])

The net has predict, loss and numerical_gradient: see ch04/two_layer_net.py (its gradient is the solution).
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch04.exercises.checks import check
from ch04.two_layer_net import TwoLayerNet
from common.functions import sigmoid, softmax


class MyNet(TwoLayerNet):
    def gradient(self, x, t):
        """The gradient of the loss: {"W1": (D, H), "b1": (H,), "W2": (H, K), "b2": (K,)}."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
