"""What a trained net gets wrong, and whether it knows how sure it may be."""
import numpy as np

from common.figures.screen import plt


def confusion(matrix):
    """Draw a matrix (K, K) of `common.training.evaluation.confusion_matrix`: the darker, the more mistakes.

    Rows are the right classes, columns the net's. Returns the matplotlib Axes.
    """
    matrix = np.asarray(matrix)
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)     # else the diagonal would drown them
    axes = plt.subplots(figsize=(6.5, 6), layout="constrained")[1]
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(1, 1.5 * mistakes.max()))     # pale enough for black numbers
    for row, column in zip(*matrix.nonzero()):
        axes.text(column, row, matrix[row, column], ha="center", va="center", fontsize=9,
                  weight="bold" if row == column else None)
    axes.set(xticks=range(len(matrix)), yticks=range(len(matrix)), xlabel="what the net says", ylabel="right answer")
    return axes


def class_accuracies(accuracy):
    """Draw each class's share of mistakes, 1 - accuracy (K,). Returns the matplotlib Axes."""
    mistakes = 1 - np.asarray(accuracy)         # bars of 0.99 and 0.98 would look alike
    axes = plt.subplots(figsize=(7, 4), layout="constrained")[1]
    bars = axes.bar(range(len(mistakes)), mistakes, color="tab:orange")
    axes.bar_label(bars, [f"{share:.2%}" for share in mistakes], fontsize=8)
    axes.set(xticks=range(len(mistakes)), xlabel="class", ylabel="share of its examples read wrong")
    axes.yaxis.set_major_formatter("{x:.1%}")
    return axes


def reliability(count, certainty, accuracy, error):
    """Draw how often a net is right against how sure it is: on the diagonal, if it knows itself.

    The arguments are what `common.training.evaluation.calibration` returns. Returns two matplotlib Axes: the
    accuracies, and below them the number of examples in each bin.
    """
    upper, lower = plt.subplots(2, 1, figsize=(5.5, 6.5), sharex=True, height_ratios=[3, 1], layout="constrained")[1]
    filled = np.asarray(count) > 0          # the curve goes on over empty bins
    upper.plot([0, 1], [0, 1], linestyle="--", color="black", linewidth=1, label="right as often as sure")
    upper.plot(np.asarray(certainty)[filled], np.asarray(accuracy)[filled], marker="o", color="tab:blue",
               label=f"the net; expected calibration error {error:.4f}")
    upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that is right")
    upper.grid(alpha=0.3)
    upper.legend()
    middles = (np.arange(len(count)) + 0.5) / len(count)
    lower.bar(middles, count, width=0.9 / len(count), color="tab:orange")
    lower.set(xlabel="how sure the net is", ylabel="examples", yscale="symlog")
    return [upper, lower]
