"""The gradient of a function of two variables, drawn as a field of arrows.

Each arrow is the negative gradient: the way down. Look where they point (to the minimum, here the origin) and
how they shrink on the way. Chapter 4: next is gradient_method.py.
"""
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.gradient import numerical_gradient
from common.figures.plot import show


def function_2(x):
    """x0² + x1², a bowl; `x` has shape (2,)."""
    return np.sum(x**2)


if __name__ == "__main__":
    side = np.arange(-2.0, 2.25, 0.25)
    points = np.array([(x0, x1) for x1 in side for x0 in side])
    gradients = np.array([numerical_gradient(function_2, point) for point in points])

    plt.figure(figsize=(6, 6))
    plt.quiver(points[:, 0], points[:, 1], -gradients[:, 0], -gradients[:, 1], angles="xy", color="dimgray")
    plt.plot(0, 0, "k*", markersize=12)
    plt.xlabel("x0")
    plt.ylabel("x1")
    plt.title("negative gradient of f(x0, x1) = x0² + x1², star: the minimum")
    plt.grid(alpha=0.3)
    show()
