"""The filters of the first convolution, before and after training (book, 7.6.1).

Look for filters that are light on one side and dark on the other: those answer where the image has such an
edge. Many keep the noise they began with, because train_convnet.py starts from He's weights, larger than what
training adds to them. Start it from weight_init_std=0.01 instead, and edges and blobs stand out of the grey.
Your own parameters are shown if train_convnet.py has left some.

Before: train_convnet.py; next: digit_through_cnn.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.parameters import load_trained
from ch05.simple_convnet import SimpleConvNet
from common.figures.plot import filters, show

if __name__ == "__main__":
    np.random.seed(0)
    network = SimpleConvNet(weight_init_std="he")      # as train_convnet.py starts
    filters(network.params["W1"], title="before training: random weights")
    show("visualize_filter_before")

    load_trained(network, "params.pkl", "simple_convnet.pkl", "train_convnet.py")
    filters(network.params["W1"], title="after training")
    show("visualize_filter_after")
