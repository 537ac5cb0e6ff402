"""Random masks for dropout that do not depend on how a batch is cut into slices."""
import math

import numpy as np


def new_seed():
    """A seed drawn by np.random, so that np.random.seed makes everything after it reproducible."""
    return int(np.random.randint(2 ** 31 - 1))


def random_mask(shape, keep, seed, first_example=0):
    """True with probability keep (in steps of 1 / 65536), for examples first_example, first_example + 1, ...

    shape (N, ...) -> bool array of that shape; images (N, C, H, W) lie in memory with the channels last. An example's
    mask depends on the seed and on its place in the batch alone. 16 random bits decide on a value: a float for each
    would take longer than the layer.
    """
    N, size = shape[0], math.prod(shape[1:])
    words = -(-size // 4)                   # of 64 bits, for one example
    generator = np.random.PCG64(seed).advance(first_example * words)
    bits = generator.random_raw(N * words).view(np.uint16).reshape(N, 4 * words)[:, :size]
    mask = bits <= max(round(keep * 65536) - 1, 0)      # < 65536, no number of 16 bits, crashes NumPy 2.0
    if len(shape) != 4:
        return mask.reshape(shape)
    _, C, H, W = shape
    return mask.reshape(N, H, W, C).transpose(0, 3, 1, 2)
