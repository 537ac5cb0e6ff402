"""Real digits to test with, and the net that ships with the project."""
import functools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ch05.deep_convnet import DeepConvNet
from dataset import source
from dataset.mnist import MINI_DIR, MINI_FILES

TRAINED = Path(__file__).resolve().parents[1] / "ch05/trained/deep_convnet.pkl"


@functools.cache
def real_digits():
    """(N, 28, 28) float32 from 0.0 to 1.0 and (N,) labels: MNIST test digits that are there without a network."""
    x, t = (source.read_file(MINI_DIR / MINI_FILES[key].name, MINI_FILES[key]) for key in ("test_img", "test_label"))
    return x.reshape(-1, 28, 28).astype(np.float32) / 255, t


@functools.cache
def trained_network():
    if not TRAINED.exists():
        pytest.skip(f"the project's trained parameters are missing: {TRAINED}")
    network = DeepConvNet()
    network.load_params(TRAINED)
    return network


def enlarged(digit, side, shape, top, left):
    """The digit at `side` x `side` pixels, in an empty image of the given shape."""
    image = Image.fromarray(np.uint8(digit * 255)).resize((side, side), Image.Resampling.BICUBIC)
    canvas = np.zeros(shape, np.float32)
    canvas[top:top + side, left:left + side] = np.asarray(image, np.float32) / 255
    return canvas
