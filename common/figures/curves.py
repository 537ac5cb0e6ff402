"""Curves of a training: losses and accuracies by step or by epoch."""
import numpy as np
from cycler import cycler
from matplotlib.ticker import MaxNLocator

from common.figures.screen import plt
from common.util import smooth_curve

# Curves stay apart on grey paper too: each has its own line, marker and darkness.
STYLES = (cycler(color=["tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "black"])
          + cycler(linestyle=["-", "--", "-.", ":", "-", "--"])
          + cycler(marker=["o", "s", "^", "D", "v", "x"]))


def lines(curves, xlabel, ylabel, title=None, axes=None):
    """Draw histories that start at 1: a value per epoch, or per iteration.

    Parameters
    ----------
    curves : {name in the legend: (n,) values}; lengths may differ
    axes : matplotlib Axes, for several plots in one figure; a new figure if omitted

    Returns
    -------
    matplotlib Axes
    """
    curves = {str(label): np.asarray(values, dtype=float) for label, values in curves.items()}
    for label, values in curves.items():
        if values.ndim != 1:
            raise ValueError(f"curve {label!r}: expected a list of numbers, got the shape {values.shape}")
    if axes is None:
        axes = plt.subplots(figsize=(7, 4.5), layout="constrained")[1]
    axes.set_prop_cycle(STYLES)
    for label, values in curves.items():
        axes.plot(np.arange(1, len(values) + 1), values, label=label, linewidth=1, markersize=5,
                  markevery=max(1, len(values) // 10))
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    if curves:
        axes.legend()
    return axes


def learning_curves(accuracy=None, loss=None, title=None):
    """Draw accuracies or losses, or both side by side, against the epoch. Returns a list of one or two matplotlib Axes.

    accuracy, loss : {"train": values, "test": values}, one value per epoch (a loss per step is drawn by `lines`)
    """
    panels = [(curves, "epoch", label) for label, curves in [("accuracy", accuracy), ("loss", loss)] if curves]
    if not panels:
        raise ValueError("learning_curves: expected accuracy or loss as {name: values}, got neither")
    return _side_by_side(panels, title)


def training_curves(trainer, title=None):
    """Draw what a Trainer remembers: the loss of every step, smoothed, and the accuracies of every epoch.

    Returns their two matplotlib Axes.
    """
    accuracies = {"train": trainer.train_acc_list, "test": trainer.test_acc_list}
    if "val_acc" in getattr(trainer, "history", {}):        # a reader's own trainer may have none
        accuracies["held out"] = trainer.history["val_acc"]
    return _side_by_side([({"train": smooth_curve(trainer.train_loss_list)}, "step", "loss (smoothed)"),
                          (accuracies, "epoch", "accuracy")], title)


def _side_by_side(panels, title):
    figure, row = plt.subplots(1, len(panels), figsize=(3 + 4 * len(panels), 4.5), squeeze=False, layout="constrained")
    figure.suptitle(title)
    return [lines(*panel, axes=axes) for axes, panel in zip(row[0], panels)]
