"""Training images that are never twice the same: moved, turned, scaled, sheared and bent at random.

Each distortion moves points. Together they are one smooth field, which says for every pixel of the result where in the
image it comes from; so an image is resampled, and blurred, only once.
"""
import numpy as np


class Augmentation:
    """Every batch is replaced by function(x_batch), before the step."""

    def __init__(self, function):
        self.function = function

    def on_batch_begin(self, trainer):
        trainer.x_batch = self.function(trainer.x_batch)


def distort(x, shift=0, rotation=0, scale=0, shear=0, elastic=0, share=1):
    """A randomly distorted copy of each image, drawn by np.random; what lies outside an image counts as 0.

    x : (N, C, H, W); the result is new, and of float32 unless x is of float64
    shift : pixels, at most, along each axis
    rotation : degrees, at most, to either side
    scale : 0.1 draws factors from 0.9 to 1.1, one for the height and one for the width
    shear : 0.1 slants a vertical line by 0.1 pixels per pixel at most
    elastic : pixels by which points move, each its own way but neighbours alike: the root of the mean square
        (Simard, Steinkraus, Platt 2003: about 1.4, smoothed as here by a Gaussian with a sigma of 4 pixels)
    share : how many of the images are distorted, drawn at random; 1 for all. Distorted images are a little blurred, as
        they are read between pixels, so a net should see some sharp ones too
    """
    if not 0 <= scale < 1:
        raise ValueError(f"distort: expected 0 <= scale < 1, got {scale}")
    x = np.asarray(x, np.result_type(x, np.float32))
    if share < 1:
        out, chosen = x.copy(), np.random.rand(len(x)) < share
        out[chosen] = distort(x[chosen], shift, rotation, scale, shear, elastic)
        return out
    N, _, H, W = x.shape
    # Where in the image, seen from its centre, a pixel of the result comes from: a matrix times (row, column).
    angle = np.radians(np.random.uniform(-rotation, rotation, N))
    matrices = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])     # (2, 2, N)
    matrices /= np.random.uniform(1 - scale, 1 + scale, (2, 1, N))
    matrices[1] -= np.random.uniform(-shear, shear, N) * matrices[0]
    center = np.array([[(H - 1) / 2], [(W - 1) / 2]])
    source = matrices.transpose(2, 0, 1) @ (np.indices((H, W)).reshape(2, -1) - center) + center    # (N, 2, H * W)
    source += np.random.uniform(-shift, shift, (N, 2, 1))
    if elastic:
        noise = np.random.uniform(-3 ** 0.5, 3 ** 0.5, (N, 2, H, W)).astype(x.dtype)    # of variance 1
        smooth = _smoothing(H, x.dtype) @ noise @ _smoothing(W, x.dtype).T
        source += elastic * smooth.reshape(source.shape)
    return _sample(x, source.astype(x.dtype))


def _smoothing(size, dtype, sigma=4):
    """(size, size): a Gaussian around each place, such that noise of variance 1 keeps variance 1."""
    distance = np.arange(size)[:, None] - np.arange(size)
    weights = np.exp(-distance ** 2 / (2 * sigma ** 2))
    return (weights / np.sqrt(np.sum(weights ** 2, axis=1, keepdims=True))).astype(dtype)


def _sample(x, source):
    """x (N, C, H, W) at the places source (N, 2, H * W), between pixels by bilinear interpolation."""
    N, C, H, W = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))        # a border of what lies outside
    padded = padded.transpose(0, 2, 3, 1).reshape(-1, C)
    row, column = np.clip(source[:, 0] + 1, 0, H + 1), np.clip(source[:, 1] + 1, 0, W + 1)      # (N, H * W)
    top, left = np.minimum(np.floor(row), H), np.minimum(np.floor(column), W)
    down, right = (row - top)[..., None], (column - left)[..., None]
    corner = (np.arange(N)[:, None] * (H + 2) + top.astype(int)) * (W + 2) + left.astype(int)
    upper = padded[corner] * (1 - right) + padded[corner + 1] * right                       # (N, H * W, C)
    lower = padded[corner + W + 2] * (1 - right) + padded[corner + W + 3] * right
    return (upper * (1 - down) + lower * down).reshape(N, H, W, C).transpose(0, 3, 1, 2)
