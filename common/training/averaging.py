"""Which weights a training ends with: the average over its steps, or those of its best epoch."""
from contextlib import contextmanager

import numpy as np

from common.network import Network


def arrays_of(network):
    """{name: array}: all that decides what the network predicts, parameters and running statistics; its own arrays."""
    return network.state if isinstance(network, Network) else network.params


def copies(arrays):
    """{name: array} with arrays of its own."""
    return {key: np.array(array) for key, array in arrays.items()}


def put(network, arrays):
    """Copy the values of {name: array} into the network's own arrays, or plain floats."""
    own = arrays_of(network)
    for key, mine in own.items():
        if isinstance(mine, np.ndarray):
            mine[...] = arrays[key]
        else:
            own[key] = arrays[key].item()       # a plain float


class AverageWeights:
    """An exponential moving average of a network's arrays: it predicts better than the weights of any one step, which
    jump about the minimum (Polyak, Juditsky 1992).

    After each step: average <- d average + (1 - d) arrays. The first steps count less than `decay` would have it,
    d = min(decay, (1 + steps) / (10 + steps)), because they are far from where the training ends.
    """

    def __init__(self, network, decay):
        if not 0 < decay < 1:
            raise ValueError(f"average: expected a decay between 0 and 1, 0.999 say, got {decay}")
        self.decay = float(decay)
        self.steps = 0
        self.arrays = copies(arrays_of(network))

    def update(self, network):
        self.steps += 1
        rest = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, array in arrays_of(network).items():
            self.arrays[key] += rest * (array - self.arrays[key])

    @contextmanager
    def inside(self, network):
        """`with average.inside(network):` the network has the averages; then its own weights again."""
        own = copies(arrays_of(network))
        put(network, self.arrays)
        try:
            yield
        finally:
            put(network, own)


class BestWeights:
    """The arrays a network had in the epoch of its highest score; of equal ones, the first."""

    def __init__(self):
        self.score = None
        self.epoch = 0
        self.arrays = None

    def offer(self, score, epoch, network):
        if self.score is None or score > self.score:
            self.score, self.epoch, self.arrays = score, epoch, copies(arrays_of(network))
