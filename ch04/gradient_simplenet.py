"""The gradient of a loss: how six weights should change, so that the network answers better (book, 4.4.2).

Look at the signs of dW. A weight with a positive gradient should become smaller, a weight with a negative gradient
larger. Only the column of the right answer is negative. Then look at the loss: one such step makes it smaller.

Before: gradient_method.py; next: two_layer_net.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import cross_entropy_error, softmax
from common.gradient import numerical_gradient
from common.script import start


class simpleNet:
    """One layer, two inputs, three classes, no bias."""

    def __init__(self):
        self.W = np.random.randn(2, 3)

    def predict(self, x):
        """Scores (3,) of an input (2,)."""
        return x @ self.W

    def loss(self, x, t):
        """Cross-entropy error of softmax(scores) and the one-hot target `t`."""
        return cross_entropy_error(softmax(self.predict(x)), t)


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    x = np.array([0.6, 0.9])
    t = np.array([0, 0, 1])

    net = simpleNet()
    print(f"W =\n{net.W}")
    print(f"scores {net.predict(x)}, right answer {t.argmax()}")

    dW = numerical_gradient(lambda W: net.loss(x, t), net.W)
    print(f"dW =\n{dW}")

    before = net.loss(x, t)
    net.W -= 0.5 * dW
    print(f"loss before a step against dW: {before:.4f}, after it: {net.loss(x, t):.4f}")
