"""Train the convolutional net on MNIST (book, 7.5): the main thing this project is for.

Look at the two accuracies: after one epoch they are near 0.98 already, where the two-layer net ends; from
then on training runs ahead of test. Ctrl-C ends the training early and keeps what has been learned.

Before: simple_convnet.py; next: visualize_filter.py.
"""
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ch05.simple_convnet import SimpleConvNet
from common.options import training_options
from common.plot import show, training_curves
from common.trainer import Trainer
from dataset.mnist import load_mnist

PARAMS = Path(__file__).resolve().with_name("params.pkl")

if __name__ == "__main__":
    args = training_options(__doc__, epochs=20)
    (x_train, t_train), (x_test, t_test) = load_mnist(flatten=False)

    network = SimpleConvNet(weight_init_std="he")      # the default, 0.01, starts far more slowly
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                      mini_batch_size=100, optimizer="Adam", optimizer_param={"lr": 0.001},
                      evaluate_sample_num_per_epoch=10_000)
    trainer.train()

    network.save_params(PARAMS)
    training_curves(trainer, title="SimpleConvNet on MNIST")
    show()
    print(f"SimpleConvNet: {network.accuracy(x_test, t_test):.4f} of {len(x_test):,} test digits right, "
          f"after epoch {trainer.current_epoch}; parameters in {PARAMS}")
