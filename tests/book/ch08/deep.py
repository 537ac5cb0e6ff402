import os
import sys

sys.path.append(os.pardir)
import matplotlib.pyplot as plt
import numpy as np

from common.trainer import Trainer
from dataset.mnist import load_mnist
from deep_convnet import DeepConvNet

(x_train, t_train), (x_test, t_test) = load_mnist(flatten=False)
x_test, t_test = x_test[:300], t_test[:300]
network = DeepConvNet()
trainer = Trainer(network, x_train[:600], t_train[:600], x_test, t_test, epochs=2, mini_batch_size=20,
                  optimizer="Adam", optimizer_param={"lr": 0.01}, evaluate_sample_num_per_epoch=300)
trainer.train()
network.save_params("deep_convnet_params.pkl")

network = DeepConvNet()
network.load_params("deep_convnet_params.pkl")
accuracy = network.accuracy(x_test, t_test)
assert accuracy == trainer.test_acc_list[-1] > 0.5

classified_ids = []
for i in range(int(x_test.shape[0] / 100)):
    y = network.predict(x_test[i * 100:(i + 1) * 100], train_flg=False)
    classified_ids.append(np.argmax(y, axis=1))
classified_ids = np.array(classified_ids).flatten()
wrong = np.flatnonzero(classified_ids != t_test)
assert len(wrong) == round((1 - accuracy) * 300)
fig = plt.figure()
fig.subplots_adjust(left=0, right=1, bottom=0, top=1, hspace=0.2, wspace=0.2)
for n, i in enumerate(wrong[:20], start=1):
    ax = fig.add_subplot(4, 5, n, xticks=[], yticks=[])
    ax.imshow(x_test[i].reshape(28, 28), cmap=plt.cm.gray_r, interpolation="nearest")
plt.show()
print({n: (int(t_test[i]), int(classified_ids[i])) for n, i in enumerate(wrong[:20], start=1)})

x_test = x_test.astype(np.float16)
for param in network.params.values():
    param[...] = param.astype(np.float16)
print(accuracy, network.accuracy(x_test, t_test))
assert abs(network.accuracy(x_test, t_test) - accuracy) < 0.01
for key in network.params:                                  # and all of it in half precision
    network.params[key] = network.params[key].astype(np.float16)
for i, layer_idx in enumerate(network.with_params):
    network.layers[layer_idx].W = network.params["W" + str(i + 1)]
    network.layers[layer_idx].b = network.params["b" + str(i + 1)]
assert network.predict(x_test[:3]).dtype == np.float16 and abs(network.accuracy(x_test, t_test) - accuracy) < 0.02
