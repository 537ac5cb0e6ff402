"""Gradient descent: go a little against the gradient, look again, repeat.

Look at the steps: long where the slope is steep, ever shorter near the minimum. Then read the printed end
points: with too large a learning rate the point is thrown far away, with too small a one it hardly moves.
Chapter 4: next is gradient_simplenet.py.
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


def gradient_descent(f, init_x, lr=0.01, step_num=100):
    """Walk down `f` from `init_x`, which is left as it is.

    Parameters
    ----------
    f : callable
        From an array shaped as `init_x` to a number.
    init_x : ndarray of float
    lr : float
        Learning rate: the length of a step for a gradient of length 1.
    step_num : int

    Returns
    -------
    x : ndarray
        Where the walk ended.
    x_history : (step_num, ...) ndarray
        Where each step began.
    """
    x = init_x.copy()
    x_history = []
    for _ in range(step_num):
        x_history.append(x.copy())
        x -= lr * numerical_gradient(f, x)
    return x, np.array(x_history)


if __name__ == "__main__":
    init_x = np.array([-3.0, 4.0])
    for lr in (1.1, 1e-10, 0.1):
        x, x_history = gradient_descent(function_2, init_x, lr=lr, step_num=20)
        print(f"lr = {lr:<6g} ends at ({x[0]:.3g}, {x[1]:.3g})")

    side = np.linspace(-4.5, 4.5, 100)
    X0, X1 = np.meshgrid(side, side)
    plt.figure(figsize=(6, 6))
    plt.contour(X0, X1, X0**2 + X1**2, levels=[1, 4, 9, 16, 25], colors="gray", linestyles="--")
    plt.plot(x_history[:, 0], x_history[:, 1], "o-", markersize=5, label="a step each, lr = 0.1")
    plt.plot(0, 0, "k*", markersize=12, label="minimum")
    plt.xlabel("x0")
    plt.ylabel("x1")
    plt.legend(loc="upper right")
    show()
