"""The numerical derivative: the slope of a function, from its values at two points close together (book, 4.3).

Look at the two tangents. Their slopes were found by calling the function only. Still they agree with the derivative
by the rules of calculus, 0.02 x + 0.1, to about ten digits.

Chapter 4, first script; next: gradient_2d.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.script import start


def numerical_diff(f, x):
    """The slope of `f` at `x` by a central difference. The error shrinks with the square of h."""
    h = 1e-4
    return (f(x + h) - f(x - h)) / (2 * h)


def function_1(x):
    return 0.01 * x**2 + 0.1 * x


def tangent_line(f, x):
    """The straight line that touches `f` at `x`, as a function."""
    slope = numerical_diff(f, x)
    return lambda t: f(x) + slope * (t - x)


if __name__ == "__main__":
    start(__doc__)
    x = np.arange(0.0, 20.0, 0.1)
    plt.plot(x, function_1(x), label="f(x) = 0.01 x² + 0.1 x")
    for touch, style in ((5.0, "--"), (10.0, ":")):
        slope = numerical_diff(function_1, touch)
        print(f"x = {touch:4}: numerical slope {slope:.12f}, by calculus {0.02 * touch + 0.1:.12f}")
        tangent = tangent_line(function_1, touch)
        plt.plot(x, tangent(x), style, label=f"tangent at x = {touch:g}, slope {slope:.2f}")
        plt.plot(touch, function_1(touch), "ko")
    plt.xlabel("x")
    plt.ylabel("f(x)")
    plt.grid(alpha=0.3)
    plt.legend()
    show()
