"""Draw a computational graph as the book does (chapter 5): values over the lines, derivatives under them.

    draw(record(net, x, t))
    show()
"""
import math
from collections import Counter
from itertools import pairwise, zip_longest

import numpy as np
from matplotlib.colors import CenteredNorm, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.offsetbox import AnnotationBbox, OffsetImage, TextArea, VPacker

from common.figures.graph import length, mean_and_std
from common.figures.graph_layout import ROW_GAP, Box, layout
from common.figures.image_grid import tiles
from common.figures.screen import plt

# Forward and backward differ on grey paper too: by place, dashes and slant.
FORWARD, BACKWARD = "#10355c", "#c0431f"
MAPS = {FORWARD: "gray", BACKWARD: LinearSegmentedColormap.from_list("backward", ["#4a1405", "#d99b82", "#fffaf6"])}
SYMBOLS = {"MulLayer": "×", "AddLayer": "+"}        # small steps have symbols of their own
SMALL = 12              # values that are written out in full
BINS = 24               # of a histogram
PICTURE = 58            # the longer side of a picture, in points

# Lengths in inches.
CLEAR = 0.08            # from a line to its text
APART = 0.035           # of the lines forward and backward from the middle between them
HEAD = 0.09             # of an arrow
MARGIN = 0.3


def draw(graph, title=None, width=11):
    """Draw a graph: its layers or operations, over each line what went forward, under it what came backward.

    A value that is used several times branches at a dot, where the derivatives add up.

    graph : common.figures.graph.Graph, made by `record` or by hand
    width : in inches; a wider graph is broken into rows where it is a chain

    Returns the matplotlib Axes, whose coordinates are inches, y downwards.
    """
    axes = plt.figure(dpi=120).add_axes((0, 0, 1, 1))       # as `show` saves it: dpi changes the widths of letters
    axes.set_axis_off()
    header = [text(title, 12, weight="bold")] if title else []
    header += [text("→ forward: the value", 9, FORWARD),
               text(f"← backward: d {graph.nodes[-1].out} / d value", 9, BACKWARD)]
    if any(node.params for node in graph.nodes):
        header.append(text("|dW|: length of a parameter's gradient", 9, BACKWARD))
    header = Block(axes, header, place=(0, 0), align="left")
    header.xybox = 0, -0.2

    boxes = _boxes(axes, graph)
    layout(boxes, width)
    for box in boxes:
        box.paint(axes)
    right = max(header.width, *(box.leave for box in boxes)) + MARGIN
    top, bottom = -0.2 - header.height - MARGIN, max(box.bottom for box in boxes) + MARGIN
    axes.figure.set_size_inches(right + MARGIN, bottom - top)
    axes.set(xlim=(-MARGIN, right), ylim=(bottom, top))
    return axes


class Block(AnnotationBbox):
    """Texts and pictures one under the other; with a color, in a frame. Its middle, or its `place`, comes to xybox."""

    def __init__(self, axes, parts, place=(0.5, 0.5), align="center", color=None, boxstyle="square,pad=0"):
        super().__init__(VPacker(children=parts, align=align, pad=0, sep=2), (0, 0), box_alignment=place,
                         frameon=color is not None, bboxprops={"boxstyle": boxstyle, "facecolor": color})
        axes.add_artist(self)
        self.width, self.height = self.get_window_extent().size / axes.figure.dpi


def text(lines, size, color="black", weight="normal"):
    """A part of a block; a $ begins no formula."""
    return TextArea(lines, textprops={"size": size, "color": color, "weight": weight, "multialignment": "center",
                                      "style": "italic" if color == BACKWARD else "normal", "parse_math": False})


def value_block(value, size, color):
    """The parts of a block: the value as text and, if it is large, as a small picture. color: FORWARD or BACKWARD."""
    value = np.asarray(value)
    parts = [text(describe(value), size, color)]
    if value.size > SMALL and value.dtype.kind == "f" and np.isfinite(value).any():
        parts.append(_picture(value, color))
    return parts


def describe(value):
    """A small array in full; of a large one shape, mean and standard deviation."""
    if not 0 < value.size <= SMALL:
        mean, std = mean_and_std(value)
        return f"{value.shape}\nmean {mean}\nstd {std}"
    digits = 6 if value.size == 1 else 3        # value + 0: -0 is written as 0
    lines = np.array2string(value + 0, max_line_width=38, formatter={"float_kind": f"{{:.{digits}g}}".format})
    return "\n".join(line.strip(" []") for line in lines.splitlines())


def _picture(value, color):
    """The first example's channels if the value is images, or rows of MNIST's 784 pixels; else a histogram."""
    cmap, norm = MAPS[color], Normalize()
    if value.ndim == 2 and value.shape[1] == 28 * 28:
        value = value.reshape(-1, 1, 28, 28)
    if value.ndim == 4:
        maps = value[0, :16]
        picture = tiles(maps, math.ceil(math.sqrt(len(maps))))[1:, 1:]
        picture[np.isinf(picture)] = np.nan             # left blank
        if color == BACKWARD:               # 0 in the middle; a few large values must not hide the others
            norm = CenteredNorm(halfrange=3 * np.nanstd(picture) or 1)
    else:
        values = value[np.isfinite(value)].astype(float)
        values /= np.abs(values).max() or 1             # no value is too large or too small for bins
        counts, _ = np.histogram(values, bins=BINS, range=(values.min() - 1e-9, values.max() + 1e-9))
        is_bar = np.arange(BINS)[::-1, np.newaxis] < np.ceil(BINS * counts / counts.max())
        picture = np.where(is_bar, 0.0, np.nan)
        cmap = ListedColormap([(color, 0.5)])
    return OffsetImage(picture, zoom=PICTURE / max(picture.shape), cmap=cmap, norm=norm, interpolation="nearest")


class ValueBox(Box):
    """A line with the value over it and the derivative under it. An input's line begins with its name."""

    def __init__(self, axes, name, value, grad, source, size):
        self.name = Block(axes, [text("" if source else name, size + 1)], place=(0, 0.5))
        self.over = Block(axes, value_block(value, size, FORWARD), place=(0.5, 0))
        self.comes_back = grad is not None
        back = value_block(grad, size, BACKWARD) if self.comes_back else [text("", size)]
        self.under = Block(axes, back, place=(0.5, 1))
        self.begin = 0 if source else self.name.width + 0.06
        super().__init__(self.begin + max(0.45, self.over.width, self.under.width),
                         CLEAR + self.over.height, CLEAR + self.under.height, [source] if source else [])

    def paint(self, axes):
        self.name.xybox = self.left, self.y
        self.over.xybox = self.x + self.begin / 2, self.y - CLEAR
        self.under.xybox = self.x + self.begin / 2, self.y + CLEAR


class Shape(Box):
    """What lines lead to: a layer, an operation, a dot, or the name of a result."""

    def __init__(self, axes, values, parts, **frame):
        self.block = Block(axes, parts, **frame)
        super().__init__(self.block.width, self.block.height / 2, self.block.height / 2, values)

    def paint(self, axes):
        self.block.xybox = self.x, self.y
        for i, value in enumerate(self.sources):
            port = 0.5 * min(self.below, 0.25) * i / max(1, len(self.sources) - 1)      # below the middle
            arrows = [(-1, FORWARD, "-", -1), (1, BACKWARD, (0, (3, 1.2)), 0)]
            for side, color, style, end in arrows if value.comes_back else arrows[:1]:
                x, y = zip(*_corners(value, self, port, side * APART * value.comes_back))
                axes.plot(x, y, color=color, linestyle=style, linewidth=1.1, markevery=[end], markersize=12,
                          marker=[(-0.2 * side, 0), (0.8 * side, 0.35), (0.8 * side, -0.35)], markeredgewidth=0)


def _boxes(axes, graph):
    """The boxes of a graph: layers, dots, names of results, and the values between them."""
    size = 11 if all(np.size(value) == 1 for value in graph.values.values()) else 7.5
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    nodes = {node.out: node for node in graph.nodes}
    boxes, sources = [], {}

    def value_box(name, grad):
        boxes.append(ValueBox(axes, name, graph.values[name], grad, sources.get(name), size))
        return boxes[-1]

    def shape(name, values, parts, **frame):
        """The value of that name comes from here."""
        sources[name] = Shape(axes, values, parts, **frame)
        boxes.append(sources[name])

    for name in graph.values:
        if name in nodes:
            values = [value_box(*pair) for pair in zip_longest(nodes[name].inputs, nodes[name].grads)]
            shape(name, values, **_layer(nodes[name], size))
        grad = graph.grads.get(name)
        if uses[name] > 1:
            shape(name, [value_box(name, grad)], [text("", 3)], color="black", boxstyle="circle,pad=0.1")
        elif uses[name] == 0 and name in nodes:
            shape(name, [value_box(name, grad)], [text(name, size + 1)], boxstyle="square,pad=0.5")
    return boxes


def _layer(node, size):
    """A circle for an operation with a short symbol, a box for a layer, with its parameters."""
    *name, kind = node.title.split(": ")
    if kind in SYMBOLS:
        name, kind = [], SYMBOLS[kind]
    parts = [text(kind.replace(" ", "\n"), size + 2, weight="bold"), *(text(word, size) for word in name)]
    for key, (value, grad) in node.params.items():
        parts.append(text(f"{key} {np.shape(value)}", size, FORWARD))
        if grad is not None:
            parts.append(text(f"|d{key}| {length(grad):.3g}", size, BACKWARD))
    return {"parts": parts, "color": "#e9edf2" if node.params else "white",
            "boxstyle": "circle,pad=0.4" if len(parts) == 1 and len(kind) < 4 else "round,pad=0.5,rounding_size=0.5"}


def _corners(value, target, port, down):
    """The corners of a line from a value's source to the target, `down` below the middle; where steep, beside it."""
    boxes = [*value.sources, value, target]
    y = boxes[0].y
    points = [(boxes[0].left + (boxes[0].width if value.sources else value.begin), y + down)]
    for a, b in pairwise(boxes):
        end = b.y + port * (b is target)
        if a.row_top != b.row_top:              # round, between the rows
            right, between, left = a.leave + 0.15 - down, b.row_top - ROW_GAP / 2 - down, b.enter - 0.15 - down
            points += [(right, y + down), (right, between), (left, between), (left, end + down)]
        elif y != end:
            beside = math.copysign(down, (y - end) * down)
            points += [(a.leave + HEAD + beside, y + down), (b.enter - HEAD + beside, end + down)]
        y = end
    return [*points, (target.left, y + down)]
