"""Trainer: epochs of mini-batches, with progress, history and a clean stop (book, 7.5)."""
import signal
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
from tqdm import tqdm

from common.network import Network
from common.optimizer import Optimizer, create_optimizer
from common.util import minibatches


class Trainer:
    """Trains a network by mini-batches.

    Parameters
    ----------
    network : a Network, or any object with params, gradient(x, t), loss(x, t) and accuracy(x, t)
    x_train, t_train, x_test, t_test : arrays; targets as class indices or one-hot
    epochs : how often every training example is seen
    mini_batch_size : examples per step
    optimizer : a name, 'SGD' or 'Adam' say, or an Optimizer
    optimizer_param : the settings of the optimizer named
    evaluate_sample_num_per_epoch : evaluate on the first so many examples only; None for all
    verbose : print a line per epoch and show a progress bar

    Attributes
    ----------
    train_loss_list : the loss of every step
    train_acc_list, test_acc_list : the accuracy after every epoch
    interrupted : whether Ctrl-C ended the training
    """

    def __init__(self, network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100, optimizer='SGD',
                 optimizer_param={'lr': 0.01}, evaluate_sample_num_per_epoch=None, verbose=True):
        for name, x, t in (("train", x_train, t_train), ("test", x_test, t_test)):
            if len(x) != len(t) or len(x) == 0:
                raise ValueError(f"x_{name}, t_{name}: expected as many targets as examples, and some, "
                                 f"got {len(t)} and {len(x)}")
        if mini_batch_size < 1 or epochs < 0:
            raise ValueError(f"expected epochs >= 0 and mini_batch_size >= 1, got {epochs} and {mini_batch_size}")
        if evaluate_sample_num_per_epoch is not None and evaluate_sample_num_per_epoch < 1:
            raise ValueError("evaluate_sample_num_per_epoch: expected None or a number >= 1, "
                             f"got {evaluate_sample_num_per_epoch}")
        self.network = network
        self.x_train, self.t_train = x_train, t_train
        self.x_test, self.t_test = x_test, t_test
        self.epochs = int(epochs)
        self.batch_size = int(mini_batch_size)
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        self.verbose = verbose
        self.optimizer = (optimizer if isinstance(optimizer, Optimizer)
                          else create_optimizer(optimizer, **optimizer_param))
        self.current_iter = 0
        self.current_epoch = 0
        self.interrupted = False
        self.train_loss_list = []
        self.train_acc_list = []
        self.test_acc_list = []

    def train(self):
        """Trains for `epochs` epochs. Ctrl-C ends it after the current step; a second Ctrl-C at once."""
        with _ctrl_c() as stop:
            while self.current_epoch < self.epochs and not stop.is_set():
                self._train_epoch(stop)
        self.interrupted = stop.is_set()
        if self.verbose:
            if self.interrupted:
                print(f"stopped by Ctrl-C; parameters and history are those of {self.current_iter} steps, "
                      f"{self.current_epoch} whole epochs")
            if self.test_acc_list:
                print("=============== Final Test Accuracy ===============")
                print(f"test acc: {self.test_acc_list[-1]:.4f}")

    def _train_epoch(self, stop):
        started, losses = time.perf_counter(), []
        steps = -(-len(self.x_train) // self.batch_size)
        with tqdm(total=steps, desc=f"epoch {self.current_epoch + 1}/{self.epochs}", unit="step", leave=False,
                  disable=not self.verbose, file=sys.stderr) as bar:
            for x_batch, t_batch in minibatches(self.x_train, self.t_train, self.batch_size):
                losses.append(self.train_step(x_batch, t_batch))
                bar.set_postfix_str(f"loss {np.mean(losses[-100:]):.4f}", refresh=False)
                bar.update()
                if stop.is_set():
                    return
        self.current_epoch += 1
        self.train_acc_list.append(self._evaluate(self.x_train, self.t_train))
        self.test_acc_list.append(self._evaluate(self.x_test, self.t_test))
        if self.verbose:
            print(f"epoch {self.current_epoch:2}/{self.epochs}   loss {np.mean(losses):.4f}   "
                  f"train acc {self.train_acc_list[-1]:.4f}   test acc {self.test_acc_list[-1]:.4f}   "
                  f"{time.perf_counter() - started:.1f} s", flush=True)

    def train_step(self, x_batch, t_batch):
        """One update of the parameters; returns the loss before it."""
        if getattr(type(self.network), "gradient", None) is Network.gradient:
            loss, grads = self.network.value_and_gradient(x_batch, t_batch)
        else:
            grads = self.network.gradient(x_batch, t_batch)
            loss = self.network.loss(x_batch, t_batch)
        self.optimizer.update(self.network.params, grads)
        self.current_iter += 1
        self.train_loss_list.append(float(loss))
        return float(loss)

    def _evaluate(self, x, t):
        n = self.evaluate_sample_num_per_epoch
        return float(self.network.accuracy(x[:n], t[:n]))


@contextmanager
def _ctrl_c():
    """An event that the first Ctrl-C sets, so that no update of the parameters is cut in half."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handler(signum, frame):
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
