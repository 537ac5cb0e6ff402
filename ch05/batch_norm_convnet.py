"""A convolutional net with batch normalisation after every convolution: it learns faster, and to a better end.

Look at how little differs from DeepConvNet: a layer more after each convolution, normalising every channel,
and a single affine layer at the end.

Before: augmentation.py; next: train_fast.py, which trains a small one.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.initializer import random_affine, random_convolution
from common.layers import BatchNormalization, Dropout, GlobalAveragePooling, Pooling, Relu, SoftmaxWithLoss
from common.network import Network


class BatchNormConvNet(Network):
    """Blocks of convolutions, each 3x3, with batch normalisation and relu; dropout, affine, softmax with loss.

    The last convolution of each block is pooled, 2x2, at once: only a quarter of the values are left to normalise.

    Parameters
    ----------
    input_dim : (channels, height, width) of the images
    blocks : for each block, how many filters each of its convolutions has
    dropout_ratio : before the affine layer
    label_smoothing : see `SoftmaxWithLoss`
    output_size : classes
    weight_init_std : a number, or 'he' or 'xavier'; biases begin at 0
    global_average_pooling : give the affine layer the mean of each channel, not every pixel
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
