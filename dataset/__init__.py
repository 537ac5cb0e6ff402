"""The data: `from dataset.mnist import load_mnist`."""
