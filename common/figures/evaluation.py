"""What a trained net gets wrong, and whether it knows how sure it may be."""
import numpy as np

from common.figures.screen import plt


def confusion(matrix):
    """Draw a matrix (K, K) of `common.training.evaluation.confusion_matrix`: the darker, the more mistakes.

    Rows are the right classes, columns the net's. The bars on the right show the share of each class that is read
    wrong. Returns both matplotlib Axes.
    """
    K = len(matrix)
    mistakes = np.where(np.eye(K, dtype=bool), 0, matrix)       # else the diagonal would drown them
    left, right = plt.subplots(1, 2, figsize=(9, 6), width_ratios=[3, 1], sharey=True, layout="constrained")[1]
    left.imshow(mistakes, cmap="Oranges", vmax=max(1, 2 * mistakes.max()), aspect="auto")     # pale, to be read
    for row, column in np.argwhere(matrix):
        left.text(column, row, matrix[row][column], ha="center", va="center", weight="bold" if row == column else None)
    left.set(xticks=range(K), yticks=range(K), xlabel="what the net says", ylabel="right answer")
    shares = mistakes.sum(axis=1) / np.maximum(1, np.sum(matrix, axis=1))
    right.bar_label(right.barh(range(K), shares, color="tab:orange"), [f"{share:.2%}" for share in shares], fontsize=8)
    right.set(xlabel="share that is read wrong", xmargin=0.3)
    right.xaxis.set_major_formatter("{x:.1%}")
    return left, right


def reliability(count, certainty, accuracy, error):
    """Draw how often a net is right against how sure it is: on the diagonal, it is right as often as it is sure.

    The arguments are what `common.training.evaluation.calibration` returns; at each point stands the number of its
    examples. Returns the matplotlib Axes.
    """
    axes = plt.subplots(figsize=(6, 6), layout="constrained")[1]
    axes.plot([0, 1], [0, 1], linestyle="--", color="black", linewidth=1, label="right as often as sure")
    filled = count > 0
    axes.plot(certainty[filled], accuracy[filled], marker="o", label=f"the net; expected calibration error {error:.4f}")
    for n, *place in zip(count[filled], certainty[filled], accuracy[filled]):
        axes.annotate(f"{n:,}", place, xytext=(7, -3), textcoords="offset points", fontsize=8)
    axes.set(xlim=(0, 1.05), ylim=(0, 1.05), xlabel="how sure the net is", ylabel="share that is right")
    axes.grid(alpha=0.3)
    axes.legend()
    return axes
