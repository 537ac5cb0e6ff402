"""Slices of a batch: a few examples at a time go through a layer, or through several layers in a row.

Every slice has copies of the layers for itself. They share the layers' parameters, and each remembers its own slice
for backward. Afterwards the parameters' gradients of all slices are added up.
"""
from functools import wraps
from itertools import groupby

import numpy as np

from common.fast.threads import enabled, one_blas_thread, run

SLICE = 25      # examples at most: few enough for the caches, enough that threads seldom wait for Python's lock


def slices(n, largest=SLICE):
    """n examples in slices of nearly equal size, at most `largest` each."""
    count = -(-n // largest) or 1
    bounds = [n * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in zip(bounds, bounds[1:])]


def in_slices(*modes, kernel=None):
    """A class decorator: in these modes, "training" and "prediction", the layer may get a large batch in slices.

    It is for a layer whose output for an example depends on that example alone. The class writes `forward` and
    `backward` for a batch as it is; the decorator checks what they are given, and keeps prediction from being
    remembered. Where a subclass, or somebody's `layer.forward = ...`, replaces a method, the batch stays whole.
    kernel: a faster way to the numbers of backward, see kernels.py.
    """
    def decorate(cls):
        cls.cut_in = modes
        cls.forward = _guarded_forward(cls.forward)
        cls.backward = _guarded_backward(cls.backward, kernel)
        cls.parameter_gradients = _guarded_backward(cls.parameter_gradients)
        cls.cut_methods = {name: getattr(cls, name) for name in ("forward", "backward", "parameter_gradients")}
        return cls
    return decorate


whole_batch = in_slices()       # a class decorator for the other layers: the same, but the batch is never cut


def _guarded_forward(plain):
    @wraps(plain)
    def forward(self, x, train_flg=True):
        x = self.check(x)
        if x.dtype == np.float16:       # too coarse for sums: compute in float32, and round at the end
            return forward(self, x.astype(np.float32), train_flg).astype(np.float16)
        if x.ndim == 4 and len(x) > (size := self.slice_size(x)) and may_be_cut(self, train_flg):
            return JoinedLayers([self], size, plain).forward(x, train_flg)
        layer = self if train_flg else copy_of(self)
        with one_blas_thread():
            out = plain(layer, x, train_flg)
        layer.slices = layer.copies = None
        layer.out_shape = out.shape
        return out
    return forward


def _guarded_backward(plain, kernel=None):
    @wraps(plain)
    def backward(self, dout):
        dout = self.check_dout(dout)
        if dout.dtype == np.float16:
            dx = backward(self, dout.astype(np.float32))
            for name in self.param_names:
                setattr(self, f"d{name}", getattr(self, f"d{name}").astype(np.float16))
            return None if dx is None else dx.astype(np.float16)
        if self.slices:
            return getattr(JoinedLayers([self]), plain.__name__)(dout)
        with one_blas_thread():
            dx = kernel(self, dout) if kernel and enabled() else None
            return plain(self, dout) if dx is None else dx
    return backward


def copy_of(layer):
    """A layer with the same arrays, which remembers for itself."""
    mine = object.__new__(type(layer))
    mine.__dict__.update(layer.__dict__)
    return mine


def may_be_cut(layer, train_flg):
    """May this layer get its batch in slices?"""
    return enabled() and ("training" if train_flg else "prediction") in getattr(layer, "cut_in", ()) and all(
        getattr(getattr(layer, name), "__func__", None) is method for name, method in layer.cut_methods.items())


def join(layers, train_flg=True):
    """The layers in order. Neighbours that may all be cut are joined into one object with forward and backward."""
    found = []
    for cut, group in groupby(layers, lambda layer: may_be_cut(layer, train_flg)):
        group = list(group)
        if found and isinstance(found[-1], JoinedLayers):
            found[-1].channels_last = getattr(group[0], "channels_last", False)
        found += [JoinedLayers(group)] if cut and len(group) > 1 else group     # a single layer cuts its batch itself
    return found


class JoinedLayers:
    """Layers in a row, seen as one layer: a slice goes through all of them while its arrays are in the caches.

    It remembers nothing itself: every layer has its own part of each slice, as after its own forward.
    """
    channels_last = False       # the memory order of what comes out, if these are images

    def __init__(self, layers, size=SLICE, plain_forward=None):
        self.layers, self.size, self.plain_forward = layers, size, plain_forward

    def forward(self, x, train_flg=True):
        x = x if self.plain_forward else self.layers[0].check(x)
        if x.ndim != 4 or len(x) <= self.size:
            return self._through(self.layers, x, train_flg)
        for layer in self.layers if train_flg else ():
            layer.slices = layer.copies = None      # of an earlier batch: its memory is needed now
        parts = slices(len(x), self.size)
        copies = [[copy_of(layer) for layer in self.layers] for _ in parts]
        outs = run(lambda i: self._through(copies[i], channels_last(x[parts[i]]), train_flg), range(len(parts)))
        for layer, *mine in zip(self.layers, *copies) if train_flg else ():
            layer.slices, layer.copies = parts, mine
            layer.out_shape = len(x), *mine[0].out_shape[1:]
        return np.concatenate(outs)

    def _through(self, layers, x, train_flg):
        if self.plain_forward:          # of a single layer, which has checked the whole batch
            out = self.plain_forward(*layers, x, train_flg)
            layers[0].out_shape = out.shape
            return out
        for layer in layers:
            x = layer.forward(x, train_flg)
        return x if self.channels_last else np.ascontiguousarray(x)

    def backward(self, dout):
        return self._backward(dout, "backward")

    def parameter_gradients(self, dout):
        self._backward(dout, "parameter_gradients")

    def _backward(self, dout, of_first):
        """The first layer's method is `of_first`; the gradients of the parameters are added up over the slices."""
        def back_through(layers, dout):
            for layer in reversed(layers[1:]):
                dout = layer.backward(dout)
            return getattr(layers[0], of_first)(dout)

        dout = self.layers[-1].check_dout(dout)
        parts = self.layers[0].slices
        if parts is None or any(layer.slices is not parts for layer in self.layers):
            return back_through(self.layers, dout)      # somebody else called the layers, one by one
        copies = list(zip(*(layer.copies for layer in self.layers)))
        dx = run(lambda i: back_through(copies[i], channels_last(dout[parts[i]])), range(len(parts)))
        for layer in self.layers:
            for name in layer.param_names:
                setattr(layer, f"d{name}", sum(getattr(mine, f"d{name}") for mine in layer.copies))
        return None if dx[0] is None else np.concatenate(dx)


def channels_last(x):
    """Images (N, C, H, W) as they are, but in memory in the order (N, H, W, C); copied only where they are not."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if x.ndim == 4 else x
