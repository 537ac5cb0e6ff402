"""A fully connected net (book, chapter 6)."""
import numpy as np

# The names that `from common.multi_layer_net import *` brings in the book.
from common.multi_layer_net_extend import (Affine, BatchNormalization, Convolution, Dropout,  # noqa: F401
                                           MultiLayerNetExtend, OrderedDict, Pooling, Relu, Sigmoid, SoftmaxWithLoss,
                                           col2im, cross_entropy_error, identity_function, im2col, numerical_gradient,
                                           os, relu, relu_grad, sigmoid, sigmoid_grad, softmax, softmax_loss,
                                           step_function, sum_squared_error, sys)


class MultiLayerNet(MultiLayerNetExtend):
    """Affine and activation for every hidden layer, then Affine and softmax with loss: see MultiLayerNetExtend."""

    def __init__(self, input_size, hidden_size_list, output_size, activation='relu', weight_init_std='relu',
                 weight_decay_lambda=0, dtype=np.float32):
        super().__init__(input_size, hidden_size_list, output_size, activation, weight_init_std, weight_decay_lambda,
                         dtype=dtype)
