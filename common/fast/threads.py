"""Threads that work on several pieces at a time. NumPy lets go of Python's lock (the GIL) while it computes."""
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

_here = threading.local()           # _here.working: this thread already works on a piece
_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_limits = [os.environ.get(f"{library}_NUM_THREADS", "").split(",")[0] for library in ("OMP", "OPENBLAS", "MKL")]
_num_threads = min([_cores, *(int(n) for n in _limits if n.isdecimal() and int(n) > 0)])
_enabled = os.environ.get("COMMON_FAST", "").lower() not in ("off", "0", "no", "false")
_pool = None
_blas_lock = threading.Lock()
_blas_users = 0                     # how many are inside one_blas_thread
_blas = None                        # [(library, its number of threads before), ...]


def on():
    """Use slices, blocks and threads (the default)."""
    global _enabled
    _enabled = True


def off():
    """Compute everything plainly: whole batches, whole arrays, NumPy's own threads."""
    global _enabled
    _enabled = False


def enabled():
    """Is the engine on?"""
    return _enabled


def num_threads():
    """How many threads work on a batch: a thread per core, or less if OMP_NUM_THREADS says so."""
    return _num_threads


def set_num_threads(n):
    """From now on n threads work on a batch. The results stay the same, to the last bit."""
    global _num_threads, _pool
    if n < 1:
        raise ValueError(f"set_num_threads: expected at least 1, got {n}")
    _num_threads, _pool = int(n), None


if hasattr(os, "register_at_fork"):     # threads do not live on in a forked child
    os.register_at_fork(after_in_child=lambda: set_num_threads(_num_threads))


class one_blas_thread:
    """`with one_blas_thread():` BLAS, NumPy's matrix library, uses one thread: its threads would fight with ours."""

    def __enter__(self):
        global _blas, _blas_users
        self.counts = _enabled and not getattr(_here, "one_blas_thread", False)
        if self.counts:
            _here.one_blas_thread = True
            with _blas_lock:
                if _blas_users == 0:
                    _blas = [(library, library.get_num_threads()) for library in _blas_libraries()]
                    for library, _ in _blas:
                        library.set_num_threads(1)
                _blas_users += 1

    def __exit__(self, *error):
        global _blas_users
        if self.counts:
            _here.one_blas_thread = False
            with _blas_lock:
                _blas_users -= 1
                if _blas_users == 0:
                    for library, before in _blas:
                        library.set_num_threads(before)


@cache
def _blas_libraries():
    """Looked for at the first use only: that takes some milliseconds."""
    np.empty(2 ** 25 - 2 ** 16, np.uint8)       # glibc then keeps freed memory: SimpleConvNet steps are a fifth faster
    return ThreadpoolController().select(user_api="blas").lib_controllers


def run(function, items):
    """[function(item) for item in items], on several threads; inside a piece, on this thread alone."""
    items = list(items)
    workers = min(_num_threads, len(items))
    with one_blas_thread():
        if workers < 2 or not _enabled or getattr(_here, "working", False):
            return [function(item) for item in items]
        return _run_on_threads(function, items, workers)


def _run_on_threads(function, items, workers):
    results = [None] * len(items)
    waiting = deque(range(len(items)))      # whoever is free takes the next; popleft is safe between threads

    def work():
        before = getattr(_here, "one_blas_thread", False)
        _here.working = _here.one_blas_thread = True
        try:
            while waiting:
                try:
                    i = waiting.popleft()
                except IndexError:          # another thread was faster
                    break
                results[i] = function(items[i])
        except BaseException:
            waiting.clear()                 # nobody need begin another piece
            raise
        finally:
            _here.working, _here.one_blas_thread = False, before

    helpers = _start(work, workers - 1)
    try:
        work()
    finally:
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)                         # nobody may write on after this call has returned or failed
        for helper in begun:
            helper.result()
    return results


def _start(work, count):
    global _pool
    helpers = []
    try:
        _pool = pool = _pool or ThreadPoolExecutor(_num_threads - 1, thread_name_prefix="slices")
        for _ in range(count):
            helpers.append(pool.submit(work))
    except RuntimeError:        # the main program has ended, or the system gives no more threads: do without
        pass
    return helpers
