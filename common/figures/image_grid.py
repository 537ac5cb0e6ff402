"""Images beside each other, such as digits or filters."""
import math

import numpy as np

from common.figures.screen import plt


def tiles(images, columns, top=1, left=1):
    """Images (N, H, W) in rows as one picture, with gaps of NaN above and to the left of each.

    One picture is drawn faster than hundreds of axes.
    """
    N, H, W = images.shape
    rows = math.ceil(N / columns)
    picture = np.full((rows * columns, top + H, left + W), np.nan)
    picture[:N, top:, left:] = images
    return picture.reshape(rows, columns, top + H, left + W).swapaxes(1, 2).reshape(rows * (top + H), -1)


def image_grid(images, titles=(), columns=10, title=None):
    """Draw images in rows, from the smallest value of all (black) to the largest (white). Returns the matplotlib Axes.

    images : (N, H, W), (N, 1, H, W) or (N, H*W) of square images; any range of values
    titles : N values, each a line over its image; title stands over the figure
    """
    images = np.asarray(images, dtype=float)
    N, side = len(images), math.isqrt(images.shape[-1])
    H, W = images.shape[-2:] if images.ndim > 2 else (side, side)
    images = images.reshape(N, H, W)
    columns = min(columns, N)
    gap = max(1, W // 10)
    top = gap + (math.ceil(W / 5) if len(titles) else 0)        # room for a line of text
    picture = tiles(images, columns, top, gap)

    width = min(max(3, columns), 10)        # inches
    height = width * picture.shape[0] / picture.shape[1] + (0.4 if title else 0)
    axes = plt.subplots(figsize=(width, height), layout="constrained")[1]
    axes.imshow(picture, cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title)
    for i, text in enumerate(titles):
        row, column = divmod(i, columns)
        axes.text(column * (gap + W) + gap + W / 2, row * (top + H) + top - 0.5, text, fontsize=9,
                  ha="center", va="bottom", parse_math=False)
    return axes
