import os
import sys

sys.path.append(os.pardir)
import numpy as np
from dataset.mnist import load_mnist
from two_layer_net import TwoLayerNet

(x_train, t_train), (x_test, t_test) = load_mnist(normalize=True, one_hot_label=True)

network = TwoLayerNet(input_size=784, hidden_size=10, output_size=10)
grad_numerical = network.numerical_gradient(x_train[:3], t_train[:3])
grad_backprop = network.gradient(x_train[:3], t_train[:3])
for key in grad_numerical:
    diff = np.average(np.abs(grad_backprop[key] - grad_numerical[key]))
    print(key + ":" + str(diff))
    assert diff < 1e-8

network = TwoLayerNet(784, 50, 10)
for i in range(300):
    batch_mask = np.random.choice(x_train.shape[0], 100)
    x_batch, t_batch = x_train[batch_mask], t_train[batch_mask]
    grad = network.gradient(x_batch, t_batch)
    for key in ("W1", "b1", "W2", "b2"):
        network.params[key] -= 0.2 * grad[key]
print(network.accuracy(x_test, t_test))
assert network.accuracy(x_test, t_test) > 0.85
