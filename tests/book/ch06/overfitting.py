import os
import sys

sys.path.append(os.pardir)
import numpy as np

from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.optimizer import SGD
from common.trainer import Trainer
from common.util import shuffle_dataset
from dataset.mnist import load_mnist

(x_train, t_train), (x_test, t_test) = load_mnist(normalize=True)
x_train, t_train = x_train[:200], t_train[:200]

weights = {}
for weight_decay_lambda in (0, 0.1):
    network = MultiLayerNet(input_size=784, hidden_size_list=[50] * 6, output_size=10,
                            weight_decay_lambda=weight_decay_lambda)
    optimizer, train_acc_list, test_acc_list = SGD(lr=0.03), [], []
    iter_per_epoch, epoch_cnt = max(x_train.shape[0] / 100, 1), 0
    for i in range(1000000000):
        batch_mask = np.random.choice(200, 100)
        grads = network.gradient(x_train[batch_mask], t_train[batch_mask])
        optimizer.update(network.params, grads)
        if i % iter_per_epoch == 0:
            train_acc_list.append(network.accuracy(x_train, t_train))
            test_acc_list.append(network.accuracy(x_test[:200], t_test[:200]))
            epoch_cnt += 1
            if epoch_cnt >= 60:
                break
    print(weight_decay_lambda, train_acc_list[-1], test_acc_list[-1])
    weights[weight_decay_lambda] = sum(np.sum(network.params["W" + str(i)] ** 2) for i in range(1, 8))
    assert train_acc_list[-1] > test_acc_list[-1] + 0.05
assert weights[0.1] < 0.9 * weights[0]

network = MultiLayerNetExtend(input_size=784, hidden_size_list=[100, 100], output_size=10, use_dropout=True,
                              dropout_ration=0.2)
trainer = Trainer(network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100, optimizer="sgd",
                  optimizer_param={"lr": 0.1}, verbose=True)
trainer.train()
assert len(trainer.train_acc_list) == len(trainer.test_acc_list) == 20 and trainer.test_acc_list[-1] > 0.5

x_train, t_train = shuffle_dataset(x_train, t_train)
validation_num = int(x_train.shape[0] * 0.20)
x_val, t_val = x_train[:validation_num], t_train[:validation_num]
x_train, t_train = x_train[validation_num:], t_train[validation_num:]
results_val, results_train = {}, {}
for _ in range(4):
    weight_decay, lr = 10 ** np.random.uniform(-8, -4), 10 ** np.random.uniform(-3, -1)
    network = MultiLayerNet(784, [50] * 3, 10, weight_decay_lambda=weight_decay)
    trainer = Trainer(network, x_train, t_train, x_val, t_val, epochs=5, mini_batch_size=40, optimizer="sgd",
                      optimizer_param={"lr": lr}, verbose=False)
    trainer.train()
    key = "lr:" + str(lr) + ", weight decay:" + str(weight_decay)
    results_val[key], results_train[key] = trainer.test_acc_list, trainer.train_acc_list
for key, val_acc_list in sorted(results_val.items(), key=lambda x: x[1][-1], reverse=True):
    print("val acc:" + str(val_acc_list[-1]) + " | " + key)
assert max(accs[-1] for accs in results_val.values()) > min(accs[-1] for accs in results_val.values())
