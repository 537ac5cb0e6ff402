"""Arrays for results: fresh ones, and ones that are used again.

A fresh array costs a page fault every 4 KiB when it is first written, about as much time as the arithmetic that fills it.
So results that never leave the framework are written into arrays kept from step to step.
"""
import math

import numpy as np


def empty_images(shape, dtype):
    """An uninitialised array of shape (N, C, H, W) that lies in memory as (N, H, W, C); other shapes as they are."""
    return _images(np.empty, shape, dtype)


def _images(make, shape, dtype):
    if len(shape) != 4:
        return make(shape, dtype)
    N, C, H, W = shape
    return make((N, H, W, C), dtype).transpose(0, 3, 1, 2)


class KeptArrays:
    """Uninitialised arrays, one for each name, that are used again by the next call with that name."""

    def __init__(self):
        self._memory = {}

    def empty(self, name, shape, dtype):
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or memory.nbytes < size:
            memory = self._memory[name] = np.empty(size, np.uint8)
        return memory[:size].view(dtype).reshape(shape)

    def empty_images(self, name, shape, dtype):
        """As `arrays.empty_images`."""
        return _images(lambda shape, dtype: self.empty(name, shape, dtype), shape, dtype)
