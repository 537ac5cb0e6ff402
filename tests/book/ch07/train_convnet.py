import os
import sys

sys.path.append(os.pardir)
import matplotlib.pyplot as plt
import numpy as np

from common.layers import Convolution
from common.trainer import Trainer
from common.util import col2im, im2col
from dataset.mnist import load_mnist
from simple_convnet import SimpleConvNet

col = im2col(np.random.rand(10, 3, 7, 7), 5, 5, stride=1, pad=0)
assert col.shape == (90, 75) and col2im(col, (10, 3, 7, 7), 5, 5, 1, 0).shape == (10, 3, 7, 7)

network = SimpleConvNet(input_dim=(1, 10, 10), conv_param={"filter_num": 2, "filter_size": 3, "pad": 0, "stride": 1},
                        hidden_size=5, output_size=10)
X, T = np.random.rand(100).reshape((1, 1, 10, 10)), np.array([1]).reshape((1, 1))
grad_num, grad = network.numerical_gradient(X, T), network.gradient(X, T)
for key, val in grad_num.items():
    print(key, np.abs(grad_num[key] - grad[key]).mean())
    assert np.abs(grad_num[key] - grad[key]).mean() < 1e-7

(x_train, t_train), (x_test, t_test) = load_mnist(flatten=False)
x_train, t_train = x_train[:700], t_train[:700]
x_test, t_test = x_test[:300], t_test[:300]
network = SimpleConvNet(input_dim=(1, 28, 28))
first = network.params["W1"].copy()
trainer = Trainer(network, x_train, t_train, x_test, t_test, epochs=3, mini_batch_size=35, optimizer="Adam",
                  optimizer_param={"lr": 0.003}, evaluate_sample_num_per_epoch=300)
trainer.train()
assert len(trainer.train_acc_list) == 3 and trainer.test_acc_list[-1] > 0.7
network.save_params("params.pkl")

plt.plot(np.arange(3), trainer.train_acc_list, marker="o", label="train", markevery=2)
plt.plot(np.arange(3), trainer.test_acc_list, marker="s", label="test", markevery=2)
plt.show()

again = SimpleConvNet()
again.load_params("params.pkl")
assert again.accuracy(x_test, t_test) == network.accuracy(x_test, t_test)
FN, C, FH, FW = again.params["W1"].shape
fig = plt.figure()
for i in range(FN):
    ax = fig.add_subplot(4, 8, i + 1, xticks=[], yticks=[])
    ax.imshow(again.params["W1"][i, 0], cmap=plt.cm.gray_r, interpolation="nearest")
plt.show()
assert not np.array_equal(first, again.params["W1"])
for i in range(FN):
    out = Convolution(again.params["W1"][i].reshape(1, 1, 5, 5), 0).forward(x_test[:1])
    assert out.shape == (1, 1, 24, 24)
