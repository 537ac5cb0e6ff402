"""Let the deep net read your own digits: photos, scans or drawings, PNG or JPEG.

Write a digit on paper, photograph it, and run: python predict_digit.py photo.jpg [more files]
Look at the middle picture: that is all the net sees. It has learned from digits of that size, place and
thickness, so a picture that is not prepared alike is misread, however clear it looks to you.
Before: train_best.py; next: draw_digit.py.
"""
import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.parameters import load_trained
from dataset.digit_image import bounding_box, center_digit, find_ink, read_picture
from common.training.evaluation import probabilities
from common.figures.plot import show

ROWS = 4        # files in a figure


def load_network():
    """The deep net, trained; without parameters the program ends."""
    network = DeepConvNet()
    load_trained(network, "deep_convnet_params.pkl", "deep_convnet.pkl", "train_deepnet.py")
    return network


def probabilities_of(network, digit):
    """What the net thinks of one (28, 28) image: ten numbers that add up to 1."""
    return probabilities(network, digit[np.newaxis, np.newaxis])[0]


def prepare(path):
    """(picture, ink, digit) of a file, see `dataset.digit_image`. ValueError or OSError if there is no digit."""
    picture = read_picture(path)
    try:
        ink = find_ink(picture)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return picture, ink, center_digit(ink)


def in_words(probabilities):
    """The two best guesses, as in `7 (99.8 %), then 1 (0.1 %)`."""
    best, second = np.argsort(probabilities)[:-3:-1]
    return f"{best} ({100 * probabilities[best]:.1f} %), then {second} ({100 * probabilities[second]:.1f} %)"


def draw_bars(axes):
    """Ten empty bars, one for each digit; `set_bars` moves them."""
    axes.set(ylim=(0, 1), xticks=range(10), ylabel="probability")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return axes.bar(range(10), np.zeros(10))


def set_bars(bars, probabilities):
    """Show the probabilities; the highest bar is dark."""
    for bar, probability in zip(bars, probabilities):
        bar.set_height(probability)
        bar.set_color("tab:blue" if probability == max(probabilities) else "lightsteelblue")


def draw(results):
    """A row for each file: the picture with the digit framed, what the net sees, and what it says."""
    rows = plt.subplots(len(results), 3, figsize=(9, 2.4 * len(results)), squeeze=False, layout="constrained",
                        width_ratios=(1, 1, 1.6))[1]
    for (photo, seen, bars), (path, picture, ink, digit, probabilities) in zip(rows, results):
        top, bottom, left, right = bounding_box(ink)
        photo.imshow(picture)
        photo.add_patch(plt.Rectangle((left, top), right - left, bottom - top, fill=False, color="tab:red"))
        photo.set_title(path.name.encode("ascii", "replace").decode(), parse_math=False)
        seen.imshow(digit, cmap="gray", vmin=0, vmax=1)
        seen.set_title("what the net sees")
        set_bars(draw_bars(bars), probabilities)
        bars.set_title(in_words(probabilities))
        photo.set_axis_off()
        seen.set_axis_off()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a PNG or JPEG with one digit")
    files = parser.parse_args().files
    sys.stdout.reconfigure(errors="backslashreplace")       # for file names in any script
    network = load_network()

    results = []
    for path in files:
        try:
            picture, ink, digit = prepare(path)
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
        except ValueError as error:
            print(error, file=sys.stderr)
        else:
            probabilities = probabilities_of(network, digit)
            print(f"{path}: {in_words(probabilities)}")
            results.append((path, picture, ink, digit, probabilities))

    for start in range(0, len(results), ROWS):
        draw(results[start:start + ROWS])
        show(f"predict_digit_{start // ROWS + 1}" if start else None)
    sys.exit(0 if len(results) == len(files) else 2)


if __name__ == "__main__":
    main()
