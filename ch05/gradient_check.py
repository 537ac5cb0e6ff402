"""Is backpropagation right? Its gradients against numerical ones, which know nothing of it (book, 5.7.3).

Look at the differences: they are millions of times smaller than the gradients themselves, what rounding and
the finite step leave over. Then look at a mistake, each in one line of a layer below:

    python gradient_check.py --break transpose

Which gradients fail, and where the picture is dark, tells what is wrong. `check_gradients`, which does it, takes any
layer or net, your own too.

Before: backprop_graph.py; next: train_neuralnet.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.two_layer_net import TwoLayerNet
from common import layers
from common.gradient import check_gradients
from common.training.options import at_least
from common.figures.plot import gradient_check, show
from dataset.mnist import load_mnist


class ForgottenTranspose(layers.Affine):
    """dx = dout W instead of dout W^T: it runs only because W is square."""

    def backward(self, dout):
        super().backward(dout)
        return dout @ self.W


class MeanOfBias(layers.Affine):
    """db = the mean of dout over the batch instead of the sum."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.db = dout.mean(axis=0)
        return dx


class ForgottenN(layers.SoftmaxWithLoss):
    """dx = y - t instead of (y - t) / N, though the loss is a mean over N examples."""

    def backward(self, dout=1):
        return super().backward(dout) * len(self.y)


class WrongMask(layers.Relu):
    """dx = dout where dout > 0 instead of where x > 0."""

    def backward(self, dout):
        return dout * (dout > 0)


class ConstantStatistics(layers.BatchNormalization):
    """dx = gamma / std dout: forgets that mean and std move with every x."""

    def backward(self, dout):
        super().backward(dout)
        return self.gamma / self.std * dout


MISTAKES = {"transpose": ForgottenTranspose, "bias": MeanOfBias, "n": ForgottenN, "mask": WrongMask,
            "batchnorm": ConstantStatistics}


def broken(name):
    """A layer with a mistake, and what its forward takes."""
    layer, x = MISTAKES[name], np.random.randn(8, 12)
    if issubclass(layer, layers.Affine):
        return layer(np.random.randn(12, 12), np.random.randn(12)), x
    if issubclass(layer, layers.BatchNormalization):
        return layer(np.random.randn(12), np.random.randn(12)), x
    if issubclass(layer, layers.SoftmaxWithLoss):
        return layer(), x, np.arange(8)
    return layer(), x


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--break", choices=MISTAKES, dest="mistake", help="check a layer with this mistake")
    parser.add_argument("--at-most", type=at_least(1), metavar="N", help="check N values of each array, not all")
    args = parser.parse_args()
    np.random.seed(0)
    if args.mistake:
        layer, *inputs = broken(args.mistake)
        title = f"{type(layer).__name__}: {type(layer).__doc__}"
    else:
        (x_train, t_train), _ = load_mnist()
        layer, *inputs = TwoLayerNet(784, 10, 10), x_train[:3], t_train[:3]
        title = "TwoLayerNet(784, 10, 10) on three digits"

    print(title, flush=True)
    check = check_gradients(layer, *inputs, at_most=args.at_most)
    print(check)
    gradient_check(check, title)
    show(f"gradient_check_{args.mistake}" if args.mistake else None)
    if not check:
        sys.exit(f"failed: {', '.join('d' + name for name in check.failed)} differ by more than {check.bound:.0e} of "
                 "the largest gradient, so a backward is wrong")
    print(f"passed: no difference is more than {check.bound:.0e} of the largest gradient")
