"""Sigmoid and step function in one picture.

Look at what they share (near 0 for small x, near 1 for large x, never outside) and at what they do not: only
the sigmoid has a slope. Chapter 3, last of four on activations: next is mnist_show.py.
"""
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import sigmoid, step_function
from common.figures.plot import show

if __name__ == "__main__":
    x = np.arange(-5.0, 5.0, 0.01)
    plt.plot(x, sigmoid(x), label="sigmoid")
    plt.plot(x, step_function(x), "k--", label="step function")
    plt.ylim(-0.1, 1.1)
    plt.xlabel("x")
    plt.ylabel("output")
    plt.grid(alpha=0.3)
    plt.legend()
    show()
