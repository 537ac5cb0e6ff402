"""Batch normalization, with and without, at sixteen scales of the first weights (book, 6.3.3).

Look at where the plain net stands still: it learns with a few scales only, while the normalized one learns
with nearly all of them, and sooner.

Before: weight_init_compare.py; next: overfit_weight_decay.py.
"""
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.script import end
from common.training.options import training_options
from common.figures.plot import lines, plt, show
from common.trainer import Trainer
from dataset.mnist import load_mnist


def train(weight_init_std, use_batchnorm, x, t, epochs):
    """Train a six-layer net; return the trainer."""
    network = MultiLayerNetExtend(784, [100] * 5, 10, weight_init_std=weight_init_std,
                                  use_batchnorm=use_batchnorm)
    trainer = Trainer(network, x, t, x[:1], t[:1], epochs, mini_batch_size=100, optimizer="SGD",
                      optimizer_param={"lr": 0.01}, verbose=False)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            trainer.train()
        except FloatingPointError:      # large weights without it: past all numbers, and the net stands still
            trainer.train_acc_list += [network.accuracy(x, t)] * (epochs - trainer.current_epoch)
    return trainer


if __name__ == "__main__":
    args = training_options(__doc__, epochs=20, limit=1000)
    (x_train, t_train), _ = load_mnist()
    x_train, t_train = x_train[:args.limit], t_train[:args.limit]

    figure, grid = plt.subplots(4, 4, figsize=(11, 9), sharex=True, sharey=True, layout="constrained")
    final = {"with": [], "without": []}
    for std, axes in zip(tqdm(np.logspace(0, -4, num=16), unit="scale"), grid.flat):
        curves = {}
        for label, use_batchnorm in {"with": True, "without": False}.items():
            np.random.seed(args.seed)
            trainer = train(std, use_batchnorm, x_train, t_train, args.epochs)
            if trainer.interrupted:
                end(trainer.exit_code)
            curves[label] = trainer.train_acc_list
            final[label].append(trainer.train_acc_list[-1])
        lines(curves, None, None, title=f"std = {std:.2g}", axes=axes).get_legend().remove()

    grid[0, 0].set_ylim(0, 1.03)
    figure.suptitle("batch normalization, by the std of the first weights")
    figure.supxlabel("epoch")
    figure.supylabel("accuracy on the training examples")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="upper right", ncols=2)
    show()
    for label, accuracies in final.items():
        print(f"{label} batch normalization the net learns at least half of the training examples "
              f"at {sum(a >= 0.5 for a in accuracies)} of {len(accuracies)} scales")
