"""Which epoch was best, on examples that are neither trained on nor tested on."""
from common.training.examples import check_examples
from common.training.snapshot import restore, snapshot
from common.util import as_pairs


class Validation:
    """After every epoch, the accuracy on examples held out of the training: trainer.history["val_acc"].

    Parameters
    ----------
    x, t : examples and targets
    """

    def __init__(self, x, t):
        self.x, self.t = as_pairs(x, t, "validation")
        self.state = {}         # nothing changes; but a training that is resumed must have the same examples

    def on_train_begin(self, trainer):
        check_examples(trainer.network, "validation", self.x, self.t)
        trainer.history.setdefault("val_acc", [])

    def on_epoch_end(self, trainer):
        trainer.history["val_acc"].append(float(trainer.network.accuracy(self.x, self.t)))

    def __repr__(self):
        return f"Validation({len(self.x)} examples)"


class BestWeights:
    """The training ends with the weights of the epoch of the highest "val_acc"; of equal ones, the first.

    Attributes
    ----------
    state : {"score", "epoch", "arrays"} of that epoch, 0 before there is one
    """

    def __init__(self):
        self.state = {"score": -1.0, "epoch": 0, "arrays": None}
        self._last = None       # those of the last epoch, while the network has the best

    def on_train_begin(self, trainer):
        need_val_acc(self, trainer)
        if self._last:
            restore(trainer.network, self._last)

    def on_epoch_end(self, trainer):
        score = trainer.history["val_acc"][-1]
        if score > self.state["score"]:
            self.state = {"score": score, "epoch": trainer.current_epoch, "arrays": snapshot(trainer.network)}

    def on_train_end(self, trainer):
        if self.state["epoch"]:
            self._last = snapshot(trainer.network)
            restore(trainer.network, self.state["arrays"])
            if trainer.verbose:
                print(f"kept the parameters of epoch {self.state['epoch']}, with val acc {self.state['score']:.4f}")

    def __repr__(self):
        return "BestWeights()"


def need_val_acc(callback, trainer):
    if "val_acc" not in trainer.history:
        raise ValueError(f"{callback!r} needs Validation(x, t) before it in the list of callbacks")
