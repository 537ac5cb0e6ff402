"""From a photo, a scan or a drawing of a digit to the 28x28 pixels that a net trained on MNIST expects.

A net reads only what looks like its training data. So the picture is prepared as MNIST's were:

    picture = read_picture("photo.jpg")     # colours, any size
    ink = find_ink(picture)                 # 1 where the pen was, 0 elsewhere: no paper, shadows, printed lines
    x = center_digit(ink)                   # (28, 28): 20 pixels high or wide, centre of mass in the middle
"""
import itertools

import numpy as np
from PIL import Image, ImageFilter, ImageOps

SIZE = 400      # pixels: the longer side of a picture while the digit is searched


def read_picture(path):
    """Read a PNG or JPEG file as (H, W, 3) float32: red, green, blue from 0.0 to 1.0, upright, the longer side SIZE.

    Raises a ValueError if the file is no PNG or JPEG, is damaged, or has more pixels than Pillow thinks safe; an
    OSError if it is missing or cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            with Image.open(file, formats=["PNG", "JPEG"]) as image:
                return _pixels(image)
        except Exception as error:      # damaged bytes can raise anything
            raise ValueError(f"{path}: expected a PNG or JPEG image, whole and not too large ({error})") from error


def _pixels(image):
    image.draft("RGB", (2 * SIZE, 2 * SIZE))        # a JPEG is decoded at this size: faster
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):                  # 16 bits: convert() would clip, not scale
        image = Image.fromarray(np.uint8(np.asarray(image) // 257))
    image = ImageOps.contain(image.convert("RGBA"), (SIZE, SIZE), Image.Resampling.BILINEAR)
    rgba = np.asarray(image, np.float32) / 255
    color, alpha = rgba[:, :, :3], rgba[:, :, 3:]
    ground = np.average(color, weights=np.broadcast_to(alpha + 1e-9, color.shape)) < 0.5
    return color * alpha + ground * (1 - alpha)     # where there is none: one that the drawing can be seen on


def find_ink(picture):
    """Find the pen's strokes in an (H, W, 3) picture from 0.0 to 1.0: dark on light or light on dark, in any colour.

    Returns (H, W) float32, from 0.0, ground, to 1.0, ink. Raises a ValueError if there is no ink or there are several
    digits.
    """
    picture = np.asarray(picture, np.float32)
    if picture.shape[2:] != (3,) or picture.size == 0 or not (picture.min() >= 0 and picture.max() <= 1):
        raise ValueError(f"expected a picture (H, W, 3) of values from 0.0 to 1.0, got shape {picture.shape}")
    gray = _dark_on_light(picture)
    smooth = _opened(gray, 5)           # without the brightest noise
    width = SIZE // 3
    for _ in range(2):                  # once the pen's width is known, the ground is found better
        pieces = _digit(_contrast(gray, smooth, width))
        ink = np.sum(pieces, axis=0)
        width = max(15, round(3 * _line_width(ink)))
    boxes = [bounding_box(piece) for piece in pieces]
    for (top, bottom, _, right), (other_top, other_bottom, other_left, _) in itertools.permutations(boxes, 2):
        lower, taller = sorted([bottom - top, other_bottom - other_top])
        apart = right <= other_left or other_top - bottom > 0.15 * taller
        if apart and lower > 0.55 * taller:         # the parts of a 5 overlap, or differ in height
            raise ValueError("expected one digit, got several; make a picture of each")
    return ink


def _dark_on_light(picture):
    """(H, W): the colours mixed so that edges are strong, and turned round if the ink is lighter than the ground."""
    edges = np.concatenate([np.diff(picture, axis=axis).reshape(-1, 3) for axis in (0, 1)])
    color = np.linalg.eigh(edges.T @ edges)[1][:, -1]           # first principal component
    gray = Image.fromarray(picture @ color)
    W, H = gray.size
    dark = 0            # positive if what differs most from the median around it is darker
    for margin in (0, 0.05):                                    # a table beside the paper lies in the margin
        small = gray.resize((32, 32), Image.Resampling.BOX, (margin * W, margin * H, W - margin * W, H - margin * H))
        darker = (np.asarray(small.filter(ImageFilter.MedianFilter(21))) - np.asarray(small))**3
        dark += np.sum(darker) / max(np.sum(np.abs(darker)), 1e-9)
    if dark < 0:
        color = -color
    return np.where(color > 0, picture, 1 - picture) @ np.abs(color) / np.abs(color).sum()


def _contrast(gray, smooth, width):
    """How dark each pixel is against the ground, from 0.0 to 1.0. Strokes narrower than `width` are no ground."""
    small = np.asarray(Image.fromarray(smooth).reduce(4))       # the ground changes slowly
    size, shape = width // 8 * 2 + 1, gray.shape[::-1]
    ground = np.maximum(Image.fromarray(-_opened(-small, size)).resize(shape), 0.1)
    brightest = np.asarray(Image.fromarray(_largest(small, 5)).resize(shape))
    ink = 1 - gray / ground                             # a share of the ground, which a shadow does not change
    low, middle = np.quantile(ink, (0.05, 0.25))        # of the ground, also if the digit covers most of the picture
    ink -= middle
    strokes = ink > 6 * max(middle - low, 0.01)         # and not noise
    level = np.quantile(ink[strokes], 0.9) if strokes.any() else 1
    edges = (brightest - smooth) / ground > level / 2           # uneven light has none
    if np.sum(strokes & edges) < 10:
        raise ValueError("nothing is drawn on it, or too faintly")
    return np.clip((ink / level - 0.35) / 0.3, 0, 1).astype(np.float32)


def _opened(values, width):
    """`values` without all that is narrower than `width` pixels and larger than what is around it."""
    return _largest(-_largest(-values, width), width)


def _largest(values, width):
    """The largest value in the square of `width` pixels around each pixel; width is odd."""
    for _ in range(width // 2):             # 3 pixels, again and again
        for _ in "yx":
            padded = np.pad(values, ((1, 1), (0, 0)), "edge")
            values = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:]).T
    return values


def _pieces(ink):
    """The connected pieces of the ink, (H, W) each, the heaviest first, without specks."""
    blocks = np.asarray(Image.fromarray(ink).reduce(2))
    number, before = np.arange(1, blocks.size + 1).reshape(blocks.shape) * (blocks > 0), None
    while not np.array_equal(number, before):
        before = number         # each block takes the largest number n beside it, then what block n has taken
        number = np.append(0, number)[_largest(number, 3)] * (blocks > 0)
    mass = np.bincount(number.ravel(), blocks.ravel())
    heavy = np.argsort(-mass)[:np.sum(mass > mass.max() / 25)]
    H, W = ink.shape
    return [ink * (number == n).repeat(2, axis=0).repeat(2, axis=1)[:H, :W] for n in heavy]


def _digit(ink):
    """The pieces of the digit, without printed lines, frames, table edges and what else the picture cuts off."""
    pieces = _pieces(ink)
    if _edges(pieces[0]) > 1:                       # perhaps printed lines, which are thinner than the pen
        thick = _pieces(ink * (_opened(ink, 5) > 0.5))
        pieces = thick if thick and _edges(thick[0]) < 2 else pieces
    pieces = [piece for piece in pieces if _edges(piece) == 0] or pieces        # or the digit itself is cut
    pieces = [piece for piece in pieces if piece.sum() > pieces[0].sum() / 10]
    widest = max(map(_line_width, pieces))
    return [piece for piece in pieces if _line_width(piece) >= widest / 3]      # a frame's lines are thinner


def _edges(piece):
    """How many edges of the picture a piece touches."""
    return sum(edge.any() for edge in (piece[0], piece[-1], piece[:, 0], piece[:, -1]))


def center_digit(ink):
    """Bring a digit into the form of MNIST's: 20 pixels high or wide, the centre of mass in the middle of 28x28.

    Takes (H, W) ink, as `find_ink` returns it, and returns (28, 28) float32 from 0.0 to 1.0. Lines that are too thin
    are made as thick as MNIST's thinnest. Raises a ValueError if there is no ink.
    """
    top, bottom, left, right = bounding_box(ink)
    digit = Image.fromarray(np.float32(ink)[top:bottom, left:right])
    digit = ImageOps.contain(digit, (80, 80), Image.Resampling.BICUBIC)     # 4 times 20, to thicken in small steps
    canvas = Image.fromarray(np.pad(digit, 64) / np.max(digit))             # very thin lines had become faint
    while _line_width(canvas) < 4 * 1.75:
        canvas = canvas.filter(ImageFilter.MaxFilter(3))

    pixels = np.asarray(canvas)
    top, bottom, left, right = bounding_box(pixels)
    side = max(bottom - top, right - left) * 28 / 20
    y, x = (np.average(np.arange(len(mass)) + 0.5, weights=mass) for mass in (pixels.sum(axis=1), pixels.sum(axis=0)))
    y, x = y - side * 0.5 / 28, x - side * 0.5 / 28         # the mass to the middle of pixel 14, as in MNIST
    y = np.clip(y, bottom - side / 2, top + side / 2)       # but no ink is cut off
    x = np.clip(x, right - side / 2, left + side / 2)
    window = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return np.clip(canvas.resize((28, 28), Image.Resampling.BICUBIC, window), 0, 1)


def bounding_box(ink):
    """(top, bottom, left, right): `ink[top:bottom, left:right]` holds all ink. ValueError if there is none."""
    rows, columns = (np.flatnonzero(np.max(ink, axis=axis, initial=0) > 0.1) for axis in (1, 0))
    if rows.size == 0:
        raise ValueError("there is no ink")
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _line_width(image):
    """Of a drawing made of lines: their area, divided by half the length of their outline."""
    pixels = (np.asarray(image) > 0.5).astype(np.float32)
    return 2 * pixels.sum() / max(1, np.hypot(*np.gradient(pixels)).sum())
