"""A small convolutional net: one convolution, one pooling, two affine layers (book, 7.5).

Look at how a net is written: only its layers, in order. The table shows the shape that each layer returns, and its
parameters.

Before: im2col_step_by_step.py; next: train_convnet.py, which trains it.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.graph import summary
from common.initializer import random_affine, random_convolution
from common.layers import Pooling, Relu, SoftmaxWithLoss
from common.network import Network
from common.script import start


class SimpleConvNet(Network):
    """Convolution, relu, 2x2 max pooling, affine, relu, affine, softmax with loss.

    Parameters
    ----------
    input_dim : (channels, height, width) of the images
    conv_param : 'filter_num', 'filter_size', 'pad' (default 0) and 'stride' (default 1)
    hidden_size : neurons of the hidden affine layer
    output_size : classes
    weight_init_std : a number, 'he' or 'xavier'; biases start at 0
    label_smoothing : see `SoftmaxWithLoss`
    dtype : of the parameters
    """

    def __init__(self, input_dim=(1, 28, 28),
                 conv_param={'filter_num': 30, 'filter_size': 5, 'pad': 0, 'stride': 1},
                 hidden_size=100, output_size=10, weight_init_std=0.01, label_smoothing=0,
                 dtype=np.float32):
        layers = {
            "Conv1": random_convolution(input_dim[0], weight_init_std, **conv_param, dtype=dtype),
            "Relu1": Relu(),
            "Pool1": Pooling(2, 2, stride=2),
        }
        features = Network(layers).predict(np.zeros((1, *input_dim), dtype)).size   # 30 * 12 * 12 by default
        layers["Affine1"] = random_affine(features, hidden_size, weight_init_std, dtype)
        layers["Relu2"] = Relu()
        layers["Affine2"] = random_affine(hidden_size, output_size, weight_init_std, dtype)
        super().__init__(layers, SoftmaxWithLoss(label_smoothing))


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    print(summary(SimpleConvNet(), np.random.rand(1, 1, 28, 28)))
