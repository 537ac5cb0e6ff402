"""The data sets that a training script can be asked for: `--dataset fashion`."""
from dataset.fashion_mnist import FASHION_MNIST
from dataset.mnist import MNIST

CHOICES = {"mnist": MNIST, "fashion": FASHION_MNIST}
