"""Learning rates that change during training.

A schedule is a function of progress, which goes from 0 to 1 over the whole training; the optimizer's learning rate is
multiplied by what it returns. `Trainer(..., schedule=cosine)` takes any such function, a lambda too:

    schedule=lambda progress: step(progress, drops=(0.8,), factor=0.5)
"""
import math


def constant(progress):
    """Always 1."""
    return 1.0


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
