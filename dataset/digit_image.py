"""From a photo, a scan or a drawing of a digit to the 28x28 pixels that a net trained on MNIST expects.

A net reads only what looks like its training data. This is how MNIST was made, so do the same here:

    picture = read_picture("photo.jpg")     # colours, any size
    ink = find_ink(picture)                 # 1 where the pen was, 0 elsewhere: no paper, shadows, specks
    x = center_digit(ink)                   # (28, 28): 20 pixels high or wide, centre of mass in the middle
"""
import warnings

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image, ImageFilter, ImageOps

SIZE = 400      # pixels of the longer side that pictures are worked on with
BLOCK = 8       # ink whose blocks of so many pixels touch is one piece


def read_picture(path):
    """Read a PNG or JPEG file, upright, in SIZE pixels.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    (H, W, 3) numpy.ndarray of float32
        Red, green, blue from 0.0 to 1.0; the longer side is SIZE.

    Raises
    ------
    ValueError
        The file is no PNG or JPEG, is damaged, or has more pixels than Pillow thinks safe.
    OSError
        The file is missing or cannot be opened.
    """
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file, formats=["PNG", "JPEG"]) as image:
                return _pixels(image)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            limit = Image.MAX_IMAGE_PIXELS // 10**6
            raise ValueError(f"{path}: expected at most {limit} million pixels; make it smaller") from None
        except Image.UnidentifiedImageError:
            raise ValueError(f"{path}: expected a PNG or JPEG image, got something else") from None
        except Exception as error:      # damaged bytes can fail in any way; each means the same to the caller
            raise ValueError(f"{path}: expected a whole PNG or JPEG image ({error})") from error


def _pixels(image):
    image.draft("RGB", (2 * SIZE, 2 * SIZE))        # a JPEG need not be decoded in full
    image = ImageOps.exif_transpose(image)
    size = [max(1, round(side * SIZE / max(image.size))) for side in image.size]
    if image.mode[0] in "IF":                       # 16 bits: Pillow's own conversion would cut, not scale
        image = Image.fromarray(np.asarray(image, np.float32) / 65535)
        gray = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        return np.repeat(gray[:, :, np.newaxis], 3, axis=2)
    image = image.convert("RGBA").resize(size, Image.Resampling.BILINEAR)
    rgba = np.asarray(image, np.float32) / 255
    color, alpha = rgba[:, :, :3], rgba[:, :, 3:]
    if alpha.min() == 1:
        return color
    bright = np.sum(color * alpha) > 0.5 * 3 * np.sum(alpha)
    return np.clip(color * alpha + (0 if bright else 1) * (1 - alpha), 0, 1)    # a drawing on nothing stands out


def find_ink(picture):
    """Find what is drawn: dark on light or light on dark, in any colour, in uneven light.

    Parameters
    ----------
    picture : (H, W, 3) array_like
        From 0.0 to 1.0.

    Returns
    -------
    (H, W) numpy.ndarray of float32
        From 0.0, ground, to 1.0, ink.

    Raises
    ------
    ValueError
        Nothing stands out from the ground, or `picture` is no such array.
    """
    picture = _checked("picture", picture, ("H", "W", 3))
    difference = picture - _ground(picture)
    pixels = difference.reshape(-1, 3)
    color = np.linalg.eigh(pixels.T @ pixels)[1][:, -1]         # in which the picture differs most
    ink = difference @ color / np.sqrt(3)
    ink *= np.sign(np.sum(ink**3))                              # ink: few pixels, far from the ground
    noise = max(3 * np.quantile(np.abs(ink), 0.25), 0.01)
    candidates = ink[ink > 5 * noise]
    if candidates.size < 20:
        raise ValueError("nothing is drawn on it, or too faintly")
    threshold = _otsu(candidates)
    level = np.median(ink[ink > threshold])
    ink = np.clip((ink / level - 0.35) / 0.3, 0, 1)
    return (ink * _large_pieces(ink)).astype(np.float32)


def _ground(picture):
    """The paper in its light: the median of all that lies around, which strokes are too narrow to be.

    A shadow with a straight edge belongs to the ground too: on its own side it fills most of the window.
    """
    H, W, _ = picture.shape
    h, w = (max(1, round(32 * side / max(H, W))) for side in (H, W))
    around = ((10, 10), (10, 10), (0, 0))
    small = np.pad(_resize(picture, (w, h), Image.Resampling.BOX), around, "reflect", reflect_type="odd")
    median = np.median(sliding_window_view(small, (21, 21), axis=(0, 1)), axis=(-2, -1))
    return _resize(median, (W, H), Image.Resampling.BILINEAR)


def _resize(picture, size, method):
    channels = np.moveaxis(picture, -1, 0).astype(np.float32)
    return np.stack([Image.fromarray(channel).resize(size, method) for channel in channels], axis=-1)


def _otsu(values):
    """The threshold that parts positive values into two groups as unlike as can be (Otsu 1979)."""
    count, edges = np.histogram(values, bins=100, range=(0, values.max()))
    middle = (edges[1:] + edges[:-1]) / 2
    below, sum_below = np.cumsum(count)[:-1], np.cumsum(count * middle)[:-1]
    above, sum_above = values.size - below, np.sum(count * middle) - sum_below
    distance = sum_above / np.maximum(above, 1) - sum_below / np.maximum(below, 1)
    return edges[1 + np.argmax(below * above * distance**2)]


def _large_pieces(ink):
    """1 where ink hangs together with much other ink, 0 at specks and at what the picture's edge cuts off."""
    H, W = ink.shape
    rows, columns = -(-H // BLOCK), -(-W // BLOCK)
    blocks = np.pad(ink, ((0, rows * BLOCK - H), (0, columns * BLOCK - W)))
    mass = blocks.reshape(rows, BLOCK, columns, BLOCK).sum(axis=(1, 3))
    piece, before = np.where(mass > 0, np.arange(1, mass.size + 1).reshape(mass.shape), 0), None
    while not np.array_equal(piece, before):        # every block takes the highest number of its neighbours
        before = piece
        piece = sliding_window_view(np.pad(piece, 1), (3, 3)).max(axis=(2, 3)) * (mass > 0)

    weight = np.bincount(piece.ravel(), mass.ravel())
    inner = weight.copy()
    inner[np.concatenate([piece[0], piece[-1], piece[:, 0], piece[:, -1]])] = 0
    if inner.max() > weight.max() / 5:              # else the digit itself reaches the edge
        weight = inner
    large = (weight > weight.max() / 10)[piece]
    return large.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)[:H, :W]


def center_digit(ink):
    """Bring a digit into the shape of MNIST's: 20 pixels high or wide, centre of mass in the middle of 28x28.

    Parameters
    ----------
    ink : (H, W) array_like
        From 0.0, ground, to 1.0, ink. Thin lines are made as thick as MNIST's thinnest.

    Returns
    -------
    (28, 28) numpy.ndarray of float32
        From 0.0 to 1.0, with the smooth edges that scaling leaves.

    Raises
    ------
    ValueError
        There is no ink, or `ink` is no such array.
    """
    ink = _checked("ink", ink, ("H", "W"))
    top, bottom, left, right = bounding_box(ink)
    digit = Image.fromarray(ink[top:bottom, left:right])
    scale = 4 * 20 / max(digit.size)                # four times MNIST's size: room to thicken lines finely
    digit = digit.resize([max(1, round(side * scale)) for side in digit.size], Image.Resampling.BICUBIC)
    canvas = Image.new("F", (168, 168))
    canvas.paste(digit, ((168 - digit.width) // 2, (168 - digit.height) // 2))
    canvas = Image.fromarray(np.asarray(canvas) / np.max(canvas))       # hairlines have faded by the scaling
    while _line_width(canvas) < 4 * 1.75:
        canvas = canvas.filter(ImageFilter.MaxFilter(3))

    pixels = np.asarray(canvas)
    top, bottom, left, right = bounding_box(pixels)
    side = max(bottom - top, right - left) * 28 / 20
    y, x = (np.average(np.arange(168) + 0.5, weights=pixels.sum(axis=axis)) for axis in (1, 0))
    y, x = y - side * 0.5 / 28, x - side * 0.5 / 28         # the mass to the middle of pixel 14, as in MNIST
    y = np.clip(y, bottom - side / 2, top + side / 2)       # but no ink is cut off
    x = np.clip(x, right - side / 2, left + side / 2)
    window = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return np.clip(canvas.resize((28, 28), Image.Resampling.BICUBIC, window), 0, 1)


def _checked(name, values, shape):
    values = np.asarray(values, np.float32)
    if values.ndim != len(shape) or values.size == 0 or values.shape[2:] != shape[2:]:
        raise ValueError(f"{name}: expected shape ({', '.join(map(str, shape))}), got {values.shape}")
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"{name}: expected values from 0.0 to 1.0, got {values.min():g} to {values.max():g}")
    return values


def bounding_box(ink):
    """(top, bottom, left, right): `ink[top:bottom, left:right]` holds all ink. ValueError if there is none."""
    rows, columns = (np.flatnonzero(np.max(ink, axis=axis, initial=0) > 0.1) for axis in (1, 0))
    if rows.size == 0:
        raise ValueError("there is no ink")
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _line_width(image):
    """Of a drawing made of lines, from their area and their outline, which is twice as long as they are."""
    pixels = (np.asarray(image) > 0.5).astype(np.float32)
    return 2 * pixels.sum() / np.hypot(*np.gradient(pixels)).sum()
