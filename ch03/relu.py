"""ReLU: x where x is positive, else 0 (book, 3.2). Most networks use it today.

Look at the right half. The slope is 1, however large x is; the slope of the sigmoid becomes almost 0 there.

Before: sigmoid.py; next: sig_step_compare.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.functions import relu
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    x = np.arange(-5.0, 5.0, 0.1)
    plt.plot(x, relu(x))
    plt.ylim(-1.0, 5.5)
    plt.xlabel("x")
    plt.ylabel("relu(x)")
    plt.grid(alpha=0.3)
    show()
