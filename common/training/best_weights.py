"""The weights of the best epoch, judged on examples that are neither trained on nor tested on; and early stopping."""
from common.guards import check_examples, check_whole
from common.params import restore, snapshot


class BestWeights:
    """The training ends with the weights of the epoch that is best on x, t; of equally good ones, the first.

    trainer.history["val_acc"] is the accuracy on them after every epoch. With `patience`, the training ends when so
    many epochs in a row were not better.
    """

    def __init__(self, x, t, patience=None):
        self.x, self.t = x, t
        self.patience = None if patience is None else check_whole("patience", patience, 1)

    def on_train_begin(self, trainer):
        self.x, self.t = check_examples("validation", self.x, self.t)
        self.settings = f"{len(self.x)} examples"
        if trainer.current_iter == 0:
            trainer.history["val_acc"] = []
            self.state = {"epoch": 0, "val_acc": -1.0, "arrays": None}
        elif self.state["arrays"]:
            restore(trainer.network, self.last)         # the training goes on from there

    def on_epoch_end(self, trainer):
        accuracy = float(trainer.network.accuracy(self.x, self.t))
        trainer.history["val_acc"].append(accuracy)
        if accuracy > self.state["val_acc"]:
            self.state = {"epoch": trainer.current_epoch, "val_acc": accuracy, "arrays": snapshot(trainer.network)}
        elif self.patience and trainer.current_epoch - self.state["epoch"] >= self.patience:
            trainer.stop_training = True
            if trainer.verbose:
                print(f"no better val acc for {self.patience} epochs: the training ends")

    def on_train_end(self, trainer):
        if self.state["arrays"]:
            self.last = snapshot(trainer.network)       # where the training stands, in case it goes on
            restore(trainer.network, self.state["arrays"])
            if trainer.verbose:
                print(f"kept the parameters of epoch {self.state['epoch']}, with val acc {self.state['val_acc']:.4f}")
