"""Chapter 5, exercise 11: col2im, the way back (book, 7.4.3 and 7.4.4).

backward of a convolution has a gradient for every value of col. A pixel stands in col once for every window that it
lies in, so its gradient is the sum of all these places. (That is why it says += below and not =.)

Given: col (N*out_h*out_w, C*filter_h*filter_w), rows as im2col makes them; input_shape, the images' (N, C, H, W);
filter_h, filter_w, stride and pad, as for im2col.
Return: (N, C, H, W), every value of col added up where im2col took it from; what lies in the padding is cut off.

    >>> col = np.array([[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]])        # im2col of 1 to 9
    >>> col2im(col, (1, 1, 3, 3), 2, 2)[0, 0]           # 5 lies in 4 windows
    array([[ 1.,  4.,  3.],
           [ 8., 20., 12.],
           [ 7., 16.,  9.]])

When it is right, you see in how many windows every pixel lies.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    """The values of col added up where they came from: (N, C, H, W)."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
