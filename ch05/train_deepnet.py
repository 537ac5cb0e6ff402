"""Train the deep convolutional net on MNIST (book, 8.1).

Look at the test accuracy late in the training: above 0.99, and the training accuracy is close to it, because
dropout keeps the net from learning by heart. Ten epochs take a while; Ctrl-C ends the training early and
keeps what has been learned.

Before: deep_convnet.py; next: misclassified_mnist.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.parameters import finish
from common.training.options import training_options
from common.trainer import Trainer

if __name__ == "__main__":
    args = training_options(__doc__, epochs=10, schedule="cosine")
    (x_train, t_train), (x_test, t_test) = args.dataset.load(flatten=False)

    network = DeepConvNet()
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                      mini_batch_size=100, optimizer="Adam", optimizer_param={"lr": 0.001},
                      evaluate_sample_num_per_epoch=1000,
                      verbose="epochs", callbacks=args.callbacks)
    trainer.train()
    finish(trainer, args, __file__, "deep_convnet_params.pkl")
