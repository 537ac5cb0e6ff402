"""Chapter 5, exercise 1: the two smallest layers (book, 5.4.1 and 5.4.2).

MulLayer: forward(x, y) returns x y. backward(dout) gets dout, how the end result changes with x y, and returns the two
numbers that say how it changes with x and with y: dx, dy.
AddLayer: the same for x + y.

Given: x and y, numbers or arrays of one shape; dout, of the same shape. Return: forward, one result of that shape;
backward, two of them, `return dx, dy`. What backward needs, forward keeps: self.x = x. No array that is
given may be changed.

    >>> layer = MulLayer()
    >>> layer.forward(100, 2)               # two apples of 100 yen
    200
    >>> dx, dy = layer.backward(1.1)        # every yen of the 200 counts 1.1, because of the tax
    >>> dx
    2.2
    >>> dy
    110.0
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


class MulLayer:
    def forward(self, x, y):
        """x y"""
        raise NotImplementedError

    def backward(self, dout):
        """dx, dy"""
        raise NotImplementedError


class AddLayer:
    def forward(self, x, y):
        """x + y"""
        raise NotImplementedError

    def backward(self, dout):
        """dx, dy"""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
