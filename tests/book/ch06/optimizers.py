import os
import sys

sys.path.append(os.pardir)
from collections import OrderedDict

import matplotlib.pyplot as plt

from common.multi_layer_net import MultiLayerNet
from common.optimizer import *
from common.util import smooth_curve
from dataset.mnist import load_mnist

optimizers = OrderedDict()
optimizers["SGD"] = SGD(lr=0.95)
optimizers["Momentum"] = Momentum(lr=0.1)
optimizers["AdaGrad"] = AdaGrad(lr=1.5)
optimizers["Adam"] = Adam(lr=0.3)
params, grads = {}, {}
for idx, key in enumerate(optimizers, start=1):
    x_history, y_history = [], []
    params["x"], params["y"] = -7.0, 2.0
    for i in range(30):
        x_history.append(params["x"])
        y_history.append(params["y"])
        grads["x"], grads["y"] = params["x"] / 10.0, 2.0 * params["y"]
        optimizers[key].update(params, grads)
    X, Y = np.meshgrid(np.arange(-10, 10, 0.5), np.arange(-5, 5, 0.5))     # np comes with common.optimizer
    plt.subplot(2, 2, idx)
    plt.plot(x_history, y_history, "o-", color="red")
    plt.contour(X, Y, X ** 2 / 20.0 + Y ** 2)
    plt.title(key)
    assert len(set(x_history)) == 30 and abs(params["x"]) < 3
plt.show()

(x_train, t_train), _ = load_mnist(normalize=True)
optimizers = {"SGD": SGD(), "Momentum": Momentum(), "Nesterov": Nesterov(), "AdaGrad": AdaGrad(),
              "RMSprop": RMSprop(lr=0.001), "Adam": Adam()}
networks, train_loss = {}, {}
for key in optimizers.keys():
    networks[key] = MultiLayerNet(input_size=784, hidden_size_list=[100, 100, 100, 100], output_size=10)
    train_loss[key] = []
for i in range(40):
    batch_mask = np.random.choice(x_train.shape[0], 128)
    x_batch, t_batch = x_train[batch_mask], t_train[batch_mask]
    for key in optimizers.keys():
        grads = networks[key].gradient(x_batch, t_batch)
        optimizers[key].update(networks[key].params, grads)
        train_loss[key].append(networks[key].loss(x_batch, t_batch))
for key in optimizers.keys():
    plt.plot(np.arange(40), smooth_curve(train_loss[key]), label=key)
    print(key, train_loss[key][0], train_loss[key][-1])
    assert train_loss[key][-1] < 0.9 * train_loss[key][0]
plt.legend()
plt.show()
assert train_loss["AdaGrad"][-1] < train_loss["SGD"][-1]
