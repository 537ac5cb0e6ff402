"""A fully connected net (book, chapter 6)."""
import numpy as np  # noqa: F401 - these, as in the book, are for scripts that import * from here

from common.multi_layer_net_extend import (Affine, BatchNormalization, Convolution, Dropout,  # noqa: F401
                                           MultiLayerNetExtend, OrderedDict, Pooling, Relu, Sigmoid, SoftmaxWithLoss,
                                           col2im, cross_entropy_error, identity_function, im2col, numerical_gradient,
                                           os, relu, relu_grad, sigmoid, sigmoid_grad, softmax, softmax_loss,
                                           step_function, sum_squared_error, sys)


class MultiLayerNet(MultiLayerNetExtend):
    """Affine and activation for every hidden layer, then Affine and softmax with loss.

    Its arguments are those of MultiLayerNetExtend, which also has dropout and batch normalization on request.
    """
