"""A network of two layers, written without layer classes: its forward pass, and its gradient by hand (book, 4.5.1).

Compare `gradient` with `predict`: it goes through the same lines backwards. Below, both gradients of a small net are
computed: by `gradient`, and by `numerical_gradient`, which is slow but simple. They agree.

Before: gradient_simplenet.py; next: train_neuralnet.py, which trains this network.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import cross_entropy_error, sigmoid, sigmoid_grad, softmax
from common.gradient import numerical_gradient
from common.script import start


class TwoLayerNet:
    """Affine, sigmoid, affine, softmax.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
    weight_init_std : float
        Standard deviation of the weights at the start; biases start at 0.

    Attributes
    ----------
    params : dict of str to ndarray of float64
        W1 (input_size, hidden_size), b1 (hidden_size,), W2 (hidden_size, output_size), b2 (output_size,).
    """

    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.01):
        self.params = {
            "W1": weight_init_std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": weight_init_std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def predict(self, x):
        """Probabilities (N, output_size) for inputs (N, input_size)."""
        W1, b1, W2, b2 = (self.params[key] for key in ("W1", "b1", "W2", "b2"))
        z1 = sigmoid(x @ W1 + b1)
        return softmax(z1 @ W2 + b2)

    def loss(self, x, t):
        """Mean cross-entropy; targets `t` are class indices (N,) or one-hot (N, output_size)."""
        return cross_entropy_error(self.predict(x), t)

    def accuracy(self, x, t):
        """The share of the examples whose most probable class is the target."""
        if t.ndim == 2:
            t = t.argmax(axis=1)
        return float(np.mean(self.predict(x).argmax(axis=1) == t))

    def numerical_gradient(self, x, t):
        """The gradient of `loss` by central differences, keys as in `params`. Two forward passes for each number."""
        return {key: numerical_gradient(lambda _: self.loss(x, t), param)
                for key, param in self.params.items()}

    def gradient(self, x, t):
        """The gradient of `loss` by the chain rule, keys as in `params`. One pass forward and one backward in all."""
        W1, b1, W2, b2 = (self.params[key] for key in ("W1", "b1", "W2", "b2"))
        a1 = x @ W1 + b1
        z1 = sigmoid(a1)
        y = softmax(z1 @ W2 + b2)

        if t.ndim == 1:
            t = np.eye(len(b2))[t]
        da2 = (y - t) / len(x)                  # of softmax and cross-entropy error together
        dz1 = da2 @ W2.T
        da1 = dz1 * sigmoid_grad(a1)
        return {"W1": x.T @ da1, "b1": da1.sum(axis=0), "W2": z1.T @ da2, "b2": da2.sum(axis=0)}


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    network = TwoLayerNet(input_size=4, hidden_size=5, output_size=3, weight_init_std=1.0)
    x, t = np.random.randn(10, 4), np.random.randint(3, size=10)
    by_hand, numerical = network.gradient(x, t), network.numerical_gradient(x, t)
    for key in network.params:
        print(f"d{key}: largest value {np.abs(by_hand[key]).max():.6f}, "
              f"largest difference {np.abs(by_hand[key] - numerical[key]).max():.1e}")
