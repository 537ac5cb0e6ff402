"""How a value looks in a graph: a small array in full, a large one as shape, mean, std and a tiny picture."""
import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from common.figures.graph_wiring import precise
from common.figures.image_grid import tiles

# All lengths are in inches. Forward and backward differ on grey paper too: by place, dashes and slant.
FORWARD, BACKWARD = "#10355c", "#c0431f"
STYLE = {FORWARD: "normal", BACKWARD: "italic"}
MAPS = {FORWARD: "gray", BACKWARD: LinearSegmentedColormap.from_list("backward", ["#4a1405", "#d99b82", "#fffaf6"])}
PICTURE = 0.8           # side of a tiny picture
GAP = 0.05              # between text and picture
SMALL = 12              # values that are written out in full
MOST_MAPS = 16          # channels in a picture


class ValueBlock:
    """A few lines of text, and beyond them, seen from the line in the graph, a tiny picture; nothing for None.

    color is FORWARD or BACKWARD. Of an input of the graph, rows of a square number of values are pictures.
    """

    def __init__(self, value, size, color, is_input):
        self.value, self.size, self.color, self.is_input = np.asarray(value), size, color, is_input
        self.lines = [] if value is None else describe(self.value)
        self.picture = self.value.size > SMALL and self.value.dtype.kind == "f" and np.isfinite(self.value).any()
        self.height = len(self.lines) * line_height(size) + (GAP + PICTURE) * self.picture
        self.width = max([PICTURE * self.picture, *(text_width(line, size) for line in self.lines)]) + 0.04

    def paint(self, axes, x, y, side):
        """Draw it over (side -1) or under (side 1) the point (x, y); y grows downwards."""
        for i, line in enumerate(self.lines[::side]):
            write(axes, x, y + side * (i + 0.5) * line_height(self.size), line, self.size, self.color)
        if self.picture:
            left, bottom = x - PICTURE / 2, max(y + side * self.height, y + side * (self.height - PICTURE))
            images = _images(self.value, self.is_input)
            if images is None:
                self._paint_histogram(axes, left, bottom)
            else:
                self._paint_images(axes, images, (left, left + PICTURE, bottom, bottom - PICTURE))

    def _paint_images(self, axes, images, extent):
        picture, limit = tiles(images, math.ceil(math.sqrt(len(images))))[1:, 1:], None
        if self.color == BACKWARD:              # 0 in the middle; a few large ones shall not hide all others
            sizes = np.abs(picture[np.isfinite(picture) & (picture != 0)])
            limit = np.percentile(sizes, 98) if sizes.size else 1
        axes.imshow(picture, cmap=MAPS[self.color], extent=extent, interpolation="nearest",
                    vmin=limit and -limit, vmax=limit)

    def _paint_histogram(self, axes, left, bottom):
        values = self.value[np.isfinite(self.value)].astype(float)
        values /= np.abs(values).max() or 1             # no value is too large or too small for bins
        counts, _ = np.histogram(values, bins=20, range=(values.min() - 1e-9, values.max() + 1e-9))
        axes.stairs(bottom - 0.9 * PICTURE * counts / counts.max(), np.linspace(left, left + PICTURE, 21), fill=True,
                    baseline=bottom, facecolor=(self.color, 0.35), edgecolor=self.color, linewidth=0.7, gid="histogram")


def describe(value):
    """The lines of text for an array: itself if it is small, else shape, mean and standard deviation."""
    if value.size == 0:
        return [str(value.shape)]
    if value.size == 1:
        return [f"{value.item() + 0:.6g}"]          # 220.00000000000003 as 220, -0.0 as 0
    is_float, numbers = value.dtype.kind in "fc", precise(value)
    if value.size > SMALL:
        with np.errstate(all="ignore"):             # inf and NaN are shown as they are
            return [str(value.shape)] + is_float * [f"mean {numbers.mean():.3g}", f"std {numbers.std():.3g}"]
    largest = np.abs(numbers[np.isfinite(numbers)]).max(initial=0)
    decimals = 2 - math.floor(math.log10(largest)) if is_float and largest else 0       # three digits of the largest
    if is_float and not -2 < decimals < 6:
        texts = [f"{number:.1e}" for number in numbers.flat]
    else:
        texts = [f"{number:.{max(0, decimals)}f}" for number in numbers.round(decimals).ravel() + 0]    # no -0.00
    width = max(map(len, texts))
    rows = np.reshape([text.rjust(width) for text in texts], (-1, value.shape[-1]))
    count = max(1, min(5, 30 // width))
    return [" ".join(row[i:i + count]) for row in rows for i in range(0, len(row), count)]


def _images(value, is_input):
    """The first example's channels (C, H, W), if the value is images; else None."""
    if value.ndim == 4 and min(value.shape[2:]) > 1:
        return value[0, :MOST_MAPS]
    side = math.isqrt(value.shape[-1])
    if is_input and value.ndim == 2 and side ** 2 == value.shape[1] and side > 10:
        return value[:1].reshape(1, side, side)
    return None


def write(axes, x, y, text, size, color="black", ha="center", **options):
    """Put one line of text at the height y, letter by letter: a $ begins no formula."""
    axes.text(x, y, text, size=size, color=color, style=STYLE.get(color), ha=ha,
              **{"va": "center_baseline", "zorder": 4, "parse_math": False, **options})


def line_height(size):
    """Inches that a line of text takes up; size in points."""
    return 1.25 * size / 72


def text_width(text, size, weight="normal"):
    """Inches from the left end of a text to its right end."""
    return text_to_path.get_text_width_height_descent(text, FontProperties(size=size, weight=weight), False)[0] / 72
