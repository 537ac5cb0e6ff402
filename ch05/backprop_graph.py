"""What goes forward through a net for one digit, and what comes back: every value in a table and in a picture.

Look at the lines: over each stands the value, under it the derivative of the loss by that value. Relu and pooling let
a derivative pass at some places and stop it at the others; Affine mixes them all. In the second net, the Affine and
Sigmoid layers are opened into the steps of chapter 5. Nets that you have trained can be drawn too:

    python backprop_graph.py --net two_layer_net --params two_layer_net_params.pkl

and nets that you have written, in your own script, by `draw(record(net, x, t))`.

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
from common.figures.graph import record
from common.multi_layer_net import MultiLayerNet
from common.figures.plot import show
from common.figures.draw_graph import draw
from common.files import load_pickle
from dataset.mnist import load_mnist


# Each net is built for given shapes of parameters, {"W1": (784, 50), ...}, or in its usual size if there are none.


def two_layer_net(shapes):
    return TwoLayerNet(784, shapes.get("W1", (784, 50))[1], 10, weight_init_std="he")


def fully_connected(activation):
    def build(shapes):
        hidden_size_list = [shapes[f"W{n}"][1] for n in range(1, len(shapes) // 2)] or [50]
        return MultiLayerNet(784, hidden_size_list, 10, activation, weight_init_std=activation)
    return build


def simple_convnet(shapes):
    filter_num, _, filter_size, _ = shapes.get("W1", (30, 1, 5, 5))
    return SimpleConvNet(conv_param={"filter_num": filter_num, "filter_size": filter_size},
                         hidden_size=shapes.get("W2", (4320, 100))[1], weight_init_std="he")


NETS = {
    "two_layer_net": two_layer_net,
    "relu_net": fully_connected("relu"),
    "sigmoid_net": fully_connected("sigmoid"),
    "simple_convnet": simple_convnet,
    "deep_convnet": lambda shapes: DeepConvNet(),
}
OPENED = {"sigmoid_net": ["Affine", "Sigmoid"]}
SHOWN = ["two_layer_net", "sigmoid_net", "simple_convnet"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=NETS, help=f"draw this net alone (default: {', '.join(SHOWN)})")
    parser.add_argument("--params", type=Path, metavar="FILE", help="its saved parameters (default: random ones)")
    parser.add_argument("--digit", type=int, choices=range(10), default=7, help="which digit (default: %(default)s)")
    parser.add_argument("--opened", nargs="*", metavar="LAYER",
                        help="layers to show in steps: names as Affine1, or kinds as Sigmoid")
    args = parser.parse_args()
    if args.params and not args.net:
        parser.error("--params FILE: which net is it? Say so with --net")
    return args


def load_net(kind, params):
    """The net, with the parameters of a file, if there is one."""
    if not params:
        return NETS[kind]({})
    values = load_pickle(params)
    arrays = values.items() if isinstance(values, dict) else ()
    try:
        net = NETS[kind]({key: np.shape(value) for key, value in arrays})
    except (KeyError, IndexError, TypeError, ValueError):
        net = NETS[kind]({})                # load_params says what is wrong
    net.load_params(params)
    return net


if __name__ == "__main__":
    args = parse()
    np.random.seed(0)
    _, (x_test, t_test) = load_mnist(flatten=False)
    first = np.flatnonzero(t_test == args.digit)[:1]
    x, t = x_test[first], t_test[first]
    for kind in [args.net] if args.net else SHOWN:
        try:
            net = load_net(kind, args.params)
            graph = record(net, x if "conv" in kind else x.reshape(1, -1), t,
                           OPENED.get(kind, ()) if args.opened is None else args.opened)
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        weights = f"parameters of {args.params.name}" if args.params else "random parameters"
        print(f"\n{kind}, {weights}, a {args.digit}\n{graph}")
        draw(graph, title=f"{kind.replace('_', ' ')}, {weights}: a {args.digit}")
        show(f"backprop_graph_{kind}")
