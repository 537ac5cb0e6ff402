"""Gradients by backpropagation and by differences, value by value."""
import textwrap

import numpy as np

from common.figures.screen import plt


def gradient_check(check, title="", diagnoses=True):
    """Draw both gradients of every array, and where they differ: each value is one cell; white ones were not compared.

    A row of cells is a row of the array; an array with more than two axes has a row for each index of the first.

    check : common.gradient.GradientCheck, from `check_gradients`
    title : str; below it stand the diagnoses of what failed, if `diagnoses`

    Returns an (arrays, 3) array of matplotlib Axes: by backpropagation, by differences, and how much they differ.
    """
    figure, grid = plt.subplots(len(check), 3, figsize=(11, 1.2 + 1.6 * len(check)), squeeze=False,
                                layout="constrained")
    lines = [title, *(check[name].diagnosis or "" for name in check.failed if diagnoses)]
    figure.suptitle("\n".join(textwrap.fill(line, 110) for line in lines if line), fontsize="medium", parse_math=False)
    for row, (name, found) in zip(grid, check.items()):
        largest = max(found.largest, np.finfo(float).tiny)
        signed = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        sizes = {"cmap": "YlOrRd", "norm": "log", "vmin": 1e-12, "vmax": 1}
        relative = np.clip(found.difference / found.scale, 1e-12, 1)        # zeros have no logarithm
        for axes, values, scale in zip(row, (found.by_backprop, found.by_differences, relative),
                                       (signed, signed, sizes)):
            matrix = values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)
            image = axes.imshow(matrix, aspect="auto", interpolation="nearest", **scale)
            axes.set(xticks=[], yticks=[])
            colorbar = figure.colorbar(image, ax=axes)
        colorbar.ax.axhline(check.bound, color="black", linewidth=2)
        row[0].set_ylabel(f"d{name} {found.difference.shape}\n{'FAILED' if name in check.failed else 'passed'}")
    grid[0, 0].set_title("by backpropagation")
    grid[0, 1].set_title("by differences")
    grid[0, 2].set_title(f"difference / largest gradient; bound {check.bound:.0e}")
    return grid
