"""How a value looks in a graph: a small array in full, a large one as shape, mean, std and a small picture."""
import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.offsetbox import OffsetImage, TextArea

from common.figures.graph_wiring import mean_and_std
from common.figures.image_grid import tiles

# Forward and backward differ on grey paper too: by place, dashes and slant.
FORWARD, BACKWARD = "#10355c", "#c0431f"
MAPS = {FORWARD: "gray", BACKWARD: LinearSegmentedColormap.from_list("backward", ["#4a1405", "#d99b82", "#fffaf6"])}
PICTURE = 58            # the longer side of a small picture, in points
SMALL = 12              # values that are written out in full
MOST_MAPS = 16          # channels in a picture
BINS = 20               # of a histogram


def text(lines, size, color="black", weight="normal"):
    """A part of a figure; a $ begins no formula."""
    return TextArea(lines, textprops={"size": size, "color": color, "weight": weight, "multialignment": "center",
                                      "style": "italic" if color == BACKWARD else "normal", "parse_math": False})


def value_block(value, size, color):
    """The value as text and, if it is large, as a small picture: parts of a figure; color is FORWARD or BACKWARD."""
    if value is None:
        return [text("", size)]
    value = np.asarray(value)
    parts = [text(describe(value), size, color)]
    if value.size > SMALL and value.dtype.kind == "f" and np.isfinite(value).any():
        parts.append(_picture(value, color))
    return parts


def describe(value):
    """A small array in full; of a large one shape, mean and standard deviation."""
    if not 0 < value.size <= SMALL:
        return "{}\nmean {}\nstd {}".format(value.shape, *mean_and_std(value))
    digits = 6 if value.size == 1 else 3
    lines = np.array2string(value + 0, max_line_width=38, formatter={"float_kind": f"{{:.{digits}g}}".format})  # no -0
    return "\n".join(line.strip(" []") for line in lines.splitlines())


def _picture(value, color):
    """The first example's channels if the value is images, or rows of MNIST's 784 pixels; else a histogram."""
    cmap, norm = MAPS[color], Normalize()
    if value.ndim == 2 and value.shape[1] == 28 * 28:
        value = value.reshape(-1, 1, 28, 28)
    if value.ndim == 4 and min(value.shape[2:]) > 1:
        maps = value[0, :MOST_MAPS]
        picture = tiles(maps, math.ceil(math.sqrt(len(maps))))[1:, 1:]
        if color == BACKWARD:               # 0 in the middle; a few large ones shall not hide all others
            sizes = np.abs(picture[np.isfinite(picture) & (picture != 0)])
            limit = np.percentile(sizes, 98) if sizes.size else 1
            norm = Normalize(-limit, limit)
    else:
        values = value[np.isfinite(value)].astype(float)
        values /= np.abs(values).max() or 1             # no value is too large or too small for bins
        counts, _ = np.histogram(values, bins=BINS, range=(values.min() - 1e-9, values.max() + 1e-9))
        heights = np.repeat(np.ceil(counts / counts.max() * 2 * BINS), 2)
        picture = np.where(np.arange(2 * BINS)[::-1, np.newaxis] < heights, 0.0, np.nan)
        cmap = ListedColormap([(color, 0.5)])
    return OffsetImage(picture, zoom=PICTURE / max(picture.shape), cmap=cmap, norm=norm, interpolation="nearest")
