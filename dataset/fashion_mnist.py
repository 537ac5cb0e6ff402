"""Fashion-MNIST, 70,000 pictures of clothes: `from dataset.fashion_mnist import load_fashion_mnist`.

The same form as MNIST and the same size, but harder. It is found and kept as MNIST is (see `dataset/mnist.py`): in
`dataset/fashion`, in the folder that `FASHION_MNIST_DIR` names, where Debian's package `dataset-fashion-mnist` puts it,
or on the internet. Its files have the names of MNIST's, so each set needs a folder of its own.

    python dataset/fashion_mnist.py

does all this ahead, and says what it finds where. Fashion-MNIST is by Xiao, Rasul and Vollgraf
(arXiv 1708.07747; MIT licence, Zalando SE).
"""
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dataset.source import Dataset, four_files

CLASS_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
               "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
FASHION_MNIST = Dataset(
    title="Fashion-MNIST",
    files=four_files(60000, 10000, (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34")),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    variable="FASHION_MNIST_DIR",
    folder=Path(__file__).resolve().with_name("fashion"),
    cache=Path(__file__).resolve().with_name("fashion_mnist.pkl"),
    package=Path("/usr/share/datasets/fashion-mnist"),
    ending="_fashion",
)


def load_fashion_mnist(normalize=True, flatten=True, one_hot_label=False):
    """Load Fashion-MNIST: 60,000 pictures of clothes to train with and 10,000 to test with.

    Arguments and result are those of `dataset.mnist.load_mnist`; a label is an index into `CLASS_NAMES`. Where the set
    is not found, the message of a FileNotFoundError says how to get it.
    """
    return FASHION_MNIST.pairs(normalize, flatten, one_hot_label)


if __name__ == "__main__":
    FASHION_MNIST.load()
