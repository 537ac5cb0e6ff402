import os
import sys

sys.path.append(os.pardir)
import pickle
import numpy as np
from common.layers import *


class DeepConvNet:
    """conv - relu - conv - relu - pool, twice; affine - relu - dropout - affine - dropout - softmax."""

    def __init__(self, input_dim=(1, 28, 28), filters=(3, 3, 6, 6), hidden_size=20, output_size=10):
        fan_in = np.array([input_dim[0] * 9, *(n * 9 for n in filters[:3]), filters[3] * 7 * 7, hidden_size])
        weight_init_scales = np.sqrt(2.0 / fan_in)
        self.params, channels = {}, input_dim[0]
        for idx, filter_num in enumerate(filters):
            self.params["W" + str(idx + 1)] = weight_init_scales[idx] * np.random.randn(filter_num, channels, 3, 3)
            self.params["b" + str(idx + 1)] = np.zeros(filter_num)
            channels = filter_num
        self.params["W5"] = weight_init_scales[4] * np.random.randn(filters[3] * 7 * 7, hidden_size)
        self.params["b5"] = np.zeros(hidden_size)
        self.params["W6"] = weight_init_scales[5] * np.random.randn(hidden_size, output_size)
        self.params["b6"] = np.zeros(output_size)
        p, self.layers = self.params, []
        for first in (1, 3):
            for n in (first, first + 1):
                self.layers.append(Convolution(p["W%d" % n], p["b%d" % n], stride=1, pad=1))
                self.layers.append(Relu())
            self.layers.append(Pooling(pool_h=2, pool_w=2, stride=2))
        self.layers += [Affine(p["W5"], p["b5"]), Relu(), Dropout(0.1), Affine(p["W6"], p["b6"]), Dropout(0.1)]
        self.with_params = (0, 2, 5, 7, 10, 13)
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x, train_flg=False):
        for layer in self.layers:
            if isinstance(layer, Dropout):
                x = layer.forward(x, train_flg)
            else:
                x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.last_layer.forward(self.predict(x, train_flg=True), t)

    def accuracy(self, x, t, batch_size=100):
        if t.ndim != 1:
            t = np.argmax(t, axis=1)
        acc = 0.0
        for i in range(int(x.shape[0] / batch_size)):
            tx, tt = x[i * batch_size:(i + 1) * batch_size], t[i * batch_size:(i + 1) * batch_size]
            acc += np.sum(np.argmax(self.predict(tx, train_flg=False), axis=1) == tt)
        return acc / x.shape[0]

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last_layer.backward(1)
        tmp_layers = self.layers.copy()
        tmp_layers.reverse()
        for layer in tmp_layers:
            dout = layer.backward(dout)
        grads = {}
        for i, layer_idx in enumerate(self.with_params):
            grads["W" + str(i + 1)] = self.layers[layer_idx].dW
            grads["b" + str(i + 1)] = self.layers[layer_idx].db
        return grads

    def save_params(self, file_name="params.pkl"):
        with open(file_name, "wb") as f:
            pickle.dump(self.params, f)

    def load_params(self, file_name="params.pkl"):
        with open(file_name, "rb") as f:
            self.params.update(pickle.load(f))
        for i, layer_idx in enumerate(self.with_params):
            self.layers[layer_idx].W = self.params["W" + str(i + 1)]
            self.layers[layer_idx].b = self.params["b" + str(i + 1)]
