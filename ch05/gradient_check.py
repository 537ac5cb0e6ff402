"""Is backpropagation right? Its gradients against numerical ones, which know nothing of it (book, 5.7.3).

Look at the differences: they are millions of times smaller than the gradients themselves, what rounding and
the finite step leave over. A mistake in a `backward` makes them as large as the gradients: in
common/layers.py take the `.T` or the mask out of one and run this again.

Before: two_layer_net.py; next: train_neuralnet.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ch05.two_layer_net import TwoLayerNet
from dataset.mnist import load_mnist

BOUND = 1e-7

if __name__ == "__main__":
    np.random.seed(0)
    (x_train, t_train), _ = load_mnist()
    x, t = x_train[:3].astype(np.float64), t_train[:3]
    network = TwoLayerNet(784, 10, 10, dtype=np.float64)    # float32 would hide mistakes behind rounding

    by_backprop = network.gradient(x, t)
    size = sum(param.size for param in network.params.values())
    print(f"numerical gradient of {size:,} parameters ...", flush=True)
    by_differences = network.numerical_gradient(x, t)

    worst = 0
    for key in network.params:
        difference = np.abs(by_backprop[key] - by_differences[key]).max()
        largest = np.abs(by_backprop[key]).max()
        print(f"{key}: largest gradient {largest:.1e}, largest difference {difference:.1e}")
        worst = max(worst, difference)
    if worst > BOUND:
        sys.exit(f"failed: a difference of {worst:.1e} is more than {BOUND:.0e}, so a backward is wrong")
    print(f"passed: no difference is more than {BOUND:.0e}")
