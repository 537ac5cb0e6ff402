import os
import pickle
import sys

sys.path.append(os.pardir)
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from common.functions import relu, sigmoid, softmax, step_function
from dataset.mnist import load_mnist

x = np.arange(-5.0, 5.0, 0.1)
for function in (step_function, sigmoid, relu):
    plt.plot(x, function(x))
plt.ylim(-0.1, 5.1)
plt.show()

(x_train, t_train), (x_test, t_test) = load_mnist(flatten=True, normalize=False)
img = x_train[0].reshape(28, 28)
pil_img = Image.fromarray(np.uint8(img))
assert pil_img.size == (28, 28) and img.max() == 255 and img.dtype == np.uint8

(x_train, t_train), (x_test, t_test) = load_mnist(normalize=True, flatten=True, one_hot_label=False)
with open("sample_weight.pkl", "rb") as f:
    network = pickle.load(f)


def predict(network, x):
    W1, W2, W3 = network["W1"], network["W2"], network["W3"]
    b1, b2, b3 = network["b1"], network["b2"], network["b3"]
    z1 = sigmoid(np.dot(x, W1) + b1)
    z2 = sigmoid(np.dot(z1, W2) + b2)
    return softmax(np.dot(z2, W3) + b3)


one_by_one = sum(np.argmax(predict(network, x_test[i])) == t_test[i] for i in range(100))
batch_size, correct = 100, 0
for i in range(0, len(x_test), batch_size):
    p = np.argmax(predict(network, x_test[i:i + batch_size]), axis=1)
    if i == 0:
        assert np.sum(p == t_test[:batch_size]) == one_by_one
    correct += np.sum(p == t_test[i:i + batch_size])
print("Accuracy:" + str(float(correct) / len(x_test)))
assert correct > 0.9 * len(x_test)
