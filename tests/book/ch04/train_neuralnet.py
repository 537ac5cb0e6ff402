import os
import sys

sys.path.append(os.pardir)
import matplotlib.pyplot as plt
import numpy as np

from dataset.mnist import load_mnist
from two_layer_net import TwoLayerNet

(x_train, t_train), (x_test, t_test) = load_mnist(normalize=True, one_hot_label=True)
network = TwoLayerNet(input_size=784, hidden_size=50, output_size=10)
small = TwoLayerNet(5, 4, 10, 0.5)
x, t = np.random.rand(3, 5), t_train[:3]
by_differences, by_hand = small.numerical_gradient(x, t), small.gradient(x, t)
assert all(np.allclose(by_differences[key], by_hand[key], atol=1e-5) for key in by_hand)

iters_num, train_size, batch_size, learning_rate = 300, x_train.shape[0], 100, 0.3
train_loss_list, train_acc_list, test_acc_list = [], [], []
iter_per_epoch = max(train_size / batch_size, 1)
for i in range(iters_num):
    batch_mask = np.random.choice(train_size, batch_size)
    x_batch, t_batch = x_train[batch_mask], t_train[batch_mask]
    grad = network.gradient(x_batch, t_batch)
    for key in ("W1", "b1", "W2", "b2"):
        network.params[key] -= learning_rate * grad[key]
    train_loss_list.append(network.loss(x_batch, t_batch))
    if i % iter_per_epoch == 0:
        train_acc_list.append(network.accuracy(x_train, t_train))
        test_acc_list.append(network.accuracy(x_test, t_test))

plt.plot(np.arange(len(train_acc_list)), train_acc_list, label="train acc")
plt.plot(np.arange(len(test_acc_list)), test_acc_list, label="test acc", linestyle="--")
plt.legend(loc="lower right")
plt.show()
print(train_acc_list, test_acc_list)
assert test_acc_list[-1] > 0.75 and np.mean(train_loss_list[-10:]) < 0.8
