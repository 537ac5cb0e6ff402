"""The convolutional net of Keras's old MNIST example: two convolutions, one pooling, dropout.

Look at the parameters in the table: 1.2 million, and all but 19,000 of them are in the first affine layer, because
there is only one pooling before it.

Before: evaluate.py; next: train_keras_convnet.py, which trains it.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.graph import summary
from common.initializer import random_affine, random_convolution
from common.layers import Dropout, Pooling, Relu, SoftmaxWithLoss
from common.network import Network
from common.script import start


class KerasConvNet(Network):
    """Convolution (32 filters, 3x3), relu, convolution (64 filters, 3x3), relu, 2x2 max pooling, dropout 0.25;
    affine (128), relu, dropout 0.5, affine (10), softmax with loss.

    Parameters
    ----------
    input_dim : (channels, height, width) of the images
    filter_nums : number of filters of the two convolutions
    hidden_size : neurons of the hidden affine layer
    output_size : classes
    weight_init_std : a number, 'he' or 'xavier'; biases start at 0
    label_smoothing : see `SoftmaxWithLoss`
    dtype : of the parameters
    """

    def __init__(self, input_dim=(1, 28, 28), filter_nums=(32, 64), hidden_size=128, output_size=10,
                 weight_init_std="he", label_smoothing=0, dtype=np.float32):
        channels, height, width = input_dim
        first, second = filter_nums
        features = second * ((height - 4) // 2) * ((width - 4) // 2)
        super().__init__({
            "Conv1": random_convolution(channels, weight_init_std, first, 3, dtype=dtype), "Relu1": Relu(),
            "Conv2": random_convolution(first, weight_init_std, second, 3, dtype=dtype), "Relu2": Relu(),
            "Pool1": Pooling(2, 2, stride=2), "Dropout1": Dropout(0.25),
            "Affine1": random_affine(features, hidden_size, weight_init_std, dtype), "Relu3": Relu(),
            "Dropout2": Dropout(0.5),
            "Affine2": random_affine(hidden_size, output_size, weight_init_std, dtype),
        }, SoftmaxWithLoss(label_smoothing))


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    print(summary(KerasConvNet(), np.random.rand(1, 1, 28, 28)))
