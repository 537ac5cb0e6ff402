"""MNIST, 70,000 handwritten digits: `from dataset.mnist import load_mnist`.

The first call looks for the four files in this folder, then in the folder that the environment variable `MNIST_DIR`
names (as seen from the current folder or from the project's), and then downloads them. It keeps all in `mnist.pkl`, so
that later calls are fast and need no internet. Where there are no files and no internet, the 5,000 real digits of
`dataset/mini` take their place, with a warning. `MNIST_OFFLINE=1` forbids downloads.

    python dataset/mnist.py

does all this ahead, and says what it finds where. MNIST is by LeCun, Cortes and Burges (CC BY-SA 3.0).
"""
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import numpy as np      # noqa: F401, `from dataset.mnist import *` brings it, as in the book

from dataset.source import FILE_NAMES, MINI_DIR, Dataset, MiniMnistWarning, four_files     # noqa: F401

dataset_dir = str(Path(__file__).resolve().parent)
save_file = str(Path(dataset_dir, "mnist.pkl"))
key_file = dict(FILE_NAMES)
train_num = 60000
test_num = 10000
img_dim = (1, 28, 28)
img_size = 784

MINI_FILES = four_files(4000, 1000, (
    "ae62e89f9db7e57ecd24214988b77f52e246e9a5fc034700b33bef7782ec0b9a",
    "e853eb76e6c5b10ae211fc219dd383f5669842cda18aa3f2c23da796996c686f",
    "4e8d1e4ac0e2c25bc13a95f530acde3e4bd4635e3d4d14fbe787d9888962261b",
    "38be63f9a98949bec2fd01903dbbb6375ec5b981357121e109f77633dcd1ec14"))
MNIST = Dataset(
    title="MNIST",
    files=four_files(train_num, test_num, (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2")),
    mirrors=("https://storage.googleapis.com/cvdf-datasets/mnist/",
             "https://ossci-datasets.s3.amazonaws.com/mnist/",
             "https://azureopendatastorage.blob.core.windows.net/mnist/"),
    variable="MNIST_DIR",
    folder=Path(dataset_dir),
    cache=Path(save_file),
    mini=MINI_FILES,
)


def download_mnist():
    """Download the four files into `dataset/`, except those that are there. FileNotFoundError if no mirror has them."""
    MNIST.find_or_download([MNIST.folder])


def init_mnist():
    """Find the four files, download what is missing, and write the cache. FileNotFoundError if that is impossible."""
    MNIST.prepare()


def load_mnist(normalize=True, flatten=True, one_hot_label=False, *, allow_mini=True):
    """Load MNIST: 60,000 digits to train with and 10,000 to test with.

    Parameters
    ----------
    normalize : images as float32 from 0.0 to 1.0; otherwise as uint8 from 0 to 255
    flatten : images as (N, 784); otherwise as (N, 1, 28, 28)
    one_hot_label : labels as float32 (N, 10), a single 1 in each row; otherwise as uint8 (N,), the digit itself
    allow_mini : where the full set is not found, take 4,000 and 1,000 digits, with a `MiniMnistWarning`; otherwise
        raise a FileNotFoundError

    Returns
    -------
    (x_train, t_train), (x_test, t_test), the caller's own arrays: changing them changes nothing for the next call
    """
    return MNIST.pairs(normalize, flatten, one_hot_label, allow_mini)


if __name__ == "__main__":
    MNIST.load()
