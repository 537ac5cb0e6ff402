"""A network's pass over a batch of images, in slices that threads work on at the same time.

Where several layers in a row treat every example by itself, each slice of the batch goes through all of them while its
arrays are still in the processor's caches, and these arrays are kept from step to step. The results are those of
layer.forward and layer.backward one after the other. Layers that this module does not know, a reader's own and those
derived from ours among them, get the whole batch.
"""
import copy
import math
import threading
from itertools import groupby

import numpy as np

from common import parallel
from common.arrays import KeptArrays, empty_images
from common.layers import Affine, BatchNormalization, Convolution, Dropout, Pooling, Relu, Sigmoid
from common.random_mask import new_seed

_idle = []      # KeptArrays for prediction that no thread is using


def predict(layers, x):
    """What comes out of the last layer in prediction. No layer remembers anything of it, so threads may share them."""
    for stretch, flat in _stretches(layers, train_flg=False):
        parts = _parts(stretch, x, train_flg=False)
        x = (_predict_slices(_relu_after_pooling(stretch), x, parts, flat) if parts
             else _forward(stretch, x, train_flg=False))
    return x


class TrainingStep:
    """`with step:` the network's training goes forward and backward through its layers here.

    Keeps the arrays of the slices for the next step.
    """

    def __init__(self):
        self.active = False
        self._kept = []         # KeptArrays, one for each slice
        self._passed = []       # what forward went through, for backward: layers and _Slices

    def __enter__(self):
        self.active = True

    def __exit__(self, error, *_):
        self.active, self._passed = False, []
        self._kept = [] if error else [kept for kept in self._kept if kept.rewind()]

    def __reduce__(self):
        return TrainingStep, ()         # a copy or a pickle of a net carries no working memory

    def forward(self, layers, x):
        """What comes out of the last layer."""
        self._passed = []
        for stretch, flat in _stretches(layers, train_flg=True):
            parts = _parts(stretch, x, train_flg=True)
            if parts:
                self._kept += [KeptArrays() for _ in parts[len(self._kept):]]
                slices = _Slices(_relu_after_pooling(stretch), parts, self._kept)
                x = slices.forward(x, flat)
                self._passed.append(slices)
            else:
                x = _forward(stretch, x, train_flg=True)
                self._passed += stretch
        return x

    def backward(self, dout, layers):
        """Leaves the gradients of the parameters in the layers; nobody asks for the gradient of the data."""
        first, *others = self._passed or layers     # a net with its own predict may have gone through them by itself
        for layer in reversed(others):
            dout = layer.backward(dout)
        getattr(first, "parameter_gradients", first.backward)(dout)


class _Slices:
    """Layers in a row in training, seen as one: each slice goes through copies, which share the layers' parameters and
    remember their slice for backward."""

    def __init__(self, layers, parts, kept):
        self.layers, self.parts, self.kept = layers, parts, kept
        seeds = [_seed(layer) for layer in layers]
        self.copies = [[_copy_for(part, layer, seed) for layer, seed in zip(layers, seeds)] for part in parts]

    def forward(self, x, flat):
        def work(number):
            with self.kept[number]:
                out = _forward(self.copies[number], x[self.parts[number]], train_flg=True)
            whole.put(self.parts[number], out)

        whole = _Whole(len(x), flat)
        parallel.run(work, range(len(self.parts)))
        return whole.array

    def backward(self, dout):
        whole = _Whole(len(dout))
        self._backward(dout, lambda first, d: first.backward(d), whole.put)
        return whole.array

    def parameter_gradients(self, dout):
        self._backward(dout, lambda first, d: first.parameter_gradients(d))

    def _backward(self, dout, backward_of_first, put=lambda part, dx: None):
        def work(number):
            part, (first, *others) = self.parts[number], self.copies[number]
            with self.kept[number]:
                d = empty_images(dout[part].shape, dout.dtype)
                d[...] = dout[part]
                for layer in reversed(others):
                    d = layer.backward(d)
                dx = backward_of_first(first, d)
            put(part, dx)

        parallel.run(work, range(len(self.parts)))
        for layer, *of_slices in zip(self.layers, *self.copies):
            for name in layer.param_names:
                setattr(layer, f"d{name}", sum(getattr(mine, f"d{name}") for mine in of_slices))


def _stretches(layers, train_flg):
    """(layers in a row that all treat every example by itself or all do not, does an Affine layer come next?), ..."""
    stretches = [list(group) for _, group in groupby(layers, lambda layer: _per_example(layer, train_flg))]
    return [(stretch, bool(following) and type(following[0]) is Affine)
            for stretch, following in zip(stretches, [*stretches[1:], []])]


def _relu_after_pooling(layers):
    """The layers in the order that takes less time: max(0, the maximum) is the maximum of max(0, each), to the last
    bit, and the gradients are the same too, but there is one max(0, .) for a window."""
    layers = list(layers)
    for i, pair in enumerate(zip(layers, layers[1:])):
        if [type(layer) for layer in pair] == [Relu, Pooling]:
            layers[i:i + 2] = reversed(pair)
    return layers


def _per_example(layer, train_flg):
    """Is each example's out its own affair? Of these layers we know it, of layers derived from them we do not."""
    return type(layer) in (Convolution, Relu, Pooling, Dropout, Sigmoid) or (
        type(layer) is BatchNormalization and not train_flg)


def _parts(stretch, x, train_flg):
    """The slices for these layers, or None if they had better be given the batch as it is."""
    if x.ndim != 4 or x.size == 0 or not _per_example(stretch[0], train_flg):
        return None
    parts = parallel.slices(len(x), largest=max(1, min(parallel.SLICE, 2 ** 16 // math.prod(x.shape[1:]))))
    return parts if len(parts) > 1 else None


def _forward(layers, x, train_flg):
    for layer in layers:
        x = layer.forward(x, train_flg)
    return x


def _predict_slices(layers, x, parts, flat):
    def work(part):
        kept = _take_idle()
        kept.rewind()
        with kept:
            out = _forward(layers, x[part], train_flg=False)
        whole.put(part, out)            # not among the kept arrays: it is the caller's
        _idle.append(kept)

    whole = _Whole(len(x), flat)
    parallel.run(work, parts)
    return whole.array


def _take_idle():
    try:
        return _idle.pop()      # one step, also for two threads at once
    except IndexError:
        return KeptArrays()


def _seed(layer):
    return new_seed() if type(layer) is Dropout and layer.seed is None else None


def _copy_for(part, layer, seed):
    mine = copy.copy(layer)
    if type(layer) is Dropout:
        mine.seed = layer.seed if seed is None else seed
        mine.first_example = layer.first_example + part.start
    return mine


class _Whole:
    """A fresh array for N examples, put together from slices; made when the first slice shows its shape and dtype."""

    def __init__(self, N, flat=False):
        self.N = N
        self.empty = np.empty if flat else empty_images     # flat: each example's values in a row, as Affine takes them
        self.array = None
        self.lock = threading.Lock()

    def put(self, part, values):
        with self.lock:
            if self.array is None:
                self.array = self.empty((self.N, *values.shape[1:]), values.dtype)
        self.array[part] = values
