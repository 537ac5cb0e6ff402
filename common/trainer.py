"""Trainer: epochs of mini-batches, with progress, history and a clean stop (book, 7.5)."""
import sys
import time
from contextlib import nullcontext

import numpy as np
from tqdm import tqdm

from common.training.checkpoint import load_checkpoint, save_checkpoint
from common.training.not_finite import finite, origin_in_arrays, origin_in_examples, origin_in_step
from common.functions import as_batch
from common.training.interruption import stop_signals
from common.layers import SoftmaxWithLoss
from common.training.log import write_log
from common.network import Network
from common.optimizer import Optimizer, create_optimizer
from common.util import minibatches
from common.training.averaging import AverageWeights, BestWeights, arrays_of, copies, put


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
    schedule : a function of progress that the learning rate is multiplied by, see `common.training.schedule`
    augment : a function of a batch of examples that returns the batch to train on, see `common.training.augmentation`
    average : the decay of an average of the weights, 0.999 say, which is evaluated and kept instead of those of the
        last step; 0 for none
    validation : (x, t), examples held out of the training, to keep the parameters of the epoch that is best on them
    patience : end the training when so many epochs in a row were not better on the validation examples
    callbacks : functions that are called with the trainer after every epoch, while the network has the weights that
        were evaluated. This one ends the training:

            def good_enough(trainer):
                if trainer.history["test_acc"][-1] > 0.99:
                    trainer.epochs = trainer.current_epoch

    log : a file for the history, written anew after every epoch; .json or .csv
    checkpoint : a file that the state of the training is saved to, at the start and after every epoch
    resume : a checkpoint to go on from, in a Trainer with the same settings; the learning rate and the state of the
        random numbers come from the file. With a constant learning rate `epochs` may be more than they were. It is also
        where to save the state, if `checkpoint` is left out
    step_callbacks : functions that are called with the trainer after every step

    Attributes
    ----------
    history : {"loss": the mean over the steps, "train_acc", "test_acc", with validation "val_acc", "seconds"}, lists of
        a number per epoch; callbacks may add their own
    lr : what the schedule is multiplied by
    train_loss_list : the loss of every step
    train_acc_list, test_acc_list : the accuracy after every epoch; those of history
    interrupted : whether Ctrl-C or SIGTERM ended the training
    exit_code : what a script should exit with: 0; 130 after Ctrl-C, 143 after SIGTERM
    """

    def __init__(self, network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100, optimizer='SGD',
                 optimizer_param={'lr': 0.01}, evaluate_sample_num_per_epoch=None, verbose=True, schedule=None,
                 augment=None, average=0, validation=None, patience=None, callbacks=(), log=None, checkpoint=None,
                 resume=None, step_callbacks=()):
        _check_examples(network, train=(x_train, t_train), test=(x_test, t_test), validation=validation)
        if mini_batch_size < 1 or epochs < 0:
            raise ValueError(f"expected epochs >= 0 and mini_batch_size >= 1, got {epochs} and {mini_batch_size}")
        if evaluate_sample_num_per_epoch is not None and evaluate_sample_num_per_epoch < 1:
            raise ValueError("evaluate_sample_num_per_epoch: expected None or a number >= 1, "
                             f"got {evaluate_sample_num_per_epoch}")
        if patience is not None and (patience < 1 or validation is None):
            raise ValueError("patience: expected None, or a number >= 1 and validation examples, got "
                             f"{patience} and {'none' if validation is None else 'some'}")
        self.network = network
        self.x_train, self.t_train = x_train, t_train
        self.x_test, self.t_test = x_test, t_test
        self.validation = validation
        self.epochs = int(epochs)               # a callback may change it
        self.planned_epochs = self.epochs       # what the schedule is for
        self.batch_size = int(mini_batch_size)
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        self.verbose = verbose
        self.optimizer = (optimizer if isinstance(optimizer, Optimizer)
                          else create_optimizer(optimizer, **optimizer_param))
        self.lr = self.optimizer.lr             # what the schedule starts from
        self.schedule = schedule
        self.augment = augment
        self.average = AverageWeights(network, average) if average else None
        self.best = BestWeights() if validation else None
        self.patience = patience
        self.callbacks = callbacks
        self.step_callbacks = step_callbacks
        self.log = log
        self.checkpoint = checkpoint or resume
        self.resume = resume
        self.steps_per_epoch = -(-len(x_train) // self.batch_size)
        self.current_iter = 0
        self.current_epoch = 0
        self.interrupted = False
        self.exit_code = 0
        self.train_loss_list = []
        self.train_acc_list = []
        self.test_acc_list = []
        self.history = {"loss": [], "train_acc": self.train_acc_list, "test_acc": self.test_acc_list,
                        **({"val_acc": []} if validation else {}), "seconds": []}

    def train(self):
        """Trains until there are `epochs` epochs. Ctrl-C or SIGTERM ends it after the current step; once more, at once.

        With `average` or `validation` the network then has the average, or the parameters of the best epoch.

        Raises
        ------
        FloatingPointError : there was NaN or inf; the message says at which step, and what held it first. The network
            has the parameters of the best epoch, without validation those of the last whole one; so has the checkpoint.
        """
        if self.resume:
            load_checkpoint(self.resume, self)
            self.resume = None
        self._save()        # now, and not after the first epoch, we want to know of a folder that cannot be written
        try:
            with stop_signals() as received:
                while self.current_epoch < self.epochs and not received and not self._out_of_patience():
                    self._train_epoch(received)
        except FloatingPointError as error:
            when, arrays = self._kept
            if self.best and self.best.epoch:
                when, arrays = f"epoch {self.best.epoch}", self.best.arrays
            put(self.network, arrays)
            error.args = (f"{error}; the network is as it was after {when}",)
            raise
        self.interrupted = bool(received)
        self.exit_code = 128 + received[0] if received else 0
        if self.schedule:
            self.optimizer.lr = self.lr
        if self.average:
            put(self.network, self.average.arrays)
        if self.best and self.best.epoch:
            put(self.network, self.best.arrays)
        if self.verbose:
            self._say_how_it_ended()

    def _out_of_patience(self):
        return self.patience is not None and self.current_epoch - self.best.epoch >= self.patience

    def _train_epoch(self, received):
        started, losses = time.perf_counter(), []
        with tqdm(total=self.steps_per_epoch, desc=f"epoch {self.current_epoch + 1}/{self.epochs}", unit="step",
                  leave=False, disable=not self.verbose, file=sys.stderr) as bar:
            for x_batch, t_batch in minibatches(self.x_train, self.t_train, self.batch_size):
                losses.append(self.train_step(x_batch, t_batch))
                bar.set_postfix_str(f"loss {np.mean(losses[-100:]):.4f}", refresh=False)
                bar.update()
                for callback in self.step_callbacks:
                    callback(self)
                if received:
                    break
        if origin := origin_in_arrays(self.network):        # the last update, or batch normalization's averages
            self._stop(self.current_iter, origin)
        if len(losses) < self.steps_per_epoch:
            return
        with self.average.inside(self.network) if self.average else nullcontext():
            self._evaluate_epoch(float(np.mean(losses)), started)
            for callback in self.callbacks:
                callback(self)
        self._save()

    def train_step(self, x_batch, t_batch):
        """One update of the parameters; returns the loss before it."""
        x_given = x_batch
        if self.augment:
            x_batch = self.augment(x_batch)
        if self.schedule:       # the progress in the middle of the step: neither the first nor the last is wasted on 0
            progress = (self.current_iter + 0.5) / (self.planned_epochs * self.steps_per_epoch)
            self.optimizer.lr = float(self.lr * self.schedule(min(1, progress)))
        if getattr(type(self.network), "gradient", None) is Network.gradient:
            loss, grads = self.network.value_and_gradient(x_batch, t_batch)
        else:
            grads = self.network.gradient(x_batch, t_batch)
            loss = self.network.loss(x_batch, t_batch)
        if not (finite(loss) and all(finite(grads[key]) for key in self.network.params)):
            self._stop(self.current_iter + 1, origin_in_examples("x_train", x_given, self.x_train)
                       or origin_in_step(self.network, x_batch, t_batch, loss, grads))
        self.optimizer.update(self.network.params, grads)
        if self.average:
            self.average.update(self.network)
        self.current_iter += 1
        self.train_loss_list.append(float(loss))
        return float(loss)

    def _evaluate_epoch(self, loss, started):
        values = {"loss": loss, "train_acc": self._evaluate(self.x_train, self.t_train),
                  "test_acc": self._evaluate(self.x_test, self.t_test)}
        if self.validation:
            values["val_acc"] = float(self.network.accuracy(*self.validation))      # all: it decides what is kept
        self.current_epoch += 1
        if self.validation:
            self.best.offer(values["val_acc"], self.current_epoch, self.network)
        values["seconds"] = time.perf_counter() - started
        for name, value in values.items():
            self.history[name].append(value)
        if self.verbose:
            said = "   ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items()
                              if name != "seconds")
            print(f"epoch {self.current_epoch:2}/{self.epochs}   {said}   {values['seconds']:.1f} s", flush=True)

    def _evaluate(self, x, t):
        n = self.evaluate_sample_num_per_epoch
        return float(self.network.accuracy(x[:n], t[:n]))

    def _stop(self, step, origin):
        raise FloatingPointError(f"step {step}, in epoch {self.current_epoch + 1}: {origin}")

    def _save(self):
        self._kept = (f"step {self.current_iter}",
                      copies(self.average.arrays if self.average else arrays_of(self.network)))
        if self.log:
            write_log(self.log, self.history)
        if self.checkpoint:
            save_checkpoint(self.checkpoint, self)

    def _say_how_it_ended(self):
        if self.interrupted:
            print(f"stopped by {'Ctrl-C' if self.exit_code == 130 else 'SIGTERM'} after {self.current_iter} steps, "
                  f"{self.current_epoch} whole epochs")
        elif self._out_of_patience():
            print(f"stopped: {self.patience} epochs without a better val acc")
        if self.best and self.best.epoch:
            print(f"kept the parameters of epoch {self.best.epoch}, with val acc {self.best.score:.4f}")
        print("=============== Final Test Accuracy ===============")
        print(f"test acc: {self.network.accuracy(self.x_test, self.t_test):.4f}")


def _check_examples(network, **sets):
    for name, examples in sets.items():
        if examples is None:
            continue
        x, t = examples
        if len(x) != len(t) or len(x) == 0:
            raise ValueError(f"x_{name}, t_{name}: expected as many targets as examples, and some, "
                             f"got {len(t)} and {len(x)}")
        if name != "train" and (origin := origin_in_examples(f"x_{name}", x, x)):
            raise ValueError(origin)        # in x_train, the step that meets it tells
        if isinstance(network, Network) and type(network.last_layer) is SoftmaxWithLoss:
            y = network.predict(x[:1])
            try:
                as_batch(np.broadcast_to(y, (len(t), y.shape[1])), t)
            except (TypeError, ValueError) as error:
                raise type(error)(f"t_{name}: {error}") from None
