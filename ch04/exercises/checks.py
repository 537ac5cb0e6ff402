"""The checks, hints and solutions of chapter 4's exercises. Reading on spoils them."""
import numpy as np

from ch03.exercises.harness import Chapter, Exercise
from ch03.exercises.tools import Wrong, close, constant, gradient_checks, named, same, unchanged
from ch04.gradient_method import gradient_descent
from ch04.two_layer_net import TwoLayerNet
from common import functions, gradient

RNG = np.random.default_rng(0)

# ---- cross entropy ------------------------------------------------------------------------------------------------

Y = constant(np.array([[0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.25, 0.5, 0.25], [0.7, 0.2, 0.1]]))
T = constant(np.array([1, 0, 2, 0]))


def mean_over(N):
    def check(my):
        y, t = Y[:N], T[:N]
        log = np.log(y + 1e-7)
        picked = log[np.arange(N), t]
        same(my.cross_entropy_error(y.copy(), t.copy()), functions.cross_entropy_error(y, t), "the error", {
            "this is the sum over the examples: divide it by their number N": -picked.sum(),
            "this is the value of every example: return their mean": -picked,
            "this is the value of every example, divided by N: return their sum": -picked / N,
            "the minus sign is missing": picked.mean(),
            "y[:, t] picks N x N values: y[np.arange(N), t] picks one of every row, N in all": (
                -log[:, t].mean(), -log[:, t].sum() / N),
            "t is the place of the right class, not a factor: y[np.arange(N), t]": -(t * log.T).sum() / N,
            "y[t] picks whole rows: y[np.arange(N), t] picks one value of every row": -log[t % N].sum() / N,
            "this takes the largest probability: it must be that of the right class, y[np.arange(N), t]":
                -log.max(axis=1).mean(),
            "this is divided by the number of values in y, not by the number of examples": -picked.sum() / y.size,
            "this is divided by the number of classes: divide by the number of examples": -picked.sum() / y.shape[1],
            "this is the mean over all classes: only the right class of every example counts": -log.mean(),
            "this sums over all classes: only the right class of every example counts": -log.sum() / N,
            "this is log10: the natural logarithm is np.log": -picked.mean() / np.log(10)})
    return check


def probability_of_zero(my):
    error = my.cross_entropy_error(np.array([[0.0, 1.0]]), np.array([0]))
    if error is not None and np.isinf(error):
        raise Wrong("the error is inf: log(0). Add 1e-7 before the logarithm")
    same(error, 16.11809565, "the error")


# ---- numerical gradient -------------------------------------------------------------------------------------------

ROUGHLY = 1e-3      # differences taken on one side of x are named by their own check


def square(x):
    return np.sum(x ** 2)


def watched(my, f, x, reads_x_itself=False):
    """The gradient of f at x; by how much its argument and x itself differed from x in each call of f; and x after it.

    reads_x_itself: f ignores its argument, as the loss of a net does.
    """
    given, seen = np.array(x), []

    def asked(*arguments):
        if [np.shape(argument) for argument in arguments] != [given.shape]:
            raise Wrong("f takes an array, all of x: f(x)")
        seen.append([np.array(arguments[0]), given.copy()])
        return f(given if reads_x_itself else arguments[0])

    got = my.numerical_gradient(asked, given)
    if got is given:
        raise Wrong("grad is x itself, so x was overwritten: begin with np.zeros_like(x)")
    if not seen:
        raise Wrong("f was never called")
    return got, np.array(seen) - x, given


def derivatives(f, x, reads_x_itself=False):
    def check(my):
        got, changes, _ = watched(my, f, x, reads_x_itself)
        of_argument, of_x = np.abs(changes).max(axis=(0, *range(2, changes.ndim)))
        h = of_x if reads_x_itself else of_argument
        if h == 0:
            raise Wrong(
                "f reads x itself, and saw no change: change x itself, not a copy of it" if of_argument else
                "x was the same at every call of f. Change x[index] before each call; and h must not be too small: "
                "x + 1e-20 is rounded to x. Take h = 1e-4")
        if not 4e-5 < h < 3e-4:
            raise Wrong(f"f saw x changed by {h:.0e}. " + (
                "So small a change is lost in rounding. Take h = 1e-4" if h < 1e-4 else
                "So large a change is no slope any more. Take h = 1e-4" if h < 1 else
                "Change x[index] by h = 1e-4 only, and put it back"))
        expected = gradient.numerical_gradient(f, np.array(x))
        for factor, mistake in {
                2: "this is twice the gradient: x + h and x - h are 2h apart, so divide by 2h",
                1 / 2: "this is half the gradient: f(x + h) and f(x) are h apart",
                h * h: "/ 2 * h divides by 2 and then multiplies by h: it needs brackets, / (2 * h)",
                2 * h: "the difference is not divided by 2h",
                -1: "the gradient has the wrong sign: f(x + h) - f(x - h)"}.items():
            if got is not None and np.shape(got) == expected.shape and np.allclose(got, factor * expected, 0.01, 1e-12):
                raise Wrong(mistake)
        same(got, expected, "the gradient", rtol=ROUGHLY)
    return check


def both_sides(my):
    got, changes, _ = watched(my, lambda x: x[0] ** 3, [1.0])
    same(got, [3], "the derivative of x^3 at 1", rtol=ROUGHLY)
    if not changes[:, 0].min() < 0 < changes[:, 0].max():
        side = "right" if changes[:, 0].max() > 0 else "left"
        raise Wrong(f"f was asked on the {side} side of x only: its error is of the size of h. "
                    "With f(x + h) - f(x - h) it is of the size of h^2")


def one_value_at_a_time(my):
    _, changes, _ = watched(my, square, [1.0, 2.0, 3.0])
    most = np.sum(np.abs(changes[:, 0]) > 1e-9, axis=1).max()
    if most > 1:
        raise Wrong(f"{most} values of x were changed when f was called: change one, put it back, then the next")


def put_back(my):
    x = watched(my, square, [3.0, 4.0])[2]
    for i, value in enumerate([3.0, 4.0]):
        if x[i] != value:
            raise Wrong(f"x[{i}] was {value} and is {x[i]} now: keep the value itself before you change it, and put it "
                        "back. (x + h - h is not always x)")


# ---- gradient descent ---------------------------------------------------------------------------------------------

START = constant(np.array([3.0, 4.0]))


def descend(my, init_x, step_num):
    result = my.gradient_descent(square, init_x, 0.1, step_num)
    if not isinstance(result, tuple) or len(result) != 2:
        raise Wrong(f"expected two results, `return x, x_history`, got {type(result).__name__}")
    return result


def steps(step_num):
    def check(my):
        expected = {n: gradient_descent(square, START, 0.1, n)[0] for n in (1, step_num - 1, step_num, step_num + 1)}
        same(descend(my, START.copy(), step_num)[0], expected[step_num], "x", {
            "this goes uphill: the gradient must be subtracted": gradient_descent(square, START, -0.1, step_num)[0],
            "x has not moved": START,
            "this is one step only": expected[1],
            "this is one step too few": expected[step_num - 1],
            "this is one step too many": expected[step_num + 1],
            "the gradient at the beginning was used in every step: ask for it anew, at the x of each step":
                START - step_num * 0.1 * 2 * START})
    return check


def history(my):
    x, before = gradient_descent(square, START, 0.1, 3)
    same(descend(my, START.copy(), 3)[1], before, "x_history", {
        "every row is where the last step ended, because x itself was kept three times: keep x.copy()":
            np.tile(x, (3, 1)),
        "this is where each step ended: keep x before the step": [*before[1:], x],
        "this has where the last step ended too: only where each step began is asked for": [*before, x]})


def draw_descent(my):
    import matplotlib.pyplot as plt
    _, x_history = my.gradient_descent(lambda x: x[0] ** 2 / 4 + x[1] ** 2, np.array([-4.0, 2.5]), 0.2, 20)
    X0, X1 = np.meshgrid(np.linspace(-5, 5, 100), np.linspace(-3, 3, 100))
    plt.contour(X0, X1, X0 ** 2 / 4 + X1 ** 2, levels=np.array([0.5, 1, 1.5, 2, 2.5, 3]) ** 2, colors="gray",
                linestyles="--")
    plt.plot(*x_history.T, "o-", markersize=5, label="your steps, lr = 0.2")
    plt.plot(0, 0, "k*", markersize=12, label="minimum")
    plt.xlabel("x0")
    plt.ylabel("x1")
    plt.legend()


# ---- two-layer net ------------------------------------------------------------------------------------------------

INPUTS, CLASSES = constant(RNG.normal(size=(6, 4))), constant(RNG.integers(3, size=6))
BIASES = constant(np.array([0.5, -1.0, 0.3, 2.0, -0.4]))


def small_net(my):
    np.random.seed(0)
    net = my.MyNet(4, 5, 3, weight_init_std=0.7)
    net.params["b1"] += BIASES
    net.params["b2"] += BIASES[:3]
    return net


def by_hand(params, hidden=functions.sigmoid, last=functions.softmax, b1=1, b2=1, slope=lambda a, z: z * (1 - z)):
    """The gradient, if the net were this one."""
    a1 = INPUTS @ params["W1"] + b1 * params["b1"]
    z1 = hidden(a1)
    y = last(z1 @ params["W2"] + b2 * params["b2"])
    da2 = (y - np.eye(3)[CLASSES]) / 6
    da1 = da2 @ params["W2"].T * slope(a1, z1)
    return {"W1": INPUTS.T @ da1, "b1": da1.sum(axis=0), "W2": z1.T @ da2, "b2": da2.sum(axis=0)}


NET_MISTAKES = {
    "softmax is missing: y = softmax(a2)": {"last": functions.identity_function},
    "y = softmax(a2), but this is sigmoid(a2)": {"last": functions.sigmoid},
    "sigmoid is missing in the forward pass: z1 = sigmoid(a1)": {"hidden": functions.identity_function},
    "z1 = sigmoid(a1), but this is relu(a1)": {"hidden": functions.relu},
    "b1 is missing in the forward pass: a1 = x W1 + b1": {"b1": 0},
    "b2 is missing in the forward pass: a2 = z1 W2 + b2": {"b2": 0},
    "the derivative of sigmoid is missing: da1 = dz1 z1 (1 - z1)": {"slope": lambda a, z: 1},
    "the factor z1 is missing in the derivative of sigmoid, z1 (1 - z1)": {"slope": lambda a, z: 1 - z},
    "the factor 1 - z1 is missing in the derivative of sigmoid, z1 (1 - z1)": {"slope": lambda a, z: z},
    "this is a1 (1 - a1): the derivative of sigmoid is z1 (1 - z1)": {"slope": lambda a, z: a * (1 - a)},
    "z1 is sigmoid(a1) already, so the derivative is z1 (1 - z1), without another sigmoid":
        {"slope": lambda a, z: functions.sigmoid_grad(z)},
}
gradient_of_net = gradient_checks(small_net, INPUTS, CLASSES)


def net_gradient(key):
    def check(my):
        grads, params = small_net(my).gradient(INPUTS.copy(), CLASSES.copy()), small_net(my).params
        if isinstance(grads, dict) and not close(grads.get(key), by_hand(params)[key]):
            named(grads.get(key), {mistake: by_hand(params, **parts)[key] for mistake, parts in NET_MISTAKES.items()})
        gradient_of_net(key)(my)
    return check


CHAPTER = Chapter(4, [
    Exercise("cross_entropy", {
        "one example": mean_over(1),
        "the mean over four examples": mean_over(4),
        "a probability of 0: a large number, not inf": probability_of_zero,
        "y stays as it is": lambda my: unchanged(my.cross_entropy_error, y=Y, t=T),
    }, (
        "y[np.arange(N), t] is the array of y[0, t[0]], y[1, t[1]], ...: one value of every row. N is len(y).",
        "np.log(... + 1e-7) of these, then their sum.",
        "A minus sign in front, and divide by N.",
    ), (functions.cross_entropy_error,)),
    Exercise("numerical_gradient", {
        "the sum of x^2 at [3, 4]: [6, 8]": derivatives(square, [3.0, 4.0]),
        "any shape: x (2, 3)": derivatives(lambda x: np.sum(x ** 3), [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]),
        "one value is changed at a time": one_value_at_a_time,
        "x is afterwards as it was": put_back,
        "f may read x where it lives": derivatives(square, [[3.0, 4.0]], reads_x_itself=True),
        "f is asked on both sides of x": both_sides,
    }, (
        "grad = np.zeros_like(x) is the array to fill.",
        "for index in np.ndindex(x.shape): runs through the places of an array of any shape; x[index] is one value.",
        "value = x[index]; then x[index] = value + h, f(x); x[index] = value - h, f(x); x[index] = value.",
        "grad[index] = (f_upper - f_lower) / (2 * h)",
    ), (gradient.numerical_gradient, f"STEP = {gradient.STEP}\n", gradient.slope, gradient._moved)),
    Exercise("gradient_descent", {
        "one step from [3, 4], lr = 0.1: [2.4, 3.2]": steps(1),
        "five steps": steps(5),
        "x_history: where each step began": history,
        "init_x stays as it is": lambda my: unchanged(lambda init_x: descend(my, init_x, 3), init_x=START),
    }, (
        "x = init_x.copy(): then the steps may change x itself.",
        "for _ in range(step_num): x -= lr * numerical_gradient(f, x)",
        "Before every step: x_history.append(x.copy()). Without copy the list would hold one array many times.",
        "return x, np.array(x_history)",
    ), (gradient_descent,), draw_descent),
    Exercise("two_layer_net", {
        "the gradient of b2": net_gradient("b2"),
        "the gradient of W2": net_gradient("W2"),
        "the gradient of b1": net_gradient("b1"),
        "the gradient of W1": net_gradient("W1"),
    }, (
        "First the forward pass again: a1, z1, y are needed below.",
        "b2 was added to every row of a2, so its gradient is the sum of da2 over the examples: axis=0.",
        "a2 = z1 W2: the gradient of W2 (H, K) is z1^T da2: (H, N) times (N, K). That of z1 is da2 W2^T.",
        "The derivative of sigmoid at a1 is z1 (1 - z1), so da1 = dz1 * z1 * (1 - z1).",
        "b1 and W1 are to da1 and x what b2 and W2 are to da2 and z1.",
    ), (TwoLayerNet.gradient,)),
], after="That was the last exercise of chapter 4. Next: ch05/exercises/mul_add.py")
check = CHAPTER.check
