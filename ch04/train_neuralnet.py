"""Train the two-layer net on MNIST by mini-batch gradient descent, with the loop written out.

Look at the two accuracies: they rise together, so what is learned from the training digits holds for digits
never seen. Then run it with `--numerical`: the same loop trains a tiny net by central differences and again
by the chain rule. The two learn alike, but the one takes hundreds of times as long, which is why chapter 5 is
about backpropagation. This is the last script of chapter 4: now write it yourself, in ch04/exercises; then
ch05/layer_naive.py.
"""
import argparse
import math
import sys
from pathlib import Path
from timeit import repeat

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch04.two_layer_net import TwoLayerNet
from common.training.options import training_options
from common.training.result import save_best
from common.figures.plot import lines, plt, show
from common.util import minibatches
from common.files import save_pickle
from dataset.mnist import load_mnist

FOLDER = Path(__file__).resolve().parent


def train(network, gradient, data, epochs, lr, batch_size=100):
    """Train `network` in place, along what `gradient(x, t)` returns.

    Returns
    -------
    losses, train_accuracies, test_accuracies : lists with a value per epoch
    """
    (x_train, t_train), (x_test, t_test) = data
    losses, train_accuracies, test_accuracies = [], [], []
    for epoch in range(1, epochs + 1):
        batch_losses = []
        steps = math.ceil(len(x_train) / batch_size)
        for x, t in tqdm(minibatches(x_train, t_train, batch_size), f"epoch {epoch}", steps, leave=False):
            for key, grad in gradient(x, t).items():
                network.params[key] -= lr * grad
            batch_losses.append(network.loss(x, t))

        losses.append(np.mean(batch_losses))
        train_accuracies.append(network.accuracy(x_train, t_train))
        test_accuracies.append(network.accuracy(x_test, t_test))
        print(f"epoch {epoch:2}: loss {losses[-1]:.4f}, accuracy train {train_accuracies[-1]:.4f}, "
              f"test {test_accuracies[-1]:.4f}")
    return losses, train_accuracies, test_accuracies


def train_by_backprop(data, epochs):
    """The chapter's net, 784-50-10, with the book's settings."""
    network = TwoLayerNet(784, 50, 10)
    losses, train_accuracies, test_accuracies = train(network, network.gradient, data, epochs, lr=0.1)

    path = save_best(network, FOLDER / "params.pkl", *data[1], test_accuracies[-1])
    print(f"Parameters saved: {path}")
    left, right = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")[1]
    lines({"train": losses}, "epoch", "loss", axes=left)
    lines({"train": train_accuracies, "test": test_accuracies}, "epoch", "accuracy", axes=right)
    show()
    print(f"Test accuracy: {test_accuracies[-1]:.4f}")


def train_numerically(data, epochs, seed):
    """A tiny net, 49-10-10, trained twice from the same start: by differences and by the chain rule."""
    data = [(shrink(x), t) for x, t in data]
    networks, losses, accuracies = {}, {}, {}
    for name, method in (("numerically", "numerical_gradient"), ("by backprop", "gradient")):
        print(f"Training {name}:")
        np.random.seed(seed)
        network = networks[name] = TwoLayerNet(49, 10, 10, weight_init_std=0.5)
        losses[name], _, (*_, accuracies[name]) = train(network, getattr(network, method), data, epochs, lr=4)
    numerical, backprop = networks.values()
    difference = max(np.abs(numerical.params[key] - backprop.params[key]).max() for key in backprop.params)
    print(f"Largest difference between the weights of the two: {difference:.1e}")

    (x_train, t_train), _ = data
    x, t = x_train[:100], t_train[:100]
    slow = min(repeat(lambda: numerical.numerical_gradient(x, t), number=1, repeat=3))
    fast = min(repeat(lambda: backprop.gradient(x, t), number=1, repeat=100))
    print(f"A gradient takes {1000 * slow:.1f} ms numerically, {1000 * fast:.2f} ms by backprop: "
          f"{slow / fast:.0f} times as long")
    big = TwoLayerNet(784, 50, 10)
    size = sum(param.size for param in big.params.values())
    one_loss = min(repeat(lambda: big.loss(np.zeros((100, 784)), t), number=1, repeat=100))
    print(f"The net 784-50-10 needs two losses for each of its {size} numbers: "
          f"{2 * size * one_loss:.0f} s a step")

    save_pickle(FOLDER / "params_numerical.pkl", numerical.params)
    print(f"Parameters saved: {FOLDER / 'params_numerical.pkl'}")
    lines(losses, "epoch", "loss", title="a net of 610 numbers, trained by either gradient")
    show("train_neuralnet_numerical")
    print("Test accuracy: " + ", ".join(f"{accuracy:.4f} {name}" for name, accuracy in accuracies.items()))


def shrink(x):
    """Digits of 28 x 28 pixels as the means of 4 x 4 blocks: (N, 784) to (N, 49)."""
    return x.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--numerical", action="store_true",
                        help="train a tiny net by numerical gradients (default limit: 1000)")
    args = training_options(__doc__, epochs=16, parser=parser)

    (x_train, t_train), test = load_mnist(normalize=True, one_hot_label=True)
    limit = args.limit or (1000 if args.numerical else None)
    data = (x_train[:limit], t_train[:limit]), test
    if args.numerical:
        train_numerically(data, args.epochs, args.seed)
    else:
        train_by_backprop(data, args.epochs)
