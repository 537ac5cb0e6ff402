"""Blocks of large arrays: of a matrix product, and of an update rule."""
import numpy as np

from common.fast.batch import slices
from common.fast.threads import enabled, run

BLOCK = 2 ** 15         # values of an array that an update rule works on at a time: they stay in the caches
SMALL_PRODUCT = 2 ** 22     # multiplications; a smaller product is done before a second thread has woken up


def dot(A, B):
    """np.dot(A, B) of two matrices, a large product in blocks along its longest side, on several threads."""
    rows, inner, columns = *A.shape, B.shape[1]
    if rows * inner * columns < SMALL_PRODUCT or inner != len(B) or not enabled():
        return A @ B
    longest = max(rows, inner, columns)
    parts = slices(longest, largest=max(32, -(-longest // 8)))
    if inner == longest:
        return sum(run(lambda part: A[:, part] @ B[part], parts))
    if rows == longest:
        return np.concatenate(run(lambda part: A[part] @ B, parts))
    return np.concatenate(run(lambda part: A @ B[:, part], parts), axis=1)


def in_blocks(function, *arrays):
    """function(*arrays), for one block after the other of arrays of one shape; many blocks on several threads.

    Temporary arrays of that size stay in the caches: so an update rule is fast as it stands in the textbook.
    """
    first = arrays[0]
    if first.size <= BLOCK or not enabled():
        return function(*arrays)

    def work(part):
        function(*(array[part] for array in arrays))

    parts = slices(len(first), largest=max(1, BLOCK * len(first) // first.size))
    if len(parts) < 8:          # done before a second thread has woken up
        for part in parts:
            work(part)
    else:
        run(work, parts)
