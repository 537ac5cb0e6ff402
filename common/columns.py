"""Arithmetic on the columns of tall matrices, as batch normalisation needs it, made fast.

A channel's column has a row for every pixel of the batch, but there are few channels, and NumPy is slow on short rows:
so several rows are treated as one long row. Slices that stay in the processor's caches are shared out among threads,
see `parallel`; they depend on the shape alone, so the results do not depend on the number of threads.
"""
import numpy as np

from common import parallel
from common.arrays import empty_like

LONG = 512              # values of a long row, about
SLICE_SIZE = 2 ** 17    # values of a slice


def compute(function, *arrays):
    """function(*arrays), done value by value.

    The arrays are matrices (R, C), the first at least, and numbers for each column (C,); the result is a new (R, C).
    """
    shape, arrays = arrays[0].shape, _as_long_rows(arrays)
    out = empty_like(arrays[0], np.result_type(*arrays))

    def work(part):
        out[part] = function(*_cut(arrays, part))

    parallel.run(work, _slices(out))
    return out.reshape(shape)


def total(function, *arrays):
    """The sum of compute(function, *arrays) over the rows: (C,)."""
    C = arrays[0].shape[1]
    arrays = _as_long_rows(arrays)

    def work(part):
        return function(*_cut(arrays, part)).sum(axis=0)

    return sum(parallel.run(work, _slices(arrays[0]))).reshape(-1, C).sum(axis=0)


def _as_long_rows(arrays):
    R, C = arrays[0].shape
    together = 1
    while together * C < LONG and R % (2 * together) == 0:
        together *= 2
    return [np.tile(array, together) if array.ndim == 1 else array.reshape(-1, together * C) for array in arrays]


def _cut(arrays, part):
    return [array if array.ndim == 1 else array[part] for array in arrays]


def _slices(matrix):
    return parallel.slices(len(matrix), largest=max(1, SLICE_SIZE // matrix.shape[1]))
