"""Chapter 5, exercise 7: two update rules, Momentum and Adam (book, 6.1.4 and 6.1.6).

Given: params and grads, dicts of arrays with the same keys: every params[key] has its gradient in grads[key].
update changes the arrays in params where they are (params[key] += ...), returns nothing, and leaves grads alone.

Momentum, for every parameter with its own v, 0 at first:

    v  <-  momentum v - lr g
    parameter  <-  parameter + v

Adam, for every parameter with its own m and v, 0 at first; t = 1 in the first call of update, 2 in the second, ...:

    m  <-  beta1 m + (1 - beta1) g
    v  <-  beta2 v + (1 - beta2) g^2
    parameter  <-  parameter - lr_t m / (sqrt(v) + 1e-7),      lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t)

lr_t makes up for m and v having started at 0. So the first step of Adam is almost lr, however large g is:

    >>> params = {"W1": np.array([1.0])}
    >>> Adam(lr=0.1).update(params, {"W1": np.array([500.0])})
    >>> params["W1"]
    array([0.9])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = {}

    def update(self, params, grads):
        """A step of every parameter."""
        raise NotImplementedError


class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.t = 0
        self.m = {}
        self.v = {}

    def update(self, params, grads):
        """A step of every parameter."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
