"""Chapter 5, exercise 12: the Convolution layer (book, 7.2 and 7.4.3).

With col = im2col(x) a convolution is an Affine layer: every row of col is an example of C FH FW values, every filter a
column of weights. What is left is to bring the arrays into shape, and back.

Given: self.W (FN, C, FH, FW), FN filters; self.b (FN,); self.stride, self.pad; x (N, C, H, W); dout
(N, FN, out_h, out_w), with out_h = (H + 2 pad - FH) // stride + 1. im2col and col2im are ready.
Return: out (N, FN, out_h, out_w); dx (N, C, H, W) from backward, which also sets self.dW (FN, C, FH, FW) and self.db
(FN,). x and dout stay as they are.

    forward:    col (N*out_h*out_w, C*FH*FW)  @  W as (C*FH*FW, FN)  + b  ->  (N*out_h*out_w, FN)  ->  out
    backward:   dout as (N*out_h*out_w, FN)  ->  db, dW, dcol  ->  dx = col2im(dcol)

    >>> W = np.array([[[[1.0, 0.0], [0.0, -1.0]]]])             # one filter: upper left minus lower right
    >>> Convolution(W, np.array([10.0])).forward(np.arange(9.0).reshape(1, 1, 3, 3))[0, 0]
    array([[6., 6.],
           [6., 6.]])

When it is right, your layer filters digits.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check
from common.util import col2im, im2col


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self.dW = None
        self.db = None

    def forward(self, x):
        """out (N, FN, out_h, out_w)"""
        raise NotImplementedError

    def backward(self, dout):
        """dx (N, C, H, W); sets self.dW and self.db."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
