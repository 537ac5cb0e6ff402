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
from common.training.live_window import live
from common.training.options import dataset_option, trainer_options, training_options
from common.figures.plot import show, training_curves
from common.trainer import Trainer

PARAMS = Path(__file__).resolve().with_name("deep_convnet_params.pkl")

if __name__ == "__main__":
    args = training_options(__doc__, epochs=10, parser=trainer_options(dataset_option(), schedule="cosine"))
    params = args.dataset.own(PARAMS)
    (x_train, t_train), (x_test, t_test) = args.dataset.load(flatten=False)

    network = DeepConvNet()
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                      mini_batch_size=100, optimizer="Adam", optimizer_param={"lr": 0.001},
                      evaluate_sample_num_per_epoch=1000,
                      schedule=args.schedule, checkpoint=args.checkpoint, resume=args.resume, log=args.log)
    with live(trainer, args.live):
        trainer.train()

    network.save_params(params)
    training_curves(trainer, title=f"DeepConvNet on {args.dataset.title}")
    show(args.dataset.own(__file__).stem)
    print(f"DeepConvNet: {network.accuracy(x_test, t_test):.4f} of {len(x_test):,} test images right, "
          f"after epoch {trainer.current_epoch}; parameters in {params}")
    sys.exit(trainer.exit_code)
