import os
import sys

sys.path.append(os.pardir)
import numpy as np
from common.functions import softmax, cross_entropy_error
from common.gradient import numerical_gradient


class simpleNet:
    def __init__(self):
        self.W = np.random.randn(2, 3)

    def predict(self, x):
        return np.dot(x, self.W)

    def loss(self, x, t):
        return cross_entropy_error(softmax(self.predict(x)), t)


def gradient_descent(f, init_x, lr=0.1, step_num=100):
    x = init_x
    for i in range(step_num):
        x -= lr * numerical_gradient(f, x)
    return x


net, x, t = simpleNet(), np.array([0.6, 0.9]), np.array([0, 0, 1])
f = lambda w: net.loss(x, t)
dW = numerical_gradient(f, net.W)
print(dW)
assert dW.shape == (2, 3) and (dW[:, 2] < 0).all() and (dW[:, :2] > 0).all()
before = net.loss(x, t)
net.W -= 0.1 * dW
assert net.loss(x, t) < before

print(gradient_descent(lambda x: x[0] ** 2 + x[1] ** 2, np.array([-3.0, 4.0])))
assert np.abs(gradient_descent(lambda x: np.sum(x ** 2), np.array([-3.0, 4.0]))).max() < 1e-8
