"""Overfitting, and weight decay against it (book, 6.4.1 and 6.4.2).

Three hundred examples are too few for a net of seven layers: it learns them by heart, and the gap between the
curves is what it did not understand. Look at the test curves: a little weight decay lifts them, too much
leaves the net too weak for the training examples too.

Before: batch_norm_test.py; next: overfit_dropout.py.
"""
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.multi_layer_net import MultiLayerNet
from common.script import end
from common.training.options import training_options
from common.figures.plot import lines, plt, show
from common.trainer import Trainer
from dataset.mnist import load_mnist

if __name__ == "__main__":
    args = training_options(__doc__, epochs=100, limit=300)
    (x_train, t_train), (x_test, t_test) = load_mnist()

    figure, row = plt.subplots(1, 3, figsize=(12, 4), sharey=True, layout="constrained")
    results = []
    for weight_decay_lambda, axes in zip((0, 0.03, 0.1), row):
        name = f"weight decay {weight_decay_lambda:g}"
        np.random.seed(args.seed)
        network = MultiLayerNet(784, [100] * 6, 10, weight_decay_lambda=weight_decay_lambda)
        trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                          mini_batch_size=100, optimizer="SGD", optimizer_param={"lr": 0.03}, verbose=False,
                          callbacks=[lambda trainer: bar.update()])
        with tqdm(total=args.epochs, desc=name, unit="epoch") as bar:
            trainer.train()
        if trainer.interrupted:
            end(trainer.exit_code)
        train_acc, test_acc = trainer.train_acc_list, trainer.test_acc_list
        lines({"train": train_acc, "test": test_acc}, "epoch", "accuracy", name, axes)
        axes.label_outer()
        axes.legend(loc="lower right")
        results.append(f"{name}: train {train_acc[-1]:.4f}, test {test_acc[-1]:.4f}")

    row[0].set_ylim(0, 1.03)
    show()
    print("\n".join(results))
