"""Inference: a network that is already trained reads the test digits, one at a time (book, 3.6.2).

Look at the function `predict`. A network is three matrix products, with an activation function after each. Then look
at the accuracy: the share of the digits that are read right.

The weights come from sample_weight.pkl. train_sample_weight.py made it; the book's own file works too.

Before: mnist_show.py; next: neuralnet_mnist_batch.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.files import load_pickle
from common.functions import sigmoid, softmax
from common.script import start
from dataset.mnist import load_mnist


def get_data():
    """The test digits, (N, 784) float32 from 0.0 to 1.0, and their labels, (N,)."""
    _, (x_test, t_test) = load_mnist(normalize=True, flatten=True, one_hot_label=False)
    return x_test, t_test


def init_network(file_name=Path(__file__).resolve().with_name("sample_weight.pkl")):
    """Read the weights of a three-layer net.

    Parameters
    ----------
    file_name : str or Path
        A pickle of a dict with W1, b1, W2, b2, W3 and b3: any float dtype, hidden layers of any size.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        The file is damaged, or an array is missing or has a wrong shape (784 pixels in, 10 classes out).
    """
    network = load_pickle(file_name)
    if not isinstance(network, dict):
        raise ValueError(f"{file_name}: expected a dict of W1, b1 ... W3, b3, got {type(network).__name__}")
    size = 784
    for n in (1, 2, 3):
        for key in (f"W{n}", f"b{n}"):
            if not isinstance(network.get(key), np.ndarray):
                raise ValueError(f"{file_name}: expected an array {key!r}, "
                                 f"got the keys {', '.join(map(str, network))}")
        W, b = network[f"W{n}"], network[f"b{n}"]
        if W.ndim != 2 or W.shape[0] != size or b.shape != W.shape[1:]:
            raise ValueError(f"{file_name}: layer {n}: expected W{n} ({size}, n) and b{n} (n,), "
                             f"got {W.shape} and {b.shape}")
        size = len(b)
    if size != 10:
        raise ValueError(f"{file_name}: expected 10 outputs, got {size}")
    return network


def predict(network, x):
    """The probability of each digit: (10,) for one image (784,), (N, 10) for a batch (N, 784)."""
    z1 = sigmoid(x @ network["W1"] + network["b1"])
    z2 = sigmoid(z1 @ network["W2"] + network["b2"])
    return softmax(z2 @ network["W3"] + network["b3"])


if __name__ == "__main__":
    start(__doc__)
    x, t = get_data()
    network = init_network()
    right = 0
    for i in range(len(x)):
        y = predict(network, x[i])
        right += int(np.argmax(y) == t[i])
    print(f"Accuracy: {right / len(x):.4f}")
