"""Inference: a network with ready weights reads the 10,000 test digits, one after the other.

Look at `predict`: a network is three matrix products with an activation after each. Its weights stand in
sample_weight.pkl (train_sample_weight.py made them; the book's own file works in its place). Chapter 3: next
is neuralnet_mnist_batch.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import sigmoid, softmax
from common.files import load_pickle
from dataset.mnist import load_mnist


def get_data():
    """The test digits, float32 (N, 784) in 0.0 to 1.0, and their labels (N,)."""
    _, (x_test, t_test) = load_mnist(normalize=True, flatten=True, one_hot_label=False)
    return x_test, t_test


def init_network(file_name=Path(__file__).resolve().with_name("sample_weight.pkl")):
    """Read the weights of a three-layer net.

    Parameters
    ----------
    file_name : str or Path
        A pickle of a dict of W1, b1, W2, b2, W3 and b3, of any float dtype and any sizes of the hidden
        layers.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        If the file is damaged, or an array is missing or does not fit: 784 pixels in, 10 classes out.
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
    """Probabilities of the digits: (10,) for one example (784,), (N, 10) for a batch (N, 784)."""
    z1 = sigmoid(x @ network["W1"] + network["b1"])
    z2 = sigmoid(z1 @ network["W2"] + network["b2"])
    return softmax(z2 @ network["W3"] + network["b3"])


if __name__ == "__main__":
    x, t = get_data()
    network = init_network()
    right = 0
    for i in range(len(x)):
        y = predict(network, x[i])
        right += int(np.argmax(y) == t[i])
    print(f"Accuracy: {right / len(x):.4f}")
