"""Four optimizers walk down the same long valley, x²/20 + y² (book, 6.1).

Look at the shapes of the paths: SGD zigzags across the valley, because the gradient hardly ever points at the
minimum. Momentum rolls through the bends like a ball. AdaGrad and Adam give each variable its own step size
and turn towards the minimum early. `--gif` makes a film of the four, step by step.

Before: decision_boundary.py; next: optimizer_compare_mnist.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, save_gif, show
from common.optimizer import SGD, AdaGrad, Adam, Momentum
from common.script import start
from common.training.options import at_least


def f(x, y):
    return x**2 / 20 + y**2


def df(x, y):
    """The gradient of `f`: (df/dx, df/dy)."""
    return x / 10, 2 * y


def walk(optimizer, x, y, steps=30):
    """The points (steps + 1, 2) that `optimizer` visits on `f` from (x, y) on."""
    params = {"x": x, "y": y}
    path = [(x, y)]
    for _ in range(steps):
        dx, dy = df(**params)
        optimizer.update(params, {"x": dx, "y": dy})
        path.append((params["x"], params["y"]))
    return np.array(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gif", action="store_true", help="save a film too")
    parser.add_argument("--steps", type=at_least(1), default=30, metavar="N", help="(default: %(default)s)")
    args = start(__doc__, parser)
    optimizers = [SGD(lr=0.95), Momentum(lr=0.1), AdaGrad(lr=1.5), Adam(lr=0.3)]
    X, Y = np.meshgrid(np.linspace(-10, 10, 200), np.linspace(-4, 4, 100))

    figure, grid = plt.subplots(2, 2, figsize=(11, 6.5), sharex=True, sharey=True, layout="constrained")
    figure.suptitle(f"{args.steps} steps on f(x, y) = x²/20 + y²")
    walks = []
    for axes, optimizer in zip(grid.flat, optimizers):
        path = walk(optimizer, -7.0, 2.0, args.steps)
        name = f"{type(optimizer).__name__}, lr = {optimizer.lr:g}"
        print(f"{name:20} ends at ({path[-1, 0]:6.3f}, {path[-1, 1]:6.3f}), f = {f(*path[-1]):.5f}")
        axes.contour(X, Y, f(X, Y), levels=[0.1, 0.5, 1, 2, 4, 7, 11], colors="gray", linewidths=0.6)
        line, = axes.plot(*path.T, "o-", color="tab:red", markersize=4, linewidth=1.2)
        walks.append((line, path))
        axes.plot(*path[0], "ks", label="start")
        axes.plot(0, 0, "k*", markersize=11, label="minimum")
        axes.set_title(name)
        axes.label_outer()
    grid[0, 0].legend(loc="upper right")
    figure.supxlabel("x")
    figure.supylabel("y")

    def draw(step):
        figure.suptitle(f"{step} steps on f(x, y) = x²/20 + y²")
        for line, path in walks:
            line.set_data(*path[:step + 1].T)

    if args.gif:
        save_gif(range(args.steps + 1), draw, seconds=0.2)
    show()
