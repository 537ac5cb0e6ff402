"""Chapter 5, exercise 14: a layer of your own, in a net of your own, trained (book, chapters 5 to 7, all of it).

1. MyLayer: choose a function and write forward and backward. Some that are not in common/layers.py:

       tanh            out = tanh(x)
       leaky relu      out = x where x > 0, else 0.01 x
       swish           out = x sigmoid(x)
       scale           out = s x, with a parameter self.s (1,) that is trained: backward sets self.ds. An array with its
                       gradient under the same name and a d is found by the net

   x has the shape (N, D) here, and out too. Nobody has the right answer ready: the gradient check finds it.

2. my_net: a Network with MyLayer in it: 784 values (a digit of 28 x 28 pixels) go in, 10 scores come out. Without
   softmax: Network puts SoftmaxWithLoss on top. random_affine(784, 50, 0.1) is an Affine layer with random weights.

       return Network({"Affine1": random_affine(784, 50, 0.1), "Mine": MyLayer(), ...})

3. train: train the net. In 4,000 digits x_train (4000, 784), t_train (4000,), it should learn to read at least 85% of
   the 1,000 in x_test. Write a loop of your own, or use Trainer: see ch05/train_neuralnet.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ch05.exercises.checks import check
from common.initializer import random_affine
from common.network import Network
from common.trainer import Trainer


class MyLayer:
    def forward(self, x):
        """Your function."""
        raise NotImplementedError

    def backward(self, dout):
        """dout times the derivative of your function."""
        raise NotImplementedError


def my_net():
    """A Network that has a MyLayer."""
    raise NotImplementedError


def train(net, x_train, t_train, x_test, t_test):
    """Train the net; nothing to return."""
    raise NotImplementedError


if __name__ == "__main__":
    check(__file__)
