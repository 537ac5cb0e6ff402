"""How a value looks in a graph: a small array in full, a large one as shape, mean, std and a tiny picture."""
import math
from functools import lru_cache

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.textpath import TextPath

# All lengths are in inches. Forward and backward differ on grey paper too: by place, dashes and slant.
FORWARD, BACKWARD = "#10355c", "#c0431f"
STYLE = {FORWARD: "normal", BACKWARD: "italic"}
MAPS = {FORWARD: "gray", BACKWARD: LinearSegmentedColormap.from_list("backward", ["#4a1405", "#d99b82", "#fffaf6"])}
PICTURE = 0.8           # side of a tiny picture
GAP = 0.05              # between text and picture
SMALL = 12              # values that are written out in full
MOST_MAPS = 16          # channels in a picture


class ValueBlock:
    """A few lines of text, and beyond them, seen from the line in the graph, a tiny picture.

    Parameters
    ----------
    value : number or array
    size : of the text, in points
    color : FORWARD or BACKWARD
    is_input : does it belong to an input of the graph? Then rows of a square number of values are pictures.
    """

    def __init__(self, value, size, color, is_input):
        self.value, self.size, self.color, self.is_input = np.asarray(value), size, color, is_input
        self.lines = describe(self.value)
        self.picture = (self.value.size > SMALL and self.value.dtype.kind == "f" and np.isfinite(self.value).any())
        self.text_height = len(self.lines) * line_height(size)
        self.height = self.text_height + (GAP + PICTURE if self.picture else 0)
        self.width = max(PICTURE if self.picture else 0, *(text_width(line, size) for line in self.lines)) + 0.04

    def paint(self, axes, x, y, side):
        """Draw it over (side -1) or under (side 1) the point (x, y); y grows downwards."""
        for i, line in enumerate(self.lines[::side]):
            write(axes, x, y + side * (i + 0.5) * line_height(self.size), line, self.size, self.color)
        if self.picture:
            near = y + side * (self.text_height + GAP)
            top, bottom = sorted((near, near + side * PICTURE))
            images = _images(self.value, self.is_input)
            paint = self._paint_histogram if images is None else self._paint_images
            paint(axes, images, x - PICTURE / 2, x + PICTURE / 2, top, bottom)

    def _paint_images(self, axes, images, left, right, top, bottom):
        picture = _side_by_side(images)
        limit = None
        if self.color == BACKWARD:              # 0 in the middle; a few large ones shall not hide all others
            sizes = np.abs(picture[np.isfinite(picture) & (picture != 0)])
            limit = np.percentile(sizes, 98) if sizes.size else 1
        axes.imshow(picture, cmap=MAPS[self.color], extent=(left, right, bottom, top), interpolation="nearest",
                    vmin=limit and -limit, vmax=limit)

    def _paint_histogram(self, axes, _, left, right, top, bottom):
        values = self.value[np.isfinite(self.value)].astype(float)
        values /= np.abs(values).max() or 1             # no difference is too large or too small for bins then
        values -= values.min()
        values = values / values.max() if values.any() else values + 0.5
        counts, bounds = np.histogram(values, bins=20, range=(0, 1))
        axes.stairs(bottom - (bottom - top) * 0.9 * counts / counts.max(), left + (right - left) * bounds,
                    baseline=bottom, fill=True, facecolor=(self.color, 0.35), edgecolor=self.color, linewidth=0.7,
                    gid="histogram")


def describe(value):
    """The lines of text for an array: itself if it is small, else shape, mean and standard deviation."""
    if value.size == 0:
        return [str(value.shape)]
    if value.size == 1:
        return [f"{value.item():.6g}"]              # 220.00000000000003 as 220
    if value.size > SMALL:
        with np.errstate(all="ignore"):             # inf and NaN are shown as they are
            return [str(value.shape)] + (
                [f"mean {value.mean():.3g}", f"std {value.std():.3g}"] if value.dtype.kind == "f" else [])
    cells = _cells(value.reshape(-1, value.shape[-1]))
    length = max(1, min(5, 30 // len(cells[0][0])))
    return [" ".join(row[i:i + length]) for row in cells for i in range(0, len(row), length)]


def _cells(rows):
    """Numbers as texts of one length, with as many decimals as the largest of them needs for three digits."""
    finite = np.abs(rows[np.isfinite(rows)].astype(float))
    largest, decimals = finite.max(initial=0), 0
    if rows.dtype.kind == "f" and largest > 0:
        decimals = 2 - math.floor(math.log10(largest))
    form = "g" if largest == 0 or rows.dtype.kind != "f" else f".{max(0, decimals)}f" if -2 < decimals < 6 else ".1e"
    texts = [[f"{float(x) if form == '.1e' else np.round(float(x), decimals) + 0:{form}}" for x in row]     # no -0.00
             for row in rows]
    width = max(len(text) for row in texts for text in row)
    return [[text.rjust(width) for text in row] for row in texts]


def _images(value, is_input):
    """The first example's channels (C, H, W), if the value is images; else None."""
    if value.ndim == 4 and min(value.shape[2:]) > 1:
        return value[0, :MOST_MAPS]
    side = math.isqrt(value.shape[-1])
    if is_input and value.ndim == 2 and side ** 2 == value.shape[1] and side > 10:
        return value[:1].reshape(1, side, side)
    return None


def _side_by_side(images):
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    H, W = images.shape[1:]
    tiles = np.full((rows * columns, H + 1, W + 1), np.nan)
    tiles[:len(images), :H, :W] = images
    return tiles.reshape(rows, columns, H + 1, W + 1).swapaxes(1, 2).reshape(rows * (H + 1), -1)[:-1, :-1]


def write(axes, x, y, text, size, color="black", ha="center", **options):
    """Put one line of text at the height y, letter by letter: a $ begins no formula."""
    axes.text(x, y, text, size=size, color=color, style=STYLE.get(color), ha=ha,
              **{"va": "center_baseline", "zorder": 4, "parse_math": False, **options})


def line_height(size):
    """Inches that a line of text takes up; size in points."""
    return 1.25 * size / 72


@lru_cache(maxsize=1000)
def text_width(text, size, weight="normal"):
    """Inches from the left end of a text to its right end."""
    if not text.strip():
        return 0
    return TextPath((0, 0), text.replace("$", r"\$"), size=size, prop={"weight": weight}).get_extents().xmax / 72
