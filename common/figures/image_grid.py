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


def image_grid(images, titles=None, columns=10, title=None):
    """Draw images in rows, all on one grey scale from the smallest value (black) to the largest (white).

    images : (N, H, W), (N, 1, H, W) or (N, H*W) of square images; any range of values
    titles : N values, what stands over each image, in one line or several; title stands over the figure

    Returns the matplotlib Axes.
    """
    images = np.asarray(images, dtype=float)
    shape = images.shape
    if images.ndim == 4 and shape[1] == 1:
        images = images[:, 0]
    elif images.ndim == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        images = images.reshape(shape[0], math.isqrt(shape[1]), -1)
    if images.ndim != 3 or images.size == 0:
        raise ValueError(f"images: expected shape (N, H, W), (N, 1, H, W) or (N, H*W) of square images, got {shape}")
    N, H, W = images.shape
    titles = [] if titles is None else [str(text) for text in titles]
    if titles and len(titles) != N:
        raise ValueError(f"titles: expected {N}, one for each image, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns: expected at least 1, got {columns}")
    columns = min(columns, N)
    inches = min(10 / columns, max(1.0, 3 / columns))   # the width of a tile
    gap = max(1, W // 10)
    text_lines = max((text.count("\n") + 1 for text in titles), default=0)
    top = gap + math.ceil(text_lines * 0.15 / inches * (W + gap))
    picture = tiles(images, columns, top, gap)

    height = inches * picture.shape[0] / (gap + W) + (0.4 if title else 0)
    axes = plt.subplots(figsize=(inches * columns, height), layout="constrained")[1]
    axes.imshow(picture, cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title)
    for i, text in enumerate(titles):
        row, column = divmod(i, columns)
        axes.text(column * (gap + W) + gap + W / 2, row * (top + H) + top - 0.5, text, fontsize=9,
                  ha="center", va="bottom", parse_math=False)
    return axes
