"""Threads over slices of a batch.

NumPy lets go of Python's lock while it copies, adds and multiplies, so Python threads that each take a few images run
at the same time, and the arrays of a few images stay in the processor's caches. The slices depend on the number of
examples alone, never on the number of threads, so the results do not either.

BLAS, the library that multiplies matrices for NumPy, is held to one thread of its own from the import of this module
on: two kinds of threads would fight for the cores. The number of threads here is that of the cores this process may
use, or less if OMP_NUM_THREADS (or OPENBLAS_NUM_THREADS, MKL_NUM_THREADS) says so, or what `set_num_threads` sets.
"""
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

SLICE = 25      # examples at most: few enough for the caches, and enough that threads seldom wait for Python's lock

_here = threading.local()       # _here.busy: this thread already works on a slice
_pool = None


def _threads_of_machine():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = [os.environ.get(f"{library}_NUM_THREADS", "").split(",")[0] for library in ("OMP", "OPENBLAS", "MKL")]
    return min([cores, *(int(n) for n in said if n.isdecimal() and int(n) > 0)])


_num_threads = _threads_of_machine()
threadpool_limits(1, user_api="blas")


def num_threads():
    """How many threads work on a batch."""
    return _num_threads


def set_num_threads(n):
    """From now on n threads work on a batch. The results stay the same, to the last bit."""
    global _num_threads, _pool
    if n < 1:
        raise ValueError(f"set_num_threads: expected at least 1, got {n}")
    _num_threads, _pool = int(n), None


def _forget_pool():
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)    # threads do not live on in a forked child


def slices(n, largest=SLICE):
    """n examples in slices of nearly equal size, at most `largest` each."""
    count = -(-n // largest) or 1
    bounds = [n * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in zip(bounds, bounds[1:])]


def blocks(array):
    """Indices that cut an array into a few parts for something done value by value; a small array is one part."""
    return [...] if array.size < 2 ** 16 else slices(len(array), largest=-(-len(array) // 8))


def run(function, items):
    """[function(item) for item in items], several at a time. In a thread that is one of several already: one by one."""
    global _pool
    items = list(items)
    workers = min(_num_threads, len(items))
    if workers < 2 or getattr(_here, "busy", False):
        return [function(item) for item in items]
    pool = _pool
    if pool is None:
        pool = _pool = ThreadPoolExecutor(_num_threads - 1, thread_name_prefix="slices")
    results = [None] * len(items)
    waiting = iter(range(len(items)))       # whoever is free takes the next; next() is one step, also for two threads

    def work():
        _here.busy = True
        try:
            for i in waiting:
                results[i] = function(items[i])
        except BaseException:
            for _ in waiting:               # the others need not begin anything more
                pass
            raise
        finally:
            _here.busy = False

    others = [pool.submit(work) for _ in range(workers - 1)]
    try:
        work()
    finally:
        for other in others:
            if not other.cancel():          # else it has begun: nobody may write on after this call has returned
                other.result()
    return results


def product(A, B):
    """A @ B, a large one in blocks along its longest side, several at a time."""
    rows, inner, columns = *A.shape, B.shape[1]
    if rows * inner * columns < 2 ** 22 or inner != len(B):     # done before a second thread has woken up; or an error
        return A @ B
    longest = max(rows, inner, columns)
    blocks = slices(longest, largest=max(32, -(-longest // 8)))
    if inner > max(rows, columns):
        return sum(run(lambda block: A[:, block] @ B[block], blocks))
    out = np.empty((rows, columns), np.result_type(A, B))
    if rows >= columns:
        run(lambda block: np.matmul(A[block], B, out=out[block]), blocks)
    else:
        run(lambda block: np.matmul(A, B[:, block], out=out[:, block]), blocks)
    return out


def elementwise(ufunc, *arrays, out):
    """ufunc(*arrays, out=out), of large arrays some examples at a time, several at a time. An array of a single example
    is for all of them."""
    if out.size < 2 ** 16 or any(len(array) not in (1, len(out)) for array in arrays):
        return ufunc(*arrays, out=out)
    run(lambda part: ufunc(*(array[part if len(array) > 1 else ...] for array in arrays), out=out[part]),
        slices(len(out)))
    return out
