"""Learning rates that change during training."""
import math


class Schedule:
    """Before each step the learning rate is set to `lr`, the optimizer's own, times function(progress).

    function : step, cosine, or any function of progress, which goes from 0 to 1 over the whole training:

        Schedule(lambda progress: step(progress, drops=(0.8,), factor=0.5))
    """

    def __init__(self, function):
        self.function = function

    def on_train_begin(self, trainer):
        self.state, self.epochs = {"lr": trainer.optimizer.lr}, trainer.planned_epochs
        rates = [round(float(self.function(progress)), 4) for progress in (0.01, 0.5, 0.99)]
        self.settings = f"{rates} in {self.epochs} epochs"
        if self.epochs < trainer.epochs:
            raise ValueError(f"the schedule {self.settings} has come to its end. Only a constant rate can go on")

    def on_batch_begin(self, trainer):
        # The progress in the middle of the step: neither the first nor the last step is wasted on a rate of 0.
        progress = (trainer.current_iter + 0.5) / (self.epochs * trainer.steps_per_epoch)
        trainer.optimizer.lr = float(self.state["lr"] * self.function(min(1, progress)))

    def on_train_end(self, trainer):
        trainer.optimizer.lr = self.state["lr"]


def step(progress, drops=(0.5, 0.75), factor=0.1):
    """1, multiplied by `factor` at each progress in `drops`."""
    return factor ** sum(progress >= drop for drop in drops)


def cosine(progress, warm_up=0.1, final=0.0):
    """From 0 to 1 in a straight line while progress < warm_up, then down to `final` along half a wave of the cosine.

    Loshchilov, Hutter (2017), arXiv:1608.03983, without restarts; warm-up: Goyal et al. (2017), arXiv:1706.02677.
    """
    if progress < warm_up:
        return progress / warm_up
    falling = (progress - warm_up) / (1 - warm_up)
    return final + (1 - final) * (1 + math.cos(math.pi * falling)) / 2
