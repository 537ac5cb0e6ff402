"""Draw a computational graph as the book does (chapter 5): values over the lines, derivatives under them.

    draw(record(net, x, t))
    show()
"""
import math
from collections import Counter
from itertools import pairwise, zip_longest

import numpy as np
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from common.figures.graph_layout import INDENT, ROW_GAP, Box, layout
from common.figures.graph_wiring import length
from common.figures.screen import plt
from common.figures.value_block import BACKWARD, FORWARD, ValueBlock, line_height, text_width, write

# All lengths are in inches.
RADIUS = 0.25           # of an operation
CLEAR = 0.09            # from a line to its text
APART = 0.035           # of the lines forward and backward from the middle between them
HEAD = 0.09             # of an arrow
MARGIN = 0.15
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
    if not graph.nodes:
        raise ValueError("draw: expected a graph with layers in it, got an empty one")
    size = 11 if all(np.size(value) == 1 for value in graph.values.values()) else 7.5
    boxes, braces = _boxes(graph, size)
    rows = layout(boxes, width, head=0.3 if braces else 0)

    legend = [("→ forward: the value", FORWARD), (f"← backward: d {graph.nodes[-1].out} / d value", BACKWARD)]
    if any(node.params for node in graph.nodes):
        legend.append(("|dW|: length of a parameter's gradient", BACKWARD))
    ends = np.cumsum([text_width(text, 9) + 0.35 for text, _ in legend])
    head, height = 0.7 if title else 0.35, rows[-1][3]
    right = max(row[2] for row in rows) + (INDENT if len(rows) > 1 else 0)
    width = max(ends[-1] - 0.35, text_width(title or "", 12, "bold"), right)
    figure = plt.figure(figsize=(width + 2 * MARGIN, height + head + 2 * MARGIN))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    write(axes, 0, -head + 0.15, title or "", 12, ha="left", va="center", weight="bold")
    for x, (text, color) in zip((0, *ends), legend):
        write(axes, x, -0.22, text, 9, color, ha="left", va="center")
    for box in boxes:
        box.paint(axes)
        for i, line in enumerate([] if isinstance(box, Line) else box.sources):
            _paint_line(axes, rows, line, box, 0.6 * min(box.below, RADIUS) * i / max(1, len(box.sources) - 1))
    for name, steps in braces.items():
        for row in sorted({box.row for box in steps}):
            _paint_brace(axes, name, size + 1.5, [box for box in steps if box.row == row], rows[row])
    axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(height + MARGIN, -head - MARGIN), aspect="auto")
    return axes


class Line(Box):
    """A line on to the next box, the value over it, its derivative under it. An input's begins with its name."""
    ends_row = True

    def __init__(self, name, value, grad, source, size, is_input):
        self.over = ValueBlock(value, size, FORWARD, is_input)
        self.under = ValueBlock(grad, size, BACKWARD, is_input)
        self.name, self.size, self.returns = "" if source else name, size + 1, grad is not None
        self.begin = 0 if source else text_width(name, size + 1) + 0.06
        self.length = max(0.45, self.over.width, self.under.width)
        super().__init__(self.begin + self.length, CLEAR + self.over.height, CLEAR + self.under.height,
                         [source] if source else [], align=0 if source else 1)

    def paint(self, axes):
        write(axes, self.left, self.y, self.name, self.size, ha="left")
        self.over.paint(axes, self.right - self.length / 2, self.y - CLEAR, -1)
        self.under.paint(axes, self.right - self.length / 2, self.y + CLEAR, 1)


class Shape(Box):
    """Lines of text in a box or in a circle; without a color, just the text."""

    def __init__(self, sources, texts=(), color=None, radius=0, align=0):
        self.texts, self.color, self.radius = texts, color, radius
        half = radius or 0.08 + sum(line_height(size) for _, size, *_ in texts) / 2
        width = 2 * radius or 0.2 + max(text_width(text, size, weight) for text, size, weight, _ in texts)
        super().__init__(width, half, half, sources, align)

    def paint(self, axes):
        if self.color:
            style = "circle,pad=0" if self.radius else "round,pad=0,rounding_size=0.08"
            axes.add_artist(FancyBboxPatch((self.left, self.top), self.width, self.above + self.below, style, zorder=3,
                                           fc=self.color, ec="black", gid="node" if self.texts else "dot"))
        y = self.y - sum(line_height(size) for _, size, *_ in self.texts) / 2
        for text, size, weight, color in self.texts:
            write(axes, self.x, y + line_height(size) / 2, text, size, color, weight=weight)
            y += line_height(size)


def _boxes(graph, size):
    """The boxes of a graph, and {layer that was opened: boxes of its steps}."""
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    boxes, braces, sources, inputs = [], {}, {}, set(graph.inputs)

    def line(name, grad):
        boxes.append(Line(name, graph.values[name], grad, sources.get(name), size, name in inputs))
        return boxes[-1]

    def end(name):
        """What a value leads to: a dot, from which several lines go on, or, as a result, its name."""
        if uses[name] > 1:
            sources[name] = Shape([line(name, graph.grads.get(name))], color="black", radius=0.05)
            boxes.append(sources[name])
        elif uses[name] == 0 and name not in inputs:
            text = name, size + 1, "normal", "black"
            boxes.append(Shape([line(name, graph.grads.get(name))], [text], align=-1))

    for name in graph.inputs:
        end(name)
    for node in graph.nodes:
        lines = [line(name, grad) for name, grad in zip_longest(node.inputs, node.grads[:len(node.inputs)])]
        sources[node.out] = _layer(node, lines, size)
        boxes.append(sources[node.out])
        if node.inside:
            braces.setdefault(node.inside, []).append(boxes[-1])
        end(node.out)
    return boxes, braces


def _layer(node, lines, size):
    """A circle for an operation with a short symbol, a box for a layer, with the shapes of its parameters."""
    kind = type(node.layer).__name__
    symbol = SYMBOLS.get(kind, node.name if node.title == node.name else kind)
    if len(symbol) < 4 and not node.params:
        return Shape(lines, [(symbol, size + 2, "normal", "black")], "white", RADIUS)
    texts = [(word, size + 2, "bold", "black") for word in symbol.split(" ")]
    texts += [] if node.title == node.name else [(node.name, size, "normal", "black")]
    for key, (value, grad) in node.params.items():
        texts.append((f"{key} {np.shape(value)}", size, "normal", FORWARD))
        texts += [] if grad is None else [(f"|d{key}| {length(grad):.3g}", size, "normal", BACKWARD)]
    return Shape(lines, texts, "#e9edf2" if node.params else "white")


def _paint_line(axes, rows, line, target, port):
    """The arrow forward and, if anything comes back, the arrow backward under it; `port` below the target's middle."""
    for side, color, style, last in [(-1, FORWARD, "-", -1), (1, BACKWARD, (0, (3, 1.2)), 0)][:1 + line.returns]:
        path = _path(rows, line, target, port, side * APART * line.returns)
        axes.add_artist(PathPatch(path, fill=False, edgecolor=color, linestyle=style, linewidth=1.1, gid="line"))
        head = [(-0.2 * side, 0), (0.8 * side, 0.35), (0.8 * side, -0.35)]
        axes.plot(*path.vertices[last], color=color, marker=head, markersize=12, markeredgewidth=0)


def _path(rows, line, target, port, down):
    """From the line's source along it to its target, `down` below the middle, and as far beside it where it bends."""
    boxes = [*line.sources, line, target]
    y = boxes[0].y
    points, codes = [(boxes[0].right if line.sources else line.left + line.begin, y + down)], [Path.MOVETO]
    for a, b in pairwise(boxes):
        end = b.y + port * (b is target)
        if a.row != b.row:
            right, between, left = rows[a.row][2] + 0.2, rows[a.row][3] + ROW_GAP / 2, rows[b.row][0] - 0.2
            points += [(right - down, y + down), (right - down, between - down), (left - down, between - down),
                       (left - down, end + down)]
            codes += 4 * [Path.LINETO]
        elif y != end:
            start, stop = a.leave + HEAD, b.enter - HEAD
            middle = (start + stop) / 2 - math.copysign(1, end - y) * down
            points += [(start, y + down), (middle, y + down), (middle, end + down), (stop, end + down)]
            codes += [Path.LINETO, *3 * [Path.CURVE4]]
        y = end
    stop = target.x - math.sqrt(target.radius ** 2 - (port + down) ** 2) if target.radius else target.left
    return Path([*points, (stop, y + down)], [*codes, Path.LINETO])


def _paint_brace(axes, name, size, steps, row):
    """Over the steps of a layer, its name."""
    start, top, stop, _ = row
    left, right, y = min(box.left for box in steps), max(box.right for box in steps), top + 0.2
    half = text_width(name, size, "bold") / 2
    middle = max(start + half, min(stop - half, (left + right) / 2))        # beside the row there are lines
    axes.plot([left, left, right, right], [y + 0.06, y, y, y + 0.06], color="black", linewidth=0.8)
    write(axes, middle, y - 0.04, name, size, va="bottom", weight="bold")
