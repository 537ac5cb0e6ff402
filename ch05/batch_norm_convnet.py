"""A convolutional net with batch normalization after every convolution: it learns faster, and becomes better.

Look at how little differs from DeepConvNet: one more layer after each convolution, which normalizes every channel, and
only one affine layer at the end.

Before: augmentation.py; next: train_fast.py, which trains a small one.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.graph import summary
from common.initializer import random_affine, random_convolution
from common.layers import BatchNormalization, Dropout, GlobalAveragePooling, Pooling, Relu, SoftmaxWithLoss
from common.network import Network
from common.script import start


class BatchNormConvNet(Network):
    """Blocks of 3x3 convolutions with batch normalization and relu; then dropout, affine, softmax with loss.

    In each block, 2x2 max pooling follows the last convolution directly: then there are four times fewer values to
    normalize.

    Parameters
    ----------
    input_dim : (channels, height, width) of the images
    blocks : for each block, the number of filters of each convolution in it
    dropout_ratio : before the affine layer
    label_smoothing : see `SoftmaxWithLoss`
    output_size : classes
    weight_init_std : a number, 'he' or 'xavier'; biases start at 0
    global_average_pooling : the affine layer gets the mean of each channel instead of every pixel
    dtype : of the parameters
    """

    def __init__(self, input_dim=(1, 28, 28), blocks=((16, 16), (32, 32), (64, 64)), dropout_ratio=0.2,
                 label_smoothing=0, output_size=10, weight_init_std="he", global_average_pooling=False,
                 dtype=np.float32):
        layers, n = {}, 0
        channels, height, width = input_dim
        for block, filter_nums in enumerate(blocks, start=1):
            for place, filter_num in enumerate(filter_nums, start=1):
                n += 1
                layers[f"Conv{n}"] = random_convolution(channels, weight_init_std, filter_num, 3, pad=1, dtype=dtype)
                if place == len(filter_nums):
                    layers[f"Pool{block}"] = Pooling(2, 2, stride=2)
                    height, width = height // 2, width // 2
                layers[f"BatchNorm{n}"] = BatchNormalization(np.ones(filter_num, dtype), np.zeros(filter_num, dtype))
                layers[f"Relu{n}"] = Relu()
                channels = filter_num
        if global_average_pooling:
            layers["GlobalPool"] = GlobalAveragePooling()
            height = width = 1
        layers["Dropout1"] = Dropout(dropout_ratio)
        layers["Affine1"] = random_affine(channels * height * width, output_size, weight_init_std, dtype)
        super().__init__(layers, SoftmaxWithLoss(label_smoothing))


if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    print(summary(BatchNormConvNet(), np.random.rand(1, 1, 28, 28)))
