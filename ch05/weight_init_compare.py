"""Three ways to draw the first weights, one net (book, 6.2.4).

Look at std = 0.01: the signal fades from layer to layer, so do the gradients, and the loss stays where it
was. With Xavier it falls, with He, which is made for ReLU, it falls sooner.

Before: weight_init_activation_histogram.py; next: batch_norm_test.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.multi_layer_net import MultiLayerNet
from common.training.options import training_options
from common.figures.plot import lines, show
from common.trainer import Trainer
from common.util import smooth_curve
from dataset.mnist import load_mnist

if __name__ == "__main__":
    args = training_options(__doc__, epochs=4)
    (x_train, t_train), (x_test, t_test) = load_mnist()

    losses, results = {}, []
    for name, weight_init_std in {"std = 0.01": 0.01, "Xavier": "xavier", "He": "he"}.items():
        print(name)
        np.random.seed(args.seed)
        network = MultiLayerNet(784, [100, 100, 100, 100], 10, weight_init_std=weight_init_std)
        trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                          mini_batch_size=128, optimizer="SGD", optimizer_param={"lr": 0.01}, verbose="epochs")
        trainer.train()
        losses[name] = smooth_curve(trainer.train_loss_list)
        results.append(f"{name} {trainer.final_accuracy():.4f}")
        if trainer.interrupted:
            break

    axes = lines(losses, "step", "loss (smoothed)", title="784-100-100-100-100-10 on MNIST, ReLU, SGD")
    axes.set_ylim(0, 2.5)
    show()
    print(f"test accuracy: {', '.join(results)}")
