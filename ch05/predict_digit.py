"""The deep net reads your own digits: photos, scans or drawings, as PNG or JPEG.

Look at the picture in the middle: the net sees nothing else. It was trained on digits of this size, position and line
width. A picture that is not prepared in the same way is often read wrong, even if it looks clear to you.

Write one digit on paper, take a photo, and run: python predict_digit.py photo.jpg [more files]

Before: train_best.py; next: draw_digit.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.parameters import load_trained
from common.figures.plot import plt, show
from common.script import end, start
from common.training.evaluation import probabilities
from dataset.digit_image import bounding_box, center_digit, find_ink, read_picture

ROWS = 4        # files in a figure


def load_network():
    """The deep net with its trained parameters. If there are none, the program ends."""
    network = DeepConvNet()
    load_trained(network, "deep_convnet_params.pkl", "deep_convnet.pkl", "train_deepnet.py")
    return network


def probabilities_of(network, digit):
    """The probability of each digit for one (28, 28) image: ten numbers with sum 1."""
    return probabilities(network, digit[np.newaxis, np.newaxis])[0]


def prepare(path, network):
    """(picture, ink, digit) of a file, see `dataset.digit_image`. ValueError or OSError if it shows no single digit."""
    picture = read_picture(path)
    try:
        ink = find_ink(picture)
        if are_two_digits(ink, network):
            raise ValueError("expected one digit, got two that touch; make a picture of each")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return picture, ink, center_digit(ink)


def are_two_digits(ink, network):
    """Cut (H, W) ink in two where it is thinnest: is the net surer of each half than of the whole?"""
    top, bottom, left, right = bounding_box(ink)
    ink = ink[top:bottom, left:right]
    height, width = ink.shape
    if width < 0.9 * height:
        return False
    middle = slice(width // 3, width - width // 3)
    cut = middle.start + np.argmin(ink[:, middle].sum(axis=0))
    digits = np.stack([center_digit(part) for part in (ink, ink[:, :cut], ink[:, cut:])])
    whole, *halves = probabilities(network, digits[:, np.newaxis]).max(axis=1)
    return min(halves) > max(whole, 0.9)


def in_words(probabilities):
    """The two most probable digits, as in `7 (99.8 %), then 1 (0.1 %)`."""
    best, second = np.argsort(probabilities)[:-3:-1]
    return f"{best} ({100 * probabilities[best]:.1f} %), then {second} ({100 * probabilities[second]:.1f} %)"


def draw_bars(axes):
    """Ten bars of height 0, one for each digit, for `set_bars`."""
    axes.set(ylim=(0, 1), xticks=range(10), ylabel="probability")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return axes.bar(range(10), np.zeros(10))


def set_bars(bars, probabilities):
    """Give the bars the heights of the probabilities; the highest is dark."""
    for bar, probability in zip(bars, probabilities):
        bar.set_height(probability)
        bar.set_color("tab:blue" if probability == max(probabilities) else "lightsteelblue")


def draw(results):
    """A row for each file: the picture with a frame around the digit, what the net sees, and what it says."""
    rows = plt.subplots(len(results), 3, figsize=(9, 2.4 * len(results)), squeeze=False, layout="constrained",
                        width_ratios=(1, 1, 1.6))[1]
    for (photo, seen, bars), (path, picture, ink, digit, answer) in zip(rows, results):
        top, bottom, left, right = bounding_box(ink)
        photo.imshow(picture)
        photo.add_patch(plt.Rectangle((left, top), right - left, bottom - top, fill=False, color="tab:red"))
        photo.set_title(path.name.encode("ascii", "replace").decode(), parse_math=False)
        seen.imshow(digit, cmap="gray", vmin=0, vmax=1)
        seen.set_title("what the net sees")
        set_bars(draw_bars(bars), answer)
        bars.set_title(in_words(answer))
        photo.set_axis_off()
        seen.set_axis_off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a PNG or JPEG with one digit")
    files = start(__doc__, parser).files
    network = load_network()

    results = []
    for path in files:
        try:
            picture, ink, digit = prepare(path, network)
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
        except ValueError as error:
            print(error, file=sys.stderr)
        else:
            answer = probabilities_of(network, digit)
            print(f"{path}: {in_words(answer)}")
            results.append((path, picture, ink, digit, answer))

    for first in range(0, len(results), ROWS):
        draw(results[first:first + ROWS])
        show(f"predict_digit_{first // ROWS + 1}" if first else None)
    end(0 if len(results) == len(files) else 2)


if __name__ == "__main__":
    main()
