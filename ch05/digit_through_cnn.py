"""A digit's way through the convolutional net, layer by layer (book, 7.6).

Look at the maps after Conv1: each filter lights up where the digit looks like it. Relu1 blackens what spoke
against the filter, Pool1 halves the picture and keeps the strongest. After the affine layers nothing is left of
the picture, but ten scores. Other digits: `--index 8`; a longer way: `--deep`. Your own parameters are
used if train_convnet.py or train_deepnet.py has left some.

Before: visualize_filter.py; next: deep_convnet.py.
"""
import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.parameters import load_trained
from ch05.simple_convnet import SimpleConvNet
from common.functions import softmax
from common.figures.image_grid import tiles
from common.figures.plot import plt, show
from common.script import start
from common.training.options import at_least
from dataset.mnist import load_mnist


def stations(network, image):
    """What leaves every layer for an image (1, 28, 28): {"image": (1, 28, 28), "Conv1": (C, H, W), ...}."""
    x = image[np.newaxis]
    outputs = {"image": image}
    for name, layer in network.layers.items():
        x = layer.forward(x, train_flg=False)
        outputs[name] = x[0]
    return outputs


def size(x):
    return " x ".join(str(n) for n in x.shape)


def label(axes, text):
    axes.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=9)


def draw(outputs, title, most=24):
    """A strip for every station, its smallest value black and its largest white; the probabilities as bars.

    most : maps in a row of a strip. A long way is drawn in two columns.
    """
    pictures = [tiles(x, math.ceil(len(x) / math.ceil(len(x) / most))) if x.ndim == 3 else x.reshape(1, -1)
                for x in outputs.values()]
    width = 9 if len(pictures) < 12 else 6.5                    # of a strip, in inches
    heights = [min(1.6, width * len(picture) / picture.shape[1]) if len(picture) > 1 else 0.35 for picture in pictures]
    heights += [1]                                              # of the bars
    ends = np.cumsum(heights)
    columns = [heights] if len(pictures) < 12 else np.split(heights, [np.argmax(ends > ends[-1] / 2)])

    figure = plt.figure(figsize=((width + 2) * len(columns), 1.3 * max(map(sum, columns)) + 1), layout="constrained",
                        dpi=100 if len(columns) == 1 else 75)           # a window must fit the screen
    figure.suptitle(title)
    places = []
    for part, column in zip(figure.subfigures(1, len(columns), squeeze=False)[0], columns):
        places += list(part.subplots(len(column), 1, height_ratios=column))
    for axes, picture, (name, x) in zip(places, pictures, outputs.items()):
        axes.imshow(picture, cmap="gray", interpolation="nearest", aspect="equal" if x.ndim == 3 else "auto")
        label(axes, f"{name}\n{size(x)}\n{x.min():.1f} to {x.max():.1f}")
        axes.set(xticks=[], yticks=[], anchor="W")
        axes.spines[:].set_visible(x.ndim != 3)
    axes, scores = places[-1], list(outputs.values())[-1]
    bars = axes.bar(range(len(scores)), softmax(scores), color="dimgray")
    axes.bar_label(bars, [f"{p:.3f}" for p in softmax(scores)], fontsize=8)
    axes.set(xticks=range(len(scores)), xlim=(-0.5, len(scores) - 0.5), ylim=(0, 1.3), yticks=[])
    label(axes, "softmax")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--index", type=at_least(0), default=0, metavar="N", help="which test digit (default: 0)")
    parser.add_argument("--deep", action="store_true", help="through DeepConvNet")
    args = start(__doc__, parser)
    _, (x_test, t_test) = load_mnist(flatten=False)
    if args.index >= len(x_test):
        parser.error(f"argument --index: expected less than {len(x_test)}, got {args.index}")

    if args.deep:
        network = DeepConvNet()
        load_trained(network, "deep_convnet_params.pkl", "deep_convnet.pkl", "train_deepnet.py")
    else:
        network = SimpleConvNet()
        load_trained(network, "params.pkl", "simple_convnet.pkl", "train_convnet.py")
    outputs = stations(network, x_test[args.index])
    for name, x in outputs.items():
        print(f"{name:8} {size(x):12}  from {x.min():7.2f} to {x.max():6.2f},"
              f"  {np.mean(x == 0):4.0%} zeros")
    draw(outputs, f"test digit {args.index}, a {t_test[args.index]}, through {type(network).__name__}")
    show("digit_through_cnn_deep" if args.deep else None)
    scores = list(outputs.values())[-1]
    print(f"it is a {t_test[args.index]}; the net says {scores.argmax()}, with probability {softmax(scores).max():.4f}")
