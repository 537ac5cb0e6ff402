"""The test digits that the deep net reads wrong, those it was surest of first (book, 8.1.2).

Look at them and read them yourself before you read the titles: right answer, arrow, what the net says and how
sure it is. Some puzzle people too. Your own parameters are used if train_deepnet.py has left some.

Before: train_deepnet.py; next: evaluate.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.parameters import load_trained
from common.script import start
from common.training.evaluation import most_wrong, probabilities, table
from common.figures.plot import image_grid, show
from dataset.mnist import load_mnist

SHOWN = 20

if __name__ == "__main__":
    start(__doc__)
    network = DeepConvNet()
    load_trained(network, "deep_convnet_params.pkl", "deep_convnet.pkl", "train_deepnet.py")
    _, (x_test, t_test) = load_mnist(flatten=False)

    y = probabilities(network, x_test)
    guess, certainty, wrong = y.argmax(axis=1), y.max(axis=1), most_wrong(y, t_test)
    shown = wrong[:SHOWN]
    if len(wrong):
        print("\nWhat the net says, how sure it is, and what probability it gave the right answer:")
        print(table({"test image": shown, "right answer": t_test[shown], "net says": guess[shown],
                     "how sure": certainty[shown], "right one": y[shown, t_test[shown]]}))
        titles = [f"{t_test[i]} → {guess[i]} ({certainty[i]:.0%})" for i in shown]
        image_grid(x_test[shown], titles, columns=5,
                   title="right answer → what the net says (how sure it is)")
        show()
    print(f"DeepConvNet: {1 - len(wrong) / len(x_test):.4f} of {len(x_test):,} test digits right, "
          f"{len(wrong)} wrong; shown: the first {len(shown)}, those it was surest of")
