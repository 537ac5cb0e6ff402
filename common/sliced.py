"""A network's pass over a batch of images, in slices that threads work on at the same time."""
import copy
import threading

import numpy as np

from common import parallel
from common.arrays import KeptArrays, empty_images
from common.layers import Affine
from common.random_mask import new_seed


class SlicedPass:
    """Forward and backward through layers, with the same results as layer.forward and layer.backward one after the other.

    Where several layers in a row treat every example by itself, each slice of the batch goes through all of them while its
    arrays are still in the processor's caches. It goes through copies of the layers: they share the parameters, remember
    their own slice for backward, and write into arrays that are kept from step to step.
    """

    def __init__(self):
        self._runs = {}     # position of its first layer -> _Run
        self._done = []     # what forward did, for backward: layers and _Runs

    def forward(self, layers, x, train_flg):
        self._done = []
        position = 0
        while position < len(layers):
            run = self._run_from(layers, position, x, train_flg)
            if run:
                x = run.forward(x, train_flg)
                position += len(run.layers)
            else:
                run = layers[position]
                x = run.forward(x, train_flg)
                position += 1
            self._done.append(run)
        return x

    def backward(self, dout):
        """Leaves the gradients of the parameters in the layers; the data's own gradient is not computed."""
        first, *others = self._done
        for layer in reversed(others):
            dout = layer.backward(dout)
        first.parameter_gradients(dout)

    def _run_from(self, layers, position, x, train_flg):
        if x.ndim != 4 or len(x) <= parallel.SLICE:
            return None
        end = position
        while end < len(layers) and layers[end].per_example(train_flg):
            end += 1
        if end == position:
            return None
        flat = end < len(layers) and isinstance(layers[end], Affine)
        run = self._runs.get(position)
        if run is None or run.layers != layers[position:end]:
            run = self._runs[position] = _Run(layers[position:end], flat)
        return run


class _Run:
    """Layers in a row that treat every example by itself, seen as one layer."""

    def __init__(self, layers, flat):
        self.layers = layers
        self.flat = flat        # the next layer takes rows of values: hand them over in that order
        self._copies = []       # for training: the copies of each slice
        self._idle = []         # for prediction: copies that no thread is using

    def forward(self, x, train_flg):
        parts = parallel.slices(len(x))
        while train_flg and len(self._copies) < len(parts):
            self._copies.append(_copies(self.layers))
        seeds = [new_seed() if train_flg and hasattr(layer, "seed") else None for layer in self.layers]
        lock, whole = threading.Lock(), []

        def work(number):
            part = parts[number]
            copies = self._copies[number] if train_flg else _pop(self._idle) or _copies(self.layers)
            out = x[part]
            for mine, layer, seed in zip(copies, self.layers, seeds):
                mine.__dict__.update(layer.__dict__)
                if seed is not None:
                    mine.seed, mine.first_example = seed, part.start
                out = mine.forward(out, train_flg)
            with lock:
                if not whole:
                    empty = np.empty if self.flat else empty_images
                    whole.append(empty((len(x), *out.shape[1:]), out.dtype))
            whole[0][part] = out
            if not train_flg:
                self._idle.append(copies)

        parallel.run(work, range(len(parts)))
        self.parts = parts
        return whole[0]

    def backward(self, dout):
        return self._backward(dout, want_dx=True)

    def parameter_gradients(self, dout):
        self._backward(dout, want_dx=False)

    def _backward(self, dout, want_dx):
        lock, whole = threading.Lock(), []

        def work(number):
            part, (first, *others) = self.parts[number], self._copies[number]
            d = first._arrays.empty_images("dout", dout[part].shape, dout.dtype)
            d[...] = dout[part]
            for layer in reversed(others):
                d = layer.backward(d)
            if not want_dx:
                first.parameter_gradients(d)
                return
            d = first.backward(d)
            with lock:
                if not whole:
                    whole.append(empty_images((len(dout), *d.shape[1:]), d.dtype))
            whole[0][part] = d

        parallel.run(work, range(len(self.parts)))
        copies = self._copies[:len(self.parts)]
        for layer, *of_slices in zip(self.layers, *copies):
            for name in layer.param_names:
                setattr(layer, f"d{name}", sum(getattr(mine, f"d{name}") for mine in of_slices))
        return whole[0] if want_dx else None


def _copies(layers):
    copies = [copy.copy(layer) for layer in layers]
    for layer in copies:
        layer._arrays = KeptArrays()
    return copies


def _pop(idle):
    try:
        return idle.pop()       # one step, also for two threads at once
    except IndexError:
        return None
