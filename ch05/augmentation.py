"""One digit under each distortion: training images that are never twice the same.

Look at the rows: every picture is still a five to you, yet new to the net. Where a row begins to look like
another digit, the setting is too large.

Before: train_keras_convnet.py; next: batch_norm_convnet.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.script import start
from common.training.augmentation import distort
from common.figures.plot import image_grid, show
from dataset.mnist import load_mnist

DISTORTIONS = {
    "none": {},
    "shift": {"shift": 3},
    "rotation": {"rotation": 20},
    "scale": {"scale": 0.25},
    "shear": {"shear": 0.3},
    "elastic": {"elastic": 1.4},
    "all, milder": {"shift": 2, "rotation": 10, "scale": 0.1, "shear": 0.1, "elastic": 1},
}
COLUMNS = 8

if __name__ == "__main__":
    start(__doc__)
    np.random.seed(0)
    (x_train, _), _ = load_mnist(flatten=False)
    digit = np.repeat(x_train[:1], COLUMNS, axis=0)

    rows = [distort(digit, **settings) for settings in DISTORTIONS.values()]
    titles = [name if column == 0 else "" for name in DISTORTIONS for column in range(COLUMNS)]
    image_grid(np.concatenate(rows), titles, columns=COLUMNS)
    show()
    for name, row in zip(DISTORTIONS, rows):
        print(f"{name:11}: pixels change by {np.abs(row - digit).mean():.3f} on average")
