"""ReLU: x where x is positive, else 0. The activation of most networks today.

Look at the right half: the slope is 1 however large x grows, where the sigmoid's fades away. Chapter 3, third
of four: next is sig_step_compare.py.
"""
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import relu
from common.figures.plot import show

if __name__ == "__main__":
    x = np.arange(-5.0, 5.0, 0.1)
    plt.plot(x, relu(x))
    plt.ylim(-1.0, 5.5)
    plt.xlabel("x")
    plt.ylabel("relu(x)")
    plt.grid(alpha=0.3)
    show()
