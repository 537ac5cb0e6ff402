"""The checks, hints and solutions of chapter 3's exercises. Reading on spoils them."""
import numpy as np

import ch03.neuralnet_mnist_batch
from ch03.exercises.harness import Chapter, Exercise
from ch03.exercises.tools import Wrong, constant, same, unchanged
from ch03.neuralnet_mnist import init_network, predict
from common import functions
from dataset import source
from dataset.mnist import MINI_DIR, MINI_FILES

X = constant(np.array([[-2.0, -0.5, 0.0], [0.3, 1.0, 4.0]]))


# ---- sigmoid ------------------------------------------------------------------------------------------------------

def sigmoid_values(my):
    same(my.sigmoid(X.copy()), functions.sigmoid(X), "sigmoid(x)", {
        "this is 1 / (1 + exp(x)): the minus in exp(-x) is missing": functions.sigmoid(-X),
        "this is 1 / 1 + exp(-x): the sum 1 + exp(-x) needs brackets": 1 + np.exp(-X)})


def draw_sigmoid(my):
    import matplotlib.pyplot as plt
    x = np.linspace(-6, 6, 200)
    plt.plot(x, my.sigmoid(x))
    plt.xlabel("x")
    plt.ylabel("your sigmoid(x)")
    plt.grid(alpha=0.3)


# ---- softmax ------------------------------------------------------------------------------------------------------

def softmax_of_three(my):
    x = np.array([0.3, 2.9, 4.0])
    exp = np.exp(x)
    same(my.softmax(x.copy()), functions.softmax(x), "softmax(x)", {
        "exp is not divided by its sum": exp,
        "the maximum is taken off above the fraction line only: the sum needs it too": exp / np.exp(4) / exp.sum(),
        "the maximum is taken off below the fraction line only: above it is needed too": exp / np.exp(x - 4).sum(),
        "x is divided by its maximum: it must be taken off, x - max": functions.softmax(x / 4)})


def softmax_of_large_scores(my):
    many = ("exp(1010) is larger than any float. Softmax stays the same if one number is taken off all scores of an "
            "example")
    two = "exp overflows still: take off the maximum, then no exponent is larger than 0"
    for x, why in (np.array([1010.0, 1000.0, 990.0]), many), (np.array([2000.0, 0.0]), two):
        y = my.softmax(x.copy())
        if y is not None and np.isnan(y).any():
            raise Wrong(f"softmax({x}) is {y}: {why}")
        same(y, functions.softmax(x), f"softmax({x})")


def softmax_of_a_batch(my):
    x = np.array([[0.3, 2.9, 4.0], [-800.0, -801.0, -803.0]])
    exp = np.exp(x - x.max(axis=1, keepdims=True))
    far = np.exp(x - x.max())
    columns = np.exp(x - x.max(axis=0))
    same(my.softmax(x.copy()), functions.softmax(x), "softmax(x)", {
        "the sum runs over the whole batch: every row needs a sum (and a maximum) of its own": (
            exp / exp.sum(), far / far.sum()),
        "sum (and maximum) are those of the columns: every row is an example, axis=-1": (
            columns / columns.sum(axis=0), exp / exp.sum(axis=0)),
        "the values are right, but the rows have become columns: transpose back": functions.softmax(x).T,
        "the maximum runs over the whole batch: a row of much smaller scores becomes 0 / 0. "
        "Every row needs a maximum of its own": [functions.softmax(x[0]), [np.nan] * 3]})
    same(my.softmax(x[:1].copy()), functions.softmax(x[:1]), "softmax(x) of a batch of one, x (1, 3)")


# ---- three layers -------------------------------------------------------------------------------------------------

def small_network():
    rng = np.random.default_rng(0)
    sizes = {1: (4, 5), 2: (5, 6), 3: (6, 3)}
    return ({f"W{n}": rng.normal(size=size) for n, size in sizes.items()}
            | {f"b{n}": rng.normal(size=size[1]) for n, size in sizes.items()})


def forward(network, x, activation=functions.sigmoid, last=functions.softmax, bias=1.0):
    for n in (1, 2, 3):
        x = (last if n == 3 else activation)(x @ network[f"W{n}"] + bias * network[f"b{n}"])
    return x


def three_layers(shape):
    def check(my):
        network, x = small_network(), np.random.default_rng(1).normal(size=shape)
        same(my.predict(small_network(), x.copy()), predict(network, x), "predict(network, x)", {
            "softmax is missing after the third layer": forward(network, x, last=functions.identity_function),
            "sigmoid follows the third layer too, where softmax belongs": forward(network, x, last=functions.sigmoid),
            "sigmoid follows the third layer too, before softmax": forward(
                network, x, last=lambda a: functions.softmax(functions.sigmoid(a))),
            "sigmoid is missing after the first and the second layer": forward(network, x, functions.identity_function),
            "the biases are missing": forward(network, x, bias=0)})
    return check


def digits(which="test"):
    """1,000 digits (N, 784) and their classes; or "train", 4,000. They come with the project."""
    x, t = (source.read_file(MINI_DIR / MINI_FILES[key].name, MINI_FILES[key])
            for key in (f"{which}_img", f"{which}_label"))
    return x.reshape(len(x), 784) / np.float32(255), t


def reads_digits(my):
    x, t = digits()
    network = init_network()
    right = np.argmax(my.predict(init_network(), x.copy()), axis=1) == t
    ours = np.argmax(predict(network, x), axis=1) == t
    if right.sum() != ours.sum():
        raise Wrong(f"it reads {right.sum()} of {len(x)} digits right; expected {ours.sum()}")


def draw_digits(my):
    from common.figures.plot import image_grid
    x = digits()[0][:20]
    y = my.predict(init_network(), x.copy())
    image_grid(x, [f"{k}, {p:.0%} sure" for k, p in zip(y.argmax(axis=1), y.max(axis=1))], columns=5,
               title="what your net reads")


# ---- batches ------------------------------------------------------------------------------------------------------

ANSWERS = constant(np.eye(3)[[0, 0, 0, 0, 0, 1, 0]] + 0.1)
RIGHT = constant(np.array([0, 0, 0, 0, 1, 0, 0]))   # 5 of 7 are right: 3, 1 and 1 in the batches


def accuracy_of_seven(my):
    def right_along(axis):
        return sum(np.sum(np.argmax(ANSWERS[i:i + 3], axis=axis) == RIGHT[i:i + 3]) for i in (0, 3, 6)) / 7

    def predict(x):
        return ANSWERS[x[:, 0]]

    same(my.accuracy(predict, np.arange(7).reshape(7, 1), RIGHT.copy(), 3), 5 / 7, "the share", {
        "the last batch, which is smaller, is left out": 4 / 6,
        "the last batch, which is smaller, is left out, but divided by all": 4 / 7,
        "the mean of the batches' shares is not the share of all: the last batch is smaller, but counts "
        "as much as the others": (3 / 3 + 1 / 3 + 1 / 1) / 3,
        "this is the number of right answers: divide it by the number of examples": 5,
        "the sum is divided by the number of whole batches times batch_size": 5 / 6,
        "argmax takes a whole batch for one example: every row is one (axis=1)": right_along(None),
        "argmax runs along the wrong axis: every row is one example (axis=1)": right_along(0)})


def whole_batches(my):
    sizes = []

    def predict(x):
        sizes.append(len(x))
        return ANSWERS[x[:, 0]]

    my.accuracy(predict, np.arange(7).reshape(7, 1), RIGHT.copy(), 3)
    if sizes != [3, 3, 1]:
        raise Wrong(f"7 examples, batch_size 3: expected predict to get 3, 3 and 1 of them, it got {sizes}")


CHAPTER = Chapter(3, [
    Exercise("sigmoid", {
        "sigmoid(0) is 0.5": lambda my: same(my.sigmoid(np.array([0.0])), [0.5], "sigmoid(0)"),
        "sigmoid(x) for x of shape (2, 3)": sigmoid_values,
        "far from zero: 0 and 1": lambda my: same(my.sigmoid(np.array([-1000.0, 1000.0])), [0, 1],
                                                  "sigmoid([-1000, 1000])"),
        "x stays as it is": lambda my: unchanged(my.sigmoid, x=X),
    }, (
        "np.exp takes an array and returns the exponential of every value.",
        "-x, 1 + x and 1 / x work on whole arrays too, so the formula is one line.",
        "return 1 / (1 + np.exp(-x))",
    ), (functions.sigmoid,), draw_sigmoid),
    Exercise("softmax", {
        "softmax([0.3, 2.9, 4.0]) is [0.018, 0.245, 0.737]": softmax_of_three,
        "large scores: softmax([1010, 1000, 990]), softmax([2000, 0])": softmax_of_large_scores,
        "a batch (2, 3): every row by itself": softmax_of_a_batch,
        "x stays as it is": lambda my: unchanged(my.softmax, x=X),
    }, (
        "exp(x - c) = exp(x) / exp(c): the same c above and below the fraction line cancels.",
        "Take c = the maximum of the example: then no exponent is larger than 0, and exp at most 1.",
        "For rows: np.max(x, axis=-1, keepdims=True) has the shape (N, 1), so it can be taken off x (N, K).",
        "np.sum(e, axis=-1, keepdims=True), in the same way, for the sum.",
    ), (functions.softmax,)),
    Exercise("three_layers", {
        "one example (4,): three probabilities": three_layers((4,)),
        "a batch (5, 4): five times three probabilities": three_layers((5, 4)),
        "a batch of one (1, 4)": three_layers((1, 4)),
        "it reads 1,000 digits with ready weights": reads_digits,
    }, (
        'The first layer: x @ network["W1"] + network["b1"]. The sign @ is the matrix product.',
        'Then z1 = sigmoid(...) of it, which is what the second layer gets in place of x.',
        "The same for the second layer; the third has softmax in place of sigmoid.",
    ), (predict,), draw_digits),
    Exercise("batches", {
        "the share of right answers, of 7 examples in batches of 3": accuracy_of_seven,
        "predict gets 3, 3 and 1 examples": whole_batches,
    }, (
        "range(0, len(x), batch_size) gives the place where every batch begins.",
        "x[i:i + batch_size] is a batch; at the end a slice just stops, so the last one may be shorter.",
        "np.argmax(y, axis=1) gives every example's answer; np.sum(answers == t_batch) counts the right ones.",
        "Add up the right ones of all batches, and divide once, by len(x).",
    ), (ch03.neuralnet_mnist_batch,)),
], after="That was the last exercise of chapter 3. Next: ch04/exercises/cross_entropy.py")
check = CHAPTER.check
