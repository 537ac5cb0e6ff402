"""Train the net of the Keras example as it was trained there: RMSprop, batches of 128, six epochs.

Three things differ. The first weights are He's, as everywhere here. The learning rate falls to zero, so that the
last epoch is not just any epoch. And label smoothing makes the targets not quite certain, which made 0.9926 of
0.9910 on 5,000 training images held out.
Look at the training accuracy: it is measured without dropout, like the test accuracy, so it may be compared
with it. Keras's own figures were about 0.983 after one epoch and 0.991 after six.

Before: keras_convnet.py; next: augmentation.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.keras_convnet import KerasConvNet
from ch05.parameters import finish
from common.training.options import training_options
from common.trainer import Trainer

if __name__ == "__main__":
    args = training_options(__doc__, epochs=6, schedule="cosine")
    (x_train, t_train), (x_test, t_test) = args.dataset.load(flatten=False)

    network = KerasConvNet(label_smoothing=0.1)
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                      mini_batch_size=128, optimizer="RMSprop", optimizer_param={"lr": 0.001, "decay_rate": 0.9},
                      evaluate_sample_num_per_epoch=10_000,
                      verbose="epochs", callbacks=args.callbacks)
    trainer.train()
    finish(trainer, args, __file__, "keras_convnet_params.pkl")
