"""Train the two-layer net on MNIST, its gradients by backpropagation (book, 5.7.4).

Look at the speed: an epoch takes a second, where numerical gradients would take hours. The loop that
chapter 4 wrote out now lives in common/trainer.py.

Before: gradient_check.py; next: decision_boundary.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.two_layer_net import TwoLayerNet
from common.training.live_window import live
from common.training.options import dataset_option, trainer_options, training_options
from common.figures.plot import show, training_curves
from common.trainer import Trainer

PARAMS = Path(__file__).resolve().with_name("two_layer_net_params.pkl")

if __name__ == "__main__":
    args = training_options(__doc__, epochs=20, parser=trainer_options(dataset_option()))
    params = args.dataset.own(PARAMS)
    (x_train, t_train), (x_test, t_test) = args.dataset.load()

    network = TwoLayerNet(784, 50, 10)
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, args.epochs,
                      mini_batch_size=100, optimizer="SGD", optimizer_param={"lr": 0.1},
                      schedule=args.schedule, checkpoint=args.checkpoint, resume=args.resume, log=args.log)
    with live(trainer, args.live):
        trainer.train()

    network.save_params(params)
    training_curves(trainer, title=f"TwoLayerNet on {args.dataset.title}")
    show(args.dataset.own(__file__).stem)
    print(f"TwoLayerNet: {network.accuracy(x_test, t_test):.4f} of {len(x_test):,} test images right, "
          f"after epoch {trainer.current_epoch}; parameters in {params}")
    sys.exit(trainer.exit_code)
