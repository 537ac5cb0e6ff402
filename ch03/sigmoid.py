"""The sigmoid, 1 / (1 + exp(-x)): a smooth step function (book, 3.2).

Look at the slope. It is largest at 0, and almost 0 below -5 and above 5. Between them, every small change of the input
changes the output.

Before: step_function.py; next: relu.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.functions import sigmoid
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    x = np.arange(-5.0, 5.0, 0.1)
    plt.plot(x, sigmoid(x))
    plt.ylim(-0.1, 1.1)
    plt.xlabel("x")
    plt.ylabel("sigmoid(x)")
    plt.grid(alpha=0.3)
    show()
