"""Curves of a training: losses and accuracies by step or by epoch."""
import numpy as np
from matplotlib.ticker import MaxNLocator

from common.figures.screen import plt
from common.util import smooth_curve

# Curves stay apart on grey paper too: each has its own line, marker and darkness.
STYLES = {"color": ["tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "black"],
          "linestyle": ["-", "--", "-.", ":", "-", "--"], "marker": ["o", "s", "^", "D", "v", "x"]}


def lines(curves, xlabel, ylabel, title=None, axes=None):
    """Draw histories that start at 1, a value per epoch or per iteration. Returns the matplotlib Axes.

    curves : {name in the legend: (n,) values}; lengths may differ
    axes : matplotlib Axes, for several plots in one figure; a new figure if omitted
    """
    if axes is None:
        axes = plt.subplots(figsize=(7, 4.5), layout="constrained")[1]
    axes.set_prop_cycle(**STYLES)
    for label, values in curves.items():
        axes.plot(np.arange(1, len(values) + 1), values, label=label, linewidth=1, markersize=5,
                  markevery=max(1, len(values) // 10))
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.legend()
    return axes


def training_curves(trainer, title=None, figure=None):
    """Draw what a Trainer remembers: the loss of every step, smoothed, and the accuracies of every epoch.

    `figure` is an empty matplotlib Figure; a new one if omitted. Returns the two matplotlib Axes.
    """
    figure = figure or plt.figure(figsize=(11, 4.5), layout="constrained")
    figure.suptitle(title)
    accuracies = {"train": trainer.train_acc_list, "test": trainer.test_acc_list}
    if "val_acc" in trainer.history:
        accuracies["held out"] = trainer.history["val_acc"]
    left, right = figure.subplots(1, 2)
    lines({"train": smooth_curve(trainer.train_loss_list)}, "step", "loss (smoothed)", axes=left)
    lines(accuracies, "epoch", "accuracy", axes=right)
    return left, right
