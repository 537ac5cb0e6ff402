"""Chapter 5, exercise 5: softmax and cross entropy as the last layer (book, 5.6.3 and appendix A).

forward turns scores into probabilities y = softmax(x) and returns the loss, the mean cross entropy of y and t.
backward returns how the loss changes with every score. The two together have a surprisingly simple gradient:
what the net said, minus what it should have said, (y - t), with t written as rows of 0 and a single 1.

Given: x, scores (N, K); t, the right classes, (N,) integers; dout, 1. Return: the loss, a number (forward), and dx
(N, K) (backward). The loss is a mean over N examples: think of it in dx. softmax and cross_entropy_error are ready.
x and t stay as they are.

    >>> layer = SoftmaxWithLoss()
    >>> layer.forward(np.array([[0.3, 2.9, 4.0]]), np.array([1]))
    1.40571456
    >>> layer.backward()
    array([[ 0.01821127, -0.75480819,  0.73659691]])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check
from common.functions import cross_entropy_error, softmax


class SoftmaxWithLoss:
    def forward(self, x, t):
        """The loss."""
        raise NotImplementedError

    def backward(self, dout=1):
        """dx"""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
