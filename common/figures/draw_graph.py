"""Draw a computational graph as the book does (chapter 5): values over the lines, derivatives under them.

    draw(record(net, x, t))
    show()
"""
import math
from itertools import pairwise

import numpy as np
from matplotlib.patches import Circle, FancyBboxPatch

from common.figures.arrows import beside, curve, draw_arrow
from common.figures.graph_layout import INDENT, LIGHT, ROW_GAP, Box, Link, layout
from common.figures.screen import plt
from common.figures.value_block import BACKWARD, FORWARD, ValueBlock, line_height, text_width, write

# All lengths are in inches.
RADIUS = 0.25           # of an operation
CLEAR = 0.09            # from a line to its text
APART = 0.035           # of the lines forward and backward from the middle between them
MARGIN = 0.15
NEAR = 4                # how much more an input wants to be at the height of its operation than others
SYMBOLS = {"MulLayer": "×", "AddLayer": "+", "MatMul": "dot", "AddBias": "+", "Negate": "×−1", "Exp": "exp",
           "AddOne": "+1", "Reciprocal": "1/x", "CrossEntropyError": "cross\nentropy\nerror", "Subtract": "−",
           "Multiply": "×", "Square": "x²", "SquareRoot": "√x", "Maximum": "max", "Mean": "mean",
           "Im2col": "im2col", "Rearrange": "reshape"}


def draw(graph, title=None, width=11):
    """Draw a graph: its layers or operations, over each line what went forward, under it what came backward.

    A value that is used several times branches at a dot, where the derivatives add up.

    Parameters
    ----------
    graph : common.figures.graph_wiring.Graph
        Made by `record`, or by hand.
    title : str, optional
    width : float
        In inches; a wider graph is broken into rows where it is a chain.

    Returns
    -------
    matplotlib Axes
        Its coordinates are inches, y downwards.

    Raises
    ------
    ValueError
        If there is nothing in the graph.
    """
    if not graph.nodes:
        raise ValueError("draw: expected a graph with layers in it, got an empty one")
    picture = _Picture(graph)
    return picture.paint(layout(picture.boxes, picture.links, width, head=0.3 if picture.braces else 0), title)


class _Picture:
    """The boxes of a graph and the lines between them: made first, painted when the layout has given them places."""

    def __init__(self, graph):
        self.graph = graph
        numbers = all(np.size(value) == 1 for value in graph.values.values())
        self.size = 11 if numbers else 7.5
        self.boxes, self.links, self.lines = [], [], []
        self.painters = {}                          # box -> the function that paints it
        self.braces = {}                            # layer that was opened -> boxes of its steps
        uses = [name for node in graph.nodes for name in node.inputs]
        inputs = graph.inputs
        sources = {}                                # value -> the box that its lines start from, None for their own
        for name in inputs:
            sources[name] = self._dot(name, None) if uses.count(name) > 1 else None
        for node in graph.nodes:
            box = self._node(node)
            computed = not set(node.inputs) <= set(inputs)
            for i, name in enumerate(node.inputs):
                bends = name in inputs and computed or i > 0 and not numbers
                self._line(name, sources[name], box, node.grads[i] if i < len(node.grads) else None,
                           LIGHT if bends else NEAR if name in inputs else 1)
            self.boxes.append(box)
            sources[node.out] = self._dot(node.out, box) if uses.count(node.out) > 1 else box
            if node.out not in uses:
                self._end(node.out, box)

    # ---- what is in the picture --------------------------------------------------------------------------------------

    def _line(self, name, source, target, grad, weight=1):
        """A line, the value over it, its derivative under it. Without a source it starts from the value's name."""
        is_input = name in self.graph.inputs
        over = ValueBlock(self.graph.values[name], self.size, FORWARD, is_input)
        under = None if grad is None else ValueBlock(grad, self.size, BACKWARD, is_input)
        length = max(0.45, over.width, under.width if under else 0)
        start = 0 if source else text_width(name, self.size + 1) + 0.06
        label = Box(start + length, CLEAR + over.height, CLEAR + (under.height if under else 0),
                    align=0 if source else 1, ends_row=True)

        def paint(axes):
            if source is None:
                write(axes, label.left, label.y, name, self.size + 1, ha="left")
            over.paint(axes, label.right - length / 2, label.y - CLEAR, -1)
            if under:
                under.paint(axes, label.right - length / 2, label.y + CLEAR, 1)

        self._add(label, paint)
        links = ([Link(source, label, weight)] if source else []) + [Link(label, target, weight)]
        self.links += links
        self.lines.append((links, start, grad is not None))

    def _add(self, box, paint):
        self.painters[box] = paint
        self.boxes.append(box)

    def _dot(self, name, source):
        """Where a value goes several ways."""
        dot = Box(0.1, 0.05, 0.05)
        self._line(name, source, dot, self.graph.grads.get(name))
        self._add(dot, lambda axes: axes.add_artist(Circle((dot.x, dot.y), 0.05, color="black", zorder=3)))
        return dot

    def _end(self, name, source):
        """The name of the result."""
        size = self.size + 1
        end = Box(text_width(name, size) + 0.08, size / 100, size / 100, align=-1)
        self._line(name, source, end, self.graph.grads.get(name))
        self._add(end, lambda axes: write(axes, end.right, end.y, name, size, ha="right"))

    def _node(self, node):
        """A circle for an operation with a short symbol, a box for a layer, with the shapes of its parameters."""
        kind = type(node.layer).__name__
        text = SYMBOLS.get(kind, node.name if node.title == node.name else kind)
        if len(text) < 4 and not node.params:
            box = Box(2 * RADIUS, RADIUS, RADIUS, round=True)
            self.painters[box] = lambda axes: self._paint_circle(axes, box, text)
        else:
            lines = [(line, self.size + 2, "bold", "black") for line in text.split("\n")]
            lines += [] if node.title == node.name else [(node.name, self.size, "normal", "black")]
            for key, (value, grad) in node.params.items():
                lines.append((f"{key} {np.shape(value)}", self.size, "normal", FORWARD))
                if grad is not None:
                    with np.errstate(all="ignore"):
                        lines.append((f"|d{key}| {np.linalg.norm(grad):.3g}", self.size, "normal", BACKWARD))
            half = 0.08 + sum(line_height(size) for _, size, *_ in lines) / 2
            box = Box(0.2 + max(text_width(*line[:3]) for line in lines), half, half)
            self.painters[box] = lambda axes: self._paint_layer(axes, box, lines, "#e9edf2" if node.params else "white")
        if node.inside:
            self.braces.setdefault(node.inside, []).append(box)
        return box

    def _paint_circle(self, axes, box, symbol):
        axes.add_artist(Circle((box.x, box.y), RADIUS, facecolor="white", edgecolor="black", zorder=3, gid="node"))
        write(axes, box.x, box.y, symbol, self.size + 2)

    def _paint_layer(self, axes, box, lines, color):
        axes.add_artist(FancyBboxPatch((box.left + 0.08, box.top + 0.08), box.width - 0.16, box.bottom - box.top - 0.16,
                                       "round,pad=0.08", facecolor=color, edgecolor="black", zorder=3, gid="node"))
        y = box.top + 0.08
        for line, size, weight, text_color in lines:
            write(axes, box.x, y + line_height(size) / 2, line, size, text_color, weight=weight)
            y += line_height(size)

    # ---- painting ----------------------------------------------------------------------------------------------------

    def paint(self, rows, title):
        """Draw all in a new figure that is just large enough."""
        result = self.graph.nodes[-1].out
        legend = [("→ forward: the value", FORWARD), (f"← backward: d {result} / d value", BACKWARD)]
        if any(node.params for node in self.graph.nodes):
            legend.append(("|dW|: length of a parameter's gradient", BACKWARD))
        ends = np.cumsum([text_width(text, 9) + 0.35 for text, _ in legend])
        head = 0.7 if title else 0.35
        width = max(ends[-1] - 0.35, text_width(title or "", 12, "bold"),
                    max(right for _, _, right, _ in rows) + (INDENT if len(rows) > 1 else 0))
        height = rows[-1][3]
        figure = plt.figure(figsize=(width + 2 * MARGIN, height + head + 2 * MARGIN))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()

        write(axes, 0, -head + 0.15, title or "", 12, ha="left", va="center", weight="bold")
        for x, (text, color) in zip((0, *ends), legend):
            write(axes, x, -0.22, text, 9, color, ha="left", va="center")
        for paint in self.painters.values():
            paint(axes)
        for line in self.lines:
            self._paint_line(axes, rows, *line)
        for name, boxes in self.braces.items():
            for row in sorted({box.row for box in boxes}):
                self._paint_brace(axes, name, [box for box in boxes if box.row == row], rows[row])
        axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(height + MARGIN, -head - MARGIN), aspect="auto")
        return axes

    def _paint_brace(self, axes, name, boxes, row):
        """Over the steps of a layer, its name."""
        start, top, stop, _ = row
        left, right, y = min(box.left for box in boxes), max(box.right for box in boxes), top + 0.2
        half = text_width(name, self.size + 1.5, "bold") / 2
        middle = max(start + half, min(stop - half, (left + right) / 2))        # beside the row there are lines
        axes.plot([left, left, right, right], [y + 0.06, y, y, y + 0.06], color="black", linewidth=0.8)
        write(axes, middle, y - 0.04, name, self.size + 1.5, va="bottom", weight="bold")

    def _paint_line(self, axes, rows, links, start, backward):
        """A line forward from box to box along the links, and one backward beside it."""
        boxes = [links[0].source, *(box for link in links for box in (*link.via, link.target))]
        end = boxes[-1].y + self._port(links[-1])
        points = [(boxes[0].left + start if start else boxes[0].right, boxes[0].y)]
        for a, b in pairwise(boxes):
            y = end if b is boxes[-1] else b.y
            if a.row == b.row:
                points += [(a.right, a.y), *curve(a.column[1], a.y, b.column[0], y), (b.left, y)]
            else:
                right, between, left = rows[a.row][2] + 0.2, rows[a.row][3] + ROW_GAP / 2, rows[b.row][0] - 0.2
                points += [(right, a.y), (right, between), (left, between), (left, y), (b.left, y)]
        forward, back = beside(points, APART if backward else 0), beside(points[::-1], APART)
        if boxes[-1].round:
            for point in (forward[-1], back[0]):
                point[0] = boxes[-1].x - math.sqrt(RADIUS ** 2 - (point[1] - boxes[-1].y) ** 2)
        draw_arrow(axes, forward, FORWARD, "-")
        if backward:
            draw_arrow(axes, back, BACKWARD, (0, (3, 1.2)))

    def _port(self, link):
        """How far from the middle of its box a line enters it: those from above above, those from below below."""
        box = link.target
        heights = [other.source.y - box.y for other in self.links
                   if other.target is box and other.source.row == box.row]
        farthest = max(map(abs, heights), default=0)
        if len(heights) < 2 or farthest == 0 or link.source.row != box.row:
            return 0
        return 0.6 * min(box.above, RADIUS) * (link.source.y - box.y) / farthest
