"""Every figure the chapters draw, and where it goes: to a window, or to a file where there is no screen.

Each function below draws one new figure and returns its axes; `show` then puts it before the reader:

    learning_curves(accuracy={"train": trainer.train_acc_list, "test": trainer.test_acc_list})
    show()

A script may as well draw with `matplotlib.pyplot` itself and end with `show()`.
"""
import io
import math
import os
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator
from PIL import Image

from common.util import smooth_curve
from common.files import write_atomically

try:
    plt.switch_backend(matplotlib.get_backend())    # MPLBACKEND if set; else a window, or Agg
except ImportError as error:                        # MPLBACKEND was meant for another machine or program
    print(f"{error}: figures are saved to files instead.", file=sys.stderr)
    plt.switch_backend("agg")

# Curves stay apart on grey paper too: each has its own line, marker and darkness.
STYLES = (cycler(color=["tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "black"])
          + cycler(linestyle=["-", "--", "-.", ":", "-", "--"])
          + cycler(marker=["o", "s", "^", "D", "v", "x"]))


def show(name=None):
    """Show the current figure in a window; where there is no screen, save it and print where.

    The window waits for the reader to close it. The file is `<name>.png` in the folder of the running script
    (in a notebook, or where that folder cannot be written, the working directory).

    Parameters
    ----------
    name : str, optional
        File name without its ending; the script's own name if omitted. A script with several figures gives
        each one a name, or the last one would stay alone.
    """
    figure = plt.gcf()
    if figure.canvas.required_interactive_framework is None:
        path = _beside_the_script(name, "png")
        write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=120, bbox_inches="tight"))
        print(f"Figure saved: {path}")
    if plt.get_backend().lower() != "agg":
        plt.show()
    plt.close(figure)


def lines(curves, xlabel, ylabel, title=None, axes=None):
    """Draw histories that start at 1: a value per epoch, or per iteration.

    Parameters
    ----------
    curves : dict of str to (n,) array_like
        The values under the name that the legend shows. Lengths may differ.
    xlabel, ylabel : str
    title : str, optional
    axes : matplotlib Axes, optional
        Where to draw, for several plots in one figure; a new figure if omitted.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a curve is not one-dimensional.
    """
    curves = {label: np.asarray(values, dtype=float) for label, values in curves.items()}
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
    """Draw accuracies or losses, or both side by side, against the epoch.

    Parameters
    ----------
    accuracy, loss : dict of str to (epochs,) array_like, optional
        As `{"train": [...], "test": [...]}`: one value per epoch.
    title : str, optional

    Returns
    -------
    list of matplotlib Axes
        One for each of the two that was given.

    Raises
    ------
    ValueError
        If neither is given, or the curves differ in length: then one of them is not per epoch (a loss per
        iteration is drawn by `lines`).
    """
    panels = {label: curves for label, curves in {"accuracy": accuracy, "loss": loss}.items() if curves}
    if not panels:
        raise ValueError("learning_curves: expected accuracy or loss as {name: values}, got neither")
    lengths = {f"{label} {name}": len(values)
               for label, curves in panels.items() for name, values in curves.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"learning_curves: expected one value per epoch in every curve, got {lengths}")
    figure, row = plt.subplots(1, len(panels), figsize=(7 if len(panels) == 1 else 11, 4.5), squeeze=False,
                               layout="constrained")
    figure.suptitle(title)
    return [lines(curves, "epoch", label, axes=axes) for axes, (label, curves) in zip(row[0], panels.items())]


def image_grid(images, titles=None, columns=10, title=None):
    """Draw images in rows, all on one grey scale from the smallest value (black) to the largest (white).

    Parameters
    ----------
    images : (N, H, W), (N, 1, H, W) or (N, H*W) array_like
        Flat images are taken to be square. Any range of values: 0 to 255, 0.0 to 1.0, or below zero.
    titles : sequence of N values, optional
        What stands over each image; a title may have several lines.
    columns : int
        Images in a row.
    title : str, optional
        What stands over the figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `images` has another shape, is empty, or `titles` differ in number.
    """
    images = np.asarray(images, dtype=float)
    shape = images.shape
    if images.ndim == 4 and shape[1] == 1:
        images = images[:, 0]
    elif images.ndim == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        images = images.reshape(shape[0], math.isqrt(shape[1]), -1)
    if images.ndim != 3 or images.size == 0:
        raise ValueError("images: expected shape (N, H, W), (N, 1, H, W) or (N, H*W) of square images, "
                         f"got {shape}")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles: expected {len(images)}, one for each image, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns: expected at least 1, got {columns}")

    # One picture made of tiles, each with its gap above and to the left: faster than hundreds of axes.
    N, H, W = images.shape
    columns = min(columns, N)
    rows = math.ceil(N / columns)
    inches = min(10 / columns, max(1.0, 3 / columns))   # the width of a tile
    text_lines = max(str(text).count("\n") + 1 for text in titles) if titles is not None else 0
    gap = max(1, W // 10)
    top = gap + math.ceil(text_lines * 0.15 / inches * (W + gap))
    tiles = np.full((rows * columns, top + H, gap + W), np.nan)
    tiles[:N, top:, gap:] = images
    picture = tiles.reshape(rows, columns, top + H, gap + W).swapaxes(1, 2).reshape(rows * (top + H), -1)

    height = inches * picture.shape[0] / (gap + W) + (0.4 if title else 0)
    axes = plt.subplots(figsize=(inches * columns, height), layout="constrained")[1]
    axes.imshow(picture, cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title)
    for i, text in enumerate(titles if titles is not None else ()):
        row, column = divmod(i, columns)
        axes.text(column * (gap + W) + gap + W / 2, row * (top + H) + top - 0.5, text, fontsize=9,
                  ha="center", va="bottom")
    return axes


def filters(W, title=None):
    """Draw the filters of a convolution: lighter is a larger weight, one scale for all.

    Parameters
    ----------
    W : (FN, C, FH, FW) array_like
        With one channel the filters follow each other, ten in a row; with several, a row is a filter and a
        column a channel.
    title : str, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `W` is not four-dimensional.
    """
    W = np.asarray(W)
    if W.ndim != 4:
        raise ValueError(f"W: expected filters of shape (FN, C, FH, FW), got {W.shape}")
    FN, C, FH, FW = W.shape
    return image_grid(W.reshape(FN * C, FH, FW), columns=10 if C == 1 else C, title=title)


def training_curves(trainer, title=None):
    """Draw what a `Trainer` remembers: the loss of every step, smoothed, and the accuracies of every epoch.

    Parameters
    ----------
    trainer : common.trainer.Trainer
        After `train`; also one that was stopped early.
    title : str, optional

    Returns
    -------
    list of matplotlib Axes
        The loss and the accuracies.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    figure.suptitle(title)
    accuracies = {"train": trainer.train_acc_list, "test": trainer.test_acc_list}
    if "val_acc" in getattr(trainer, "history", {}):        # a reader's own trainer may have none
        accuracies["held out"] = trainer.history["val_acc"]
    return [lines({"train": smooth_curve(trainer.train_loss_list)}, "step", "loss (smoothed)", axes=left),
            lines(accuracies, "epoch", "accuracy", axes=right)]


def confusion(matrix):
    """Draw a confusion matrix: each count as a number; the darker, the larger its share of the mistakes.

    Parameters
    ----------
    matrix : (K, K) array_like of int
        From `common.training.evaluation.confusion_matrix`: rows are the right classes, columns the net's.

    Returns
    -------
    matplotlib Axes
    """
    matrix = np.asarray(matrix)
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)     # else the diagonal would drown them
    axes = plt.subplots(figsize=(6.5, 6), layout="constrained")[1]
    axes.imshow(mistakes, cmap="Oranges", vmax=max(1, mistakes.max()))
    for row, column in np.ndindex(*matrix.shape):
        if matrix[row, column]:
            axes.text(column, row, matrix[row, column], ha="center", va="center", fontsize=9,
                      weight="bold" if row == column else None,
                      color="white" if mistakes[row, column] > 0.6 * mistakes.max() else "black")
    axes.set(xticks=range(len(matrix)), yticks=range(len(matrix)), xlabel="what the net says", ylabel="right answer")
    return axes


def class_accuracies(accuracy):
    """Draw the accuracy of each class as a bar, whose length is its share of mistakes.

    Parameters
    ----------
    accuracy : (K,) array_like
        From `common.training.evaluation.class_accuracy`.

    Returns
    -------
    matplotlib Axes
    """
    mistakes = 1 - np.asarray(accuracy)         # bars of 0.99 and 0.98 would look alike
    axes = plt.subplots(figsize=(7, 4), layout="constrained")[1]
    bars = axes.bar(range(len(mistakes)), mistakes, color="tab:orange")
    axes.bar_label(bars, [f"{share:.2%}" for share in mistakes], fontsize=8)
    axes.set(xticks=range(len(mistakes)), xlabel="class", ylabel="share of its examples read wrong")
    axes.yaxis.set_major_formatter("{x:.1%}")
    return axes


def reliability(count, certainty, accuracy, error):
    """Draw how often a net is right against how sure it is: on the diagonal, if it knows itself.

    Parameters
    ----------
    count, certainty, accuracy, error
        What `common.training.evaluation.calibration` returns.

    Returns
    -------
    list of matplotlib Axes
        The accuracies, and below them the number of examples in each bin.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(5.5, 6.5), sharex=True, height_ratios=[3, 1],
                                          layout="constrained")
    filled = np.asarray(count) > 0
    middles = (np.arange(len(count)) + 0.5) / len(count)
    upper.plot([0, 1], [0, 1], linestyle="--", color="black", linewidth=1, label="right as often as sure")
    upper.plot(np.asarray(certainty)[filled], np.asarray(accuracy)[filled], marker="o", color="tab:blue",
               label=f"the net; expected calibration error {error:.4f}")
    upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that is right")
    upper.grid(alpha=0.3)
    upper.legend()
    lower.bar(middles, count, width=0.9 / len(count), color="tab:orange")
    lower.set(xlabel="how sure the net is", ylabel="examples", yscale="symlog")
    return [upper, lower]


def gradient_check(check, title=None):
    """Draw both gradients of every array, and where they differ: each value is one cell.

    Parameters
    ----------
    check : common.gradient.GradientCheck
        From `check_gradients`. Values that were not compared stay white.
    title : str, optional

    Returns
    -------
    (arrays, 3) array of matplotlib Axes
        A row for every array: by backpropagation, by differences, and the difference divided by the largest gradient.
    """
    figure, grid = plt.subplots(len(check), 3, figsize=(11, 0.8 + 1.6 * len(check)), squeeze=False,
                                layout="constrained")
    figure.suptitle(title)
    for row, (name, found) in zip(grid, check.items()):
        largest = max(found.largest, np.finfo(float).tiny)
        relative = found.difference / max(found.largest, 1e-3)
        signed = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        for axes, values, scale in [(row[0], found.by_backprop, signed), (row[1], found.by_differences, signed),
                                    (row[2], relative, {"cmap": "YlOrRd", "norm": LogNorm(1e-12, 1, clip=True)})]:
            matrix = values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)
            if len(matrix) > matrix.shape[1]:
                matrix = matrix.T                   # long arrays lie down
            image = axes.imshow(matrix, aspect="auto", interpolation="nearest", **scale)
            axes.set(xticks=[], yticks=[])
            figure.colorbar(image, ax=axes)
        row[2].images[0].colorbar.ax.axhline(check.bound, color="black", linewidth=2)
        row[0].set_ylabel(f"d{name}, {'FAILED' if name in check.failed else 'passed'}")
    grid[0, 0].set_title("by backpropagation")
    grid[0, 1].set_title("by differences")
    grid[0, 2].set_title(f"difference / largest gradient; bound {check.bound:.0e}")
    return grid


def save_gif(frames, draw, name=None, seconds=0.1):
    """Save the current figure as an animation, a GIF beside the running script, and print where.

    The figure stays as the last frame left it, for `show`.

    Parameters
    ----------
    frames : iterable of whatever `draw` takes
    draw : function that changes the current figure for one frame
    name : str, optional
        File name without its ending; the script's own name if omitted.
    seconds : float
        How long each frame is seen; the last one stays for two seconds more.
    """
    figure = plt.gcf()
    images = []
    for frame in frames:
        draw(frame)
        file = io.BytesIO()
        figure.savefig(file, format="rgba", dpi=80)
        figure.set_layout_engine("none")        # the first frame's layout holds: nothing trembles, and it is faster
        size = (figure.get_size_inches() * 80).astype(int)
        image = Image.frombytes("RGBA", tuple(size), file.getvalue()).convert("RGB")
        images.append(image.quantize(method=Image.Quantize.FASTOCTREE))     # the default loses small dots
    durations = [round(1000 * seconds)] * (len(images) - 1) + [round(1000 * seconds) + 2000]
    path = _beside_the_script(name, "gif")
    write_atomically(path, lambda file: images[0].save(file, format="GIF", save_all=True, append_images=images[1:],
                                                       duration=durations, loop=0))
    print(f"Animation saved: {path}")


def _beside_the_script(name, ending):
    script = Path(getattr(sys.modules["__main__"], "__file__", "figure.py")).resolve()
    folder = script.parent if os.access(script.parent, os.W_OK) else Path.cwd()
    return folder / f"{name or script.stem}.{ending}"
