"""The weights of the best epoch, judged on examples that are neither trained on nor tested on."""
from common.training.examples import check_examples
from common.training.snapshot import restore, snapshot
from common.util import as_pairs


class BestWeights:
    """The training ends with the weights of the epoch that is best on x, t; of equally good ones, the first.

    trainer.history["val_acc"] is the accuracy on them after every epoch.
    """

    def __init__(self, x, t):
        self.x, self.t = as_pairs(x, t, "validation")

    def on_train_begin(self, trainer):
        if trainer.current_iter == 0:
            check_examples(trainer.network, "validation", self.x, self.t)
            trainer.history["val_acc"] = []
            self.state = {"epoch": 0, "val_acc": -1.0, "arrays": None}
        elif self.state["arrays"]:
            restore(trainer.network, self.last)         # the training goes on from there

    def on_epoch_end(self, trainer):
        accuracy = float(trainer.network.accuracy(self.x, self.t))
        trainer.history["val_acc"].append(accuracy)
        if accuracy > self.state["val_acc"]:
            self.state = {"epoch": trainer.current_epoch, "val_acc": accuracy, "arrays": snapshot(trainer.network)}

    def on_train_end(self, trainer):
        if self.state["arrays"]:
            self.last = snapshot(trainer.network)
            restore(trainer.network, self.state["arrays"])
            if trainer.verbose:
                print(f"kept the parameters of epoch {self.state['epoch']}, with val acc {self.state['val_acc']:.4f}")

    def __repr__(self):
        return f"BestWeights({len(self.x)} examples)"
