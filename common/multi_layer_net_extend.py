"""A fully connected net with dropout and batch normalization on request (book, chapter 6)."""
import numpy as np

from common.initializer import random_affine
from common.layers import BatchNormalization, Dropout, Relu, Sigmoid
from common.network import Network

ACTIVATIONS = {"relu": Relu, "sigmoid": Sigmoid}


class MultiLayerNetExtend(Network):
    """Affine, (batch normalization), activation, (dropout) for every hidden layer, then Affine and softmax with loss.

    input_size : values per example, 784 for MNIST
    hidden_size_list : neurons of each hidden layer, [100, 100, 100] say
    output_size : classes, 10 for MNIST
    activation : 'relu' or 'sigmoid'
    weight_init_std : a number, 'relu' / 'he' or 'sigmoid' / 'xavier', see `initializer.weight_std`
    weight_decay_lambda : strength of weight decay (L2)
    use_dropout, dropout_ration : dropout after each activation, and its ratio (the book spells it so)
    use_batchnorm : batch normalization before each activation
    dtype : of the parameters
    """

    def __init__(self, input_size, hidden_size_list, output_size, activation='relu', weight_init_std='relu',
                 weight_decay_lambda=0, use_dropout=False, dropout_ration=0.5, use_batchnorm=False, dtype=np.float32):
        if str(activation).lower() not in ACTIVATIONS:
            raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.input_size = input_size
        self.output_size = output_size
        self.hidden_size_list = hidden_size_list
        self.hidden_layer_num = len(hidden_size_list)
        self.use_dropout = use_dropout
        self.use_batchnorm = use_batchnorm

        layers, fan_in = {}, input_size
        for n, size in enumerate(hidden_size_list, start=1):
            layers[f"Affine{n}"] = random_affine(fan_in, size, weight_init_std, dtype)
            if use_batchnorm:
                layers[f"BatchNorm{n}"] = BatchNormalization(np.ones(size, dtype), np.zeros(size, dtype))
            layers[f"Activation_function{n}"] = ACTIVATIONS[activation.lower()]()
            if use_dropout:
                layers[f"Dropout{n}"] = Dropout(dropout_ration)
            fan_in = size
        layers[f"Affine{self.hidden_layer_num + 1}"] = random_affine(fan_in, output_size, weight_init_std, dtype)
        super().__init__(layers, weight_decay_lambda=weight_decay_lambda)
