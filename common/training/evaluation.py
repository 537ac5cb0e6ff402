"""How good a net is, beyond one number: which classes it mixes up, how sure it is, and whether rightly so.

`probabilities` asks the net once; the other functions look at its answers y (N, K) and the right classes t (N,). Where
y holds NaN the net has not answered: that is never right, and is no class.
"""
import numpy as np

from common.functions import guesses, softmax


def probabilities(network, x, batch_size=100):
    """What the net gives each class: x (N, ...) -> y (N, K), rows that add up to 1."""
    return np.concatenate([softmax(network.predict(x[i:i + batch_size])) for i in range(0, len(x), batch_size)])


def confusion_matrix(y, t):
    """How often each class (row) was taken for each class (column): (K, K) integers."""
    y, t, guess = guesses(y, t)
    matrix = np.zeros((y.shape[1], y.shape[1]), int)
    np.add.at(matrix, (t[guess >= 0], guess[guess >= 0]), 1)
    return matrix


def most_wrong(y, t):
    """Indices of the examples read wrong, those the net was surest of first, those without an answer last."""
    y, t, guess = guesses(y, t)
    wrong = np.flatnonzero(guess != t)
    return wrong[np.argsort(-y[wrong].max(axis=1), kind="stable")]


def calibration(y, t, bins=10):
    """Is the net right as often as it says? Guo et al. (2017), arXiv:1706.04599.

    The answers are put into `bins` of equal width by their certainty, the probability of the class the net chose.

    Returns count, certainty and accuracy, (bins,): how many answers, their mean certainty and the share that is right,
    nan where a bin is empty; and the expected calibration error, the mean of |accuracy - certainty| over all answers.
    """
    y, t, guess = guesses(y, t)
    answered = guess >= 0
    sure, right = y[answered].max(axis=1).astype(np.float64), (guess == t)[answered]
    which = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    sums = np.stack([np.bincount(which, weights, bins) for weights in (sure, right)])
    certainty, accuracy = np.divide(sums, count, out=np.full((2, bins), np.nan), where=count > 0)
    return count, certainty, accuracy, np.abs(sums[1] - sums[0]).sum() / max(1, len(sure))


def table(columns):
    """Columns {heading: values} as lines of text, all right-aligned; floats with four decimals."""
    rows = [columns, *zip(*columns.values(), strict=True)]
    texts = [[f"{cell:.4f}" if isinstance(cell, (float, np.floating)) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in texts)
