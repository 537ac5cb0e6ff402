"""Make sample_weight.pkl, the weights that neuralnet_mnist.py reads.

Look at the test accuracy: it should be above 0.97. Chapter 3 only uses a trained network; how one is trained is
the subject of chapters 4 to 6, so come back to this script after them.

A net that is not as good as that of sample_weight.pkl is saved as sample_weight_trial.pkl: a quick trial does not
replace the good weights.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.multi_layer_net import MultiLayerNet
from common.script import end
from common.training.options import training_options
from common.training.result import save_best
from common.figures.plot import show, training_curves
from common.trainer import Trainer
from dataset.mnist import load_mnist

if __name__ == "__main__":
    args = training_options(__doc__, epochs=20)
    (x_train, t_train), (x_test, t_test) = load_mnist()
    network = MultiLayerNet(784, [50, 100], 10, activation="sigmoid", weight_init_std="sigmoid")
    trainer = Trainer(network, x_train[:args.limit], t_train[:args.limit], x_test, t_test, epochs=args.epochs,
                      mini_batch_size=100, optimizer="Adam", optimizer_param={"lr": 0.001}, verbose="epochs")
    trainer.train()

    accuracy = trainer.final_accuracy()
    path = save_best(network, Path(__file__).resolve().with_name("sample_weight.pkl"), x_test, t_test, accuracy)
    print(f"Parameters saved: {path}")
    training_curves(trainer)
    show()
    print(f"Test accuracy: {accuracy:.4f}")
    end(trainer.exit_code)
