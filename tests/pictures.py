"""Pictures of digits as readers make them: MNIST's, written large on some paper with some pen, in some light.

    picture = PICTURES["squared"](rng, digit)       # (H, W, 3) float32 from 0.0 to 1.0

`rng` varies size, place, pen and light.
"""
import numpy as np
from PIL import Image, ImageFilter

HEIGHT, WIDTH = 300, 400
Y, X = np.indices((HEIGHT, WIDTH), np.float32)


def place(digit, height, y, x, canvas=(HEIGHT, WIDTH), thicker=0):
    """(H, W) ink: the digit, `height` pixels high or wide, the corner of its bounding box at (y, x)."""
    rows, columns = np.flatnonzero(digit.max(axis=1) > 0.3), np.flatnonzero(digit.max(axis=0) > 0.3)
    digit = digit[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = height / max(digit.shape)
    size = [max(1, round(side * scale)) for side in digit.shape[::-1]]
    image = Image.fromarray(np.pad(digit, 2))
    image = image.resize([side + round(4 * scale) for side in size], Image.Resampling.BICUBIC)
    image = Image.fromarray(np.uint8(255 * np.clip(5 * np.asarray(image) - 2, 0, 1)))      # a pen's edges are sharp
    for _ in range(abs(round(thicker))):
        image = image.filter(ImageFilter.MaxFilter(3) if thicker > 0 else ImageFilter.MinFilter(3))
    paper = Image.new("L", canvas[::-1])
    paper.paste(image, (round(x - 2 * scale), round(y - 2 * scale)))
    return np.asarray(paper, np.float32) / 255


def anywhere(rng, digit, low=90, high=200, **settings):
    height = rng.uniform(low, high)
    return place(digit, height, rng.uniform(15, HEIGHT - height - 15), rng.uniform(15, WIDTH - height - 15), **settings)


def photo(rng, ink, contrast=None, ground=None, noise=None):
    """Ink on paper that is lit from one side, through a camera."""
    paper = (rng.uniform(0.75, 0.95) if ground is None else ground) * np.array([1, 1, rng.uniform(0.9, 1)])
    angle = rng.uniform(0, 2 * np.pi)
    h, w = ink.shape
    y, x = np.linspace(-0.5, 0.5, h)[:, np.newaxis], np.linspace(-0.5, 0.5, w)
    light = (1 + 0.2 * (np.cos(angle) * y + np.sin(angle) * x))[:, :, np.newaxis]
    pen = 1 - (rng.uniform(0.5, 0.9) if contrast is None else contrast) * ink[:, :, np.newaxis]
    camera = (rng.uniform(0.005, 0.03) if noise is None else noise) * rng.standard_normal((h, w, 3))
    return np.clip(paper * light * pen + camera, 0, 1).astype(np.float32)


def lined(rng, directions):
    """(H, W, 1) of 1, and less on printed lines."""
    gap, strength = rng.uniform(25, 60), rng.uniform(0.1, 0.4)
    slope = rng.uniform(-0.03, 0.03)
    lines = np.zeros((HEIGHT, WIDTH), bool)
    for along, across in ((Y, X), (X, Y))[:directions]:
        lines |= (along + slope * across * (1 if along is Y else -1) + rng.uniform(0, gap)) % gap < rng.uniform(1.2, 2.5)
    return 1 - strength * lines[:, :, np.newaxis]


def tight(rng, digit, margin):
    height = rng.uniform(200, 300)
    ink = place(digit, height, 100, 100, (500, 500))
    rows, columns = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    m = round(margin * height)
    return ink[rows[0] - m:rows[-1] + 1 + m, columns[0] - m:columns[-1] + 1 + m]


def cut(rng, digit):
    """Two to six hundredths of its height beyond one of the four edges."""
    height = rng.uniform(120, 240)
    ink = place(digit, height, 500, 500, (1200, 1200))
    rows, columns = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    lost = round(height * rng.uniform(0.02, 0.06))
    top, left = rows[0] - rng.integers(10, 60), columns[0] - rng.integers(20, 150)
    side = rng.integers(4)
    top, left = ((rows[0] + lost, left), (rows[-1] - lost - HEIGHT, left),
                 (top, columns[0] + lost), (top, columns[-1] - lost - WIDTH))[side]
    return ink[top:top + HEIGHT, left:left + WIDTH]


def shadow(rng, soft):
    """(H, W, 1): the shadow of a hand or a phone over a part of the paper."""
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.6)
    distance = (np.cos(angle) * (Y - HEIGHT / 2) + np.sin(angle) * (X - WIDTH / 2) + rng.uniform(-80, 80)
                + 25 * np.sin(X / 40 + Y / 60))
    return (1 - depth * np.clip(distance / (40 if soft else 2) + 0.5, 0, 1))[:, :, np.newaxis]


def on_table(rng, digit):
    """A sheet on a dark table that can be seen on all sides."""
    picture = photo(rng, anywhere(rng, digit, 80, 150), ground=0.9)
    top, left, bottom, right = rng.uniform(3, 14, 4)
    sheet = (Y > top + 0.03 * X) & (Y < HEIGHT - bottom) & (X > left) & (X < WIDTH - right)
    table = rng.uniform(0.2, 0.5) * np.array([1, 0.8, 0.6], np.float32)
    return np.where(sheet[:, :, np.newaxis], picture, table)


def boxed(rng, digit):
    """In a square printed on a form."""
    height = rng.uniform(90, 150)
    y, x = (rng.uniform(50, side - height - 50) for side in (HEIGHT, WIDTH))
    ink = place(digit, height, y, x)
    d = np.maximum(np.abs(Y - y - height / 2), np.abs(X - x - height / 2)) - height * rng.uniform(0.6, 0.75)
    return np.maximum(ink, 0.8 * (np.abs(d) < 1.2))


PICTURES = {
    "plain": lambda rng, digit: photo(rng, anywhere(rng, digit)),
    "inverted": lambda rng, digit: 1 - photo(rng, anywhere(rng, digit)),
    "thick": lambda rng, digit: photo(rng, anywhere(rng, digit, 120, 200, thicker=rng.uniform(3, 5))),
    "thin": lambda rng, digit: photo(rng, anywhere(rng, digit, 150, 200, thicker=-rng.uniform(1, 3))),
    "large": lambda rng, digit: photo(rng, anywhere(rng, digit, 240, 268)),
    "small": lambda rng, digit: photo(rng, anywhere(rng, digit, 20, 40)),
    "tiny": lambda rng, digit: photo(rng, anywhere(rng, digit, 12, 20)),
    "pale": lambda rng, digit: photo(rng, anywhere(rng, digit), contrast=rng.uniform(0.08, 0.2), noise=0.01),
    "noisy": lambda rng, digit: photo(rng, anywhere(rng, digit), noise=0.1),
    "cut": lambda rng, digit: photo(rng, cut(rng, digit)),
    "no ground": lambda rng, digit: photo(rng, tight(rng, digit, 0)),
    "little ground": lambda rng, digit: photo(rng, tight(rng, digit, rng.uniform(0.02, 0.1))),
    "ruled": lambda rng, digit: photo(rng, anywhere(rng, digit)) * lined(rng, 1),
    "squared": lambda rng, digit: photo(rng, anywhere(rng, digit)) * lined(rng, 2),
    "soft shadow": lambda rng, digit: photo(rng, anywhere(rng, digit)) * shadow(rng, True),
    "hard shadow": lambda rng, digit: photo(rng, anywhere(rng, digit)) * shadow(rng, False),
    "on a table": on_table,
    "boxed": lambda rng, digit: photo(rng, boxed(rng, digit)),
}


def several(rng, digits, touching=False):
    """Digits of about the same height beside each other, on one line."""
    n = len(digits)
    height = rng.uniform(60, min(0.8 * WIDTH / n, 140))
    x, top, inks = rng.uniform(10, WIDTH - n * height), rng.uniform(20, HEIGHT - 20 - 1.3 * height), []
    for digit in digits:
        inks.append(place(digit, height * rng.uniform(0.85, 1.1), top + rng.uniform(0, 0.15) * height, x))
        x = np.flatnonzero(inks[-1].max(axis=0))[-1] + (-0.04 if touching else rng.uniform(0.08, 0.5)) * height
    return photo(rng, np.max(inks, axis=0))
