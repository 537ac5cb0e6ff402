"""Draw a computational graph as the book does (chapter 5): values over the lines, derivatives under them.

    draw(record(net, x, t))
    show()
"""
import math
from collections import Counter
from itertools import pairwise, zip_longest

import numpy as np
from matplotlib.offsetbox import AnnotationBbox, VPacker

from common.figures.graph_layout import ROW_GAP, Box, layout
from common.figures.graph_wiring import length
from common.figures.screen import plt
from common.figures.value_block import BACKWARD, FORWARD, text, value_block

# All lengths are in inches.
CLEAR = 0.08            # from a line to its text
APART = 0.035           # of the lines forward and backward from the middle between them
HEAD = 0.09             # of an arrow
MARGIN = 0.3
SYMBOLS = {"MulLayer": "×", "AddLayer": "+"}        # small steps have symbols of their own


def draw(graph, title=None, width=11):
    """Draw a graph: its layers or operations, over each line what went forward, under it what came backward.

    A value that is used several times branches at a dot, where the derivatives add up.

    Parameters
    ----------
    graph : common.figures.graph_wiring.Graph, made by `record` or by hand
    title : str, optional
    width : in inches; a wider graph is broken into rows where it is a chain

    Returns
    -------
    matplotlib Axes, whose coordinates are inches, y downwards
    """
    axes = plt.figure().add_axes((0, 0, 1, 1))
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
    right, bottom = max(header.width, *(box.leave for box in boxes)), max(box.bottom for box in boxes)
    left, top, right, bottom = -MARGIN, -0.2 - header.height - MARGIN, right + MARGIN, bottom + MARGIN
    axes.figure.set_size_inches(right - left, bottom - top)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    return axes


class Block(AnnotationBbox):
    """Texts and pictures one under the other, if there is a color in a box; its middle, or another `place`, is xybox."""

    def __init__(self, axes, parts, place=(0.5, 0.5), align="center", color=None, boxstyle="square,pad=0"):
        super().__init__(VPacker(children=parts, align=align, pad=0, sep=2), (0, 0), box_alignment=place,
                         frameon=color is not None, bboxprops={"boxstyle": boxstyle, "facecolor": color})
        axes.add_artist(self)
        self.width, self.height = self.get_window_extent().size / axes.figure.dpi


class Value(Box):
    """The place of a value on its line: the value over the line, its derivative under it; an input's name before it."""

    def __init__(self, axes, name, value, grad, source, size):
        self.name = Block(axes, [text("" if source else name, size + 1)], place=(0, 0.5))
        self.over = Block(axes, value_block(value, size, FORWARD), place=(0.5, 0))
        self.under = Block(axes, value_block(grad, size, BACKWARD), place=(0.5, 1))
        self.begin = 0 if source else self.name.width + 0.06
        self.comes_back = grad is not None
        super().__init__(self.begin + max(0.45, self.over.width, self.under.width),
                         CLEAR + self.over.height, CLEAR + self.under.height, [source] if source else [])

    def paint(self, axes):
        self.name.xybox = self.left, self.y
        self.over.xybox = self.x + self.begin / 2, self.y - CLEAR
        self.under.xybox = self.x + self.begin / 2, self.y + CLEAR


class Shape(Box):
    """A layer, an operation, a dot or the name of a result, where lines end."""

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

    def value(name, grad):
        boxes.append(Value(axes, name, graph.values[name], grad, sources.get(name), size))
        return boxes[-1]

    def shape(name, values, parts, **frame):
        """From here the value of that name goes on."""
        sources[name] = Shape(axes, values, parts, **frame)
        boxes.append(sources[name])

    for name in graph.values:
        if name in nodes:
            values = [value(*pair) for pair in zip_longest(nodes[name].inputs, nodes[name].grads)]
            shape(name, values, **_layer(nodes[name], size))
        if uses[name] > 1:
            shape(name, [value(name, graph.grads.get(name))], [text("", 3)], color="black", boxstyle="circle,pad=0.1")
        elif uses[name] == 0 and name in nodes:
            shape(name, [value(name, graph.grads.get(name))], [text(name, size + 1)], boxstyle="square,pad=0.5")
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
    """From a value's source along it to the target, `down` below the middle, and as far beside it where it is steep."""
    boxes = [*value.sources, value, target]
    y = boxes[0].y
    points = [(boxes[0].right if value.sources else value.left + value.begin, y + down)]
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
