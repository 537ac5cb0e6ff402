"""Chapter 5, exercise 6: the backward loop of a net (book, 5.7.2).

The layers know their own gradients. The net only walks through them: forwards with x, then backwards with dout.

Given: self.layers, a dict of layers in order: "Affine1", "Relu1", "Affine2"; self.last_layer, a SoftmaxWithLoss; x
(N, D); t, the right classes (N,). An Affine layer has its gradients in dW and db after its backward.
Return: a dict of the gradients: W1 and b1 (of Affine1), W2 and b2 (of Affine2).

    forward:    x -> Affine1 -> Relu1 -> Affine2 -> last_layer (which takes t too) -> the loss
    backward:   dx <- Affine1 <- Relu1 <- Affine2 <- last_layer.backward()

    >>> MyNet(1, 1, 2, weight_init_std=0).gradient(np.array([[1.0]]), np.array([0]))["b2"]      # y is [0.5, 0.5]
    array([-0.5,  0.5])

Write it as two loops, and it works for any number of layers.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check
from ch05.two_layer_net import TwoLayerNet


class MyNet(TwoLayerNet):
    def gradient(self, x, t):
        """The gradient of the loss: {"W1": ..., "b1": ..., "W2": ..., "b2": ...}."""
        raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
