"""How a small net learns to part three arms of a spiral (inspired by the book, 5.7 and 6.1).

Look at the borders between the colours: at first they are nearly straight, as those of a net without hidden layers
would always be. Bend by bend they follow the arms; every bend is the edge of a few relus. `--gif` makes a film of it.
Try `--hidden 3`, or `--noise 0.4` with many epochs, which learns single points by heart.

Before: train_neuralnet.py; next: optimizer_compare_naive.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.functions import softmax
from common.multi_layer_net import MultiLayerNet
from common.optimizer import Adam
from common.training.options import at_least, training_options
from common.figures.plot import plt, save_gif, show
from common.util import minibatches

COLOURS = np.array([[0.12, 0.47, 0.71], [1.0, 0.5, 0.05], [0.17, 0.63, 0.17]])
EDGE = np.linspace(-1.2, 1.2, 120)


def spiral(points, noise=0.15):
    """Three arms of `points` points each, which go out from the middle and turn by 315 degrees: x (3 points, 2), t."""
    radius = np.tile(np.linspace(0.05, 1, points), 3)
    t = np.repeat(np.arange(3), points)
    angle = t * 2 * np.pi / 3 + 5.5 * radius + noise * np.random.randn(3 * points)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32), t


def territory(network):
    """The picture (120, 120, 3) of the plane: each colour as strong as its class is probable."""
    X, Y = np.meshgrid(EDGE, EDGE)
    probabilities = softmax(network.predict(np.stack([X.ravel(), Y.ravel()], axis=1).astype(np.float32)))
    return (0.44 + 0.55 * probabilities @ COLOURS).reshape(*X.shape, 3)


def draw(axes, picture, title):
    axes.clear()
    axes.imshow(picture, extent=(-1.2, 1.2, -1.2, 1.2), origin="lower", interpolation="bilinear")
    for label, marker in enumerate("o^s"):
        axes.scatter(*x[t == label].T, s=12, marker=marker, color=COLOURS[label], edgecolors="black", linewidths=0.5)
    axes.set(xticks=[], yticks=[], title=title)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=at_least(1), default=24, metavar="N", help="neurons in each of two layers")
    parser.add_argument("--noise", type=float, default=0.15, help="of the angles (default: %(default)s)")
    parser.add_argument("--gif", action="store_true", help="save a film too")
    args = training_options(__doc__, epochs=120, limit=300, parser=parser)
    x, t = spiral(max(1, args.limit // 3), args.noise)

    network = MultiLayerNet(2, [args.hidden, args.hidden], 3)
    optimizer = Adam(lr=0.01)
    pictures = []
    for epoch in tqdm(range(args.epochs + 1), unit="epoch", leave=False):
        if epoch > 0:
            for x_batch, t_batch in minibatches(x, t, 30):
                optimizer.update(network.params, network.gradient(x_batch, t_batch))
        pictures.append((territory(network), f"epoch {epoch}: {network.accuracy(x, t):.0%} right"))

    shown = sorted({0, *np.geomspace(max(1, args.epochs / 30), args.epochs, 4).astype(int)})
    figure, row = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.9), squeeze=False, layout="constrained")
    for axes, epoch in zip(row[0], shown):
        draw(axes, *pictures[epoch])
    show()
    if args.gif:
        axes = plt.subplots(figsize=(4, 4.3), layout="constrained")[1]
        save_gif(pictures[::-max(1, args.epochs // 60)][::-1], lambda frame: draw(axes, *frame))
        plt.close()
    print(f"MultiLayerNet: {network.accuracy(x, t):.4f} of {len(x)} points right after epoch {args.epochs}")
