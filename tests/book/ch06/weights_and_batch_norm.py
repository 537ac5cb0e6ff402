import os
import sys

sys.path.append(os.pardir)
import matplotlib.pyplot as plt
import numpy as np

from common.functions import *
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD, Adam
from dataset.mnist import load_mnist

spread = {}
for scale in (1, 0.01, np.sqrt(1.0 / 100)):
    x, activations = np.random.randn(1000, 100), {}
    for i in range(5):
        if i != 0:
            x = activations[i - 1]
        activations[i] = sigmoid(np.dot(x, np.random.randn(100, 100) * scale))
    for i, a in activations.items():
        plt.subplot(1, len(activations), i + 1)
        plt.title(str(i + 1) + "-layer")
        plt.hist(a.flatten(), 30, range=(0, 1))
    plt.show()
    spread[scale] = activations[4].std()
assert spread[1] > 0.4 and spread[0.01] < 0.03 < 0.05 < spread[0.1] < 0.3      # saturated, all alike, and Xavier's

(x_train, t_train), _ = load_mnist(normalize=True)
train_loss = {"std=0.01": [], "Xavier": [], "He": []}
for key, weight_type in {"std=0.01": 0.01, "Xavier": "sigmoid", "He": "relu"}.items():
    network, optimizer = MultiLayerNet(784, [100] * 4, 10, weight_init_std=weight_type), SGD(lr=0.03)
    for i in range(50):
        batch_mask = np.random.choice(x_train.shape[0], 128)
        optimizer.update(network.params, network.gradient(x_train[batch_mask], t_train[batch_mask]))
    train_loss[key] = network.loss(x_train[:500], t_train[:500])
print(train_loss)
assert train_loss["He"] < train_loss["Xavier"] < 2.2 < train_loss["std=0.01"]

x_train, t_train = x_train[:300], t_train[:300]
for w, plain_learns in {1.0: False, 0.2: True, 0.001: False}.items():
    bn_network = MultiLayerNetExtend(input_size=784, hidden_size_list=[50] * 5, output_size=10, weight_init_std=w,
                                     use_batchnorm=True)
    network = MultiLayerNetExtend(input_size=784, hidden_size_list=[50] * 5, output_size=10, weight_init_std=w)
    optimizer = SGD(lr=0.03)
    with np.errstate(all="ignore"):         # the plain one leaves all numbers behind at 1.0; its accuracy is one still
        for i in range(60):
            batch_mask = np.random.choice(300, 100)
            for _network in (bn_network, network):
                grads = _network.gradient(x_train[batch_mask], t_train[batch_mask])
                optimizer.update(_network.params, grads)
        bn_train_acc, train_acc = bn_network.accuracy(x_train, t_train), network.accuracy(x_train, t_train)
    print(w, bn_train_acc, train_acc)
    assert bn_train_acc > 0.3 and (train_acc > 0.6) == plain_learns
