"""What a layer should compute, in plain loops and float64, and how far rounding may take a result from it.

Every operation in floats has a relative error of at most eps. So a sum of n products is wrong by sqrt(n) eps S or less,
where S is the sum of the products' sizes: the errors have random signs and partly cancel out. How they fall depends
on the order of the sum, and so on the processor and the library. The bound used here, 2 sqrt(n) eps S, holds for all.

Both n and S come from the reference itself: S is what it computes from the absolute values, n what it computes from
ones.
"""
import numpy as np

from common.layers import (Affine, BatchNormalization, Convolution, Dropout, GlobalAveragePooling, Pooling, Relu,
                           Sigmoid)


def assert_rounded(got, exact, sizes, terms, name="result"):
    """got is exact up to rounding in got's dtype: |got - exact| <= 2 sqrt(terms) eps sizes, value by value."""
    assert got.shape == exact.shape, f"{name}: expected shape {exact.shape}, got {got.shape}"
    number = np.finfo(got.dtype)
    bound = 2 * np.sqrt(terms) * (number.eps * sizes + number.smallest_subnormal)
    error = np.abs(got.astype(np.float64) - exact)
    wrong = ~(error <= bound)       # NaN is wrong, too
    if wrong.any():
        i = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(f"{name}: {wrong.sum()} of {got.size} values are wrong; {name}{list(i)} is {got[i]}, "
                             f"expected {exact[i]} to within {np.broadcast_to(bound, got.shape)[i]}")


def sums(reference, *arrays):
    """{name: (exact, sizes, terms)} of a reference that returns a dict of sums of products of the arrays."""
    doubles = [np.asarray(array, np.float64) for array in arrays]
    each = [reference(*form) for form in (doubles, map(np.abs, doubles), map(np.ones_like, doubles))]
    return {name: tuple(values[name] for values in each) for name in each[0]}


# ---- the layers ------------------------------------------------

def affine(x, W, b, dout):
    rows = x.reshape(len(x), -1)
    return {"out": np.array([sum(value * weights for value, weights in zip(row, W)) + b for row in rows]),
            "dx": np.array([(values * W).sum(axis=1) for values in dout]).reshape(x.shape),
            "dW": sum(np.outer(row, values) for row, values in zip(rows, dout)), "db": sum(dout)}


def convolution(x, W, b, dout, stride, pad):
    """One place of the filters after the other."""
    (N, _, H, width), (FN, _, FH, FW) = x.shape, W.shape
    padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    out, dW, dx = np.empty(dout.shape), np.zeros(W.shape), np.zeros(padded.shape)
    for i, j in np.ndindex(dout.shape[2:]):
        window = np.s_[:, :, i * stride:i * stride + FH, j * stride:j * stride + FW]
        for f in range(FN):
            dout_here = dout[:, f, i, j].reshape(N, 1, 1, 1)
            out[:, f, i, j] = (padded[window] * W[f]).sum(axis=(1, 2, 3)) + b[f]
            dW[f] += (dout_here * padded[window]).sum(axis=0)
            dx[window] += dout_here * W[f]
    return {"out": out, "dx": dx[:, :, pad:pad + H, pad:pad + width], "dW": dW, "db": dout.sum(axis=(0, 2, 3))}


def pooling(x, dout, pool_h, pool_w, stride, pad):
    """(out, dx): the first place of each window that holds its maximum takes all of dout."""
    N, C, H, W = x.shape
    padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=-np.inf)
    out, dx = np.empty(dout.shape), np.zeros(padded.shape)
    for n, c, i, j in np.ndindex(dout.shape):
        window = padded[n, c, i * stride:i * stride + pool_h, j * stride:j * stride + pool_w]
        row, column = np.unravel_index(window.argmax(), window.shape)
        out[n, c, i, j] = window[row, column]
        dx[n, c, i * stride + row, j * stride + column] += dout[n, c, i, j]
    return out, dx[:, :, pad:pad + H, pad:pad + W]


def batch_norm(x, gamma, beta, dout, std=None, minus=np.subtract):
    """x (R, D), every column by itself. With minus=np.add and the true std it gives sizes from absolute values."""
    mean = x.mean(axis=0)
    std = np.sqrt(((x - mean) ** 2).mean(axis=0) + 1e-6) if std is None else std
    xn = minus(x, mean) / std
    dbeta, dgamma = dout.sum(axis=0), (dout * xn).sum(axis=0)
    dx = gamma / std * minus(minus(dout, dbeta / len(x)), xn * dgamma / len(x))
    return {"out": gamma * xn + beta, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}


def _of_batch_norm(layer, x, dout):
    per_channel = x.ndim == 4 and layer.gamma.size == x.shape[1]

    def rows(images):
        return (images.transpose(0, 2, 3, 1) if per_channel else images).reshape(-1, layer.gamma.size)

    def images(rows):
        N, C, H, W = (*x.shape, 1, 1)[:4]
        return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2) if per_channel else rows.reshape(x.shape)

    arrays = [array.astype(np.float64) for array in (rows(x), layer.gamma, layer.beta, rows(dout))]
    sizes = [np.abs(array) for array in arrays]
    std = np.sqrt(arrays[0].var(axis=0) + 1e-6)
    exact, size = batch_norm(*arrays), batch_norm(*sizes, std, np.add)
    running_std = np.sqrt(layer.running_var.astype(np.float64) + 1e-6)
    factor = arrays[1] / running_std
    exact["predicted"] = (arrays[0] - layer.running_mean) * factor + arrays[2]
    size["predicted"] = (sizes[0] + np.abs(layer.running_mean)) * np.abs(factor) + sizes[2]
    terms = 3 * len(arrays[0]) + 9      # mean, variance and one more sum stand one on the other
    shaped = {"out": images, "dx": images, "predicted": images}
    return {name: (*(shaped.get(name, np.array)(values[name]) for values in (exact, size)), terms) for name in exact}


def expected(layer, x, dout, out):
    """{"out", "predicted", "dx", "dW", ...: (exact, sizes, terms)} of a layer, after its forward in training."""
    x64, dout64 = x.astype(np.float64), dout.astype(np.float64)
    if isinstance(layer, Affine):
        results = sums(affine, x, layer.W, layer.b, dout)
    elif isinstance(layer, Convolution):
        results = sums(lambda *arrays: convolution(*arrays, layer.stride, layer.pad), x, layer.W, layer.b, dout)
    elif isinstance(layer, Pooling):
        settings = layer.pool_h, layer.pool_w, layer.stride, layer.pad
        results = sums(lambda dout: {"dx": pooling(x, dout, *settings)[1]}, dout)
        results["out"] = pooling(x, dout64, *settings)[0], 0, 0
    elif isinstance(layer, GlobalAveragePooling):
        pixels = x.shape[2] * x.shape[3]
        dx = np.broadcast_to((dout64 / pixels)[:, :, None, None], x.shape)
        results = {"out": (x64.mean(axis=(2, 3)), np.abs(x64).mean(axis=(2, 3)), pixels), "dx": (dx, np.abs(dx), 1)}
    elif isinstance(layer, BatchNormalization):
        results = _of_batch_norm(layer, x, dout)
    elif isinstance(layer, Dropout):
        kept, share = out != 0, 1 - layer.dropout_ratio
        results = {"out": (x64 * kept, 0, 0), "dx": (dout64 * kept, 0, 0), "predicted": (share * x64, np.abs(x64), 1)}
    elif isinstance(layer, Relu):
        results = {"out": (x64 * (x > 0), 0, 0), "dx": (dout64 * (x > 0), 0, 0)}
    elif isinstance(layer, Sigmoid):
        y = 1 / (1 + np.exp(-x64))
        results = {"out": (y, y * (1 + np.abs(x64)), 4), "dx": (dout64 * y * (1 - y), np.abs(dout64) * y, 9)}
    return {"predicted": results["out"], **results}


def check(layer, x, rng, form=np.array):
    """forward, backward and prediction of a layer against what is expected; x and dout are given as form(array)."""
    out = layer.forward(form(x))
    dout = rng.normal(size=out.shape).astype(out.dtype)
    got = {"out": out, "dx": layer.backward(form(dout))}
    got.update({f"d{name}": getattr(layer, f"d{name}") for name in layer.param_names})
    got["predicted"] = layer.forward(form(x), train_flg=False)
    results = expected(layer, x, dout, out)
    assert results.keys() == got.keys()
    for name, (exact, sizes, terms) in results.items():
        assert_rounded(got[name], exact, sizes, terms, name)
    return got


def check_jacobian(layer, x, forward=None, h=1e-5):
    """One random projection of every Jacobian: <u, J v> by central differences equals <J^T u, v> by backward.

    For x and for each parameter of the layer, in float64. `forward` replaces layer.forward, if it needs more than x.
    Differences are wrong by what rounding leaves of out, divided by h, and by h^2 times the curvature. The second is
    three times smaller than the change from 2h to h.
    """
    rng = np.random.default_rng(5)
    forward = forward or layer.forward
    u = rng.normal(size=forward(x).shape)
    dx = layer.backward(u)
    gradients = {"x": (x, dx)}
    gradients.update({name: (getattr(layer, name), getattr(layer, f"d{name}")) for name in layer.param_names})
    for name, (array, gradient) in gradients.items():
        assert gradient.shape == array.shape, name
        v, before, differences = rng.normal(size=array.shape), array.copy(), []
        for step in (2 * h, h):
            array[...] = before + step * v
            upper = forward(x)
            array[...] = before - step * v
            differences.append(np.sum(u * (upper - forward(x))) / (2 * step))
        array[...] = before
        terms, sizes = x.size + u.size, np.sum(np.abs(u)) * (1 + np.abs(upper).max()) / h
        bound = 2 * np.sqrt(terms) * np.finfo(np.float64).eps * sizes + abs(differences[1] - differences[0])
        assert abs(np.sum(gradient * v) - differences[1]) <= bound, f"d{name}"


def distinct(rng, shape):
    """Values so far apart that the steps of a check never change which one is the largest, nor cross 0."""
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) - n // 2 + 0.5) * (4 / n)
