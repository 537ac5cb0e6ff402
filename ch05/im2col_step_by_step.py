"""What im2col and col2im do, window by window, with numbers that fit on a page (book, 7.4).

Look at a pixel in the middle of the image: it lies in four windows, so it stands in four rows of col, and four
derivatives come back to it. They add up: col2im needs `+=`, for with `=` one of them only would be left. In a
window, the keys → and ← step, and the mouse over a pixel shows its windows and its sum. `--gif` makes a film.
Try `--stride 2`, `--pad 1`, `--filter 2`, `--channels 2`.

Before: hyperparameter_optimization.py; next: simple_convnet.py.
"""
import argparse
import sys
import textwrap
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.figures.plot import plt, save_gif, show, shows_figures
from common.script import start
from common.training.options import at_least
from common.util import col2im, conv_output_size, im2col

INCH = 0.36             # side of a cell
GAP = 1.6               # cells between two tables
COLORS, GOLD = plt.get_cmap("tab10").colors, (1, 0.8, 0)


class Example:
    """An image x (C, H, W) of digits, a filter W (C, FH, FW), and all that a convolution makes of them.

    Attributes
    ----------
    padded : x with its border of zeros
    col : (K, C * FH * FW), a row for each of the K windows; out (out_h, out_w) is col times the filter
    dcol : (K, C * FH * FW), the derivative by col: each row is one value of dout times the filter
    place : (K, C * FH * FW), which pixel of the padded image each value of col is; pixels are counted through
    """

    def __init__(self, size=4, filter_size=3, stride=1, pad=0, channels=1):
        random = np.random.RandomState(2)
        self.x = random.randint(0, 10, (channels, size, size))
        self.W = random.randint(-1, 3, (channels, filter_size, filter_size))
        self.padded = np.pad(self.x, [(0, 0), (pad, pad), (pad, pad)])
        self.pad, self.window = pad, (filter_size, filter_size, stride)

        self.col = im2col(self.padded[np.newaxis], *self.window)
        side = conv_output_size(size, filter_size, stride, pad)
        self.out = (self.col @ self.W.ravel()).reshape(side, side)

        self.dout = random.randint(1, 5, (side, side))
        self.dcol = self.dout.reshape(-1, 1) * self.W.ravel()
        self.place = im2col(np.arange(self.padded.size).reshape(1, *self.padded.shape), *self.window)
        self.K = len(self.col)

    def dx(self, windows):
        """The derivative by the padded image after so many windows have been added back, as col2im does it."""
        dcol = np.where(np.arange(self.K)[:, np.newaxis] < windows, self.dcol, 0)
        return col2im(dcol, (1, *self.padded.shape), *self.window)[0].astype(int)      # whole numbers are shorter

    def meetings(self, windows):
        """In each pixel of the padded image: how many of the first windows it lies in."""
        return np.bincount(self.place[:windows].ravel(), minlength=self.padded.size).reshape(self.padded.shape)

    def name(self, pixel):
        """The pixel's index in x, or what else it is."""
        c, i, j = np.unravel_index(pixel, self.padded.shape)
        C, H, W = self.x.shape
        i, j = i - self.pad, j - self.pad
        inside = 0 <= i < H and 0 <= j < W
        return (f"[{i}, {j}]" if C == 1 else f"[{c}, {i}, {j}]") if inside else None


class Pass:
    """The forward or the backward pass in one Axes: its tables, drawn for a step or for a pixel.

    Both have the same tables in the same places: image, filter, col, out; dx, number of windows, dcol, dout.
    """

    def __init__(self, axes, example, backward):
        self.axes, self.example, self.backward = axes, example, backward
        C, H, W = example.padded.shape
        D, side = example.W.size, len(example.out)
        self.left = np.cumsum([0, W + GAP, W + GAP + 1.2, D + 0.6, 1 + GAP])
        self.top = [c * (H + 0.5) for c in range(C)]            # of each channel
        width = self.left[-1] + max(side, 3)
        self.characters = int(width * INCH * 72 / 5.2)          # in a line of text
        words = 0.9 + 0.55 * np.ceil((6 * D + 40) / self.characters)
        self.size = width, max(self.top[-1] + H, example.K + 1.3) + words
        self.words_top = self.size[1] - words + 0.5

    def draw(self, window=None, done=None, pixel=None):
        """Draw the pass after so many windows (None: all), with a window or all that belongs to a pixel in colour."""
        example, axes = self.example, self.axes
        axes.clear()
        self.cells = []
        axes.set(xlim=(-0.2, self.size[0] + 0.2), ylim=(self.size[1], -1.8), aspect="equal")
        axes.set_axis_off()
        done = example.K if done is None else done
        marked = example.place == pixel if pixel is not None else np.arange(example.K)[:, np.newaxis] == window
        marked = np.broadcast_to(marked, example.place.shape)       # values of col that are shown in colour
        rows = np.flatnonzero(marked.any(axis=1))                   # the windows that these belong to
        colors = {k: COLORS[k % len(COLORS)] for k in rows}
        seen = np.arange(example.K) < done
        images, filters, col, vector, out = self.left

        image = example.dx(done) if self.backward else example.padded
        fill = {place: colors[k] for k in rows for place in example.place[k]} if pixel is None else {pixel: GOLD}
        self.table_of_channels(images, image, fill, border=True)
        if self.backward:
            self.table_of_channels(filters, example.meetings(done), fill, border=True)
        else:
            self.table_of_channels(filters, example.W, {})
        for k in rows:                                              # the windows as frames
            c, i, j = np.unravel_index(example.place[k, 0], example.padded.shape)
            for top in self.top:
                inset = 0.05 * (list(rows).index(k) % 4)
                self.frame(images + j + inset, top + i + inset, example.W.shape[2] - 2 * inset,
                           example.W.shape[1] - 2 * inset, color=colors[k])
        if pixel is not None:
            c, i, j = np.unravel_index(pixel, example.padded.shape)
            self.frame(images + j, self.top[c] + i, 1, 1, color="black")

        values = example.dcol if self.backward else example.col
        results = example.dout if self.backward else example.out
        self.table(col, 0, example.W.reshape(1, -1), {}, grey=0.9)
        for k in range(example.K):
            color = {j: colors[k] for j in np.flatnonzero(marked[k])}
            self.table(col, 1.3 + k, values[k:k + 1], color, empty=not seen[k])
            result = results.reshape(-1)[k:k + 1, np.newaxis]
            self.table(vector, 1.3 + k, result, {0: colors.get(k)}, empty=not seen[k] and not self.backward)
            axes.text(col - 0.25, 1.8 + k, f"window {k}", ha="right", va="center", size=8, color=colors.get(k, "0.5"))
        grid = results.astype(object)
        if not self.backward:
            grid.reshape(-1)[~seen] = ""
        self.table(out, 1.3, grid, colors)

        if self.backward:
            names = ("dx = col2im(dcol)" if done == example.K else "dx so far", "number of windows",
                     "dcol = dout · filter", "dout", "as an image")
        else:
            names = ("image, padded" if example.pad else "image", "filter", "col = im2col(image)", "out", "as an image")
        for left, top, name in zip(self.left, (0, 0, 0, 1.3, 1.3), names):
            axes.text(left, top - 0.2, name, size=9, weight="bold", va="bottom")
        axes.text(col - 0.25, 0.5, "filter", ha="right", va="center", size=8)
        self.draw_cells()
        head, text = self.words_for_pixel(pixel) if pixel is not None else self.words_for_window(window)
        axes.text(0, -1.45, head, size=11, weight="bold", va="center")
        axes.text(0, self.words_top, textwrap.fill(text, self.characters), size=9, va="top", linespacing=1.4)

    # ---- words -------------------------------------------------------------------------------------------------------

    def words_for_window(self, k):
        example = self.example
        if k is None:
            return ("Backward: not begun yet" if self.backward else "Forward"), ""
        i, j = np.unravel_index(k, example.out.shape)
        if self.backward:
            row = ", ".join(map(str, example.dcol[k]))
            return (f"Backward, window {k}: its row of dcol is added to dx where the window lies",
                    f"dcol[{k}] = dout[{i}, {j}] · filter = {example.dout[i, j]} · filter = ({row}); "
                    f"each value is added (+=) to its pixel")
        products = " + ".join(f"{a}·{signed(b)}" for a, b in zip(example.col[k], example.W.ravel()))
        return (f"Forward, window {k}: its pixels become row {k} of col",
                f"out[{i}, {j}] = col[{k}] · filter = {products} = {example.out[i, j]}")

    def words_for_pixel(self, pixel):
        example = self.example
        name, found = example.name(pixel), np.argwhere(example.place == pixel)
        count = f"{len(found)} window{'s' * (len(found) != 1)}"
        if not self.backward:
            return (f"Forward: x{name} lies in {count}" if name else f"Forward: a zero of the border lies in {count}",
                    f"Each has its row of col: the image has {example.padded.size} values, col {example.col.size}.")
        total = example.dx(example.K).reshape(-1)[pixel]
        numbers = [example.dcol[k, j] for k, j in found]
        if not name:
            return f"Backward: to a zero of the border comes {total}", "It belongs to no pixel, and is cut off."
        if not numbers:
            return f"Backward: dx{name} is 0", "No window sees this pixel."
        terms = " + ".join(map(signed, numbers))
        which = ", ".join(str(k) for k, _ in found)
        text = f"dx{name} = {terms} = {total}, from window{'s' * (len(found) > 1)} {which}."
        if len(found) > 1:
            text += f" With = in the place of += only the last would be left: {numbers[-1]}."
        return f"Backward: dx{name} is the sum over {count}", text

    # ---- cells -------------------------------------------------------------------------------------------------------

    def table_of_channels(self, left, values, fill, border=False):
        C, H, W = values.shape
        for c, top in enumerate(self.top):
            self.table(left, top, values[c], {place - c * H * W: color for place, color in fill.items()},
                       border=self.example.pad if border else 0)

    def table(self, left, top, values, fill, empty=False, grey=1, border=0):
        """Numbers in cells; fill: {place of a cell, counted through: its colour}; border: cells of padding."""
        rows, columns = values.shape
        for i, j in np.ndindex(rows, columns):
            padding = border and not (border <= i < rows - border and border <= j < columns - border)
            color = fill.get(i * columns + j)
            face = (*color, 0.3) if color is not None else "0.93" if padding else str(grey)
            self.cells.append(((left + j, top + i), face))
            if not empty:
                self.axes.text(left + j + 0.5, top + i + 0.53, str(values[i, j]), ha="center", va="center_baseline",
                               size=9, color="0.55" if padding else "black")

    def frame(self, left, top, width, height, color):
        self.axes.add_artist(plt.Rectangle((left, top), width, height, fill=False, edgecolor=color, linewidth=2,
                                           zorder=3))

    def draw_cells(self):
        """All cells as one artist: by themselves they would take ten times as long."""
        corners, faces = zip(*self.cells)
        squares = np.array(corners)[:, np.newaxis] + [(0, 0), (1, 0), (1, 1), (0, 1)]
        cells = plt.matplotlib.collections.PolyCollection(squares, facecolors=faces, edgecolors="0.7", linewidths=0.6,
                                                          zorder=1)
        self.axes.add_collection(cells, autolim=False)

    def pixel_at(self, event):
        """The pixel of the image under the mouse, or None."""
        if event.inaxes is self.axes:
            C, H, W = self.example.padded.shape
            for left in self.left[:1 + self.backward]:
                for c, top in enumerate(self.top):
                    i, j = int(np.floor(event.ydata - top)), int(np.floor(event.xdata - left))
                    if 0 <= i < H and 0 <= j < W:
                        return (c * H + i) * W + j
        return None


def signed(number):
    return f"{number}" if number >= 0 else f"({number})"


def new_figure(example, passes):
    """A figure with a Pass below the other for each of `passes`, True for backward: (figure, [Pass, ...])."""
    width, height = Pass(None, example, False).size
    size = INCH * (width + 0.4) + 0.3, len(passes) * INCH * (height + 1.8) + 0.3
    scale = min(1, 14 / size[0], 9 / size[1])                   # a window must fit the screen
    figure, axes = plt.subplots(len(passes), 1, squeeze=False, figsize=size, dpi=100 * scale)
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.01, top=0.99, hspace=0.02)
    return figure, [Pass(axes, example, backward) for axes, backward in zip(axes[:, 0], passes)]


class Viewer:
    """Both passes below each other; keys step from window to window, forward and then backward."""

    def __init__(self, example):
        self.example, self.step, self.pixel = example, 0, None
        self.figure, (self.forward, self.backward) = new_figure(example, [False, True])
        canvas = self.figure.canvas
        canvas.mpl_disconnect(canvas.manager.key_press_handler_id)      # matplotlib's meanings of keys
        canvas.mpl_connect("key_press_event", self.on_key)
        canvas.mpl_connect("motion_notify_event", self.on_move)
        self.draw()

    def draw(self):
        K, step = self.example.K, self.step
        if self.pixel is not None:
            self.forward.draw(pixel=self.pixel)
            self.backward.draw(pixel=self.pixel)
        elif step < K:
            self.forward.draw(step, done=step + 1)
            self.backward.draw(done=0)
        else:
            self.forward.draw(step - K)
            self.backward.draw(step - K, done=step - K + 1)
        self.figure.canvas.draw_idle()

    def show_step(self, step):
        """Show a step, or after the last one the pixels that lie in one window, in two, ... in most."""
        steps = 2 * self.example.K
        self.step, self.pixel = min(step, steps - 1), None
        if step >= steps:
            self.pixel = telling_pixels(self.example)[step - steps]
        self.draw()

    def on_key(self, event):
        move = {"right": 1, " ": 1, "left": -1, "home": -self.step, "end": 2 * self.example.K}.get(event.key, 0)
        self.show_step(max(0, min(self.step + move, 2 * self.example.K - 1)))

    def on_move(self, event):
        pixel = self.forward.pixel_at(event)
        pixel = self.backward.pixel_at(event) if pixel is None else pixel
        if pixel != self.pixel:
            self.pixel = pixel
            self.draw()


def telling_pixels(example):
    """For each number of windows that meet anywhere, the first pixel in so many; the most at last."""
    counts = example.meetings(example.K).ravel()
    inside = [pixel for pixel in range(example.padded.size) if example.name(pixel)]
    return [next(p for p in inside if counts[p] == n) for n in sorted({int(counts[p]) for p in inside})]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=at_least(1), default=4, metavar="N", help="side of the image (default: 4)")
    parser.add_argument("--filter", type=at_least(1), default=3, metavar="N", help="side of the filter (default: 3)")
    parser.add_argument("--stride", type=at_least(1), default=1, metavar="N", help="(default: 1)")
    parser.add_argument("--pad", type=at_least(0), default=0, metavar="N", help="(default: 0)")
    parser.add_argument("--channels", type=at_least(1), default=1, metavar="N", help="of the image (default: 1)")
    parser.add_argument("--gif", action="store_true", help="save a film too")
    args = start(__doc__, parser)
    try:
        windows = conv_output_size(args.size, args.filter, args.stride, args.pad) ** 2
    except ValueError as error:
        parser.error(str(error))
    if windows > 36 or args.channels * args.filter ** 2 > 27 or args.channels * (args.size + 2 * args.pad) > 24:
        parser.error("too many numbers to read; choose a smaller image or filter, fewer channels, or a larger stride")
    return args


if __name__ == "__main__":
    args = parse()
    example = Example(args.size, args.filter, args.stride, args.pad, args.channels)
    print(f"image {example.x.shape}, filter {example.W.shape}, stride {args.stride}, pad {args.pad}: "
          f"{example.K} windows, col {example.col.shape}, out {example.out.shape}")
    print(f"windows that meet in each pixel:\n{example.meetings(example.K).squeeze()}")
    viewer = Viewer(example)
    if args.gif:
        save_gif(range(2 * example.K + len(telling_pixels(example))), viewer.show_step, seconds=1.5)
        viewer.show_step(0)
    if not shows_figures(with_mouse=True):
        plt.close(viewer.figure)
        _, (forward, step, pixel) = new_figure(example, [False, True, True])
        second = min(1, example.K - 1)
        forward.draw(second, done=second + 1)
        step.draw(second, done=second + 1)
        pixel.draw(pixel=telling_pixels(example)[-1])
    show()
