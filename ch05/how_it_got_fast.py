"""How it got fast: a ladder from nested loops to what `common` does, one idea a rung.

Look at what each idea gains. The largest step is the first, im2col: the bar of the nested loops does not fit into the
figure. The last column of the table is the check: how far the results are from those of the nested loops.

In SimpleConvNet channels last gains nothing by itself: its images have one channel, and in this order the
gradient of such images takes longer. The last rung does without that gradient.

Measured are one convolution of 3x3 from 16 to 32 channels, and all gradients of SimpleConvNet. Where PyTorch is
installed, its time stands below ours. Times are the best of `--repeat`; measure while nothing else runs.

Before: draw_digit.py; this is the last script of chapter 5. Then write it yourself, in ch05/exercises.
"""
import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common.fast
from common.figures.plot import plt, show
from common.layers import Affine, Convolution, Pooling, Relu, SoftmaxWithLoss
from common.network import Network
from common.script import start
from common.training.options import at_least
from common.util import col2im, im2col

DIFFERENT = 2       # the batch repeats two images: so its mean gradients are those that the loops compute from the two


class Loops:
    """Rung 1: the convolution as its definition says it. Every multiplication costs a step of Python."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        (N, C, H, W), (FN, C, FH, FW) = x.shape, self.W.shape
        out = np.zeros((N, FN, H - FH + 1, W - FW + 1))
        for n, f, row, column in np.ndindex(out.shape):
            total = self.b[f]
            for c in range(C):
                for i in range(FH):
                    for j in range(FW):
                        total += x[n, c, row + i, column + j] * self.W[f, c, i, j]
            out[n, f, row, column] = total
        return out

    def backward(self, dout):
        dx, self.dW, self.db = np.zeros(self.x.shape), np.zeros(self.W.shape), np.zeros(self.b.shape)
        _, C, FH, FW = self.W.shape
        for n, f, row, column in np.ndindex(dout.shape):
            d = dout[n, f, row, column]
            self.db[f] += d
            for c in range(C):
                for i in range(FH):
                    for j in range(FW):
                        self.dW[f, c, i, j] += d * self.x[n, c, row + i, column + j]
                        dx[n, c, row + i, column + j] += d * self.W[f, c, i, j]
        return dx


class Im2col(Loops):
    """Rung 2: every window is a row of one matrix, so the loops become matrix products (book, 7.4).

    Rung 3 is the same in float32: half the bytes, and the processor multiplies twice as many numbers at a time.
    """

    def forward(self, x):
        (N, C, H, W), (FN, C, FH, FW) = x.shape, self.W.shape
        self.x_shape, self.col = x.shape, im2col(x, FH, FW)                     # (N*out_h*out_w, C*FH*FW)
        out = self.col @ self.W.reshape(FN, -1).T + self.b                      # (N*out_h*out_w, FN)
        return np.ascontiguousarray(out.reshape(N, H - FH + 1, W - FW + 1, FN).transpose(0, 3, 1, 2))

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)                       # (N*out_h*out_w, FN)
        self.dW, self.db = (dout.T @ self.col).reshape(self.W.shape), dout.sum(axis=0)
        return col2im(dout @ self.W.reshape(FN, -1), self.x_shape, FH, FW)


# Rung 4, channels last, is Convolution in common/layers.py. The product gives (N, out_h, out_w, FN). Left in this
# memory order, nothing has to be moved, and a row of col is copied in pieces of FW * C values.


class Slices:
    """Rung 5: a few images at a time go through several layers, while their arrays are in the processor's cache.

    Rung 6: the slices do not need each other, so `run` lets several threads work on them, if common.fast is on.
    """

    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        self.slices = common.fast.slices(len(x))
        self.copies = [[copy.copy(layer) for layer in self.layers] for _ in self.slices]    # with the same W and b
        outs = common.fast.run(lambda i: forward(self.copies[i], x[self.slices[i]]), range(len(self.slices)))
        return np.concatenate(outs)

    def backward(self, dout):
        dx = common.fast.run(lambda i: backward(self.copies[i], dout[self.slices[i]]), range(len(self.slices)))
        self.layers[0].dW = sum(layers[0].dW for layers in self.copies)
        self.layers[0].db = sum(layers[0].db for layers in self.copies)
        return np.concatenate(dx)


def forward(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def backward(layers, dout):
    for layer in reversed(layers):
        dout = layer.backward(dout)
    return dout


# Rung 7: nobody needs the gradient of the images, so the first layer computes only dW and db, in `parameter_gradients`.
# This is `common` as it is.
RUNGS = {       # name: convolution, dtype, our Slices or not, common.fast on or off, dx of the images or not
    "nested loops": (Loops, np.float64, False, False, True),
    "im2col": (Im2col, np.float64, False, False, True),
    "float32": (Im2col, np.float32, False, False, True),
    "channels last": (Convolution, np.float32, False, False, True),
    "slices": (Convolution, np.float32, True, False, True),
    "threads": (Convolution, np.float32, True, True, True),
    "no gradient\nfor the data": (Convolution, np.float32, False, True, False),
}


def the_convolution(rung, values):
    """A function that computes forward and backward of the convolution: {"out": array, "dW": array, ...}."""
    convolution, dtype, in_slices, _, with_dx = RUNGS[rung]
    x, W, b, dout = (values[name].astype(dtype) for name in ("x", "W", "b", "dout"))
    layer = convolution(W, b)
    layers = [Slices([layer])] if in_slices else [layer]

    def compute():
        out = forward(layers, x)
        dx = {"dx": backward(layers, dout)} if with_dx else layer.parameter_gradients(dout) or {}
        return {"out": out, "dW": layer.dW, "db": layer.db, **dx}
    return compute


def the_net(rung, values):
    """A function that computes the loss of SimpleConvNet and all its gradients: {"loss": number, "W1": array, ...}."""
    convolution, dtype, in_slices, _, with_dx = RUNGS[rung]
    x, t = values["x"].astype(dtype), values["t"]
    W1, b1, W2, b2, W3, b3 = (values[name + n].astype(dtype) for n in "123" for name in "Wb")
    layers = [convolution(W1, b1), Relu(), Pooling(2, 2, 2), Affine(W2, b2), Relu(), Affine(W3, b3)]
    loss = SoftmaxWithLoss()
    in_order = [Slices(layers[:3]), *layers[3:]] if in_slices else layers
    network = Network(layers)

    def compute():
        if not with_dx:
            grads = network.gradient(x, t)
            return {"loss": grads.loss, **grads}
        results = {"loss": loss.forward(forward(in_order, x), t), "dx": backward(in_order, loss.backward())}
        for n, layer in zip("123", (layers[0], layers[3], layers[5])):
            results.update({"W" + n: layer.dW, "b" + n: layer.db})
        return results
    return compute


def torch_convolution(torch, values):
    x, W, b, dout = (torch.from_numpy(values[name].astype(np.float32)) for name in ("x", "W", "b", "dout"))
    W.requires_grad_(), b.requires_grad_()

    def compute():
        out = torch.nn.functional.conv2d(x, W, b)
        dW, db = torch.autograd.grad(out, (W, b), dout)
        return {"out": out.detach().numpy(), "dW": dW.numpy(), "db": db.numpy()}
    return compute


def torch_net(torch, values):
    F, x, t = torch.nn.functional, torch.from_numpy(values["x"].astype(np.float32)), torch.from_numpy(values["t"])
    params = {name + n: torch.from_numpy(values[name + n].astype(np.float32)).requires_grad_()
              for n in "123" for name in "Wb"}

    def compute():
        p = params
        hidden = F.max_pool2d(F.relu(F.conv2d(x, p["W1"], p["b1"])), 2).flatten(1)
        hidden = F.relu(hidden @ p["W2"] + p["b2"])
        loss = F.cross_entropy(hidden @ p["W3"] + p["b3"], t)
        grads = torch.autograd.grad(loss, list(p.values()))
        return {"loss": loss.item(), **{name: grad.numpy() for name, grad in zip(p, grads)}}
    return compute


def convolution_values(rng):
    """Random x, W, b and dout for DIFFERENT images."""
    shapes = {"x": (DIFFERENT, 16, 14, 14), "W": (32, 16, 3, 3), "b": (32,), "dout": (DIFFERENT, 32, 12, 12)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def net_values(rng):
    """DIFFERENT random images and targets, and weights of SimpleConvNet."""
    values = {"x": rng.normal(size=(DIFFERENT, 1, 28, 28)), "t": rng.integers(0, 10, DIFFERENT)}
    for n, shape, fan_in in (("1", (30, 1, 5, 5), 25), ("2", (4320, 100), 4320), ("3", (100, 10), 100)):
        values["W" + n] = rng.normal(size=shape) * (2 / fan_in) ** 0.5
        values["b" + n] = rng.normal(size=shape[0] if n == "1" else shape[1])
    return values


def repeated(values, times):
    """The same images again and again as one batch, with gradients of the same sum."""
    batch = {name: np.concatenate([value] * times) if name in ("x", "t", "dout") else value
             for name, value in values.items()}
    return {**batch, "dout": batch["dout"] / times} if "dout" in batch else batch


def difference(results, first, times):
    """The largest difference from the first rung's results, each as a share of the largest number there."""
    results = dict(results)
    if "out" in results:
        results["out"] = results["out"][:DIFFERENT]
    if "dx" in results:
        results["dx"] = results["dx"][:DIFFERENT] * times       # one of so many images has so much less of the mean
    return max(np.abs(results[name] - first[name]).max() / np.abs(first[name]).max() for name in results)


def best_time(compute, repeat):
    """(seconds, results): the best of `repeat` times, after one that does not count."""
    seconds, results = [], compute()
    for _ in range(repeat):
        started = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - started)
    return min(seconds), results


def climb(subject, torch_subject, few, times, repeat):
    """Measure every rung and compare its results with the first: {rung: (milliseconds, difference)}."""
    started = time.perf_counter()
    first = subject("nested loops", few)()
    measured = {"nested loops": (1000 * times * (time.perf_counter() - started), 0)}    # a batch would take minutes
    values = repeated(few, times)
    for rung in list(RUNGS)[1:]:
        common.fast.on() if RUNGS[rung][3] else common.fast.off()
        with threadpool_limits(1, "blas"):      # the library for matrix products: threads are a rung of their own
            seconds, results = best_time(subject(rung, values), repeat)
        measured[rung] = 1000 * seconds, difference(results, first, times)
    try:
        import torch
    except ImportError:
        return measured
    seconds, results = best_time(torch_subject(torch, values), repeat)
    return {**measured, "PyTorch": (1000 * seconds, difference(results, first, times))}


def print_table(title, measured):
    print(f"{title}\n\n| rung | ms | times as fast as the rung before | difference |\n|---|---|---|---|")
    before = None
    for rung, (ms, share) in measured.items():
        gain = f"{before / ms:.2f}" if before and rung != "PyTorch" else ""
        print(f"| {' '.join(rung.split())} | {ms:.1f} | {gain} | {share:.0e} |")
        before = ms
    print(flush=True)


def draw(axes, title, measured):
    """A bar for each rung; that of the nested loops leaves the figure at the right."""
    milliseconds = [ms for ms, _ in measured.values()]
    loops, longest = milliseconds[0], max(milliseconds[1:])
    colors = ["tab:orange" if rung == "PyTorch" else "tab:blue" for rung in measured]
    bars = axes.barh(list(measured), [1.3 * longest, *milliseconds[1:]], color=colors)
    bars[0].set_color("tab:gray")
    axes.set(title=title, xlabel="milliseconds", xlim=(0, 1.2 * longest))
    axes.text(0.02 * longest, 0, f"{loops:,.0f} ms: {loops / milliseconds[1]:,.0f} times im2col's  →", va="center",
              color="white", weight="bold")
    for row, ms in enumerate(milliseconds[1:], start=1):
        axes.text(ms, row, f" {ms:.1f} ms", va="center")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=at_least(1), default=10, help="measure so many times; the best counts")
    parser.add_argument("--images", type=at_least(DIFFERENT), default=100, help="in the batch; an even number")
    args = start(__doc__, parser)
    times, rng = args.images // DIFFERENT, np.random.default_rng(0)

    figure, panels = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    figure.suptitle(f"A batch of {times * DIFFERENT} images; from \"threads\" on, {common.fast.num_threads()} threads")
    subjects = {"One convolution, forward and backward": (the_convolution, torch_convolution, convolution_values(rng)),
                "All gradients of SimpleConvNet": (the_net, torch_net, net_values(rng))}
    for axes, (title, subject) in zip(panels, subjects.items()):
        measured = climb(*subject, times, args.repeat)
        print_table(title, measured)
        draw(axes, title, measured)
    show()
