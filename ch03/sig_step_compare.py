"""The sigmoid and the step function in one figure (book, 3.2).

Look at what is alike: both are near 0 for small x, near 1 for large x, and never outside. Then look at what differs:
the sigmoid has a slope, the step function has none.

Before: relu.py; next: mnist_show.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.functions import sigmoid, step_function
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    x = np.arange(-5.0, 5.0, 0.01)
    plt.plot(x, sigmoid(x), label="sigmoid")
    plt.plot(x, step_function(x), "k--", label="step function")
    plt.ylim(-0.1, 1.1)
    plt.xlabel("x")
    plt.ylabel("output")
    plt.grid(alpha=0.3)
    plt.legend()
    show()
