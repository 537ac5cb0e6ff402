"""Training images that are never twice the same: moved, turned, scaled, sheared and bent at random.

Each distortion moves points. Together they are one smooth field, which says for every pixel of the result where in the
image it comes from; so an image is resampled, and blurred, only once.
"""
import numpy as np

from common import fast


class Augmentation:
    """Every batch is replaced by function(x_batch), before the step."""

    def __init__(self, function):
        self.function = function

    def on_batch_begin(self, trainer):
        trainer.x_batch = self.function(trainer.x_batch)


def distort(x, shift=0, rotation=0, scale=0, shear=0, elastic=0, smoothness=4, share=1):
    """A randomly distorted copy of each image, drawn by np.random; what lies outside an image counts as 0.

    Parameters
    ----------
    x : (N, C, H, W), float32 or float64
    shift : pixels, at most, along each axis
    rotation : degrees, at most, to either side
    scale : 0.1 draws factors from 0.9 to 1.1, one for the height and one for the width
    shear : 0.1 slants a vertical line by 0.1 pixels per pixel at most
    elastic : pixels by which points move, each its own way but neighbours alike: the root of the mean square
        (Simard, Steinkraus, Platt 2003: about 1.4)
    smoothness : pixels over which neighbours are alike, the sigma of a Gaussian (there: 4)
    share : of the images, drawn at random, that are distorted; 1 for all. Between pixels an image is read blurred, so a
        net that has seen distorted ones only is a stranger to sharp ones

    Returns
    -------
    (N, C, H, W) of the same dtype, a new array
    """
    if x.ndim != 4 or x.dtype.kind != "f":
        raise ValueError(f"distort: expected images of floats, of shape (N, C, H, W), got {x.dtype} {x.shape}")
    settings = {"shift": shift, "rotation": rotation, "scale": scale, "shear": shear, "elastic": elastic}
    for name, value in {**settings, "smoothness": smoothness, "share": share}.items():
        largest = 1 if name in ("scale", "share") else np.inf
        if not 0 <= value <= largest or (name, value) in (("scale", 1), ("smoothness", 0)):
            raise ValueError(f"distort: {name} is out of range, got {value}")
    if share < 1:
        out, chosen = x.copy(), np.random.rand(len(x)) < share
        out[chosen] = distort(x[chosen], **settings, smoothness=smoothness)
        return out
    N, _, H, W = x.shape
    pixels = np.indices((H, W), x.dtype).reshape(2, -1)
    center = np.array([[(H - 1) / 2], [(W - 1) / 2]], x.dtype)
    source = _random_matrices(N, rotation, scale, shear, x.dtype) @ (pixels - center) + center     # (N, 2, H * W)
    if shift:
        source += _uniform(shift, (N, 2, 1), x.dtype)
    if elastic:
        noise = _uniform(3 ** 0.5, (N, 2, H, W), x.dtype)       # of variance 1
        smooth = _smoothing(H, smoothness, x.dtype) @ noise @ _smoothing(W, smoothness, x.dtype).T
        source += elastic * smooth.reshape(source.shape)
    out = np.empty_like(x)

    def work(part):
        out[part] = _sample(x[part], source[part])

    fast.run(work, fast.slices(N))
    return out


def _uniform(largest, shape, dtype):
    return np.random.uniform(-largest, largest, shape).astype(dtype)


def _random_matrices(N, rotation, scale, shear, dtype):
    """(N, 2, 2): the (row, column) in the image, seen from its centre, for that in the result."""
    angle = np.radians(_uniform(rotation, N, dtype))
    height, width = 1 + _uniform(scale, (2, N), dtype)
    slant = _uniform(shear, N, dtype)
    matrices = np.empty((N, 2, 2), dtype)
    matrices[:, 0] = np.stack([np.cos(angle), -np.sin(angle)], axis=1) / height[:, None]
    matrices[:, 1] = np.stack([np.sin(angle), np.cos(angle)], axis=1) / width[:, None]
    matrices[:, 1] -= slant[:, None] * matrices[:, 0]
    return matrices


def _smoothing(size, sigma, dtype):
    """(size, size): a Gaussian around each place, such that noise of variance 1 keeps variance 1."""
    distance = np.arange(size)[:, None] - np.arange(size)
    weights = np.exp(-distance ** 2 / (2 * sigma ** 2))
    return (weights / np.sqrt(np.sum(weights ** 2, axis=1, keepdims=True))).astype(dtype)


def _sample(x, source):
    """x (N, C, H, W) at the places source (N, 2, H * W), between pixels by bilinear interpolation."""
    N, C, H, W = x.shape
    padded = np.zeros((N, H + 2, W + 2, C), x.dtype)        # a border of what lies outside
    padded[:, 1:-1, 1:-1] = x.transpose(0, 2, 3, 1)
    padded = padded.reshape(-1, C)
    row, column = np.clip(source[:, 0] + 1, 0, H + 1), np.clip(source[:, 1] + 1, 0, W + 1)
    top, left = np.minimum(np.floor(row), H), np.minimum(np.floor(column), W)
    down, right = (row - top)[..., None], (column - left)[..., None]
    corner = (np.arange(N)[:, None] * (H + 2) + top.astype(int)) * (W + 2) + left.astype(int)

    def at(offset):
        return np.take(padded, corner + offset, axis=0)

    upper = at(0) + right * (at(1) - at(0))
    lower = at(W + 2) + right * (at(W + 3) - at(W + 2))
    return (upper + down * (lower - upper)).reshape(N, H, W, C).transpose(0, 3, 1, 2)
