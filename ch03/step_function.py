"""The step function: the perceptron's activation, on or off and nothing between.

Look at the jump at 0. Everywhere else the curve is flat, so a small change of a weight changes nothing in the
output, and there is no slope to learn from. Chapter 3, first of four: next is sigmoid.py.
"""
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import step_function
from common.figures.plot import show

if __name__ == "__main__":
    x = np.arange(-5.0, 5.0, 0.01)
    plt.plot(x, step_function(x))
    plt.ylim(-0.1, 1.1)
    plt.xlabel("x")
    plt.ylabel("step_function(x)")
    plt.grid(alpha=0.3)
    show()
