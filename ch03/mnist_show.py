"""The data, MNIST: images of handwritten digits, 28 x 28 grey pixels, each with its label (book, 3.6.1).

Look at the first training digit, a 5 in the full set. Then look at fifty others, drawn at random: some are hard to
read for people too. Another --seed draws others.

Before: sig_step_compare.py; next: neuralnet_mnist.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import image_grid, show
from common.script import start
from common.training.options import at_least
from dataset.mnist import load_mnist

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=at_least(0), default=0, help="which digits are drawn (default: %(default)s)")
    args = start(__doc__, parser)
    np.random.seed(args.seed)

    (x_train, t_train), _ = load_mnist(flatten=True, normalize=False)
    print(f"x_train[0] holds {x_train[0].shape[0]} pixels, 0 to 255; t_train[0] says {t_train[0]}")

    first = x_train[0].reshape(28, 28)
    image_grid([first], titles=[f"x_train[0]: a {t_train[0]}"])
    show("mnist_show_first")

    chosen = np.random.choice(len(x_train), 50, replace=False)
    image_grid(x_train[chosen], titles=t_train[chosen], columns=10)
    show()
