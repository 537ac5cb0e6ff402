"""Weights averaged over the steps of a training."""
from common.params import arrays_of, restore, snapshot


class Averaging:
    """An exponential moving average of the network's arrays is evaluated, and is what the training ends with.

    It predicts better than the weights of any one step, which jump about the minimum (Polyak, Juditsky 1992).
    After each step: average <- d average + (1 - d) arrays. At first d is smaller than `decay`,
    d = min(decay, (1 + steps) / (10 + steps)), to forget soon where the training began.
    """

    def __init__(self, decay=0.999):
        if not 0 < decay < 1:
            raise ValueError(f"Averaging: expected a decay between 0 and 1, 0.999 say, got {decay}")
        self.decay = float(decay)

    def on_train_begin(self, trainer):
        if trainer.current_iter == 0:
            # weights: those to go on from. Between the epochs the network has the average in their place.
            self.state = {"steps": 0, "average": snapshot(trainer.network), "weights": None}

    def on_epoch_begin(self, trainer):
        if self.state["weights"]:
            restore(trainer.network, self.state["weights"])
            self.state["weights"] = None

    def on_batch_end(self, trainer):
        self.state["steps"] += 1
        steps, average = self.state["steps"], self.state["average"]
        d = min(self.decay, (1 + steps) / (10 + steps))
        for key, array in arrays_of(trainer.network).items():
            average[key] += (1 - d) * (array - average[key])

    def on_test_begin(self, trainer):
        self.state["weights"] = snapshot(trainer.network)
        restore(trainer.network, self.state["average"])
