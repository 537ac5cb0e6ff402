"""The sigmoid: 1 / (1 + exp(-x)), the step function made smooth.

Look at the slope: it is steepest at 0 and nearly gone beyond -5 and 5. Between them every change of the input
shows in the output. Chapter 3, second of four: next is relu.py.
"""
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import sigmoid
from common.figures.plot import show

if __name__ == "__main__":
    x = np.arange(-5.0, 5.0, 0.1)
    plt.plot(x, sigmoid(x))
    plt.ylim(-0.1, 1.1)
    plt.xlabel("x")
    plt.ylabel("sigmoid(x)")
    plt.grid(alpha=0.3)
    show()
