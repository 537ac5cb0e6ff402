"""Chapter 5, exercise 10: im2col (book, 7.4.2 and 7.4.3).

A filter looks at the image through a window. im2col writes the values of every window as a row: then a convolution is
one matrix product.

Given: input_data (N, C, H, W), images; the size of the window, filter_h and filter_w; stride, how far it moves each
time; pad, how many zeros to put around every image first.
Return: col (N*out_h*out_w, C*filter_h*filter_w). Its rows are the windows: of the first image first, from left to
right, row by row. In a row: the values of the first channel, row by row, then of the second, ...

    out_h = (H + 2 pad - filter_h) // stride + 1        how many windows lie below each other; out_w in the same way

    >>> image = np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]])     # (1, 1, 3, 3)
    >>> im2col(image, 2, 2)
    array([[1, 2, 4, 5],
           [2, 3, 5, 6],
           [4, 5, 7, 8],
           [5, 6, 8, 9]])
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    """The windows as rows: (N*out_h*out_w, C*filter_h*filter_w)."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
