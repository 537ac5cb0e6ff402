"""The filters of the first convolution before training, after it, and the difference (book, 7.6.1).

Look at the difference, where a filter is light on one side and dark on the other: training has made it answer where
the image has such an edge. Before and after look much alike, because train_convnet.py starts from He's weights, larger
than what training adds to them. Start it from weight_init_std=0.01 instead, and edges and blobs stand out of the grey.
Your own parameters are shown if train_convnet.py has left some; before are the weights that it starts from.

Before: train_convnet.py; next: digit_through_cnn.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.parameters import load_trained
from ch05.simple_convnet import SimpleConvNet
from common.figures.image_grid import tiles
from common.figures.plot import plt, show
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    network = SimpleConvNet(weight_init_std="he")      # as train_convnet.py starts
    before = network.params["W1"].copy()
    load_trained(network, "params.pkl", "simple_convnet.pkl", "train_convnet.py")
    after = network.params["W1"]

    size, change = np.abs([before, after]).max(), np.abs(after - before).max()
    print(f"weights reach {size:.2f}, training has changed them by up to {change:.2f}")
    panels = plt.subplots(3, 1, figsize=(8, 8.2), layout="constrained")[1]
    for axes, title, W, limit in zip(panels, ("before training", "after training", "difference"),
                                     (before, after, after - before), (size, size, change)):
        axes.imshow(tiles(W[:, 0], columns=10), cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_title(f"{title}: black -{limit:.2f}, grey 0, white {limit:.2f}")
        axes.set_axis_off()
    show()
