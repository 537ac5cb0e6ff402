"""Train the two-layer net on MNIST, its gradients by backpropagation (book, 5.7.4).

Look at the speed: an epoch takes a second, where numerical gradients would take hours. The loop that
chapter 4 wrote out now lives in common/trainer.py.

Before: gradient_check.py; next: decision_boundary.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.parameters import finish
from ch05.two_layer_net import TwoLayerNet
from common.training.options import training_options
from common.trainer import Trainer

if __name__ == "__main__":
    args = training_options(__doc__, epochs=20, schedule="constant")
    (x_train, t_train), (x_test, t_test) = args.dataset.load()

    network = TwoLayerNet(784, 50, 10)
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                      mini_batch_size=100, optimizer="SGD", optimizer_param={"lr": 0.1},
                      verbose="epochs", callbacks=args.callbacks)
    trainer.train()
    finish(trainer, args, __file__, "two_layer_net_params.pkl")
