"""The engine: it makes plain NumPy layers fast, and knows no formula.

It cuts work into pieces that stay in the processor's caches, and lets several threads work on them:

- a batch into slices of examples (batch.py), for layers that treat every example by itself;
- a large matrix product and the arrays of an update rule into blocks (arrays.py).

The pieces depend on the shapes alone, so the results are the same bits for every number of threads.

    common.fast.off()       # every layer gets the whole batch; the same results, up to rounding
    common.fast.on()

The environment variable COMMON_FAST=off does the same from the start.
"""
from common.fast.arrays import dot, in_blocks
from common.fast.batch import SLICE, in_slices, join, slices, whole_batch
from common.fast.kernels import turned_convolution
from common.fast.threads import num_threads, off, on, one_blas_thread, run, set_num_threads
