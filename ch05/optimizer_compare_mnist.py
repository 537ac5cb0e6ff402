"""Four optimizers train the same five-layer net on MNIST (book, 6.1.8).

Look at the first hundreds of steps: all start from the same weights and see the same batches, yet SGD is far
behind. That is at these learning rates, the defaults; with another one SGD catches up, so try it.

Before: optimizer_compare_naive.py; next: weight_init_activation_histogram.py.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.multi_layer_net import MultiLayerNet
from common.optimizer import SGD, AdaGrad, Adam, Momentum
from common.training.options import training_options
from common.figures.plot import lines, show
from common.trainer import Trainer
from common.util import smooth_curve
from dataset.mnist import load_mnist

if __name__ == "__main__":
    args = training_options(__doc__, epochs=3)
    (x_train, t_train), (x_test, t_test) = load_mnist()

    losses, results = {}, []
    for optimizer in (SGD(), Momentum(), AdaGrad(), Adam()):
        name = f"{type(optimizer).__name__}, lr = {optimizer.lr:g}"
        print(name)
        np.random.seed(args.seed)
        network = MultiLayerNet(784, [100, 100, 100, 100], 10)
        trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                          mini_batch_size=128, optimizer=optimizer, verbose="epochs")
        trainer.train()
        losses[name] = smooth_curve(trainer.train_loss_list)
        results.append(f"{name.split(',')[0]} {trainer.final_accuracy():.4f}")
        if trainer.interrupted:
            break

    axes = lines(losses, "step", "loss (smoothed)", title="784-100-100-100-100-10 on MNIST")
    axes.set_yscale("log")              # both the start, near 2.3, and small losses can be seen
    axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    show()
    print(f"test accuracy: {', '.join(results)}")
