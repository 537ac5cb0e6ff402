"""Is backpropagation right? Its gradients against numerical ones, which know nothing of it (book, 5.7.3).

Look at the differences: they are millions of times smaller than the gradients themselves, what rounding and
the finite step leave over. Then look at a mistake, and at the sentence that says what is wrong:

    python gradient_check.py --break transpose
    python gradient_check.py --break random         # which mistake is it? Look at the picture
    python gradient_check.py --break                # all mistakes

Each mistake is a few lines below. `check_gradients` takes any layer or net, your own too, and knows none of them: it
computes what would explain the difference.

Before: backprop_graph.py; next: train_neuralnet.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.two_layer_net import TwoLayerNet
from common import layers
from common.figures.plot import gradient_check, show
from common.gradient import Comparison, GradientCheck, check_gradients
from common.optimizer import Adam
from common.script import end, start
from common.training.options import at_least
from common.util import im2col
from dataset.mnist import load_mnist

# ---- affine --------------------------------------------------------------------------------------------------


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


class LastExample(layers.Affine):
    """dW is set anew for every example instead of added up."""

    def backward(self, dout):
        dx = super().backward(dout)
        for x_n, dout_n in zip(self.x, dout):
            self.dW = np.outer(x_n, dout_n)
        return dx


class ScaledDout(layers.Affine):
    """dout is scaled in place for dx, and dW and db are computed from what is left."""

    def backward(self, dout):
        dx = dout @ self.W.T
        dout /= np.abs(dout).max(axis=0)
        super().backward(dout)
        return dx


# ---- loss and activations ------------------------------------------------------------------------------------


class ForgottenN(layers.SoftmaxWithLoss):
    """dx = y - t instead of (y - t) / N, though the loss is a mean over N examples."""

    def backward(self, dout=1):
        return super().backward(dout) * len(self.y)


class ForgottenTargets(layers.SoftmaxWithLoss):
    """dx = y / N instead of (y - t) / N."""

    def backward(self, dout=1):
        return dout * self.y / len(self.y)


class WrongSign(layers.SoftmaxWithLoss):
    """dx = (t - y) / N instead of (y - t) / N."""

    def backward(self, dout=1):
        return -super().backward(dout)


class WrongMask(layers.Relu):
    """dx = dout where dout > 0 instead of where x > 0."""

    def backward(self, dout):
        return dout * (dout > 0)


class ForgottenMask(layers.Relu):
    """dx = dout everywhere instead of where x > 0."""

    def backward(self, dout):
        return dout


class HalfASigmoid(layers.Sigmoid):
    """dx = dout out instead of dout out (1 - out)."""

    def backward(self, dout):
        return dout * self.out


# ---- dropout and batch normalization -------------------------------------------------------------------------


class ScaledDropout(layers.Dropout):
    """As most libraries do it: what is kept is divided by 1 - dropout_ratio in training, prediction needs no scale."""

    def forward(self, x, train_flg=True):
        return super().forward(x) / (1 - self.dropout_ratio) if train_flg else x

    def backward(self, dout):
        return super().backward(dout) / (1 - self.dropout_ratio)


class DropoutWithoutScale(ScaledDropout):
    """dx = dout where the value was kept, without the division by 1 - dropout_ratio."""

    def backward(self, dout):
        return layers.Dropout.backward(self, dout)


class DropoutWithoutMask(ScaledDropout):
    """dx = dout / (1 - dropout_ratio) everywhere instead of where the value was kept."""

    def backward(self, dout):
        return dout / (1 - self.dropout_ratio)


class ConstantStatistics(layers.BatchNormalization):
    """dx = gamma / std dout: forgets that mean and std move with every x."""

    def backward(self, dout):
        super().backward(dout)
        return self.gamma / self.std * dout


class ForgottenGamma(layers.BatchNormalization):
    """dx without the factor gamma."""

    def backward(self, dout):
        return super().backward(dout) / self.gamma


class ForgottenXn(layers.BatchNormalization):
    """dgamma = the sum of dout instead of the sum of dout xn."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dgamma = dout.sum(axis=0)
        return dx


# ---- convolution and pooling ---------------------------------------------------------------------------------


class Col2imWithoutPlus(layers.Convolution):
    """col2im writes every window over the one before (=) instead of adding it (+=)."""

    def backward(self, dout):
        dx = np.zeros_like(super().backward(dout))
        size = self.W.shape[2]
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dx[:, :, i:i + size, j:j + size] = np.tensordot(dout[:, :, i, j], self.W, 1)
        return dx


class ForgottenFlip(layers.Convolution):
    """dx = dout * W, a convolution with the filters as they are instead of turned round."""

    def backward(self, dout):
        super().backward(dout)
        filters = self.W.transpose(1, 0, 2, 3)
        return layers.Convolution(filters, np.zeros(len(filters)), pad=self.W.shape[2] - 1).forward(dout)


class ReshapedDout(layers.Convolution):
    """dout becomes a matrix with a column per filter by reshape alone, without the transpose before it."""

    def backward(self, dout):
        dx = super().backward(dout)
        col = im2col(self.padded, *self.W.shape[2:])
        self.dW = (col.T @ dout.reshape(-1, len(self.W))).T.reshape(self.W.shape)
        return dx


class FirstOfWindow(layers.Pooling):
    """dx = dout at the first value of each window instead of at the largest."""

    def backward(self, dout):
        dx = np.zeros_like(super().backward(dout))
        dx[:, :, ::self.pool_h, ::self.pool_w] = dout
        return dx


class WholeWindow(layers.Pooling):
    """dx = dout at every value of each window instead of at the largest."""

    def backward(self, dout):
        return dout.repeat(self.pool_h, axis=2).repeat(self.pool_w, axis=3)


class SumOfPixels(layers.GlobalAveragePooling):
    """dx = dout instead of dout / (H W), though the output is a mean over the pixels."""

    def backward(self, dout):
        dx = super().backward(dout)
        return dx * dx[0, 0].size


# ---- a net, and an update rule -------------------------------------------------------------------------------


class ForgottenDecay(TwoLayerNet):
    """The loss has weight decay, 0.05 (sum of all W^2), and the gradient of W1 lacks it."""

    def loss(self, x, t, train_flg=False):
        return super().loss(x, t, train_flg) + 0.05 * sum(np.sum(self.params[W] ** 2) for W in ("W1", "W2"))

    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return {**grads, "W2": grads["W2"] + 0.1 * self.params["W2"]}


class ForgottenCorrection(Adam):
    """Adam without the correction of m and v, which begin at 0 and are too small in the first steps."""

    def update(self, params, grads):
        self.m = getattr(self, "m", None) or {key: np.zeros_like(grad) for key, grad in grads.items()}
        self.v = getattr(self, "v", None) or {key: np.zeros_like(grad) for key, grad in grads.items()}
        for key, grad in grads.items():
            self.m[key] += (1 - self.beta1) * (grad - self.m[key])
            self.v[key] += (1 - self.beta2) * (grad ** 2 - self.v[key])
            params[key] -= self.lr * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)


def check_adam(optimizer):
    """Not gradients but steps: the first four of `optimizer`, against those of common/optimizer.py."""
    gradient, steps = np.random.randn(4, 10), []
    for rule in optimizer, Adam():
        params = {"W": np.zeros(10)}
        steps.append([])
        for grad in gradient:
            before = params["W"].copy()
            rule.update(params, {"W": grad})
            steps[-1].append(params["W"] - before)
    return GradientCheck({f"W_{n}": Comparison(*pair) for n, pair in enumerate(zip(*steps), 1)})


def normal(*shape):
    return np.random.randn(*shape)


MISTAKES = {    # the layer, and what its forward takes
    "transpose": lambda: (ForgottenTranspose(normal(12, 12), normal(12)), normal(8, 12)),
    "bias": lambda: (MeanOfBias(normal(12, 12), normal(12)), normal(8, 12)),
    "last": lambda: (LastExample(normal(12, 10), normal(10)), normal(8, 12)),
    "dout": lambda: (ScaledDout(normal(12, 10), normal(10)), normal(8, 12)),
    "n": lambda: (ForgottenN(), normal(8, 12), np.arange(8)),
    "targets": lambda: (ForgottenTargets(), normal(8, 12), np.arange(8)),
    "sign": lambda: (WrongSign(), normal(8, 12), np.arange(8)),
    "mask": lambda: (WrongMask(), normal(8, 12)),
    "nomask": lambda: (ForgottenMask(), normal(8, 12)),
    "sigmoid": lambda: (HalfASigmoid(), normal(8, 12)),
    "scale": lambda: (DropoutWithoutScale(0.3), normal(8, 12)),
    "dropout": lambda: (DropoutWithoutMask(0.3), normal(8, 12)),
    "batchnorm": lambda: (ConstantStatistics(normal(12), normal(12)), normal(8, 12)),
    "gamma": lambda: (ForgottenGamma(normal(12), normal(12)), normal(8, 12)),
    "xn": lambda: (ForgottenXn(normal(12), normal(12)), normal(8, 12)),
    "col2im": lambda: (Col2imWithoutPlus(normal(3, 2, 3, 3), normal(3)), normal(2, 2, 6, 6)),
    "flip": lambda: (ForgottenFlip(normal(3, 2, 3, 3), normal(3)), normal(2, 2, 6, 6)),
    "reshape": lambda: (ReshapedDout(normal(3, 2, 3, 3), normal(3)), normal(2, 2, 6, 6)),
    "pooling": lambda: (FirstOfWindow(2, 2), normal(2, 2, 6, 6)),
    "window": lambda: (WholeWindow(2, 2), normal(2, 2, 6, 6)),
    "pixels": lambda: (SumOfPixels(), normal(2, 3, 4, 5)),
    "decay": lambda: (ForgottenDecay(12, 10, 4, weight_init_std=0.5), normal(8, 12), np.arange(8) % 4),
    "adam": lambda: (ForgottenCorrection(),),
}


def broken(name):
    """The layer, net or update rule with a mistake, and its check."""
    layer, *inputs = MISTAKES[name]()
    return layer, check_adam(layer) if isinstance(layer, Adam) else check_gradients(layer, *inputs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--break", dest="mistake", metavar="NAME", nargs="?", const="",
                        help="check a layer with this mistake; random: with one for you to find; nothing: list all")
    parser.add_argument("--seed", type=at_least(0), metavar="N", help="the same random mistake again")
    parser.add_argument("--answer", action="store_true", help="say which mistake --break random has made")
    parser.add_argument("--at-most", type=at_least(1), metavar="N", help="check N values of each array, not all")
    args = start(__doc__, parser)
    if args.mistake not in (None, "random", *MISTAKES):
        print(f"--break {' '.join(MISTAKES)} random")
        end(2)

    hidden = args.mistake == "random" and not args.answer
    seed = np.random.randint(1000) if args.seed is None else args.seed
    name = list(MISTAKES)[seed % len(MISTAKES)] if args.mistake == "random" else args.mistake
    np.random.seed(0)
    if name:
        layer, check = broken(name)
        title = f"{type(layer).__name__}: {type(layer).__doc__}"
        if hidden:
            title = f"A wrong {'update rule' if name == 'adam' else type(layer).__base__.__name__}"
    else:
        (x_train, t_train), _ = load_mnist()
        title = "TwoLayerNet(784, 10, 10) on three digits"
        check = check_gradients(TwoLayerNet(784, 10, 10), x_train[:3], t_train[:3], at_most=args.at_most)
    print(title)
    print(check.table(diagnoses=not hidden))
    gradient_check(check, title, diagnoses=not hidden)
    show(f"gradient_check_{args.mistake}" if args.mistake else None)
    if hidden:
        print(f"Which mistake is it? The answer: python gradient_check.py --break random --seed {seed} --answer")
    if not check:
        print(f"failed: {', '.join('d' + name for name in check.failed)} differ by more than {check.bound:.0e} of the "
              "largest gradient, so a backward is wrong", file=sys.stderr)
        end(1)
    print(f"passed: no difference is more than {check.bound:.0e} of the largest gradient")
