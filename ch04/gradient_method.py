"""Gradient descent: make a small step against the gradient, compute the gradient again, and repeat (book, 4.4.1).

Look at the steps: they are long where the slope is steep, and get shorter near the minimum. Then read the three end
points. With a learning rate that is too large, the point moves far away; with one that is too small, it hardly moves.

Before: gradient_2d.py; next: gradient_simplenet.py.
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


def gradient_descent(f, init_x, lr=0.01, step_num=100):
    """Go downhill on `f` from `init_x`, which is not changed.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of `init_x`, returns a number.
    init_x : ndarray of float
    lr : float
        Learning rate: a step is `lr` times the gradient.
    step_num : int

    Returns
    -------
    x : ndarray
        The last point.
    x_history : (step_num, ...) ndarray
        The point before each step.
    """
    x = init_x.copy()
    x_history = []
    for _ in range(step_num):
        x_history.append(x.copy())
        x -= lr * numerical_gradient(f, x)
    return x, np.array(x_history)


if __name__ == "__main__":
    start(__doc__)
    init_x = np.array([-3.0, 4.0])
    for lr in (1.1, 1e-10, 0.1):
        x, x_history = gradient_descent(function_2, init_x, lr=lr, step_num=20)
        print(f"lr = {lr:<6g} ends at ({x[0]:.3g}, {x[1]:.3g})")

    side = np.linspace(-4.5, 4.5, 100)
    X0, X1 = np.meshgrid(side, side)
    plt.figure(figsize=(6, 6))
    plt.contour(X0, X1, X0**2 + X1**2, levels=[1, 4, 9, 16, 25], colors="gray", linestyles="--")
    plt.plot(x_history[:, 0], x_history[:, 1], "o-", markersize=5, label="each step, lr = 0.1")
    plt.plot(0, 0, "k*", markersize=12, label="minimum")
    plt.xlabel("x0")
    plt.ylabel("x1")
    plt.legend(loc="upper right")
    show()
