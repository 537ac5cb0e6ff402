"""The same inference a hundred digits at a time.

Look at the shapes: (100, 784) goes in, (100, 10) comes out, and `predict` is unchanged. The accuracy is the
same; the time is not, since NumPy works best on large arrays. Chapter 3, last script: next is
ch04/gradient_1d.py.
"""
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch03.neuralnet_mnist import get_data, init_network, predict

BATCH_SIZE = 100

if __name__ == "__main__":
    x, t = get_data()
    network = init_network()

    started = perf_counter()
    for x_i in x[:1000]:
        predict(network, x_i)
    one_by_one = (perf_counter() - started) / len(x[:1000])

    started = perf_counter()
    right = 0
    for i in range(0, len(x), BATCH_SIZE):
        y = predict(network, x[i:i + BATCH_SIZE])
        right += int(np.sum(np.argmax(y, axis=1) == t[i:i + BATCH_SIZE]))
    in_batches = (perf_counter() - started) / len(x)

    print(f"{x[:BATCH_SIZE].shape} goes in, {y.shape} comes out")
    print(f"A digit takes {1e6 * one_by_one:.0f} microseconds alone, "
          f"{1e6 * in_batches:.0f} in a batch of {BATCH_SIZE}")
    print(f"Accuracy: {right / len(x):.4f}")
