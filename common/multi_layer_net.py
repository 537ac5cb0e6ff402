"""A fully connected net (book, chapter 6)."""
import numpy as np

from common.multi_layer_net_extend import *  # noqa: F403 - the names that a star import brings in the book
from common.multi_layer_net_extend import MultiLayerNetExtend


class MultiLayerNet(MultiLayerNetExtend):
    """Affine and activation for every hidden layer, then Affine and softmax with loss: see MultiLayerNetExtend."""

    def __init__(self, input_size, hidden_size_list, output_size, activation='relu', weight_init_std='relu',
                 weight_decay_lambda=0, dtype=np.float32):
        super().__init__(input_size, hidden_size_list, output_size, activation, weight_init_std, weight_decay_lambda,
                         dtype=dtype)
