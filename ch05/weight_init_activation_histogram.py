"""The activations, layer after layer, under different initial weights (book, 6.2.2 and 6.2.3).

Look along each row. Large weights drive the sigmoid to 0 and 1, where its slope is gone; tiny ones give every
neuron nearly the same value, 0.5, or let ReLU's fade to 0. Xavier (for the sigmoid) and He (for ReLU) keep
the spread alike in all layers.

Before: optimizer_compare_mnist.py; next: weight_init_compare.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, show
from common.functions import relu, sigmoid
from common.initializer import weight_std
from common.script import start

NODES = 100
LAYERS = 5
ROWS = [
    ("sigmoid, std = 1", sigmoid, 1),
    ("sigmoid, std = 0.01", sigmoid, 0.01),
    ("sigmoid, Xavier", sigmoid, "xavier"),
    ("ReLU, std = 0.01", relu, 0.01),
    ("ReLU, Xavier", relu, "xavier"),
    ("ReLU, He", relu, "he"),
]


def activations(activation, weight_init_std):
    """The outputs (1000, NODES) of LAYERS layers, for 1,000 examples of random input."""
    x = np.random.randn(1000, NODES)
    outputs = []
    for _ in range(LAYERS):
        W = weight_std(weight_init_std, NODES) * np.random.randn(NODES, NODES)
        x = activation(x @ W)
        outputs.append(x)
    return outputs


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    figure, grid = plt.subplots(len(ROWS), LAYERS, figsize=(11, 11), sharex=True, sharey=True,
                                layout="constrained")
    for row, (name, activation, weight_init_std) in zip(grid, ROWS):
        outputs = activations(activation, weight_init_std)
        print(f"{name:20} std of the outputs, layer by layer:", *(f"{z.std():.4f}" for z in outputs))
        for axes, z in zip(row, outputs):
            axes.stairs(*np.histogram(z, bins=30, range=(0, 1)), fill=True, color="dimgray")
        row[0].set_ylabel(name)
    for n, axes in enumerate(grid[0], start=1):
        axes.set_title(f"layer {n}")
    grid[0, 0].set_ylim(0, 15000)       # the highest bars are cut off: half of all ReLU outputs are 0
    figure.supxlabel("output of a neuron")
    figure.supylabel("how many of 100,000")
    show()
