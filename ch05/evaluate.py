"""What the accuracy of the deep net does not tell: which digits it mixes up, and whether it knows when it may be wrong.

Look at the confusion matrix: mistakes have their favourite places. Look at the last figure: on the diagonal a
net would be right as often as it is sure. This one lies below it where it hesitates, and claims too much: of
the 64 digits that it was 60 to 90 percent sure of, it read 40 right. Your own parameters are used if
train_deepnet.py has left some.

Before: misclassified_mnist.py; next: keras_convnet.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.parameters import load_trained
from common.script import start
from common.training.evaluation import calibration, confusion_matrix, probabilities, table
from common.figures.plot import confusion, reliability, show
from dataset.mnist import load_mnist

if __name__ == "__main__":
    start(__doc__)
    network = DeepConvNet()
    load_trained(network, "deep_convnet_params.pkl", "deep_convnet.pkl", "train_deepnet.py")
    _, (x_test, t_test) = load_mnist(flatten=False)
    y = probabilities(network, x_test)

    matrix = confusion_matrix(y, t_test)
    print("\nRight answer (row) and what the net says (column):")
    print(table({"": range(10), **{str(digit): matrix[:, digit] for digit in range(10)}}))
    confusion(matrix)
    show("evaluate_confusion")

    accuracy = matrix.diagonal() / matrix.sum(axis=1)       # of the images of each digit, those read right
    print("\nEach digit:")
    print(table({"digit": range(10), "examples": np.bincount(t_test, minlength=10), "accuracy": accuracy}))

    count, certainty, right, error = calibration(y, t_test)
    print("\nHow sure the net is, and how often it is right then:")
    print(table({"examples": count, "sure": certainty, "right": right}))
    reliability(count, certainty, right, error)
    show("evaluate_calibration")

    print(f"DeepConvNet: {matrix.trace() / len(x_test):.4f} of {len(x_test):,} test digits right; "
          f"expected calibration error {error:.4f}")
