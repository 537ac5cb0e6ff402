"""Arrays for results: fresh ones, and ones that are used again.

A fresh array costs a page fault every 4 KiB when it is first written, about as much time as the arithmetic that fills
it. So results that never leave the framework lie in memory kept from step to step: whoever knows that none of them will
leave computes `with kept:`, and the layers, which ask for their arrays here, need not know.
"""
import math
import threading

import numpy as np

LARGEST_KEPT = 2 ** 24          # bytes of a work array; larger ones are given back after use

_here = threading.local()       # _here.kept: the KeptArrays in use in this thread


def empty_images(shape, dtype):
    """An uninitialised array of shape (N, C, H, W) that lies in memory as (N, H, W, C); other shapes as they are."""
    kept = getattr(_here, "kept", None)
    make = kept.empty if kept else np.empty
    if len(shape) != 4:
        return make(shape, dtype)
    N, C, H, W = shape
    return make((N, H, W, C), dtype).transpose(0, 3, 1, 2)


def empty_like(x, dtype=None):
    """An uninitialised array of x's shape for something computed from x value by value."""
    if getattr(_here, "kept", None):
        return empty_images(x.shape, dtype or x.dtype)
    return np.empty_like(x, dtype)


class KeptArrays:
    """`with kept:` this thread's uninitialised arrays come from here, each its own; after `rewind`, the same again."""

    def __init__(self):
        self._blocks = []
        self._next = 0

    def rewind(self):
        """Nobody reads the arrays made so far any more. How many were they?"""
        made, self._next = self._next, 0
        return made

    def empty(self, shape, dtype):
        if self._next == len(self._blocks):
            self._blocks.append(np.empty(0, np.uint8))
        array = self._blocks[self._next] = _at_least(self._blocks[self._next], shape, dtype)
        self._next += 1
        return _as(array, shape, dtype)

    def __enter__(self):
        self._outer = getattr(_here, "kept", None)
        _here.kept = self

    def __exit__(self, *error):
        _here.kept = self._outer


def work_array(name, shape, dtype):
    """This thread's array for one purpose, the same memory at every call. Never part of a result."""
    if _bytes(shape, dtype) > LARGEST_KEPT:
        return np.empty(shape, dtype)
    blocks = _here.__dict__.setdefault("work", {})
    blocks[name] = _at_least(blocks.get(name, np.empty(0, np.uint8)), shape, dtype)
    return _as(blocks[name], shape, dtype)


def _at_least(block, shape, dtype):
    size = _bytes(shape, dtype)
    return block if block.nbytes >= size else np.empty(size, np.uint8)


def _as(block, shape, dtype):
    return block[:_bytes(shape, dtype)].view(dtype).reshape(shape)


def _bytes(shape, dtype):
    return math.prod(shape) * np.dtype(dtype).itemsize


def _keep_freed_memory():
    """glibc keeps twice as much free memory as the largest block freed so far, if that was not over 32 MiB. Had it seen
    smaller ones only, it might give the arrays of layers back to the system in every step, and fetch them again."""
    np.empty(2 ** 25 - 2 ** 16, np.uint8)


_keep_freed_memory()
