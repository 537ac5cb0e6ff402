"""Which small steps make a layer, as its formula: {name of the value: (step, names of the values that go in), ...}.

"x" goes into the layer, "t" are its targets, "W", "b", ... its parameters; "out" comes out. `shape` is that of x.
"""
from common.figures.small_steps import (AddBias, AddOne, CrossEntropyError, Exp, Im2col, MatMul, Maximum, Mean,
                                        Multiply, Negate, Rearrange, Reciprocal, Softmax, Square, SquareRoot, Subtract)
from common.util import conv_output_size


def affine(layer, shape):
    return {"xW": (MatMul(), "x", "W"),
            "out": (AddBias(), "xW", "b")}


def sigmoid(layer, shape):
    return {"-x": (Negate(), "x"),
            "exp(-x)": (Exp(), "-x"),
            "1 + exp(-x)": (AddOne(), "exp(-x)"),
            "out": (Reciprocal(), "1 + exp(-x)")}


def softmax_with_loss(layer, shape):
    return {"y": (Softmax(), "x"),
            "out": (CrossEntropyError(), "y", "t")}


def convolution(layer, shape):
    FN, C, FH, FW = layer.W.shape
    return {"col": (Im2col(FH, FW, layer.stride, layer.pad), "x"),
            "col_W": (Rearrange((FN, C * FH * FW), (1, 0), (C * FH * FW, FN)), "W"),     # every filter a column
            "col col_W": (MatMul(), "col", "col_W"),
            "rows": (AddBias(), "col col_W", "b"),
            "out": (_rows_to_images(layer, shape, FH, FW), "rows")}


def pooling(layer, shape):
    size = layer.pool_h, layer.pool_w
    col = Im2col(*size, layer.stride, layer.pad, border=-float("inf"))
    return {"col": (col, "x"),
            "windows": (Rearrange((-1, size[0] * size[1]), (0, 1), (-1, size[0] * size[1])), "col"),
            "max": (Maximum(), "windows"),
            "out": (_rows_to_images(layer, shape, *size), "max")}


def batch_normalization(layer, shape):
    if len(shape) > 2:
        return _batch_normalization_of_images(layer, shape)
    return {"mean": (Mean(), "x"),
            "x - mean": (Subtract(), "x", "mean"),
            "(x - mean)^2": (Square(), "x - mean"),
            "var": (Mean(), "(x - mean)^2"),
            "std": (SquareRoot(), "var"),
            "1 / std": (Reciprocal(), "std"),
            "xn": (Multiply(), "x - mean", "1 / std"),
            "gamma xn": (Multiply(), "xn", "gamma"),
            "out": (AddBias(), "gamma xn", "beta")}


def _batch_normalization_of_images(layer, shape):
    """The same on rows, and these back to images: a column is a channel or, with a gamma for each, a value."""
    N, C, H, W = shape if len(shape) == 4 and layer.gamma.size == shape[1] else (shape[0], layer.gamma.size, 1, 1)
    steps = {result: (step, *("rows" if name == "x" else name for name in names))
             for result, (step, *names) in batch_normalization(layer, (N * H * W, C)).items()}
    steps["out rows"] = steps.pop("out")
    return {"rows": (Rearrange((N, C, H, W), (0, 2, 3, 1), (N * H * W, C)), "x"), **steps,
            "out": (Rearrange((N, H, W, C), (0, 3, 1, 2), shape), "out rows")}


def _rows_to_images(layer, shape, height, width):
    N, _, H, W = shape
    out_h = conv_output_size(H, height, layer.stride, layer.pad)
    out_w = conv_output_size(W, width, layer.stride, layer.pad)
    return Rearrange((N, out_h, out_w, -1), (0, 3, 1, 2), (N, -1, out_h, out_w))


STEPS = {"Affine": affine, "Sigmoid": sigmoid, "SoftmaxWithLoss": softmax_with_loss, "Convolution": convolution,
         "Pooling": pooling, "BatchNormalization": batch_normalization}
