"""The two-layer net again, now made of layers (book, 5.7).

Compare it with ch04/two_layer_net.py: the formulas have moved into the layers, so the net is only their
order, and common/network.py walks through them, forwards to predict and backwards for the gradient.

Before: buy_apple_orange.py; next: backprop_graph.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.initializer import random_affine
from common.layers import Relu
from common.network import Network


class TwoLayerNet(Network):
    """Affine, relu, affine, softmax with loss.

    Parameters
    ----------
    input_size, hidden_size, output_size : 784, 50 and 10, say
    weight_init_std : a number, or 'he' or 'xavier'; biases begin at 0
    dtype : of the parameters
    """

    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.01, dtype=np.float32):
        super().__init__({
            "Affine1": random_affine(input_size, hidden_size, weight_init_std, dtype),
            "Relu1": Relu(),
            "Affine2": random_affine(hidden_size, output_size, weight_init_std, dtype),
        })
