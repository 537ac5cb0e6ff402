"""The nets that are measured, written once and built from our layers, the book's, or PyTorch's.

Every class here offers step(n) and predict(n), functions without arguments, for n images.
"""
import importlib
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def _conv(channels, filters, size, pad=0):
    return "conv", channels, filters, size, pad


SIZES = {"two": (784,), **dict.fromkeys(["simple", "deep", "keras", "batchnorm"], (1, 28, 28))}    # of one example
NETS = {
    "two": [("affine", 784, 50), ("relu",), ("affine", 50, 10)],
    "simple": [_conv(1, 30, 5), ("relu",), ("pool",), ("affine", 30 * 12 * 12, 100), ("relu",), ("affine", 100, 10)],
    "deep": [_conv(1, 16, 3, 1), ("relu",), _conv(16, 16, 3, 1), ("relu",), ("pool",),
             _conv(16, 32, 3, 1), ("relu",), _conv(32, 32, 3, 2), ("relu",), ("pool",),
             _conv(32, 64, 3, 1), ("relu",), _conv(64, 64, 3, 1), ("relu",), ("pool",),
             ("affine", 64 * 4 * 4, 50), ("relu",), ("dropout", 0.5), ("affine", 50, 10), ("dropout", 0.5)],
    "keras": [_conv(1, 32, 3), ("relu",), _conv(32, 64, 3), ("relu",), ("pool",), ("dropout", 0.25),
              ("affine", 64 * 12 * 12, 128), ("relu",), ("dropout", 0.5), ("affine", 128, 10)],
    "batchnorm": [_conv(1, 16, 3, 1), ("bn", 16), ("relu",), _conv(16, 16, 3, 1), ("pool",), ("bn", 16), ("relu",),
                  _conv(16, 32, 3, 1), ("bn", 32), ("relu",), _conv(32, 32, 3, 1), ("pool",), ("bn", 32), ("relu",),
                  _conv(32, 64, 3, 1), ("bn", 64), ("relu",), _conv(64, 64, 3, 1), ("pool",), ("bn", 64), ("relu",),
                  ("dropout", 0.2), ("affine", 64 * 3 * 3, 10)],
}


def examples(net, n):
    rng = np.random.default_rng(0)
    return rng.random((n, *SIZES[net]), dtype=np.float32), rng.integers(0, 10, n)


def layers(net, module, dtype):
    """The layers of that net, from a module that has the book's names."""
    rng = np.random.default_rng(0)

    def weights(*shape, fan_in):
        return (rng.standard_normal(shape) * (2 / fan_in) ** 0.5).astype(dtype)

    make = {
        "affine": lambda D, M: module.Affine(weights(D, M, fan_in=D), np.zeros(M, dtype)),
        "conv": lambda C, FN, size, pad: module.Convolution(weights(FN, C, size, size, fan_in=C * size * size),
                                                            np.zeros(FN, dtype), 1, pad),
        "bn": lambda C: module.BatchNormalization(np.ones(C, dtype), np.zeros(C, dtype)),
        "relu": module.Relu, "pool": lambda: module.Pooling(2, 2, 2), "dropout": module.Dropout}
    return [make[kind](*settings) for kind, *settings in NETS[net]]


class Ours:
    def __init__(self, net):
        import common.layers
        from common.network import Network
        from common.optimizer import Adam
        self.net, self.optimizer = net, Adam()
        self.network = Network({f"{n} {layer[0]}": mine for n, (layer, mine)
                                in enumerate(zip(NETS[net], layers(net, common.layers, np.float32)))})

    def step(self, n):
        x, t = examples(self.net, n)

        def step():
            _, grads = self.network.value_and_gradient(x, t)
            self.optimizer.update(self.network.params, grads)
        return step

    def predict(self, n):
        x, _ = examples(self.net, n)
        return lambda: self.network.predict(x)


class Readers:
    """A class that a reader of the book writes: layers in a list, float64 weights, forward and backward by hand."""

    layers, optimizer = "common.layers", "common.optimizer"     # the modules whose classes it uses

    def __init__(self, net):
        module = importlib.import_module(self.layers)
        self.net, self.optimizer = net, importlib.import_module(self.optimizer).Adam()
        self.layers, self.last_layer = layers(net, module, np.float64), module.SoftmaxWithLoss()

    def step(self, n):
        x, t = examples(self.net, n)
        x = x.astype(np.float64)

        def step():
            y = x
            for layer in self.layers:
                y = layer.forward(y)
            self.last_layer.forward(y, t)
            dout = self.last_layer.backward()
            params, grads = {}, {}
            for i, layer in reversed(list(enumerate(self.layers))):
                dout = layer.backward(dout)
                for name in ("W", "b", "gamma", "beta"):
                    if hasattr(layer, name):
                        params[f"{name}{i}"], grads[f"{name}{i}"] = getattr(layer, name), getattr(layer, "d" + name)
            self.optimizer.update(params, grads)
        return step

    def predict(self, n):
        x, _ = examples(self.net, n)

        def predict():
            y = x
            for layer in self.layers:
                y = layer.forward(y, False)
            return y
        return predict


class Book(Readers):
    """The same class with the book's own layers, and all the threads that BLAS takes where we do not hold it back."""

    layers = optimizer = "book_layers"


class Gemm:
    """The matrix products that im2col makes of a step, and nothing else: the floor."""

    def __init__(self, net):
        import common.fast
        self.net, self.fast = net, common.fast

    def _products(self, n, kinds):
        rng, size, products = np.random.default_rng(0), SIZES[self.net][-1], []
        slices = len(self.fast.slices(n))
        images = n / slices             # in a slice
        for kind, *settings in NETS[self.net]:
            if kind == "pool":
                size //= 2
            if kind == "affine":
                D, M = settings
                rows = n
                shapes = {"forward": (rows, D, M), "dW": (D, rows, M), "dx": (rows, M, D)}
            elif kind == "conv":
                C, FN, filter_size, pad = settings
                rows_in = round(images * size ** 2)
                size += 2 * pad - filter_size + 1
                rows, K = round(images * size ** 2), C * filter_size ** 2
                shapes = {"forward": (rows, K + 1, FN), "dW": (K, rows, FN), "dx": (rows_in, FN * filter_size ** 2, C)}
            else:
                continue
            first = not products
            for which in kinds:
                if not (first and which == "dx"):
                    a, b, c = shapes[which]
                    A, B = rng.random((a, b), dtype=np.float32), rng.random((b, c), dtype=np.float32)
                    if which == "dW":
                        A = np.asfortranarray(A)        # as col.T lies in memory
                    products.append((kind, [(A.copy("K"), B, np.empty((a, c), np.float32)) for _ in range(2)]))

        def all_products():
            for kind, pairs in products:
                if kind == "affine":
                    self.fast.dot(*pairs[0][:2])
                else:
                    self.fast.run(lambda i: np.matmul(*pairs[i % 2][:2], out=pairs[i % 2][2]), range(slices))
        return all_products

    def step(self, n):
        return self._products(n, ["forward", "dW", "dx"])

    def predict(self, n):
        return self._products(n, ["forward"])


class Torch:
    def __init__(self, net):
        import torch
        self.torch, self.net = torch, net
        nn = torch.nn
        make = {"affine": nn.Linear, "relu": nn.ReLU, "pool": lambda: nn.MaxPool2d(2), "dropout": nn.Dropout,
                "bn": nn.BatchNorm2d, "conv": lambda C, FN, size, pad: nn.Conv2d(C, FN, size, padding=pad)}
        modules = []
        for kind, *settings in NETS[net]:
            if kind == "affine" and modules and not any(isinstance(module, nn.Flatten) for module in modules):
                modules.append(nn.Flatten())
            modules.append(make[kind](*settings))
        self.model = nn.Sequential(*modules)
        self.optimizer = torch.optim.Adam(self.model.parameters())

    def step(self, n):
        x, t = (self.torch.from_numpy(array) for array in examples(self.net, n))
        self.model.train()

        def step():
            self.optimizer.zero_grad()
            loss = self.torch.nn.functional.cross_entropy(self.model(x), t)
            loss.backward()
            self.optimizer.step()
            return float(loss.detach())
        return step

    def predict(self, n):
        x, _ = (self.torch.from_numpy(array) for array in examples(self.net, n))
        model = self.model

        def predict():
            model.eval()
            with self.torch.no_grad():
                return model(x).numpy()
        return predict
