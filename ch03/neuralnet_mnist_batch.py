"""The same network reads a hundred digits at a time (book, 3.6.3).

Look at the shapes: (100, 784) goes in, (100, 10) comes out, and `predict` is the same function as before. The accuracy
is the same too. The time is not: NumPy is fastest with large arrays.

Before: neuralnet_mnist.py; next: write it yourself, in ch03/exercises; then ch04/gradient_1d.py.
"""
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch03.neuralnet_mnist import get_data, init_network, predict
from common.script import start

BATCH_SIZE = 100

if __name__ == "__main__":
    start(__doc__)
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
