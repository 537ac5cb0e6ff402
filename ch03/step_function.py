"""The step function, the activation of the perceptron: 1 for x above 0, else 0 (book, 3.2).

Look at the jump at 0. The curve is flat everywhere else. A small change of a weight changes nothing in the output, so
there is no slope to learn from.

Chapter 3, first script; next: sigmoid.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.functions import step_function
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    x = np.arange(-5.0, 5.0, 0.01)
    plt.plot(x, step_function(x))
    plt.ylim(-0.1, 1.1)
    plt.xlabel("x")
    plt.ylabel("step_function(x)")
    plt.grid(alpha=0.3)
    show()
