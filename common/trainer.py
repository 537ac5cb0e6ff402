"""Trainer: epochs of mini-batches, with progress, history and a clean stop (book, 7.5)."""
import time
from contextlib import ExitStack

import numpy as np
from tqdm import tqdm

from common.callbacks import call, check_callbacks
from common.guards import check_examples, check_finite, check_step, check_whole, stop_signals
from common.optimizer import create_optimizer
from common.params import arrays_of, restore, snapshot
from common.util import minibatches


class Trainer:
    """Trains a network by mini-batches.

    Parameters
    ----------
    network : a Network, or any object with params, gradient(x, t), loss(x, t) and accuracy(x, t)
    x_train, t_train, x_test, t_test : arrays; targets as class indices or one-hot
    epochs : how often every training example is seen
    mini_batch_size : examples per step
    optimizer : a name, 'SGD' or 'Adam' say, or an object with update(params, grads)
    optimizer_param : settings of the optimizer, if it is given by name
    evaluate_sample_num_per_epoch : evaluate on the first so many examples only; None for all
    verbose : True: a progress bar, a line per epoch, the final accuracy. "epochs": not the last one. False: nothing
    callbacks : a list of what else is to happen, see `common.callbacks`

    Attributes
    ----------
    history : {"loss", "train_acc", "test_acc", "seconds"}, lists of a number per epoch; callbacks may add their own
    train_loss_list, train_acc_list, test_acc_list : the loss of every step, the accuracies after every epoch
    stop_training : a callback sets it to True to end the training after this epoch
    interrupted, exit_code : whether a signal ended the training; 130 after Ctrl-C, 143 after SIGTERM, otherwise 0
    """

    def __init__(self, network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100, optimizer='SGD',
                 optimizer_param={'lr': 0.01}, evaluate_sample_num_per_epoch=None, verbose=True, callbacks=()):
        self.network = network
        self.x_train, self.t_train = check_examples("train", x_train, t_train)
        self.x_test, self.t_test = check_examples("test", x_test, t_test)
        self.epochs = self.planned_epochs = check_whole("epochs", epochs, 0)
        self.batch_size = check_whole("mini_batch_size", mini_batch_size, 1)
        n = evaluate_sample_num_per_epoch
        self.evaluate_sample_num_per_epoch = n if n is None else check_whole("evaluate_sample_num_per_epoch", n, 1)
        self.verbose = verbose
        self.optimizer = create_optimizer(optimizer, **optimizer_param) if isinstance(optimizer, str) else optimizer
        if isinstance(optimizer, type) or not hasattr(self.optimizer, "update"):
            raise TypeError(f"optimizer: expected a name or an object with update(params, grads), got {optimizer!r}")
        self.callbacks = check_callbacks(callbacks)
        self.steps_per_epoch = -(-len(self.x_train) // self.batch_size)
        self.current_iter = self.current_epoch = 0
        self.stop_training, self.interrupted, self.exit_code = False, False, 0
        self.train_loss_list, self.train_acc_list, self.test_acc_list = [], [], []
        self.history = {"loss": [], "train_acc": self.train_acc_list, "test_acc": self.test_acc_list, "seconds": []}
        self._tested = None         # a snapshot of the network that the last accuracies are of

    def train(self):
        """Trains until there are `epochs` epochs. Ctrl-C or SIGTERM ends it after the current step; once more, at once.

        FloatingPointError: there was NaN or inf; the message says at which step, and what held it first. The network is
        as it was after the last whole epoch, with `BestWeights` after the best.
        """
        if self.verbose and self.current_epoch >= self.epochs > 0:
            print(f"all {self.epochs} epochs are done; for 5 more: trainer.epochs += 5, then trainer.train()")
        with stop_signals() as received, ExitStack() as at_the_end:
            for callback in self.callbacks:
                call([callback], "on_train_begin", self)
                at_the_end.callback(call, [callback], "on_train_end", self)
            while self.current_epoch < self.epochs and not (self.stop_training or received):
                step, arrays = self.current_iter, snapshot(self.network)
                try:
                    self._train_epoch(received)
                except FloatingPointError as error:
                    restore(self.network, arrays)
                    error.args = (f"{error}; the network is as it was after step {step}",)
                    raise
        self.interrupted, self.exit_code = bool(received), 128 + received[0] if received else 0
        if self.verbose and received:
            print(f"stopped by {'Ctrl-C' if self.exit_code == 130 else 'SIGTERM'} after {self.current_iter} steps, "
                  f"{self.current_epoch} whole epochs")
        if self.verbose and self.verbose != "epochs":
            print(f"=============== Final Test Accuracy ===============\ntest acc: {self.final_accuracy():.4f}")

    def _train_epoch(self, received):
        call(self.callbacks, "on_epoch_begin", self)
        started, losses = time.perf_counter(), []
        with tqdm(minibatches(self.x_train, self.t_train, self.batch_size), total=self.steps_per_epoch, unit="step",
                  desc=f"epoch {self.current_epoch + 1}/{self.epochs}", leave=False, disable=not self.verbose) as bar:
            for x_batch, t_batch in bar:
                losses.append(self.train_step(x_batch, t_batch))
                bar.set_postfix_str(f"loss {np.mean(losses[-100:]):.4f}", refresh=False)
                if received:
                    break
        check_finite(self, self.current_iter, arrays_of(self.network))      # the last step may have left some
        call(self.callbacks, "on_test_begin", self)
        if len(losses) == self.steps_per_epoch:
            self._end_epoch(float(np.mean(losses)), started)

    def train_step(self, x_batch, t_batch):
        """One update of the parameters; returns the loss before it."""
        self.x_batch, self.t_batch = x_batch, t_batch
        call(self.callbacks, "on_batch_begin", self)            # may replace the batch
        grads = self.network.gradient(self.x_batch, self.t_batch)
        loss = grads.loss if hasattr(grads, "loss") else self.network.loss(self.x_batch, self.t_batch)
        loss = float(np.squeeze(loss))
        check_step(self, loss, grads)
        self.optimizer.update(self.network.params, grads)
        self.current_iter += 1
        self.train_loss_list.append(loss)
        call(self.callbacks, "on_batch_end", self)
        return loss

    def _end_epoch(self, loss, started):
        n = self.evaluate_sample_num_per_epoch
        train_acc = float(self.network.accuracy(self.x_train[:n], self.t_train[:n]))
        test_acc = float(self.network.accuracy(self.x_test[:n], self.t_test[:n]))
        seconds = time.perf_counter() - started
        for name, value in {"loss": loss, "train_acc": train_acc, "test_acc": test_acc, "seconds": seconds}.items():
            self.history[name].append(value)
        self.current_epoch += 1
        self._tested = snapshot(self.network)
        call(self.callbacks, "on_epoch_end", self)
        if self.verbose:
            numbers = "   ".join(f"{name.replace('_', ' ')} {values[-1]:.4f}" for name, values in self.history.items()
                                 if values and name != "seconds")
            print(f"epoch {self.current_epoch:2}/{self.epochs}   {numbers}   {seconds:.1f} s", flush=True)

    def final_accuracy(self):
        """The accuracy on all test examples; not measured again if the last epoch has just measured it."""
        n = self.evaluate_sample_num_per_epoch or len(self.x_test)
        if n >= len(self.x_test) and self._tested:
            if all(np.array_equal(self._tested[key], array) for key, array in arrays_of(self.network).items()):
                return self.test_acc_list[-1]
        return float(self.network.accuracy(self.x_test, self.t_test))
