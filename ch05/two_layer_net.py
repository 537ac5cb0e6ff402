"""The two-layer net again, now made of layers (book, 5.7).

Compare it with ch04/two_layer_net.py. The formulas are in the layers now, and the net only says their order.
common/network.py goes through them: forward for `predict`, backward for `gradient`. The table shows the shape that each
layer returns, and its parameters.

Before: buy_apple_orange.py; next: backprop_graph.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.graph import summary
from common.initializer import random_affine
from common.layers import Relu
from common.network import Network
from common.script import start


class TwoLayerNet(Network):
    """Affine, relu, affine, softmax with loss.

    Parameters
    ----------
    input_size, hidden_size, output_size : for example 784, 50 and 10
    weight_init_std : a number, 'he' or 'xavier'; biases start at 0
    dtype : of the parameters
    """

    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.01, dtype=np.float32):
        super().__init__({
            "Affine1": random_affine(input_size, hidden_size, weight_init_std, dtype),
            "Relu1": Relu(),
            "Affine2": random_affine(hidden_size, output_size, weight_init_std, dtype),
        })


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    print(summary(TwoLayerNet(784, 50, 10), np.random.rand(1, 784)))
