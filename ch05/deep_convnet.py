"""A deeper convolutional net: six convolutions with 3x3 filters, about 99.4% on MNIST (book, 8.1).

Look at the shapes in the table. Each pooling halves the height and the width, and the number of channels doubles: an
image of 28x28 pixels becomes 64 maps of 4x4. He's initial weights and dropout make it possible to train so many layers.

Before: digit_through_cnn.py; next: train_deepnet.py, which trains it.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.graph import summary
from common.initializer import random_affine, random_convolution
from common.layers import Dropout, Pooling, Relu
from common.network import Network
from common.script import start


class DeepConvNet(Network):
    """Three times: convolution, relu, convolution, relu, 2x2 max pooling. Then affine, relu, dropout, affine, dropout,
    softmax with loss.

    Parameters
    ----------
    input_dim : (channels, height, width) of the images
    conv_param_1 to conv_param_6 : 'filter_num', 'filter_size', 'pad' (default 0) and 'stride' (default 1)
    hidden_size : neurons of the hidden affine layer
    output_size : classes
    weight_init_std : a number, 'he' or 'xavier'; biases start at 0
    dtype : of the parameters
    """

    def __init__(self, input_dim=(1, 28, 28),
                 conv_param_1={'filter_num': 16, 'filter_size': 3, 'pad': 1, 'stride': 1},
                 conv_param_2={'filter_num': 16, 'filter_size': 3, 'pad': 1, 'stride': 1},
                 conv_param_3={'filter_num': 32, 'filter_size': 3, 'pad': 1, 'stride': 1},
                 conv_param_4={'filter_num': 32, 'filter_size': 3, 'pad': 2, 'stride': 1},
                 conv_param_5={'filter_num': 64, 'filter_size': 3, 'pad': 1, 'stride': 1},
                 conv_param_6={'filter_num': 64, 'filter_size': 3, 'pad': 1, 'stride': 1},
                 hidden_size=50, output_size=10, weight_init_std="he", dtype=np.float32):
        conv_params = [conv_param_1, conv_param_2, conv_param_3, conv_param_4, conv_param_5, conv_param_6]
        layers = {}
        channels = input_dim[0]
        for n, conv_param in enumerate(conv_params, start=1):
            layers[f"Conv{n}"] = random_convolution(channels, weight_init_std, **conv_param, dtype=dtype)
            layers[f"Relu{n}"] = Relu()
            if n % 2 == 0:
                layers[f"Pool{n // 2}"] = Pooling(2, 2, stride=2)
            channels = conv_param['filter_num']
        features = Network(layers).predict(np.zeros((1, *input_dim), dtype)).size   # 64 * 4 * 4 by default
        layers["Affine1"] = random_affine(features, hidden_size, weight_init_std, dtype)
        layers["Relu7"] = Relu()
        layers["Dropout1"] = Dropout(0.5)
        layers["Affine2"] = random_affine(hidden_size, output_size, weight_init_std, dtype)
        layers["Dropout2"] = Dropout(0.5)
        super().__init__(layers)


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    print(summary(DeepConvNet(), np.random.rand(1, 1, 28, 28)))
