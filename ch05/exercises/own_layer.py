"""Chapter 5, exercise 14: a layer of your own, in a net of your own, trained (book, chapters 5 to 7, all of it).

1. MyLayer: choose a function and write forward and backward. Some that are not in common/layers.py:

       tanh            out = tanh(x)
       leaky relu      out = x where x > 0, else 0.01 x
       swish           out = x sigmoid(x)
       scale           out = s x, with a number s that is trained: __init__ sets self.s = np.ones(1) and
                       self.ds = None, backward sets self.ds. So the net knows that s is a parameter

   x has the shape (N, D) here, and out too. (A layer like Dropout would begin `def forward(self, x, train_flg=True)`.)
   x and dout stay as they are. Nobody has the right answer ready: the gradient check finds out whether backward belongs
   to forward.

       >>> MyLayer().forward(np.zeros((2, 3))).shape == (2, 3)
       True

2. my_net: a Network with a MyLayer: 784 values (a digit of 28 x 28 pixels) go in, 10 scores come out. Without softmax:
   Network puts SoftmaxWithLoss on top. random_affine(784, 50, 0.05) is an Affine layer with random weights.

       return Network({"Affine1": random_affine(784, 50, 0.05), "Mine": MyLayer(), ...})

3. train: train the net with 4,000 digits, x_train (4000, 784) and t_train (4000,), so that it reads at least 85% of the
   1,000 in x_test. Write a loop of your own, or use Trainer: see ch05/train_neuralnet.py.

When it is right, you see which digits your net misreads.
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
