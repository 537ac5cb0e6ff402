"""The gradient of a function of two variables, f(x0, x1) = x0² + x1², as a field of arrows (book, 4.4).

Look at the arrows. Each is the negative gradient, the direction in which f falls fastest. Here they all point to the
minimum, and they get shorter near it.

Before: gradient_1d.py; next: gradient_method.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.gradient import numerical_gradient
from common.script import start


def function_2(x):
    """x0² + x1², a bowl; `x` has shape (2,)."""
    return np.sum(x**2)


if __name__ == "__main__":
    start(__doc__)
    side = np.arange(-2.0, 2.25, 0.25)
    points = np.array([(x0, x1) for x1 in side for x0 in side])
    gradients = np.array([numerical_gradient(function_2, point) for point in points])

    plt.figure(figsize=(6, 6))
    plt.quiver(points[:, 0], points[:, 1], -gradients[:, 0], -gradients[:, 1], angles="xy", color="dimgray")
    plt.plot(0, 0, "k*", markersize=12)
    plt.xlabel("x0")
    plt.ylabel("x1")
    plt.title("negative gradient of f(x0, x1) = x0² + x1² (star: minimum)")
    plt.grid(alpha=0.3)
    show()
