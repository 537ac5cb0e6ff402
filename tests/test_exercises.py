"""The exercises as a learner meets them: empty, solved with the project's code, solved by hand, and with mistakes."""
import functools
import importlib
import inspect
import os
import re
import runpy
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scripts import ROOT, copy_project, run_script

import ch03.neuralnet_mnist_batch
from ch03.exercises.harness import HOLDS, WRONG, load, print_solution
from common.figures import plot

CHAPTERS = [importlib.import_module(f"ch0{number}.exercises.checks").CHAPTER for number in (3, 4, 5)]
EXERCISES = {(chapter.number, exercise.name): exercise for chapter in CHAPTERS for exercise in chapter.exercises}

# The project's own code, put into the hole.
source = inspect.getsource(ch03.neuralnet_mnist_batch)
OWN = {key: "\n".join(f"from {one.__module__} import {one.__name__}" for one in exercise.solution if callable(one))
       for key, exercise in EXERCISES.items()
       if key not in [(3, "batches"), (4, "two_layer_net"), (5, "backward_loop"), (5, "own_layer")]}
OWN |= {
    (3, "batches"): "def accuracy(predict, x, t, BATCH_SIZE):\n"
                    + source[source.index("    right = 0\n"):source.index("    in_batches")]
                    .replace("predict(network, ", "predict(") + "    return right / len(x)\n",
    (4, "two_layer_net"): "MyNet = TwoLayerNet",
    (5, "backward_loop"): "MyNet = TwoLayerNet",
}

# Solved as a learner would, with the book.
SOLVED = """
# 3 sigmoid
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
# 3 softmax
def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)
# 3 three_layers
def predict(network, x):
    z1 = sigmoid(np.dot(x, network["W1"]) + network["b1"])
    z2 = sigmoid(np.dot(z1, network["W2"]) + network["b2"])
    return softmax(np.dot(z2, network["W3"]) + network["b3"])
# 3 batches
def accuracy(predict, x, t, batch_size):
    right = 0
    for i in range(0, len(x), batch_size):
        y = predict(x[i:i + batch_size])
        right += np.sum(np.argmax(y, axis=1) == t[i:i + batch_size])
    return right / len(x)
# 4 cross_entropy
def cross_entropy_error(y, t):
    N = len(y)
    return -np.sum(np.log(y[np.arange(N), t] + 1e-7)) / N
# 4 numerical_gradient
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + h
        upper = f(x)
        x[index] = value - h
        lower = f(x)
        x[index] = value
        grad[index] = (upper - lower) / (2 * h)
    return grad
# 4 gradient_descent
def gradient_descent(f, init_x, lr=0.01, step_num=100):
    x = init_x.copy()
    x_history = []
    for i in range(step_num):
        x_history.append(x.copy())
        x -= lr * numerical_gradient(f, x)
    return x, np.array(x_history)
# 4 two_layer_net
class MyNet(TwoLayerNet):
    def gradient(self, x, t):
        W1, b1, W2, b2 = [self.params[key] for key in ("W1", "b1", "W2", "b2")]
        z1 = sigmoid(x @ W1 + b1)
        y = softmax(z1 @ W2 + b2)
        da2 = (y - np.eye(y.shape[1])[t]) / len(x)
        dz1 = da2 @ W2.T
        da1 = dz1 * z1 * (1 - z1)
        return {"W2": z1.T @ da2, "b2": da2.sum(axis=0), "W1": x.T @ da1, "b1": da1.sum(axis=0)}
# 5 mul_add
class MulLayer:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y
    def backward(self, dout):
        return dout * self.y, dout * self.x
class AddLayer:
    def forward(self, x, y):
        return x + y
    def backward(self, dout):
        return dout * 1, dout * 1
# 5 relu
class Relu:
    def forward(self, x):
        self.mask = (x <= 0)
        out = x.copy()
        out[self.mask] = 0
        return out
    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx
# 5 sigmoid
class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out
    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out
# 5 affine
class Affine:
    def __init__(self, W, b):
        self.W, self.b, self.dW, self.db = W, b, None, None
    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b
    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx
# 5 softmax_with_loss
class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        self.loss = cross_entropy_error(self.y, self.t)
        return self.loss
    def backward(self, dout=1):
        N = len(self.y)
        dx = self.y.copy()
        dx[np.arange(N), self.t] -= 1
        return dx * dout / N
# 5 backward_loop
class MyNet(TwoLayerNet):
    def gradient(self, x, t):
        for layer in self.layers.values():
            x = layer.forward(x)
        self.last_layer.forward(x, t)
        dout = self.last_layer.backward()
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        grads = {}
        for n in (1, 2):
            grads[f"W{n}"] = self.layers[f"Affine{n}"].dW
            grads[f"b{n}"] = self.layers[f"Affine{n}"].db
        return grads
# 5 momentum_adam
class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None
    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.iter, self.m, self.v = 0, None, None
    def update(self, params, grads):
        if self.m is None:
            self.m = {key: np.zeros_like(value) for key, value in params.items()}
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        self.iter += 1
        lr_t = self.lr * np.sqrt(1 - self.beta2 ** self.iter) / (1 - self.beta1 ** self.iter)
        for key in params:
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)
# 5 dropout
class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
            return x * self.mask
        return x * (1.0 - self.dropout_ratio)
    def backward(self, dout):
        return dout * self.mask
# 5 batch_normalization
class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = np.zeros_like(gamma), np.ones_like(gamma)
        self.dgamma = self.dbeta = None
    def forward(self, x, train_flg=True):
        if not train_flg:
            return self.gamma * (x - self.running_mean) / np.sqrt(self.running_var + 1e-6) + self.beta
        mean = x.mean(axis=0)
        var = x.var(axis=0)
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        self.xc = x - mean
        self.std = np.sqrt(var + 1e-6)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta
    def backward(self, dout):
        N = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum(dxn * self.xc / self.std ** 2, axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += 2 / N * self.xc * dvar
        dmean = np.sum(dxc, axis=0)
        return dxc - dmean / N
# 5 im2col
def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    N, C, H, W = input_data.shape
    out_h = (H + 2 * pad - filter_h) // stride + 1
    out_w = (W + 2 * pad - filter_w) // stride + 1
    img = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((N, C, filter_h, filter_w, out_h, out_w))
    for y in range(filter_h):
        for x in range(filter_w):
            col[:, :, y, x] = img[:, :, y:y + stride * out_h:stride, x:x + stride * out_w:stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)
# 5 col2im
def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    N, C, H, W = input_shape
    out_h = (H + 2 * pad - filter_h) // stride + 1
    out_w = (W + 2 * pad - filter_w) // stride + 1
    col = col.reshape(N, out_h, out_w, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    for y in range(filter_h):
        for x in range(filter_w):
            img[:, :, y:y + stride * out_h:stride, x:x + stride * out_w:stride] += col[:, :, y, x]
    return img[:, :, pad:H + pad, pad:W + pad]
# 5 convolution
class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad, self.dW, self.db = W, b, stride, pad, None, None
    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        out_h = (H + 2 * self.pad - FH) // self.stride + 1
        out_w = (W + 2 * self.pad - FW) // self.stride + 1
        self.x_shape = x.shape
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        self.col_W = self.W.reshape(FN, -1).T
        out = self.col @ self.col_W + self.b
        return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)
    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).T.reshape(FN, C, FH, FW)
        dcol = dout @ self.col_W.T
        return col2im(dcol, self.x_shape, FH, FW, self.stride, self.pad)
# 5 pooling
class Pooling:
    def __init__(self, pool_h, pool_w, stride=2):
        self.pool_h, self.pool_w, self.stride = pool_h, pool_w, stride
    def forward(self, x):
        N, C, H, W = x.shape
        out_h = (H - self.pool_h) // self.stride + 1
        out_w = (W - self.pool_w) // self.stride + 1
        col = im2col(x, self.pool_h, self.pool_w, self.stride).reshape(-1, self.pool_h * self.pool_w)
        self.x_shape = x.shape
        self.arg_max = col.argmax(axis=1)
        self.col = col
        return col.max(axis=1).reshape(N, out_h, out_w, C).transpose(0, 3, 1, 2)
    def backward(self, dout):
        N, C, out_h, out_w = dout.shape
        flat = dout.transpose(0, 2, 3, 1).ravel()
        dcol = np.zeros((flat.size, self.pool_h * self.pool_w))
        dcol[np.arange(flat.size), self.arg_max] = flat
        return col2im(dcol.reshape(N * out_h * out_w, -1), self.x_shape, self.pool_h, self.pool_w, self.stride)
"""

# Right too, where another style may look like a mistake: other differences, dropping the other half, in place.
OTHERS = """
# 4 numerical_gradient
def numerical_gradient(f, x):
    grad = np.full(x.shape, 1e-4)
    it = np.nditer(x, flags=["multi_index"], op_flags=["readwrite"])
    while not it.finished:
        i = it.multi_index
        kept = x[i]
        x[i] = kept + 5e-5
        right = f(x)
        x[i] = kept - 5e-5
        grad[i] = (right - f(x)) / grad[i]
        x[i] = kept
        it.iternext()
    return grad
# 5 dropout
class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.keep = 1 - dropout_ratio
    def forward(self, x, train_flg=True):
        if train_flg:
            self.dropped = np.random.random(x.shape) >= self.keep
        out = x.copy()
        if train_flg:
            out[self.dropped] = 0
        else:
            out *= self.keep
        return out
    def backward(self, dout):
        return np.where(self.dropped, 0, dout)
# 5 batch_normalization
class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = np.zeros_like(gamma), np.ones_like(gamma)
    def forward(self, x, train_flg=True):
        mean, var = (x.mean(axis=0), x.var(axis=0)) if train_flg else (self.running_mean, self.running_var)
        xn = (x - mean) * (var + 1e-6) ** -0.5
        if train_flg:
            self.xn, self.var = xn.copy(), var
            self.running_mean += (1 - self.momentum) * (mean - self.running_mean)
            self.running_var += (1 - self.momentum) * (var - self.running_var)
        xn *= self.gamma
        xn += self.beta
        return xn
    def backward(self, dout):
        self.dbeta, self.dgamma = np.einsum("nd->d", dout), np.einsum("nd,nd->d", dout, self.xn)
        dx = dout - dout.mean(axis=0)
        dx -= self.xn * self.dgamma / len(dout)
        dx *= self.gamma / np.sqrt(self.var + 1e-6)
        return dx
"""
BY_HAND, IN_ANOTHER_STYLE = ({(int(number), name): code for number, name, code in
                              re.findall(r"(?ms)^# (\d) (\w+)(\n.*?)(?=^# |\Z)", text)} for text in (SOLVED, OTHERS))

OWN_LAYER, = EXERCISES[5, "own_layer"].solution
BY_HAND[5, "own_layer"] = "\n" + OWN_LAYER

# Mistakes in these: what is there, what the learner wrote, what they read.
MISTAKES = {
    (3, "sigmoid"): [
        ("np.exp(-x)", "np.exp(x)", "the minus in exp(-x) is missing"),
        ("1 / (1 + np.exp(-x))", "1 / 1 + np.exp(-x)", "the sum 1 + exp(-x) needs brackets"),
        ("1 / (1 + np.exp(-x))", "np.exp(x) / (1 + np.exp(x))", "sigmoid([-1000, 1000]) is [ 0., nan], expected"),
        ("return 1", "1", "sigmoid(0) is None: a `return` is missing")],
    (3, "softmax"): [
        ("x - np.max(x, axis=-1, keepdims=True)", "x", "exp(1010) is larger than any float"),
        ("np.sum(e, axis=-1, keepdims=True)", "np.sum(e)", "every row needs a sum (and a maximum) of its own"),
        ("np.max(x, axis=-1, keepdims=True)", "np.max(x)", "Every row needs a maximum of its own"),
        ("e = np.exp(x - np.max(x, axis=-1, keepdims=True))", "x -= np.max(x, axis=-1, keepdims=True); e = np.exp(x)",
         "x was changed"),
        ("axis=-1", "axis=0", "those of the columns"),
        ("return e / np.sum(e, axis=-1, keepdims=True)", "return e / np.sum(np.exp(x), axis=-1, keepdims=True)",
         "above the fraction line only"),
        ("return e / np.sum(e, axis=-1, keepdims=True)", "return (e / np.sum(e, axis=-1, keepdims=True)).T",
         "the rows have become columns"),
        ("np.max(", "np.mean(", "softmax([2000. 0.]) is [nan 0.]: exp overflows still: take off the maximum"),
        ("return e / np.sum(e, axis=-1, keepdims=True)", "return np.squeeze(e / np.sum(e, axis=-1, keepdims=True))",
         "a batch of one, x (1, 3): expected the shape (1, 3), got (3,)")],
    (3, "three_layers"): [
        ("return softmax(", "return (", "softmax is missing after the third layer"),
        (' + network["b', ' + 0 * network["b', "the biases are missing"),
        ("sigmoid(np", "(np", "sigmoid is missing after the first and the second layer"),
        ('softmax(np.dot(z2, network["W3"]) + network["b3"])',
         'np.squeeze(softmax(np.dot(z2, network["W3"]) + network["b3"]))',
         "expected the shape (1, 3), got (3,)")],
    (3, "batches"): [
        ("predict(x[i:i + batch_size])", "predict()", "TypeError: predict() missing 1 required positional argument"),
        ("axis=1", "axis=0", "argmax runs along the wrong axis"),
        ("range(0, len(x), batch_size)", "range(0, len(x) - batch_size + 1, batch_size)", "the last batch"),
        ("right / len(x)", "right", "divide it by the number of examples")],
    (4, "cross_entropy"): [
        (") / N", ")", "this is the sum over the examples"),
        ("y[np.arange(N), t]", "y[:, t]", "y[:, t] picks N x N values"),
        (" + 1e-7", "", "log(0)"),
        ("return -", "return ", "the minus sign is missing"),
        ("y[np.arange(N), t]", "y[t]", "y[t] picks whole rows"),
        ("np.log(y[np.arange(N), t] + 1e-7)", "t * np.log(y + 1e-7)", "not a factor"),
        ("return -np.sum(", "return -(", "expected a number, got an array of shape (1,)"),
        ("np.log", "np.log10", "this is log10")],
    (4, "numerical_gradient"): [
        ("(2 * h)", "h", "this is twice the gradient"),
        ("        x[index] = value\n", "", "put it back"),
        ("value - h", "value", "half the gradient"),
        ("x[index] = value - h\n        lower = f(x)\n        x[index] = value\n"
         "        grad[index] = (upper - lower) / (2 * h)",
         "x[index] = value\n        grad[index] = (upper - f(x)) / h", "right side of x only"),
        ("    h = 1e-4", "    h = 1e-4; x = x.copy()", "change x itself"),
        ("/ (2 * h)", "/ 2 * h", "it needs brackets"),
        ("/ (2 * h)", "", "not divided by 2h"),
        ("h = 1e-4", "h = 1e-20", "f may read x where it lives x was the same at every call of f"),
        *[("h = 1e-4", f"h = {h}", "So small a change is lost in rounding") for h in (1e-13, 1e-9, 1e-6)],
        *[("h = 1e-4", f"h = {h}", "So large a change is no slope any more. Take h = 1e-4") for h in (1e-3, 0.01, 0.1)],
        ("x[index] = value - h\n        lower = f(x)\n        x[index] = value\n",
         "x[index] -= 2 * h\n        lower = f(x)\n        x[index] += h\n",
         "NOT YET x is afterwards as it was x[0] was 3.0 and is 3.0000000000000004 now: keep the value itself"),
        ("np.zeros_like(x)", "x", "NOT YET one value is changed at a time grad is x itself"),
        ("upper = f(x)", "upper = f()", "f takes an array, all of x: f(x)"),
        ("np.zeros_like(x)", "np.zeros(x.shape, int)", "the gradient has whole numbers only (int64)"),
        ("upper - lower", "lower - upper", "the gradient has the wrong sign")],
    (4, "gradient_descent"): [
        ("x -= lr", "x += lr", "uphill"),
        ("append(x.copy())", "append(x)", "keep x.copy()"),
        ("x -= lr * numerical_gradient(f, x)", "x -= lr * numerical_gradient(f, init_x)",
         "the gradient at the beginning was used in every step")],
    (4, "two_layer_net"): [
        ("return {", "grads = {", "dW1 is missing: it is None. Perhaps a `return`"),
        (', "b1": da1.sum(axis=0)', "", "db1 is missing"),
        (" / len(x)", "", "6 is the number of examples: perhaps the division by it is missing"),
        ("* z1 * (1 - z1)", "", "the derivative of sigmoid is missing"),
        ("da1.sum(axis=0)", "da1.mean(axis=0)", "db1 is 1/6"),
        ("dz1 * z1 * (1 - z1)", "dz1 * (1 - z1)", "the factor z1 is missing"),
        ("da1.sum(axis=0)", "da1", "the sum over axis=0 is missing"),
        ("softmax(z1", "(z1", "softmax is missing"),
        ("@ W1 + b1", "@ W1", "b1 is missing in the forward pass"),
        ("* z1 * (1 - z1)", "* sigmoid(z1) * (1 - sigmoid(z1))", "without another sigmoid"),
        ("        return {", '        self.params["W1"] -= 0.1 * x.T @ da1\n        return {',
         "backward changes W1. A gradient")],
    (5, "mul_add"): [
        ("return dout * self.y, dout * self.x", "return dout * self.x, dout * self.y", "dx and dy are exchanged"),
        ("return dout * self.y, dout * self.x", "return self.y, self.x", "dout is missing"),
        ("return dout * 1, dout * 1", "return dout", "expected two results"),
        ("return dout * self.y, dout * self.x", "dy = dout * self.x; dout *= self.y; return dout, dy",
         "dout was changed")],
    (5, "relu"): [
        ("dx[self.mask] = 0", "dx[dout <= 0] = 0", "dx is dout where dout > 0"),
        ("dx[self.mask] = 0", "", "dx is dout everywhere"),
        ("dx = dout.copy()", "dx = dout", "still needs it. (The book's Relu changes dout; here it stays.)"),
        ("x <= 0", "x < 0", "where x is 0, dx must be 0: the mask is x > 0"),
        ("return out", "", "out is None: a `return` is missing"),
        ("return out", "return out.tolist()", "expected an array of numbers of shape (4, 3), got a list"),
        ("return out", "return out[:, :2]", "out: expected the shape (4, 3), got (4, 2)"),
        ("return out", "return -out", "out has the wrong sign"),
        ("return out", "return 2 * out", "out[0, 0] is"),
        ("forward(self, x)", "forward(self)", "TypeError: Relu.forward() takes 1 positional argument but 2 were given"),
        ("return dx", "", "dx is None"),
        ("self.mask = (x <= 0)", "mask = self.mask = (x <= 0); self.n = 1 / 0", "ZeroDivisionError: division by zero"),
        ("class Relu", "class ReLU", "has no attribute 'Relu'")],
    (5, "sigmoid"): [
        ("np.exp(-x)", "np.exp(x)", "the minus in exp(-x) is missing"),
        ("dout * (1.0 - self.out) * self.out", "dout * (1.0 - self.out)", "the factor out is missing"),
        ("dout * ", "", "dout is missing")],
    (5, "affine"): [
        ("        self.db = np.sum(dout, axis=0)\n", "", "db is missing"),
        ("self.W.T", "self.W", "dx is dout @ W; it needs the transpose of W"),
        ("np.sum(dout, axis=0)", "np.mean(dout, axis=0)", "db is 1/4 of what it should be"),
        ("np.sum(dout, axis=0)", "np.sum(dout, axis=1)",
         "db has the shape (4,), but b has (3,). This is the sum over the columns: over the rows it is axis=0."),
        ("np.sum(dout, axis=0)", "np.sum(dout)", "but b has (3,). In the sum axis=0 is missing"),
        ("np.dot(self.x.T, dout)", "np.dot(self.x.T, dout) / len(dout)", "dW is 1/4"),
        ("np.dot(self.x.T, dout)", "np.dot(dout.T, self.x)", "dW is the transpose"),
        (" + self.b", "", "the bias is missing"),
        ("self.dW = np", "self.W = np", "A gradient belongs in dW"),
        ("return dx", "self.W -= 0.1 * self.dW; return dx", "a step W -= lr * dW after backward"),
        ("self.x = x", "self.x = x; self.W = 1 * self.W", "forward or backward changes W")],
    (5, "softmax_with_loss"): [
        (" / N", "", "the factor 1/N is missing"),
        ("dx[np.arange(N), self.t] -= 1", "", "take off 1 in the place of the right class"),
        ("self.y.copy()", "self.y", "backward changed what forward kept")],
    (5, "backward_loop"): [
        ("        return grads\n", "", "got None"),
        ("reversed(self.layers.values())", "self.layers.values()", "in gradient: dout = layer.backward(dout)"),
        ("dout = layer.backward(dout)", "layer.backward(dout)", "in gradient: layer.backward(dout)"),
        ("            x = layer.forward(x)", "            layer.forward(x)", "in gradient: layer.forward(x)"),
        ("        self.last_layer.forward(x, t)", "", "backward needs a forward"),
        ('f"Affine{n}"].db', 'f"Affine{n}"].b', "db1")],
    (5, "momentum_adam"): [
        ("- self.lr", "+ self.lr", "uphill"),
        ("self.momentum * self.v[key] - ", "-", "v is not kept"),
        ("lr_t * self.m", "self.lr * self.m", "the correction is missing"),
        ("        self.iter += 1\n", "", "t is 0 in lr_t"),
        ("params[key] += self", "params[key] = params[key] + self", "params holds a new array now"),
        ("grads[key] ** 2", "abs(grads[key])", "v takes g, not g squared")],
    (5, "dropout"): [
        ("np.random.rand(", "np.random.randn(", "np.random.rand from 0 to 1"),
        ("return dout * self.mask", "return self.forward(dout)", "backward draws a new mask"),
        ("> self", "< self", "the share to drop, not the share to keep"),
        ("return x * (1.0 - self.dropout_ratio)", "return x", "prediction must multiply"),
        ("return dout * self.mask", "return dout", "dx is dout everywhere"),
        ("x * self.mask", "x * self.mask / (1 - self.dropout_ratio)", "divides by 1 - dropout_ratio in training"),
        ("rand(*x.shape)", "rand(x.shape[1])", "whole rows or columns"),
        (" > self.dropout_ratio", "", "a value is dropped where the random number"),
        ("dout * self.mask", "dout * self.mask / (1 - self.dropout_ratio)", "forward in training did not divide"),
        ("return x * (1.0 - self.dropout_ratio)", "self.mask = 1 - self.dropout_ratio; return x * self.mask",
         "prediction must leave the mask alone"),
        ("return dout * self.mask", "dout[~self.mask] = 0; return dout", "dout was changed"),
        ("self.mask = np", "np.random.seed(0); self.mask = np", "two forwards dropped the same values")],
    (5, "batch_normalization"): [
        ("x.mean(axis=0)", "x.mean()", "the mean is of the whole x"),
        ("self.xc / self.std\n", "self.xc / var\n", "divides by the variance"),
        ("self.momentum * self.running_mean + (1 - self.momentum) * mean",
         "(1 - self.momentum) * self.running_mean + self.momentum * mean", "momentum and 1 - momentum are exchanged"),
        ("(1 - self.momentum) * mean", "mean", "the factor 1 - momentum is missing"),
        ("if not train_flg:", "if False:", "prediction takes the running ones"),
        ("return dxc - dmean / N", "return dxn / self.std",
         "treats mean and std over axis=0 as constant"),
        ("dxc - dmean / N", "dxc", "treats mean over axis=0 as constant"),
        ("np.sum(self.xn * dout, axis=0)", "np.sum(self.xc * dout, axis=0)",
         "the factor std, which does not belong there"),
        ("dstd = -np", "dstd = np", "no known mistake fits"),
        ("self.gamma * self.xn", "self.xn", "later backward: dx (first make forward right)"),
        ("self.xc = x - mean", "mean, var = self.running_mean, self.running_var; self.xc = x - mean",
         "the running averages were used"),
        ("self.std = np.sqrt(var + 1e-6)", "self.std = np.sqrt(var)", "the 1e-6 in std = sqrt(var + 1e-6) is missing"),
        ("self.std = np.sqrt(var + 1e-6)", "self.std = np.sqrt(var) + 1e-6", "the 1e-6 belongs under the root"),
        ("dxc = dxn / self.std", "dxc = dxn / np.sqrt(self.std ** 2 - 1e-6)", "dx where the variance is small"),
        ("np.sqrt(self.running_var + 1e-6)", "np.sqrt(self.running_var)",
         "NOT YET forward in prediction the 1e-6 in std"),
        ("np.sum(self.xn * dout, axis=0)", "np.sum((self.gamma * self.xn + self.beta) * dout, axis=0)",
         "this has out in place of xn"),
        ("(1 - self.momentum) * var", "(1 - self.momentum) * x.var(axis=0, ddof=1)",
         "divided by N - 1: here it is by N"),
        ("(1 - self.momentum) * var", "(1 - self.momentum) * np.sqrt(var + 1e-6)", "running_var takes var"),
        ("dxc - dmean / N", "dxc", "later backward: dx where the variance is small (first make dx right)")],
    (5, "im2col"): [
        ("col.transpose(0, 4, 5, 1, 2, 3)", "col", "the axes were not put in order"),
        ("col.transpose(0, 4, 5, 1, 2, 3)", "col.transpose(0, 4, 5, 2, 3, 1)", "the channels stand side by side"),
        ("img = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)])", "img = input_data",
         "ValueError: could not broadcast"),
        ("[:, :, y:y + stride * out_h:stride, x:x + stride * out_w:stride]", "[:, :, y:y + out_h, x:x + out_w]",
         "stride is not used")],
    (5, "col2im"): [
        ("+= col", "= col", "has the value of one window only: add them up, += and not ="),
        ("pad:H + pad, pad:W + pad", "pad:-pad, pad:-pad", "with pad 0, pad:-pad is 0:0, which is empty"),
        ("np.zeros((N", "np.zeros(dtype=int, shape=(N", "_UFuncOutputCastingError"),
        ("[:, :, pad:H + pad, pad:W + pad]", "", "the padding was not cut off"),
        ("[:, :, pad:H + pad, pad:W + pad]", "[:, :, :H, :W]", "on one side only"),
        (".reshape(N, out_h, out_w, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)",
         ".reshape(N, C, filter_h, filter_w, out_h, out_w)", "which mixes its axes"),
        ("C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)", "C, filter_w, filter_h).transpose(0, 3, 5, 4, 1, 2)",
         "filter_h and filter_w are exchanged"),
        ("N, out_h, out_w, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)",
         "N, out_w, out_h, C, filter_h, filter_w).transpose(0, 3, 4, 5, 2, 1)", "out_h and out_w are exchanged"),
        ("y:y + stride * out_h:stride, x:x + stride * out_w:stride", "y:y + out_h, x:x + out_w", "stride is not used")],
    (5, "convolution"): [
        (" + self.b\n", "\n", "the bias is missing"),
        (".reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)", ".reshape(N, -1, out_h, out_w)",
         "mixes windows and filters"),
        (".reshape(FN, -1).T", ".reshape(-1, FN)", "mixes the filters"),
        ("(self.col.T @ dout).T.reshape(FN, C, FH, FW)", "(self.col.T @ dout).reshape(FN, C, FH, FW)",
         "the right values in the wrong places"),
        ("np.sum(dout, axis=0)", "np.sum(dout)", "In the sum axis=0 is missing")],
    (5, "pooling"): [
        (".reshape(N, out_h, out_w, C).transpose(0, 3, 1, 2)", ".reshape(N, C, out_h, out_w)",
         "mixes windows and channels"),
        ("col.max(axis=1)", "col.mean(axis=1)", "this is the mean of every window"),
        ("dcol[np.arange(flat.size), self.arg_max] = flat",
         "dcol[self.col == self.col.max(axis=1, keepdims=True)] = 8", "all of the equal values got dout"),
        ("dcol[np.arange(flat.size), self.arg_max] = flat", "dcol[:] = flat[:, np.newaxis]",
         "every value of the window got dout"),
        ("dout.transpose(0, 2, 3, 1).ravel()", "dout.ravel()", "dout was made flat as it is"),
        ("self.arg_max] = flat", "0] = flat", "values are wrong"),
        ("[np.arange(flat.size), self.arg_max]", "[:, self.arg_max]", "sets the places arg_max in every row"),
        ("self.arg_max] = flat", "self.arg_max] = 1", "dout belongs there")],
}
CASES = [(*key, *case) for key, cases in MISTAKES.items() for case in cases]


@pytest.fixture(autouse=True)
def _a_learners_surroundings(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))        # the exercise's first lines put its folder there
    monkeypatch.setattr(plot, "gradient_check", lambda *args: plt.figure(figsize=(1, 1)))       # quicker
    monkeypatch.setattr(plt, "get_backend", lambda: "agg")  # figures go to files
    plt.switch_backend("agg")


def put(folder, key, code=""):
    """A copy of the exercise in `folder`, with this code in place of its classes and functions."""
    number, name = key
    text = (ROOT / f"ch0{number}/exercises/{name}.py").read_text("utf-8")
    path = folder / f"{name}.py"
    path.write_text(re.sub(r"(?s)\n(class|def) .*(?=\n\nif __name__)", lambda _: code, text) if code else text, "utf-8")
    return path


def one_line(text):
    return " ".join(text.split())


def run(path, monkeypatch, capsys, *options):
    """What the script prints, as one line, and its exit code."""
    monkeypatch.setattr(sys, "argv", [str(path), *options])
    exit_code = 0
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        exit_code = end.code
    return one_line(capsys.readouterr().out), exit_code


def found(key, path, until=None):
    """What the checks say of this file, in one line, "" if everything holds: the same without printing and drawing.

    No check runs after one that says `until`.
    """
    said = ""
    for result in EXERCISES[key].run(load(path), path):
        if result.status != HOLDS:
            said = one_line(f"{said} {result.line} {result.text}")
        if until and until in said:
            break
    return said


@pytest.mark.parametrize("key", EXERCISES, ids=str)
def test_as_shipped_it_is_not_done_yet(key, monkeypatch, capsys):
    printed, exit_code = run(ROOT / f"ch0{key[0]}/exercises/{key[1]}.py", monkeypatch, capsys)
    assert exit_code == 1
    assert "not done yet: " in printed and "holds" not in printed and "NOT YET" not in printed


@pytest.mark.parametrize("key, code", [*OWN.items(), *IN_ANOTHER_STYLE.items()])
def test_with_the_projects_code_and_in_another_style_it_holds(key, code, tmp_path):
    assert found(key, put(tmp_path, key, code)) == ""


@pytest.mark.parametrize("key", BY_HAND, ids=str)
def test_solved_by_hand_it_holds_and_is_drawn(key, tmp_path, monkeypatch, capsys):
    printed, exit_code = run(put(tmp_path, key, BY_HAND[key]), monkeypatch, capsys)
    assert (exit_code, "All of it holds." in printed) == (0, True), printed
    assert (tmp_path / f"{key[1]}.png").exists() == (EXERCISES[key].picture is not None)


def spoiling(function):
    """The function, which afterwards writes nan into the arrays of floats that it was given."""
    def spoiled(*args, **kwargs):
        result = function(*[np.array(arg) if isinstance(arg, np.ndarray) else arg for arg in args], **kwargs)
        for arg in args:
            if isinstance(arg, np.ndarray) and arg.dtype.kind == "f":
                arg[...] = np.nan
        return result
    return spoiled


# Whole nets, whose checks give them copies: nothing of the learner's depends on what they write there.
SEE_COPIES = [(3, "batches"), (3, "three_layers"), (4, "two_layer_net"), (5, "backward_loop")]


@pytest.mark.parametrize("key", sorted(BY_HAND.keys() - {(4, "numerical_gradient"), (5, "momentum_adam")}), ids=str)
def test_who_writes_into_what_is_given_spoils_no_other_check(key, tmp_path):
    path = put(tmp_path, key, BY_HAND[key])
    my = load(path)
    for name in re.findall(r"(?m)^(?:class|def) (\w+)", BY_HAND[key]):
        thing = getattr(my, name)
        for method in {"forward", "backward", "gradient"} & vars(thing).keys():
            setattr(thing, method, functools.wraps(vars(thing)[method])(spoiling(vars(thing)[method])))
        if not isinstance(thing, type):
            setattr(my, name, spoiling(thing))
    wrong = [result.statement for result in EXERCISES[key].run(my, path) if result.status == WRONG]
    assert bool(wrong) == (key not in SEE_COPIES)
    assert not [statement for statement in wrong if not re.search("as it is|as they are|the examples", statement)]


@pytest.mark.parametrize("number, name, right, wrong, read", CASES)
def test_a_mistake_is_named(number, name, right, wrong, read, tmp_path):
    key = number, name
    assert right in BY_HAND[key]
    assert read in found(key, put(tmp_path, key, BY_HAND[key].replace(right, wrong)), until=read)


SCALE = """\
class MyLayer:
    def __init__(self):
        self.s = np.ones(1)
        self.ds = None

    def forward(self, x):
        self.x = x
        return self.s * x

    def backward(self, dout):
        self.ds = np.array([np.sum(dout * self.x)])
        return dout * self.s


""" + OWN_LAYER[OWN_LAYER.index("def my_net"):]
SWISH = """\
class MyLayer:
    def forward(self, x):
        self.x = x
        return x / (1 + np.exp(-x))

    def backward(self, dout):
        s = 1 / (1 + np.exp(-self.x))
        return dout * (s + self.x * s * (1 - s))


""" + OWN_LAYER[OWN_LAYER.index("def my_net"):]


@pytest.mark.parametrize("code, right, wrong, read", [
    (SCALE, "epochs=4", "epochs=0", "NOT YET train: it reads"),       # all before it holds
    (OWN_LAYER, "(1 - self.out ** 2)", "self.out", "NOT YET MyLayer, backward passes the gradient check"),
    (OWN_LAYER, "MyLayer(), \"Affine2\"", "random_affine(30, 30, 0.1), \"Affine2\"", "none of its layers is a MyLayer"),
    (OWN_LAYER, "np.tanh(x)", "x", "choose a function that does something"),
    (OWN_LAYER, "(1 - self.out ** 2)", "(1 - self.x ** 2)", "the derivative of tanh is 1 - out^2"),
    (OWN_LAYER, "MyLayer(), \"Affine2\"", "MyLayer, \"Affine2\"", "Mine is the class MyLayer"),
    (OWN_LAYER, "0.1)})", "0.1), \"last\": SoftmaxWithLoss()})", "Network adds SoftmaxWithLoss itself: leave it out"),
    (OWN_LAYER, "return dout", "dout *= 1; dout *= 1 - self.out ** 2; return dout #", "dout was changed"),
    (SCALE, "np.sum(dout", "np.mean(dout", "ds is 1/12 of what it should be"),
    (SCALE, "        self.ds = None\n", "", "self.ds = None is missing in __init__"),
    (SCALE.replace("np.sum(dout", "np.mean(dout"), "        self.ds = None\n", "", "ds is 1/12 of what it should be"),
    (SCALE, "return dout * self.s", "return dout", "dx is 0.666667 times what it should be"),
    (SCALE, "self.ds = np.array", "ds = np.array", "not seen (first make MyLayer right)"),
    (SCALE, "np.ones(1)", "2.0", "s must be an array of floats: np.array([2.0])"),
    (SWISH, "s + self.x * s * (1 - s)", "s", "the term x s (1 - s) of the derivative is missing"),
    (SWISH, "s + self.x * s * (1 - s)", "self.x * s * (1 - s)", "the term s of the derivative is missing"),
])
def test_a_layer_of_ones_own(code, right, wrong, read, tmp_path):
    if "self.x ** 2" in wrong:
        code = code.replace("self.out = np", "self.x = x; self.out = np")
    path = put(tmp_path, (5, "own_layer"), "\nfrom common.layers import SoftmaxWithLoss\n" + code.replace(right, wrong))
    printed = found((5, "own_layer"), path, until=read)
    assert read in printed and (printed.startswith(read) or "NOT YET train" not in printed), printed


def test_an_error_is_said_once_and_in_a_line(tmp_path, monkeypatch, capsys):
    code = BY_HAND[5, "relu"].replace("return out", "return out + y")
    printed, exit_code = run(put(tmp_path, (5, "relu"), code), monkeypatch, capsys)
    assert exit_code == 1 and "Traceback" not in printed
    assert printed.count("line 31, in forward: return out + y NameError: name 'y' is not") == 1
    assert "NOT YET the examples at the top of the file the same as above" in printed


def test_the_examples_of_the_task_are_checked(tmp_path):
    for number, name in EXERCISES:
        assert re.search(r"^ +>>> .*\n +[^ >.]", (ROOT / f"ch0{number}/exercises/{name}.py").read_text("utf-8"), re.M)
    path = put(tmp_path, (3, "sigmoid"), OWN[3, "sigmoid"])
    path.write_text(path.read_text("utf-8").replace("0.73105858", "0.8"), "utf-8")
    read = found((3, "sigmoid"), path)
    assert "the examples at the top of the file sigmoid(np.array([-1.0, 0.0, 1.0])) is [0.268941, 0.5" in read


def test_an_endless_loop_is_stopped_with_one_line(tmp_path, monkeypatch, capsys):
    path = put(tmp_path, (4, "numerical_gradient"), """
def numerical_gradient(f, x):
    raise KeyboardInterrupt     # as Ctrl-C does
""")
    printed, exit_code = run(path, monkeypatch, capsys)
    assert exit_code == 130
    assert printed.endswith("Stopped. line 26, in numerical_gradient: raise KeyboardInterrupt # as Ctrl-C does")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.number)
def test_the_order_is_the_same_everywhere(chapter):
    folder = ROOT / f"ch0{chapter.number}/exercises"
    names = [exercise.name for exercise in chapter.exercises]
    shared = {"checks", "conftest", "harness", "tools", "as_tests"}
    assert {path.stem for path in folder.glob("*.py")} - shared == set(names)
    for number, name in enumerate(names, 1):
        first_line = (folder / f"{name}.py").read_text("utf-8").splitlines()[0]
        assert first_line.startswith(f'"""Chapter {chapter.number}, exercise {number}: ')
    readme = (folder / "README.md").read_text("utf-8")
    places = [readme.index(f"`{name}.py`") for name in names]
    assert places == sorted(places)


def test_one_hint_more_each_time(tmp_path, monkeypatch, capsys):
    path, hints = put(tmp_path, (5, "relu")), EXERCISES[5, "relu"].hints
    for number in range(1, len(hints) + 2):
        printed, exit_code = run(path, monkeypatch, capsys, "--hint")
        assert exit_code == 0
        assert [hint in printed for hint in hints] == [place < number for place in range(len(hints))]
    assert "--solution" in printed
    assert hints[1] not in run(path, monkeypatch, capsys, "--hint", "1")[0]
    path.with_suffix(".hints").unlink()
    path.with_suffix(".hints").mkdir()          # nothing can be written there
    assert "The next one: python relu.py --hint 3" in run(path, monkeypatch, capsys, "--hint", "2")[0]


@pytest.mark.parametrize("key", EXERCISES, ids=str)
def test_the_solution_is_the_projects_own(key, capsys):
    print_solution(EXERCISES[key])
    printed = capsys.readouterr().out
    for place, first, last in re.findall(r"^(\S+), lines (\d+) to (\d+):$", printed, re.M):
        lines = (ROOT / place).read_text("utf-8").splitlines(keepends=True)
        assert "".join(lines[int(first) - 1:int(last)]).rstrip() in printed
    assert printed.count("\n") < 60 and "__init__" not in printed
    if key == (4, "numerical_gradient"):
        assert "STEP = 0.0001" in printed and re.findall(r"def (\w+)", printed) == [key[1], "slope", "_moved"]
    if key == (5, "batch_normalization"):       # of the class's helpers, a line each
        assert re.findall(r"def (\w+)", printed) == ["forward", "backward"]
        assert "It calls mean(self, x): The mean of the values" in printed and "It calls update_running(" in printed


def test_as_a_reader_starts_it(tmp_path):
    project = copy_project(tmp_path / "project", "ch03", "ch04", "ch05")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / "ch05/exercises/relu.py").write_text(
        put(tmp_path, (5, "relu"), BY_HAND[5, "relu"].replace("dx[self.mask] = 0", "dx[0] = 0")).read_text("utf-8"))
    result = run_script(project / "ch05/exercises/relu.py", cwd=elsewhere, check=False)
    assert result.returncode == 1 and result.stderr == ""
    assert "holds    forward: x where x > 0, else 0" in result.stdout
    assert "NOT YET  backward: dout where x > 0, else 0" in result.stdout
    assert (project / "ch05/exercises/relu_gradients.png").exists() and not list(elsewhere.iterdir())

    (project / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"))
    (project / "ch05/exercises/affine.py").write_text("import nothing_of_this_name\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "ch05/exercises"]      # twice as fast
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    lines = result.stdout.splitlines()
    assert result.returncode == 1, result.stderr
    start = lines.index("Still open:")
    assert lines[start + 1:start + 4] == [
        "  mul_add.py: not done yet: MulLayer.forward", "  mul_add.py: not done yet: AddLayer.forward",
        "  relu.py: backward: dout where x > 0, else 0: dx[0, 2] is 0, expected -1.24591 (5 of 12 values are wrong)"]
    assert "  affine.py: the file does not run: line 1, in <module>: import nothing_of_this_name" in lines
    assert "    ModuleNotFoundError: No module named 'nothing_of_this_name'" in lines
