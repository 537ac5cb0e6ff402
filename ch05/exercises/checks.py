"""The checks, hints and solutions of chapter 5's exercises. Reading on spoils them."""
import numpy as np

from ch03.exercises.checks import digits
from ch03.exercises.harness import Chapter, Exercise
from ch03.exercises.tools import Wrong, close, constant, gradient_checks, named, same, stay, unchanged
from ch05 import layer_naive
from common import functions, layers, network, optimizer, util
from common.probe import parameter_names

RNG = np.random.default_rng(0)
X, DOUT = constant(RNG.normal(size=(2, 4, 3)))
IMAGES = constant(RNG.permutation(np.linspace(-1, 1, 2 * 3 * 4 * 5)).reshape(2, 3, 4, 5))       # no two values alike


def forward_then_backward(layer, x, dout):
    layer.forward(x.copy())
    return layer.backward(dout.copy())


# ---- MulLayer, AddLayer -------------------------------------------------------------------------------------------

def price_of_apples(my):
    apples, tax = my.MulLayer(), my.MulLayer()
    same(tax.forward(apples.forward(100, 2), 1.1), 220, "the price of two apples of 100 yen, with 10% tax")
    dprice, dtax = pair(tax.backward(1))
    dapple, dnumber = pair(apples.backward(dprice))
    same(np.array([dapple, dnumber, dtax]), [2.2, 110, 200],
         "the derivatives with respect to an apple's price, the number of apples and the tax")


def pair(result):
    if not isinstance(result, tuple) or len(result) != 2:
        raise Wrong(f"backward: expected two results, `return dx, dy`, got {type(result).__name__}")
    return result


def both(name, layer):
    """The gradient of x or y, of two arrays."""
    def check(my):
        x, y, dout = X, X[::-1] + 2, DOUT
        mine, ours = getattr(my, layer)(), getattr(layer_naive, layer)()
        mine.forward(x.copy(), y.copy()), ours.forward(x, y)
        dx, dy = ours.backward(dout)
        expected, other = (dx, dy) if name == "x" else (dy, dx)
        wrong = {"dx and dy are exchanged: each gets dout times the other input": other} if layer == "MulLayer" else {}
        same(pair(mine.backward(dout.copy()))["xy".index(name)], expected, f"d{name}", wrong | {
            "dout is missing: multiply by what comes from above": expected / dout,
            "dout was added where it must be multiplied": expected / dout + dout,
            "this is dout times both inputs: the derivative of x y with respect to one is the other": dout * x * y,
            "this is dout times the input: the derivative of a sum is 1": dout * (x if name == "x" else y)})
    return check


# ---- Relu, Sigmoid ------------------------------------------------------------------------------------------------

def relu_forward(my):
    same(my.Relu().forward(X.copy()), np.maximum(X, 0), "out", {
        "this is |x|: negative values become 0": np.abs(X),
        "this is 0 and 1, where x > 0: those values of x must pass as they are": X > 0,
        "the negative values pass, the positive ones must": np.minimum(X, 0)})


def relu_backward(my):
    x = X.copy()
    x[0, 0] = 0
    same(forward_then_backward(my.Relu(), x, DOUT), DOUT * (x > 0), "dx", {
        "where x is 0, dx must be 0: the mask is x > 0": DOUT * (x >= 0),
        "dx is dout where dout > 0: forward has to keep where x > 0": DOUT * (DOUT > 0),
        "dx is 1 and 0 where x > 0: multiply by dout": x > 0,
        "dx is dout everywhere: where x was not positive, the output does not depend on it": DOUT,
        "dx is dout where x <= 0: the wrong places": DOUT * (x <= 0),
        "dx is x where x > 0: dout must pass there, not x": np.maximum(x, 0)})


def sigmoid_forward(my):
    out = 1 / (1 + np.exp(-X))
    same(my.Sigmoid().forward(X.copy()), out, "out", {
        "this is 1 / (1 + exp(x)): the minus in exp(-x) is missing": 1 - out})


def sigmoid_backward(my):
    out = 1 / (1 + np.exp(-X))
    same(forward_then_backward(my.Sigmoid(), X, DOUT), DOUT * out * (1 - out), "dx", {
        "this is dout x (1 - x): the derivative is out (1 - out), so keep out in forward": DOUT * X * (1 - X),
        "this is dout times the derivative at dout: keep out in forward": DOUT * DOUT * (1 - DOUT),
        "dout is missing: multiply the derivative by what comes from above": out * (1 - out),
        "the factor out is missing: the derivative is out (1 - out)": DOUT * (1 - out),
        "the factor 1 - out is missing: the derivative is out (1 - out)": DOUT * out})


# ---- Affine, SoftmaxWithLoss, the loop ----------------------------------------------------------------------------

W, B = constant(RNG.normal(size=(3, 3))), constant(RNG.normal(size=3))     # square: a wrong transpose still runs


def affine(my):
    return my.Affine(W.copy(), B.copy())


affine_gradient = gradient_checks(affine, X)


def affine_forward(my):
    same(affine(my).forward(X.copy()), X @ W + B, "out", {
        "the bias is missing": X @ W, "W is transposed: out = x W": X @ W.T + B})


SCORES, TARGETS = constant(RNG.normal(size=(5, 3))), constant(np.array([0, 2, 1, 1, 0]))


def loss_of_scores(my):
    layer = layers.SoftmaxWithLoss()
    loss = layer.forward(SCORES, TARGETS)
    same(my.SoftmaxWithLoss().forward(SCORES.copy(), TARGETS.copy()), loss, "the loss", {
        "this is the cross entropy of the scores: softmax comes first": functions.cross_entropy_error(SCORES, TARGETS),
        "this is softmax(x): return the loss": layer.y})


def loss_gradient(my):
    layer, ours = my.SoftmaxWithLoss(), layers.SoftmaxWithLoss()
    layer.forward(SCORES.copy(), TARGETS.copy()), ours.forward(SCORES, TARGETS)
    one_hot = np.eye(3)[TARGETS]
    same(layer.backward(), ours.backward(), "dx", {
        "the factor 1/N is missing: the loss is a mean over N examples": ours.y - one_hot,
        "this is divided by the number of values, N K; the loss is a mean over N examples": (ours.y - one_hot) / 15,
        "this is y / N: take off 1 in the place of the right class": ours.y / 5,
        "this is y - t with the scores x in place of y = softmax(x)": (SCORES - one_hot) / 5})


def twice_the_same(my):
    layer = my.SoftmaxWithLoss()
    layer.forward(SCORES.copy(), TARGETS.copy())
    first = np.array(layer.backward())
    if not np.array_equal(layer.backward(), first):
        raise Wrong("the second dx is another one: backward changed what forward kept. Change a copy of it")


loop = gradient_checks(lambda my: my.MyNet(3, 4, 3, weight_init_std=0.7), SCORES, TARGETS)


def whole_dict(my):
    grads = my.MyNet(3, 4, 3).gradient(SCORES.copy(), TARGETS.copy())
    if grads is None or set(grads) != {"W1", "b1", "W2", "b2"}:
        raise Wrong(f"expected a dict with the keys W1, b1, W2, b2, got {', '.join(map(str, grads or ['None']))}")


# ---- Momentum, Adam -----------------------------------------------------------------------------------------------

def steps(update, number):
    """Where two parameters are after so many steps; every step has gradients of its own."""
    params = {"W": np.array([1.0, -2.0]), "b": np.array([0.5])}
    for i in range(number):
        update(params, {"W": np.array([0.3, 1.0 - i]), "b": np.array([2.0 + i])})
    return np.concatenate([params["W"], params["b"]])


def by_rule(rule, number):
    """The same with rule(g, memory, t), which gives the step of one parameter."""
    memory, t = {}, 0

    def update(params, grads):
        nonlocal t
        t += 1
        for place, key in enumerate(params):
            params[key] += rule(grads[key], memory.setdefault(key, {"m": 0, "v": 0}), t, place)
    return steps(update, number)


def momentum_rule(decay=0.9, sign=-1, on_all=1):
    def rule(g, s, t, place):
        s["v"] = decay * s["v"] + on_all * sign * 0.1 * g
        return s["v"]
    return rule


def adam_rule(corrected=True, power=2, count=lambda t, place: t, betas=(0.9, 0.999), sign=-1):
    def rule(g, s, t, place):
        s["m"] = betas[0] * s["m"] + (1 - betas[0]) * g
        s["v"] = betas[1] * s["v"] + (1 - betas[1]) * np.abs(g) ** power
        t = count(t, place)
        factor = np.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t) if corrected else 1
        return sign * 0.1 * factor * s["m"] / (np.sqrt(s["v"]) + 1e-7)
    return rule


def rule_checks(name, mistakes):
    """f, for checks f(number): after so many steps the parameters are where the rule leads."""
    def after(number):
        return lambda my: same(*[steps(getattr(module, name)(lr=0.1).update, number) for module in (my, optimizer)],
                               "W and b", {"nothing has moved": steps(lambda params, grads: None, 0),
                                           **{mistake: by_rule(rule, number) for mistake, rule in mistakes.items()}})
    return after


momentum = rule_checks("Momentum", {
    "this goes uphill: v gets lr g with a minus": momentum_rule(sign=1),
    "v is not kept from step to step: this is gradient descent without momentum": momentum_rule(0),
    "the new gradient is multiplied by 1 - momentum: in this rule it counts in full": momentum_rule(on_all=0.1),
    "v is not multiplied by momentum": momentum_rule(1)})
adam = rule_checks("Adam", {
    "this goes uphill: the step must be subtracted": adam_rule(sign=1),
    "the correction is missing: lr_t, not lr": adam_rule(corrected=False),
    "t is counted for every parameter: it must grow by 1 in every call of update": adam_rule(
        count=lambda t, place: 2 * t - 1 + place),
    "t is 0 in lr_t: count first, so that t is 1 in the first call of update": adam_rule(count=lambda t, place: 0.0),
    "t begins at 2: count before the step, once": adam_rule(count=lambda t, place: t + 1),
    "v takes g, not g squared": adam_rule(power=1),
    "beta1 and beta2 are exchanged": adam_rule(betas=(0.999, 0.9))})


def in_place(name):
    def check(my):
        params, grads = {"W": np.ones(2)}, {"W": np.ones(2)}
        array = params["W"]
        getattr(my, name)().update(params, grads)
        if params["W"] is not array:
            raise Wrong("params holds a new array now; the layer still has the old one. Change it where it is: "
                        'params[key] += ...')
        if not np.array_equal(grads["W"], [1, 1]):
            raise Wrong("grads was changed: write into a new array")
    return check


# ---- Dropout ------------------------------------------------------------------------------------------------------

ONES = constant(np.ones((100, 100)))


def dropped(my):
    layer = my.Dropout(0.2)
    out = layer.forward(ONES.copy())
    if out is None or np.shape(out) != ONES.shape:
        return same(out, ONES, "out")
    out, share = np.array(out), np.mean(out == 0)
    if close(out, 0.8 * ONES):
        raise Wrong("this is x (1 - dropout_ratio), as in prediction: training returns x times the mask")
    if (out == out[0]).all() or (out == out[:, :1]).all():
        raise Wrong("whole rows or columns of x were dropped: every value needs a random number of its own, "
                    "np.random.rand(*x.shape)")
    if abs(share - 0.2) >= 0.03:
        raise Wrong(f"dropout_ratio is 0.2, and {share:.0%} became 0" + next((why for near, why in {
            0.8: ": 0.2 is the share to drop, not the share to keep",
            0.58: ": np.random.randn gives numbers around 0, np.random.rand from 0 to 1",
            0.5: ": compare the random numbers with self.dropout_ratio",
            0: ": a value is dropped where the random number is not larger than dropout_ratio"}.items()
            if abs(share - near) < 0.03), ""))
    if np.array_equal(layer.forward(ONES.copy()), out):
        raise Wrong("two forwards dropped the same values: draw a new mask in every one")


def kept(my):
    out = np.asarray(my.Dropout(0.2).forward(ONES.copy()))
    values = out[out != 0]
    if not np.allclose(values, values[0]):
        raise Wrong("the values that are kept must stay as they are: the mask is 0 or 1 (random number > ratio)")
    same(values[0], 1, "a value 1 that is kept", {
        "this divides by 1 - dropout_ratio in training (other libraries do); here prediction multiplies": 1 / 0.8,
        "training multiplies by 1 - dropout_ratio too: only prediction does": 0.8})


def in_prediction(my):
    same(my.Dropout(0.2).forward(X.copy(), train_flg=False), 0.8 * X, "out", {
        "prediction must multiply by 1 - dropout_ratio, which training did on average": X,
        "this is x dropout_ratio: it must be x (1 - dropout_ratio)": 0.2 * X,
        "this divides: prediction multiplies by 1 - dropout_ratio": X / 0.8})


def same_places(my):
    layer = my.Dropout(0.5)
    out = np.array(layer.forward(ONES.copy()))
    if not np.array_equal(layer.backward(ONES.copy()), layer.backward(ONES.copy())):
        raise Wrong("backward draws a new mask: it must use the one of the last forward")
    same(layer.backward(2 * ONES), 2 * out, "dx", {
        "dx is dout everywhere: where a value was dropped, dx is 0": 2 * ONES,
        "dx is dout where a value was dropped: the wrong places": 2 * (1 - out),
        "dx is divided by 1 - dropout_ratio: forward in training did not divide": 4 * out,
        "dx is multiplied by 1 - dropout_ratio: forward in training did not multiply": out})
    layer.forward(ONES.copy(), train_flg=False)
    if not np.array_equal(layer.backward(ONES.copy()), out):
        raise Wrong("dx is another one after forward(x, train_flg=False): prediction must leave the mask alone")


# ---- BatchNormalization -------------------------------------------------------------------------------------------

GAMMA, BETA = constant(np.array([1.5, -0.5, 2.0])), constant(np.array([0.1, 0.2, -0.3]))
ROWS = constant(3 * X + [1, 5, -2])


def batch_norm(module):
    return module.BatchNormalization(GAMMA.copy(), BETA.copy())


norm_gradient = gradient_checks(batch_norm, ROWS)


def normal(x, mean, var, eps=1e-6):
    return GAMMA * (x - mean) / np.sqrt(var + eps) + BETA


def without_eps(x, mean, var):
    """out with another number in place of the 1e-6, where the variance is small."""
    return {f"std is sqrt(var + {eps:g}): it must be sqrt(var + 1e-6)": normal(x, mean, var, eps)
            for eps in (1e-7, 1e-5, 1e-8, 1e-3)} | {
        "the 1e-6 in std = sqrt(var + 1e-6) is missing: where the variance is 0, this divides by 0":
            normal(x, mean, var, 0),
        "std is sqrt(var) + 1e-6: the 1e-6 belongs under the root":
            GAMMA * (x - mean) / (np.sqrt(var) + 1e-6) + BETA}


def normalized(my):
    x = ROWS
    mean, var = x.mean(axis=0), x.var(axis=0)
    same(batch_norm(my).forward(x.copy()), batch_norm(layers).forward(x), "out", {
        "mean and variance are of the whole x: every column has its own (axis=0)": normal(x, x.mean(), x.var()),
        "the mean is of the whole x: every column has its own (axis=0)": normal(x, x.mean(), var),
        "the variance is of the whole x: every column has its own (axis=0)": normal(x, mean, x.var()),
        "mean and variance are of the rows: they must be of the columns (axis=0)":
            normal(x, x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)),
        "this divides by the variance: it must be by its square root": GAMMA * (x - mean) / (var + 1e-6) + BETA,
        "gamma and beta are missing: out = gamma xn + beta": (x - mean) / np.sqrt(var + 1e-6),
        "gamma is missing: out = gamma xn + beta": (x - mean) / np.sqrt(var + 1e-6) + BETA,
        "beta is missing: out = gamma xn + beta": normal(x, mean, var) - BETA,
        "the mean is not subtracted": normal(x, 0, var),
        "the running averages were used: training takes mean and var of this batch": normal(x, 0, 1),
        "the running averages were used, with this batch in them: training takes mean and var of this batch alone":
            normal(x, 0.1 * mean, 0.9 + 0.1 * var),
        "the variance is divided by N - 1: here it is by N": normal(x, mean, x.var(axis=0, ddof=1))})


def small_variances(my):
    """A column of equal values, two of small variance."""
    x = 3 + np.array([0, 1e-3, 0.01]) * [[-1], [-1], [1], [1]]
    mean, var = x.mean(axis=0), x.var(axis=0)
    same(batch_norm(my).forward(x.copy()), normal(x, mean, var), "out", without_eps(x, mean, var))


def running(name, statistic, mistakes=()):
    def average(statistic, keep=0.9, add=0.1):
        value = getattr(batch_norm(layers), name)
        for x in (ROWS, ROWS + 1):
            value = keep * value + add * statistic(x)
        return value

    def check(my):
        layer = batch_norm(my)
        for x in (ROWS, ROWS + 1):
            layer.forward(x.copy())
        same(getattr(layer, name), average(statistic), name, {
            "the factor 1 - momentum is missing": average(statistic, add=1),
            "it did not move": average(statistic, 1, 0),
            "this is the last batch's alone: keep momentum of what was there": average(statistic, 0, 1),
            "momentum and 1 - momentum are exchanged": average(statistic, 0.1, 0.9),
            **{mistake: average(wrong) for mistake, wrong in dict(mistakes).items()}})
    return check


def norm_in_prediction(my):
    """With running averages of its own: those that training makes may be wrong."""
    layer, one = batch_norm(my), ROWS[:1]
    mean, var = constant(np.array([1.0, 4.0, -2.0])), constant(np.array([2.0, 0.5, 0.0]))
    layer.forward(ROWS.copy())
    layer.running_mean, layer.running_var = mean.copy(), var.copy()
    same(layer.forward(one.copy(), train_flg=False), normal(one, mean, var), "out", {
        "mean and variance are of this batch: prediction takes the running ones": BETA[np.newaxis],
        **without_eps(one, mean, var)})
    if not np.array_equal([layer.running_mean, layer.running_var], [mean, var]):
        raise Wrong("prediction moved running_mean or running_var: only training may")


def norm_gamma(my):
    layer = batch_norm(my)
    forward_then_backward(layer, ROWS, DOUT)
    named(getattr(layer, "dgamma", None), {
        "this has out in place of xn: gamma multiplies xn, so dgamma is the sum of dout xn": (
            DOUT * batch_norm(layers).forward(ROWS)).sum(axis=0)})
    norm_gradient("gamma")(my)


# ---- im2col, col2im -----------------------------------------------------------------------------------------------

NINE = constant(np.arange(1.0, 10).reshape(1, 1, 3, 3))
NUMBERED = constant(np.arange(1.0, 121).reshape(2, 3, 4, 5) / 2)


def windows(x, *sizes):
    def check(my):
        filter_h, filter_w, stride, pad = sizes
        col = util.im2col(x, *sizes)
        whole = window_by_window(col, x.shape, *sizes)
        out_h, out_w = whole.shape[1:3]
        padded = util.pad_images(x, pad)
        same(my.im2col(x.copy(), *sizes), col, "col", {
            "in a row, the channels stand side by side: first the whole window of the first channel":
                whole.transpose(0, 1, 2, 4, 5, 3).reshape(col.shape),
            "in a row, the window is read column by column: read it row by row":
                whole.transpose(0, 1, 2, 3, 5, 4).reshape(col.shape),
            "the windows go down the columns first: go along the rows":
                whole.transpose(0, 2, 1, 3, 4, 5).reshape(col.shape),
            "this is col turned on its side: a window is a row": col.T,
            "the values are right, but the axes were not put in order before reshape: "
            "transpose to (N, out_h, out_w, C, filter_h, filter_w)":
                whole.transpose(0, 3, 4, 5, 1, 2).reshape(col.shape),
            "stride is not used": util.im2col(x, filter_h, filter_w, 1, pad),
            "stride is not used: it is out_h by out_w windows, but they lie one pixel apart": util.im2col(
                padded[:, :, :filter_h + out_h - 1, :filter_w + out_w - 1], filter_h, filter_w),
            "pad is not used": util.im2col(x, filter_h, filter_w, stride, 0)})
    return check


def window_by_window(col, shape, filter_h, filter_w, stride, pad):
    """col as (N, out_h, out_w, C, filter_h, filter_w)."""
    N, C, H, W = shape
    out_h, out_w = (util.conv_output_size(*size, stride, pad) for size in ((H, filter_h), (W, filter_w)))
    return col.reshape(N, out_h, out_w, C, filter_h, filter_w)


def added_back(shape, *sizes):
    def check(my):
        filter_h, filter_w, stride, pad = sizes
        N, C, H, W = shape
        col = np.zeros_like(util.im2col(np.zeros(shape), *sizes))
        col.flat = np.arange(1, col.size + 1) / 2
        whole = window_by_window(col, shape, *sizes)
        out_h, out_w = whole.shape[1:3]

        def read(*order):
            """The image, if the learner's first reshape takes the axes of `whole` in this order."""
            wrong = col.reshape([whole.shape[axis] for axis in order]).transpose(np.argsort(order))
            return util.col2im(wrong.reshape(col.shape), shape, *sizes)

        padded = util.col2im(col, (N, C, H + 2 * pad, W + 2 * pad), filter_h, filter_w, stride, 0)
        image = util.col2im(col, shape, *sizes)
        no_stride = np.zeros_like(padded)
        close_by = N, C, filter_h + out_h - 1, filter_w + out_w - 1
        no_stride[:, :, :close_by[2], :close_by[3]] = util.col2im(col, close_by, filter_h, filter_w)
        same(my.col2im(col.copy(), shape, *sizes), image, "the image", {
            "a pixel that lies in several windows has the value of one window only: add them up, += and not =":
                tuple(overwritten(col, shape, *sizes, order) for order in (1, -1)),
            "the padding was not cut off": padded,
            "with pad 0, pad:-pad is 0:0, which is empty: pad:pad + H": padded[:, :, pad:-pad, pad:-pad],
            "the padding was cut off on one side only": padded[:, :, :H, :W],
            "stride is not used: the windows were added one pixel apart": no_stride[:, :, pad:pad + H, pad:pad + W],
            "col was reshaped to (N, C, filter_h, filter_w, out_h, out_w) at once, which mixes its axes: reshape to "
            "(N, out_h, out_w, C, filter_h, filter_w), then transpose(0, 3, 4, 5, 1, 2)": read(0, 3, 4, 5, 1, 2),
            "filter_h and filter_w are exchanged: a row has the window row by row": read(0, 1, 2, 3, 5, 4),
            "out_h and out_w are exchanged: the windows go along the rows of the image": read(0, 2, 1, 3, 4, 5),
            "in a row of col, the whole window of the first channel comes first, then that of the second":
                read(0, 1, 2, 4, 5, 3),
            "a window is a row of col, not a column": read(3, 4, 5, 0, 1, 2),
            "this is the mean of what came from the windows: add it up":
                image / np.maximum(util.col2im(np.ones_like(col), shape, *sizes), 1)})
    return check


def overwritten(col, shape, filter_h, filter_w, stride, pad, order):
    """col2im with = in place of +=, from the first window to the last (order 1), or the other way round (-1)."""
    places = util.im2col(np.arange(1, np.prod(shape) + 1).reshape(shape), filter_h, filter_w, stride, pad)
    flat = np.zeros(np.prod(shape) + 1)
    for place, value in list(zip(places.ravel(), col.ravel()))[::order]:
        flat[place] = value
    return flat[1:].reshape(shape)


def draw_overlap(my):
    import matplotlib.pyplot as plt
    figure, row = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    figure.suptitle("your col2im of ones: in how many windows every pixel lies")
    for axes, (size, stride, pad) in zip(row, [(3, 1, 0), (3, 2, 0), (3, 1, 1)]):
        col = np.ones_like(util.im2col(np.zeros((1, 1, 7, 7)), size, size, stride, pad))
        image = my.col2im(col, (1, 1, 7, 7), size, size, stride, pad)[0, 0]
        axes.imshow(image, cmap="Blues", vmin=0, vmax=2 * image.max())
        for (y, x), count in np.ndenumerate(image):
            axes.text(x, y, f"{count:.0f}", ha="center", va="center")
        axes.set(title=f"{size}x{size}, stride {stride}, pad {pad}", xticks=[], yticks=[])


# ---- Convolution, Pooling -----------------------------------------------------------------------------------------

FILTERS = constant(np.random.default_rng(1).normal(size=(4, 3, 2, 3)))
BIASES = constant(np.array([0.5, -1.0, 2.0, 0.0]))


def convolution(stride, pad):
    return lambda my: my.Convolution(FILTERS.copy(), BIASES.copy(), stride, pad)


convolution_gradient = gradient_checks(convolution(1, 1), IMAGES[:, :, :3, :4])


def convolved(stride, pad):
    def check(my):
        ours = convolution(stride, pad)(layers).forward(IMAGES)
        rows = ours.transpose(0, 2, 3, 1)
        flipped = layers.Convolution(FILTERS[:, :, ::-1, ::-1].copy(), BIASES, stride, pad)
        mixed = util.im2col(IMAGES, 2, 3, stride, pad) @ FILTERS.reshape(-1, len(FILTERS)) + BIASES
        same(convolution(stride, pad)(my).forward(IMAGES.copy()), ours, "out", {
            "the bias is missing": ours - BIASES[:, np.newaxis, np.newaxis],
            "the filters stand last: (N, out_h, out_w, FN) must become (N, FN, out_h, out_w)": rows,
            "(N*out_h*out_w, FN) was reshaped to (N, FN, out_h, out_w) at once, which mixes windows and filters: "
            "reshape to (N, out_h, out_w, FN), then transpose(0, 3, 1, 2)": rows.reshape(ours.shape),
            "W.reshape(-1, FN) mixes the filters: W.reshape(FN, -1).T has one in every column":
                mixed.reshape(rows.shape).transpose(0, 3, 1, 2),
            "the filters are turned around: a net's convolution lays them on the image as they are":
                flipped.forward(IMAGES)})
    return check


def draw_filtered(my):
    from common.figures.plot import image_grid
    x = digits()[0][:4].reshape(4, 1, 28, 28)
    W = np.array([[[[0, 0, 0], [0, 1, 0], [0, 0, 0]]], [[[1, 2, 1], [0, 0, 0], [-1, -2, -1]]],
                  [[[1, 0, -1], [2, 0, -2], [1, 0, -1]]], [[[1, 1, 1], [1, 1, 1], [1, 1, 1]]]], float)
    W /= np.array([1, 4, 4, 9]).reshape(4, 1, 1, 1)
    out = my.Convolution(W, np.zeros(4), 1, 1).forward(x)
    image_grid(out.reshape(16, 28, 28), ["as it is", "lower edges", "right edges", "blurred"] * 4, columns=4,
               title="digits, filtered by your layer")


def pooled(size, stride):
    def check(my):
        ours = layers.Pooling(size, size, stride).forward(IMAGES)
        N, C, out_h, out_w = ours.shape
        col = util.im2col(IMAGES, size, size, stride)
        each = col.reshape(N, out_h, out_w, C, size * size)
        same(my.Pooling(size, size, stride).forward(IMAGES.copy()), ours, "out", {
            "this is the mean of every window: take the maximum": each.mean(axis=4).transpose(0, 3, 1, 2),
            "the channels stand last: (N, out_h, out_w, C) must become (N, C, out_h, out_w)": each.max(axis=4),
            "(N*out_h*out_w*C) was reshaped to (N, C, out_h, out_w) at once, which mixes windows and channels: "
            "reshape to (N, out_h, out_w, C), then transpose(0, 3, 1, 2)": each.max(axis=4).reshape(ours.shape),
            "the maximum runs over the channels too: every channel has its own": col.max(axis=1).reshape(
                N, out_h, out_w)})
    return check


def pooled_backward(size, stride):
    def check(my):
        ours = layers.Pooling(size, size, stride)
        N, C, out_h, out_w = ours.forward(IMAGES).shape
        dout = np.arange(1.0, N * C * out_h * out_w + 1).reshape(N, C, out_h, out_w) / 2
        flat = dout.transpose(0, 2, 3, 1).ravel()
        arg_max = util.im2col(IMAGES, size, size, stride).reshape(-1, size * size).argmax(axis=1)
        all_rows, last = np.zeros((dout.size, size * size)), np.zeros_like(IMAGES)
        all_rows[:, arg_max] = flat
        for n, c, i, j in np.ndindex(dout.shape):
            window = last[n, c, i * stride:i * stride + size, j * stride:j * stride + size]
            window.flat[arg_max.reshape(N, out_h, out_w, C)[n, i, j, c]] = dout[n, c, i, j]

        def back(rows):
            return util.col2im(rows.reshape(N * out_h * out_w, -1), IMAGES.shape, size, size, stride)

        everywhere = back(flat.repeat(size * size))
        same(forward_then_backward(my.Pooling(size, size, stride), IMAGES, dout), ours.backward(dout), "dx", {
            "every value of the window got dout: only the largest one gets it": everywhere,
            "every value of the window got a share of dout: the largest one gets it all": everywhere / size ** 2,
            "dout was made flat as it is, which mixes windows and channels: transpose(0, 2, 3, 1) comes first":
                ours.backward(dout.reshape(N, out_h, out_w, C).transpose(0, 3, 1, 2)),
            "[:, arg_max] sets the places arg_max in every row: [np.arange(len(arg_max)), arg_max] is one in each row":
                back(all_rows),
            "dx is 1 where the largest values were: dout belongs there": ours.backward(np.ones_like(dout)),
            "a value that is the largest of several windows got the dout of the last one only: += and not =": last})
    return check


def first_of_equals(my):
    layer = my.Pooling(2, 2)
    layer.forward(np.ones((1, 1, 2, 2)))
    same(layer.backward(np.full((1, 1, 1, 1), 8.0)), [[[[8, 0], [0, 0]]]], "dx of four equal values", {
        "all of the equal values got dout: only the first one gets it": np.full((1, 1, 2, 2), 8.0),
        "the equal values share dout: the first one gets all of it": np.full((1, 1, 2, 2), 2.0)})


def draw_pooled(my):
    from common.figures.plot import image_grid
    x = digits()[0][:6].reshape(6, 1, 28, 28)
    small = [my.Pooling(size, size, size).forward(x).repeat(size, 2).repeat(size, 3) for size in (1, 2, 4, 7)]
    image_grid(np.concatenate(small).reshape(-1, 28, 28), columns=6,
               title="digits pooled by your layer: 1x1, 2x2, 4x4, 7x7")


# ---- a layer of one's own -----------------------------------------------------------------------------------------

def own_layer(my):
    """A MyLayer with other parameters than at first: with s = 1 nobody would see that a factor s is missing."""
    layer = my.MyLayer()
    for name, value in list(vars(layer).items()):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            setattr(layer, name, value + 0.5)
        elif name in parameter_names(layer):
            raise Wrong(f"{name} must be an array of floats: np.array({np.ravel(value).astype(float).tolist()})")
    return layer


def own_forward(my):
    out = own_layer(my).forward(X.copy())
    if np.shape(out) != X.shape or not np.isfinite(out).all():
        raise Wrong(f"expected finite numbers of x's shape {X.shape}, got a {type(out).__name__} of {np.shape(out)}")
    if np.array_equal(out, X):
        raise Wrong("out is x: choose a function that does something")


def own_gradients(my):
    layer, s = own_layer(my), functions.sigmoid(X)
    out = np.array(layer.forward(X.copy()))
    named(layer.backward(DOUT.copy()), {mistake: DOUT * slope for mistake, function, slope in [
        ("this is dout (1 - x^2): the derivative of tanh is 1 - out^2", np.tanh(X), 1 - X ** 2),
        ("the term x s (1 - s) of the derivative is missing: swish is a product, x times s", X * s, s),
        ("the term s of the derivative is missing: swish is a product, x times s", X * s, X * s * (1 - s))]
        if close(out, function)})
    gradient_checks(own_layer, X)()(my)
    at_first = my.MyLayer()
    for name in set(parameter_names(layer)) - set(parameter_names(at_first)):
        if isinstance(vars(at_first).get(name), np.ndarray):
            raise Wrong(f"self.d{name} = None is missing in __init__: so the net does not know that {name} is trained")


def own_net(my):
    net = my.my_net()
    if not isinstance(net, network.Network):
        raise Wrong(f"expected a Network, got {type(net).__name__}")
    for name, layer in net.layers.items():
        if isinstance(layer, type):
            raise Wrong(f"{name} is the class {layer.__name__}; a layer is made by calling it: {layer.__name__}()")
        if isinstance(layer, layers.SoftmaxWithLoss):
            raise Wrong("Network adds SoftmaxWithLoss itself: leave it out")
    if not any(isinstance(layer, my.MyLayer) for layer in net.layers.values()):
        raise Wrong(f"none of its layers is a MyLayer; it has {', '.join(map(str, net.layers))}")
    scores = net.predict(digits()[0][:2])
    if scores.shape != (2, 10):
        raise Wrong(f"two digits (2, 784): expected scores (2, 10), got {scores.shape}")


def own_training(my):
    my.net = my.my_net()
    my.train(my.net, *digits("train"), *digits())
    accuracy = my.net.accuracy(*digits())
    if not accuracy >= 0.85:
        raise Wrong(f"it reads {accuracy:.1%} of the 1,000 digits right; expected at least 85%. Train longer (epochs), "
                    "or with another optimizer or learning rate; 'Adam' with lr 0.001 is a good beginning")


TANH_NET = """
class MyLayer:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out ** 2)


def my_net():
    return Network({"Affine1": random_affine(784, 30, 0.05), "Mine": MyLayer(), "Affine2": random_affine(30, 10, 0.1)})


def train(net, x_train, t_train, x_test, t_test):
    Trainer(net, x_train, t_train, x_test, t_test, epochs=4, optimizer="Adam", verbose=False).train()
"""


def draw_reading(my):
    from common.figures.plot import image_grid
    x, t = digits()
    answers = my.net.predict(x).argmax(axis=1)
    wrong = np.flatnonzero(answers != t)[:20]
    image_grid(x[wrong], [f"{t[i]}, read as {answers[i]}" for i in wrong], columns=5,
               title=f"your net reads {np.mean(answers == t):.1%} right; these it does not")


# ---- the chapter --------------------------------------------------------------------------------------------------

CHAPTER = Chapter(5, [
    Exercise("mul_add", {
        "MulLayer, forward: x y": lambda my: same(my.MulLayer().forward(X.copy(), DOUT.copy()), X * DOUT, "x y"),
        "MulLayer, backward: dx": both("x", "MulLayer"),
        "MulLayer, backward: dy": both("y", "MulLayer"),
        "AddLayer, forward: x + y": lambda my: same(my.AddLayer().forward(X.copy(), DOUT.copy()), X + DOUT, "x + y"),
        "AddLayer, backward: dx": both("x", "AddLayer"),
        "AddLayer, backward: dy": both("y", "AddLayer"),
        **stay(lambda my: my.MulLayer(), owner="MulLayer, ", x=X, y=DOUT),
        **stay(lambda my: my.AddLayer(), owner="AddLayer, ", x=X, y=DOUT),
        "two MulLayers give the price of apples, and its derivatives": price_of_apples,
    }, (
        "If x grows by 1, x y grows by y. So the derivative of x y with respect to x is y.",
        "backward multiplies it by dout: dx = dout y, and in the same way dy = dout x.",
        "backward needs x and y: in forward, self.x = x and self.y = y.",
        "If x grows by 1, x + y grows by 1: AddLayer passes dout on, twice, and has nothing to keep.",
    ), (layer_naive.MulLayer, layer_naive.AddLayer)),
    Exercise("relu", {
        "forward: x where x > 0, else 0": relu_forward,
        "backward: dout where x > 0, else 0": relu_backward,
        **stay(lambda my: my.Relu(), "(The book's Relu changes dout; here it stays.)", x=X),
        "backward passes the gradient check, of images (N, C, H, W) too": gradient_checks(
            lambda my: my.Relu(), IMAGES[:1, :2])("x"),
    }, (
        "x > 0 is an array of True and False, of x's shape; in products they count as 1 and 0.",
        "forward: self.mask = x > 0, then return x * self.mask.",
        "backward: the same with dout in place of x.",
    ), (layers.Relu,)),
    Exercise("sigmoid", {
        "forward: 1 / (1 + exp(-x))": sigmoid_forward,
        "backward: dout times the derivative": sigmoid_backward,
        **stay(lambda my: my.Sigmoid(), x=X),
        "backward passes the gradient check": gradient_checks(lambda my: my.Sigmoid(), X)("x"),
    }, (
        "Write out = (1 + exp(-x))^-1 and use the chain rule: -(1 + exp(-x))^-2 times the derivative of exp(-x).",
        "The derivative is exp(-x) / (1 + exp(-x))^2.",
        "exp(-x) / (1 + exp(-x)) is 1 - out. So the derivative is out (1 - out).",
        "forward keeps self.out; backward returns dout * self.out * (1 - self.out).",
    ), (layers.Sigmoid,)),
    Exercise("affine", {
        "forward: x W + b": affine_forward,
        "backward: dx": affine_gradient("x"),
        "backward: dW": affine_gradient("W"),
        "backward: db": affine_gradient("b"),
        **stay(affine, x=X),
    }, (
        "x @ self.W is the matrix product; + self.b adds b to every row.",
        "dx (N, D) can only come from dout (N, M) and W (D, M): which of them must be transposed? dout @ self.W.T.",
        "dW (D, M) comes from x (N, D) and dout (N, M), so forward keeps self.x: self.dW = self.x.T @ dout.",
        "b is added to all N rows, so what comes back from all rows adds up: self.db = dout.sum(axis=0).",
    ), (layers.Affine,)),
    Exercise("softmax_with_loss", {
        "forward: the loss": loss_of_scores,
        "backward: dx": loss_gradient,
        "backward passes the gradient check": gradient_checks(lambda my: my.SoftmaxWithLoss(), SCORES, TARGETS)("x"),
        "backward again gives the same": twice_the_same,
        **stay(lambda my: my.SoftmaxWithLoss(), x=SCORES, t=TARGETS),
    }, (
        "forward: self.y = softmax(x), self.t = t, and return cross_entropy_error(self.y, t).",
        "backward: dx = self.y.copy(), because self.y itself should stay as it is.",
        "dx[np.arange(N), self.t] -= 1 takes 1 off in the place of every example's right class.",
        "return dx * dout / N, with N = len(self.y).",
    ), (layers.SoftmaxWithLoss,)),
    Exercise("backward_loop", {
        "gradient returns a dict of W1, b1, W2, b2": whole_dict,
        "the gradient of W2": loop("W2"),
        "the gradient of b2": loop("b2"),
        "the gradient of W1": loop("W1"),
        "the gradient of b1": loop("b1"),
    }, (
        "for layer in self.layers.values(): x = layer.forward(x). After it, x holds the scores.",
        "self.last_layer.forward(x, t) gives the loss; without it, last_layer.backward() has nothing to go on.",
        "dout = self.last_layer.backward(); for layer in reversed(self.layers.values()): dout = layer.backward(dout).",
        'Now every layer has its gradients: {"W1": self.layers["Affine1"].dW, ...}.',
    ), (network.Network.value_and_gradient,)),
    Exercise("momentum_adam", {
        "Momentum: the first step": momentum(1),
        "Momentum: three steps": momentum(3),
        "Momentum changes the arrays of params where they are, and leaves grads alone": in_place("Momentum"),
        "Adam: the first step": adam(1),
        "Adam: three steps": adam(3),
        "Adam changes the arrays of params where they are, and leaves grads alone": in_place("Adam"),
    }, (
        "for key in params: ... with g = grads[key]. Every parameter has a v of its own: self.v[key].",
        "if key not in self.v: self.v[key] = np.zeros_like(params[key]) gives it its first value.",
        "Momentum: self.v[key] = self.momentum * self.v[key] - self.lr * g, then params[key] += self.v[key].",
        "Adam: self.t += 1 once, before the loop, and lr_t from it; the loop then as in the formulas.",
    ), (optimizer.Momentum, optimizer.Adam)),
    Exercise("dropout", {
        "forward in training: a share of dropout_ratio becomes 0, each time another": dropped,
        "forward in training: the others stay as they are": kept,
        "forward in prediction: x (1 - dropout_ratio)": in_prediction,
        "backward: 0 where a value was dropped, else dout; also after a prediction": same_places,
        "backward passes the gradient check": gradient_checks(lambda my: my.Dropout(0.4), X)("x"),
        **stay(lambda my: my.Dropout(), x=X),
    }, (
        "np.random.rand(*x.shape) > self.dropout_ratio is True with the probability 1 - dropout_ratio.",
        "In training: self.mask = that, and return x * self.mask.",
        "In prediction: return x * (1 - self.dropout_ratio), and leave self.mask alone.",
        "backward: dout * self.mask, the same mask.",
    ), (layers.Dropout,)),
    Exercise("batch_normalization", {
        "forward in training": normalized,
        "forward in training: columns of small variance, and of equal values": small_variances,
        "forward in training: running_mean after two batches": running("running_mean", lambda x: x.mean(axis=0)),
        "forward in training: running_var after two batches": running("running_var", lambda x: x.var(axis=0), {
            "the variance is divided by N - 1: here it is by N": lambda x: x.var(axis=0, ddof=1),
            "this is the average of std: running_var takes var": lambda x: np.sqrt(x.var(axis=0) + 1e-6)}),
        "forward in prediction": norm_in_prediction,
        "backward: dbeta": norm_gradient("beta"),
        "backward: dgamma": norm_gamma,
        "backward: dx": norm_gradient("x"),
        "backward: dx where the variance is small": gradient_checks(batch_norm, ROWS / 500)("x"),
        **stay(batch_norm, x=ROWS),
    }, (
        "In training: self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean; so for var.",
        "In prediction: xn = (x - self.running_mean) / np.sqrt(self.running_var + 1e-6), and nothing is kept or moved.",
        "forward keeps self.xn and self.std for backward. The way from here is derived in ch05/derivations.md.",
        "beta is added to every row, like the bias of Affine: dbeta = dout.sum(axis=0). gamma multiplies xn: "
        "dgamma = (dout * self.xn).sum(axis=0).",
        "dxn = dout * gamma. If mean and std stood still, dx would be dxn / std.",
        "mean moves by 1/N when one x moves by 1, and every row feels it: dxn loses its mean over the batch.",
        "std moves by xn / N, and every row feels it in proportion to its xn: dxn also loses xn mean(dxn xn).",
        "dx = (dxn - dxn.mean(axis=0) - self.xn * (dxn * self.xn).mean(axis=0)) / self.std",
    ), (layers.BatchNormalization,)),
    Exercise("im2col", {
        "the example: 3x3 pixels, 2x2 windows": windows(NINE, 2, 2, 1, 0),
        "several channels": windows(NUMBERED[:1], 3, 2, 1, 0),
        "several images": windows(NUMBERED, 3, 2, 1, 0),
        "stride 2": windows(NUMBERED, 3, 3, 2, 0),
        "pad 1": windows(NUMBERED, 3, 3, 1, 1),
        "stride 2 and pad 2, a window of 2x3": windows(NUMBERED, 2, 3, 2, 2),
        "input_data stays as it is": lambda my: unchanged(lambda input_data: my.im2col(input_data, 3, 3, 1, 1),
                                                          input_data=IMAGES),
    }, (
        "np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)]) puts the zeros around every image.",
        "The plain way: loop over n, y, x; img[n, :, y:y + filter_h, x:x + filter_w].ravel() is one row, "
        "where y and x move by stride.",
        "The fast way loops over the places in the window: img[:, :, i::stride, j::stride], cut to out_h by out_w, has "
        "the value at (i, j) of all windows. Collect it in an array (N, C, filter_h, filter_w, out_h, out_w).",
        "Then transpose(0, 4, 5, 1, 2, 3) and reshape(N * out_h * out_w, -1).",
    ), (util.im2col,)),
    Exercise("col2im", {
        "windows that do not meet: 4x4 pixels, 2x2 windows, stride 2": added_back((1, 1, 4, 4), 2, 2, 2, 0),
        "windows that overlap: 3x3 pixels, 2x2 windows": added_back((1, 1, 3, 3), 2, 2, 1, 0),
        "several channels and images": added_back((2, 3, 4, 5), 3, 2, 1, 0),
        "stride 2": added_back((2, 3, 4, 5), 3, 3, 2, 0),
        "pad 1": added_back((2, 3, 4, 5), 3, 3, 1, 1),
        "stride 2 and pad 2, a window of 2x3": added_back((2, 3, 4, 5), 2, 3, 2, 2),
        "col stays as it is": lambda my: unchanged(lambda col: my.col2im(col, (1, 1, 3, 3), 2, 2),
                                                   col=np.arange(16.0).reshape(4, 4)),
    }, (
        "Begin with zeros for the padded images: np.zeros((N, C, H + 2 * pad, W + 2 * pad)).",
        "The plain way: loop over n, y, x as in im2col; the row, reshaped to (C, filter_h, filter_w), is added to "
        "img[n, :, y:y + filter_h, x:x + filter_w].",
        "The fast way: col.reshape(N, out_h, out_w, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2), then for every "
        "(i, j) of the window img[:, :, i:i + stride * out_h:stride, j:j + stride * out_w:stride] += col[:, :, i, j].",
        "At the end img[:, :, pad:pad + H, pad:pad + W] cuts the padding off.",
    ), (util.col2im,), draw_overlap),
    Exercise("convolution", {
        "forward": convolved(1, 0),
        "forward with stride 2 and pad 1": convolved(2, 1),
        "backward: db": convolution_gradient("b"),
        "backward: dW": convolution_gradient("W"),
        "backward: dx": convolution_gradient("x"),
        "backward: dx with stride 2": gradient_checks(convolution(2, 0), IMAGES[:1])("x"),
        **stay(convolution(1, 1), x=IMAGES),
    }, (
        "col = im2col(x, FH, FW, self.stride, self.pad), and self.W.reshape(FN, -1).T has one filter in every column.",
        "out = col @ that + self.b is (N*out_h*out_w, FN). reshape(N, out_h, out_w, FN), then transpose(0, 3, 1, 2).",
        "backward turns that around: dout.transpose(0, 2, 3, 1).reshape(-1, FN). Keep x's shape and col in forward.",
        "Now it is Affine's backward: db is a sum over the rows, dW^T = col^T dout (transpose, then reshape to W's "
        "shape), dcol = dout W^T.",
        "dx = col2im(dcol, x_shape, FH, FW, self.stride, self.pad)",
    ), (layers.Convolution,), draw_filtered),
    Exercise("pooling", {
        "forward: 2x2, stride 2": pooled(2, 2),
        "forward: 3x3, stride 1: windows that overlap": pooled(3, 1),
        "backward: dx": pooled_backward(2, 2),
        "backward: dx where windows overlap": pooled_backward(3, 1),
        "backward: the first of several equal values": first_of_equals,
        "backward passes the gradient check": gradient_checks(lambda my: my.Pooling(3, 3, 1), IMAGES[:1])("x"),
        **stay(lambda my: my.Pooling(2, 2), x=IMAGES),
    }, (
        "im2col(x, pool_h, pool_w, stride).reshape(-1, pool_h * pool_w): a row is now a window of one channel.",
        "Its maximum, axis=1, has N*out_h*out_w*C values: reshape(N, out_h, out_w, C), then transpose(0, 3, 1, 2).",
        "Keep self.arg_max, the argmax of every row, and the shape of x.",
        "backward: zeros with a row per window; in row i, the place arg_max[i] gets dout's value (dout transposed "
        "to (N, out_h, out_w, C) and made flat).",
        "reshape that to the shape of im2col's result, (N*out_h*out_w, C*pool_h*pool_w), and dx = col2im of it.",
    ), (layers.Pooling,), draw_pooled),
    Exercise("own_layer", {
        "MyLayer, forward": own_forward,
        "MyLayer, backward passes the gradient check": own_gradients,
        **stay(own_layer, owner="MyLayer, ", x=X),
        "my_net: a Network with a MyLayer": own_net,
        "train: it reads at least 85% of 1,000 digits that it has not seen": own_training,
    }, (
        "The derivative of tanh is 1 - out^2; of leaky relu 1 where x > 0, else 0.01; of swish s + x s (1 - s), with "
        "s = sigmoid(x).",
        "scale: self.s = np.ones(1) and self.ds = None in __init__; in backward "
        "self.ds = np.array([np.sum(dout * self.x)]), because s stands in every value of out.",
        'Network({"Affine1": random_affine(784, 50, 0.05), "Mine": MyLayer(), "Affine2": random_affine(50, 10, 0.1)})',
        "Trainer(net, x_train, t_train, x_test, t_test, epochs=5, optimizer='Adam', optimizer_param={'lr': 0.001})"
        ".train()",
    ), (TANH_NET.strip() + "\n",), draw_reading),
], after="That was the last exercise. The way on: train_convnet.py in ch05.")
check = CHAPTER.check
