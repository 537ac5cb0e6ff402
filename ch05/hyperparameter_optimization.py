"""Learning rate and weight decay by random search, judged on examples held out of training (book, 6.5).

Both are drawn on a logarithmic scale: nobody knows even their order of magnitude. Look at the left picture:
the accuracy depends on the learning rate and hardly on the weight decay, and the next search could be
narrower. The test set is used once, at the end; what was chosen by validation usually does a little worse
there.

Before: overfit_dropout.py; next: im2col_step_by_step.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.multi_layer_net import MultiLayerNet
from common.script import end
from common.training.options import at_least, training_options
from common.figures.plot import lines, plt, show
from common.trainer import Trainer
from common.util import shuffle_dataset
from dataset.mnist import load_mnist

VALIDATION_RATE = 0.2

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=at_least(1), default=100, metavar="N",
                        help="how many settings to try (default: %(default)s)")
    args = training_options(__doc__, epochs=50, limit=500, parser=parser)
    (x_train, t_train), (x_test, t_test) = load_mnist()

    x, t = shuffle_dataset(x_train[:args.limit], t_train[:args.limit])
    validation_num = max(1, int(len(x) * VALIDATION_RATE))
    x_val, t_val = x[:validation_num], t[:validation_num]
    x_train, t_train = x[validation_num:], t[validation_num:]

    trials = []
    for _ in tqdm(range(args.trials), unit="trial"):
        weight_decay = 10 ** np.random.uniform(-8, -4)
        lr = 10 ** np.random.uniform(-6, -2)
        network = MultiLayerNet(784, [100] * 6, 10, weight_decay_lambda=weight_decay)
        trainer = Trainer(network, x_train, t_train, x_val, t_val, args.epochs, mini_batch_size=100,
                          optimizer="SGD", optimizer_param={"lr": lr}, verbose=False)
        trainer.train()
        if trainer.interrupted:
            break
        trials.append((trainer.test_acc_list[-1], lr, weight_decay, trainer))
    if not trials:
        print("stopped before the first trial was done")
        end(trainer.exit_code)

    trials.sort(key=lambda trial: trial[0], reverse=True)
    for n, (accuracy, lr, weight_decay, _) in enumerate(trials[:10], start=1):
        print(f"best {n:2}: validation accuracy {accuracy:.4f}, lr {lr:.2e}, weight decay {weight_decay:.2e}")

    accuracies, lrs, weight_decays, trainers = zip(*trials)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    points = left.scatter(lrs, weight_decays, c=accuracies, edgecolors="black", linewidths=0.5)
    figure.colorbar(points, ax=left, label="validation accuracy")
    left.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay")
    lines({f"lr {lr:.1e}": trainer.test_acc_list for lr, trainer in zip(lrs[:5], trainers)}, "epoch",
          "validation accuracy", "the best five", right)
    show()
    test_accuracy = trainers[0].network.accuracy(x_test, t_test)
    print(f"best of {len(trials)} trials: lr {lrs[0]:.2e}, weight decay {weight_decays[0]:.2e}; "
          f"validation accuracy {accuracies[0]:.4f}, test accuracy {test_accuracy:.4f}")
