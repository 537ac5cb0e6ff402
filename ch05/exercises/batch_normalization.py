"""Chapter 5, exercise 9: batch normalization (book, 6.3).

In training, every column of x (one feature, over the batch) is given mean 0 and standard deviation 1:

    mean (D,), var (D,)     mean and variance of the columns: x.mean(axis=0), x.var(axis=0)
    std = sqrt(var + 1e-6)      the 1e-6 is there because var may be 0
    xn  = (x - mean) / std
    out = gamma xn + beta

In prediction (train_flg=False) the running averages take the place of mean and var. Every forward in training, and no
other, moves them:

    running_mean  <-  momentum running_mean + (1 - momentum) mean       and the same for running_var with var

Given: x (N, D), gamma (D,), beta (D,), dout (N, D). Return: out (N, D); dx (N, D) from backward, which also sets
self.dgamma (D,) and self.dbeta (D,). x and dout stay as they are. For dx remember that mean and std move too
when a value of x moves. The book does not derive it. Try it yourself; ch05/derivations.md does it step by step.

    >>> layer = BatchNormalization(gamma=np.array([2.0]), beta=np.array([1.0]))
    >>> layer.forward(np.array([[1.0], [1.0], [3.0], [3.0]])).T
    array([[-1., -1.,  3.,  3.]])
    >>> layer.running_mean
    array([0.2])
    >>> layer.backward(np.array([[4.0], [0.0], [0.0], [8.0]])).round(3).T
    array([[ 4., -4., -8.,  8.]])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma = gamma
        self.beta = beta
        self.momentum = momentum
        self.running_mean = np.zeros_like(gamma)
        self.running_var = np.ones_like(gamma)
        self.dgamma = None
        self.dbeta = None

    def forward(self, x, train_flg=True):
        """out"""
        raise NotImplementedError

    def backward(self, dout):
        """dx; sets self.dgamma and self.dbeta."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
