"""The filters of the first convolution, before and after training (book, 7.6.1).

Look at the second figure: noise has become edges and blobs, light on one side and dark on the other. A filter
answers where the image looks like the filter. Your own parameters are shown if train_convnet.py has left
some.

Before: train_convnet.py; next: digit_through_cnn.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ch05.parameters import load_trained
from ch05.simple_convnet import SimpleConvNet
from common.plot import filters, show

if __name__ == "__main__":
    np.random.seed(0)
    network = SimpleConvNet()
    filters(network.params["W1"], title="before training: random weights")
    show("visualize_filter_before")

    load_trained(network, "params.pkl", "simple_convnet.pkl", "train_convnet.py")
    filters(network.params["W1"], title="after training")
    show("visualize_filter_after")
