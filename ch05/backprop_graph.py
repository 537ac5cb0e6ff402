"""What goes forward through a net for one digit, and what comes back: every value in a table and in a picture.

Look at the lines: over each stands the value, under it the derivative of the loss by that value. Relu and pooling let
a derivative pass at some places and stop it at the others; Affine mixes them all. In the second net, the Affine and
Sigmoid layers are opened into the steps of chapter 5.

Convolution, Pooling and BatchNormalization open too:

    python backprop_graph.py --net simple_convnet --opened Convolution Pooling
    python backprop_graph.py --net batch_norm_net

The convolutional nets have the parameters of the folder `trained`; the others are trained for a moment first. Nets that
you have trained can be drawn too, and nets that you have written, in your own script, by `draw(record(net, x, t))`:

    python backprop_graph.py --net two_layer_net --params two_layer_net_params.pkl

Before: two_layer_net.py; next: gradient_check.py.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.deep_convnet import DeepConvNet
from ch05.simple_convnet import SimpleConvNet
from ch05.two_layer_net import TwoLayerNet
from common.figures.draw_graph import draw
from common.figures.graph import record
from common.figures.plot import show
from common.files import load_pickle
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.script import start
from common.trainer import Trainer
from common.training.options import at_least
from dataset.mnist import load_mnist


# Each net is built for given shapes of parameters, {"W1": (784, 50), ...}, or in its usual size if there are none.


def two_layer_net(shapes):
    return TwoLayerNet(784, shapes.get("W1", (784, 50))[1], 10, weight_init_std="he")


def fully_connected(activation, kind=MultiLayerNet, **options):
    def build(shapes):
        count = sum(key[0] == "W" for key in shapes)
        hidden_size_list = [shapes[f"W{n}"][1] for n in range(1, count)] or [50]
        return kind(784, hidden_size_list, 10, activation, weight_init_std=activation, **options)
    return build


def simple_convnet(shapes):
    filter_num, _, filter_size, _ = shapes.get("W1", (30, 1, 5, 5))
    return SimpleConvNet(conv_param={"filter_num": filter_num, "filter_size": filter_size},
                         hidden_size=shapes.get("W2", (4320, 100))[1], weight_init_std="he")


NETS = {
    "two_layer_net": two_layer_net,
    "relu_net": fully_connected("relu"),
    "sigmoid_net": fully_connected("sigmoid"),
    "batch_norm_net": fully_connected("relu", MultiLayerNetExtend, use_batchnorm=True),
    "simple_convnet": simple_convnet,
    "deep_convnet": lambda shapes: DeepConvNet(),
}
TRAINED = Path(__file__).resolve().with_name("trained")
OPENED = {"sigmoid_net": ["Affine", "Sigmoid"], "batch_norm_net": ["BatchNormalization"]}
SHOWN = ["two_layer_net", "sigmoid_net", "simple_convnet"]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", choices=NETS, help=f"draw this net alone (default: {', '.join(SHOWN)})")
    parser.add_argument("--params", type=Path, metavar="FILE", help="its saved parameters")
    parser.add_argument("--digit", type=int, choices=range(10), default=7, help="which digit (default: %(default)s)")
    parser.add_argument("--examples", type=at_least(1), metavar="N",
                        help="the digit and N - 1 others (default: 1; for batch_norm_net 5, as it needs a mean)")
    parser.add_argument("--opened", nargs="*", metavar="LAYER",
                        help="layers to show in steps: names as Affine1, or kinds as Sigmoid")
    args = start(__doc__, parser)
    if args.params and not args.net:
        parser.error("--params FILE: which net is it? Say so with --net")
    return args


def load_net(kind, params):
    """The net, with the parameters of a file."""
    values = load_pickle(params)
    arrays = values.items() if isinstance(values, dict) else ()
    try:
        net = NETS[kind]({key: np.shape(value) for key, value in arrays})
    except (KeyError, IndexError, TypeError, ValueError):
        net = NETS[kind]({})                # load_params says what is wrong
    net.load_params(params)
    return net


def train_net(kind, x, t, epochs=2):
    """The net, trained on the examples for a moment."""
    net = NETS[kind]({})
    Trainer(net, x.reshape(len(x), -1), t, x[:100].reshape(100, -1), t[:100], epochs, optimizer="Adam",
            optimizer_param={"lr": 0.005}, verbose=False).train()
    return net


if __name__ == "__main__":
    args = parse()
    np.random.seed(0)
    (x_train, t_train), (x_test, t_test) = load_mnist(flatten=False)
    for kind in [args.net] if args.net else SHOWN:
        first = np.flatnonzero(t_test == args.digit)[0]
        count = args.examples or (5 if kind == "batch_norm_net" else 1)
        x, t = np.roll(x_test, -first, axis=0)[:count], np.roll(t_test, -first)[:count]
        x = x if "conv" in kind else x.reshape(len(x), -1)
        params = args.params or (TRAINED / f"{kind}.pkl" if "conv" in kind else None)
        try:
            net = load_net(kind, params) if params else train_net(kind, x_train[:5000], t_train[:5000])
            graph = record(net, x, t, OPENED.get(kind, ()) if args.opened is None else args.opened)
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        digits, answers = ("".join(map(str, labels)) for labels in (t, net.predict(x).argmax(axis=1)))
        digits = f"{digits}, read right" if answers == digits else f"{digits}, misread as {answers}"
        source = f"parameters of {params.name}" if params else f"after two epochs on {len(x_train[:5000]):,} digits"
        print(f"\n{kind}, {source}: {digits}\n{graph}")
        draw(graph, title=f"{kind.replace('_', ' ')}, {source}: {digits}")
        show(f"backprop_graph_{kind}")
