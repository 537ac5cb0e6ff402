"""Draw a computational graph as the book does (chapter 5): values over the lines, derivatives under them.

    draw(record(net, x, t))
    show()
"""
import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

from common.figures.graph_layout import INDENT, LIGHT, ROW_GAP, Box, Link, layout
from common.figures.value_block import BACKWARD, FORWARD, STYLE, ValueBlock, line_height, text_width

# All lengths are in inches.
RADIUS = 0.25           # of an operation
CLEAR = 0.09            # from a line to its text
APART = 0.035           # of the lines forward and backward from the middle between them
MARGIN = 0.15
NEAR = 4                # how much more an input wants to be at the height of its operation than others
SYMBOLS = {"MulLayer": "×", "AddLayer": "+", "MatMul": "dot", "AddBias": "+", "Negate": "×−1", "Exp": "exp",
           "AddOne": "+1", "Reciprocal": "1/x", "CrossEntropyError": "cross\nentropy\nerror"}


def draw(graph, title=None, width=11):
    """Draw a graph: its layers or operations, over each line what went forward, under it what came backward.

    A value that is used several times branches at a dot, where the derivatives add up.

    Parameters
    ----------
    graph : common.figures.graph.Graph
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
        self.size = 11 if all(np.size(value) == 1 for value in graph.values.values()) else 7.5
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
                bends = name in inputs and (computed or i > 0 and np.ndim(graph.values[name]) > 1)
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
        label = Box(start + length, CLEAR + over.height, CLEAR + (under.height if under else 0), ends_row=True)
        if source is None:
            label.align = 1
        elif source.block == target.block:
            label.block = target.block

        def paint(axes):
            if source is None:
                axes.text(label.left, label.y, name, size=self.size + 1, va="center_baseline")
            over.paint(axes, label.right - length / 2, label.y - CLEAR, -1)
            if under:
                under.paint(axes, label.right - length / 2, label.y + CLEAR, 1)

        self.painters[label] = paint
        self.boxes.append(label)
        links = ([Link(source, label, weight)] if source else []) + [Link(label, target, weight)]
        self.links += links
        self.lines.append((links, start, grad is not None))

    def _dot(self, name, source):
        """Where a value goes several ways."""
        dot = Box(0.1, 0.05, 0.05)
        self.painters[dot] = lambda axes: axes.add_artist(Circle((dot.x, dot.y), 0.05, color="black", zorder=3))
        self._line(name, source, dot, self.graph.grads.get(name))
        self.boxes.append(dot)
        return dot

    def _end(self, name, source):
        """The name of the result."""
        size = self.size + 1
        end = Box(text_width(name, size) + 0.04, size / 100, size / 100, align=-1)
        self.painters[end] = lambda axes: axes.text(end.right, end.y, name, size=size, ha="right", va="center_baseline")
        self._line(name, source, end, self.graph.grads.get(name))
        self.boxes.append(end)

    def _node(self, node):
        """A circle for an operation with a short symbol, a box for a layer, with the shapes of its parameters."""
        name, _, kind = node.title.partition(": ")
        text = SYMBOLS.get(type(node.layer).__name__, kind or name)
        box = self._operation(text) if len(text) < 4 else self._layer(text, name if kind else "", node.params)
        box.block = node.inside
        if node.inside:
            self.braces.setdefault(node.inside, []).append(box)
        return box

    def _operation(self, symbol):
        box = Box(2 * RADIUS, RADIUS, RADIUS, round=True)

        def paint(axes):
            axes.add_artist(Circle((box.x, box.y), RADIUS, facecolor="white", edgecolor="black", zorder=3, gid="node"))
            axes.text(box.x, box.y, symbol, size=self.size + 2, ha="center", va="center_baseline", zorder=4)

        self.painters[box] = paint
        return box

    def _layer(self, heading, name, params):
        lines = [(line, self.size + 2, "bold", "black") for line in heading.split("\n")]
        lines += [(name, self.size, "normal", "black")] if name else []
        for key, (value, grad) in params.items():
            lines.append((f"{key} {np.shape(value)}", self.size, "normal", FORWARD))
            if grad is not None:
                lines.append((f"|d{key}| {np.linalg.norm(grad):.3g}", self.size, "normal", BACKWARD))
        edge = 0.08
        half = edge + sum(line_height(size) for _, size, *_ in lines) / 2
        box = Box(2 * edge + 0.04 + max(text_width(*line[:3]) for line in lines), half, half)

        def paint(axes):
            axes.add_artist(FancyBboxPatch((box.left + edge, box.top + edge), box.width - 2 * edge, 2 * (half - edge),
                                          f"round,pad={edge}", facecolor="#e9edf2" if params else "white",
                                          edgecolor="black", zorder=3, gid="node"))
            y = box.top + edge
            for line, size, weight, color in lines:
                axes.text(box.x, y + line_height(size) / 2, line, size=size, weight=weight, color=color,
                          style=STYLE.get(color), ha="center", va="center_baseline", zorder=4)
                y += line_height(size)

        self.painters[box] = paint
        return box

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

        axes.text(0, -head + 0.15, title or "", size=12, weight="bold", va="center")
        for x, (text, color) in zip((0, *ends), legend):
            axes.text(x, -0.22, text, size=9, color=color, style=STYLE[color], va="center")
        for paint in self.painters.values():
            paint(axes)
        for line in self.lines:
            self._paint_line(axes, rows, *line)
        for name, boxes in self.braces.items():
            _paint_brace(axes, name, boxes[0].left, boxes[-1].right, rows[boxes[0].row][1] + 0.2, self.size + 1.5)
        axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(height + MARGIN, -head - MARGIN), aspect="auto")
        return axes

    def _paint_line(self, axes, rows, links, start, backward):
        """A line forward from box to box along the links, and one backward beside it."""
        boxes = [links[0].source, *(box for link in links for box in (*link.via, link.target))]
        end = boxes[-1].y + self._port(links[-1])
        points = [(boxes[0].left + start if start else boxes[0].right, boxes[0].y)]
        for a, b in zip(boxes, boxes[1:]):
            y = end if b is boxes[-1] else b.y
            if a.row == b.row:
                points += [(a.right, a.y), *_curve(a.column[1], a.y, b.column[0], y), (b.left, y)]
            else:
                right, between, left = rows[a.row][2] + 0.2, rows[a.row][3] + ROW_GAP / 2, rows[b.row][0] - 0.2
                points += [(right, a.y), (right, between), (left, between), (left, y), (b.left, y)]
        forward, back = _beside(points, APART if backward else 0), _beside(points[::-1], APART)
        if boxes[-1].round:
            for point in (forward[-1], back[0]):
                point[0] = boxes[-1].x - math.sqrt(RADIUS ** 2 - (point[1] - boxes[-1].y) ** 2)
        _paint_arrow(axes, forward, FORWARD, "-")
        if backward:
            _paint_arrow(axes, back, BACKWARD, (0, (3, 1.2)))

    def _port(self, link):
        """How far from the middle of its box a line enters it: those from above above, those from below below."""
        box = link.target
        heights = [other.source.y - box.y for other in self.links
                   if other.target is box and other.source.row == box.row]
        farthest = max(map(abs, heights), default=0)
        if len(heights) < 2 or farthest == 0 or link.source.row != box.row:
            return 0
        return 0.6 * min(box.above, RADIUS) * (link.source.y - box.y) / farthest


def _paint_brace(axes, name, left, right, y, size):
    """Over the steps of a layer, its name."""
    axes.plot([left, left, right, right], [y + 0.06, y, y, y + 0.06], color="black", linewidth=0.8)
    axes.text((left + right) / 2, y - 0.04, name, size=size, weight="bold", ha="center", va="bottom")


def _paint_arrow(axes, points, color, linestyle):
    tip, along = points[-1], points[-1] - points[-2]
    along = along / np.linalg.norm(along)
    across = np.array([along[1], -along[0]])
    base = tip - 0.09 * along
    axes.add_artist(Line2D(*zip(*points[:-1], base), color=color, linewidth=1.1, linestyle=linestyle, gid="line"))
    axes.add_artist(Polygon([tip, base + 0.032 * across, base - 0.032 * across], color=color, linewidth=0, zorder=2))


def _curve(x0, y0, x1, y1):
    """Points from (x0, y0) to (x1, y1), level at both ends."""
    s = np.linspace(0, 1, 2 if abs(y1 - y0) < 0.005 else 25)
    return list(zip(x0 + (x1 - x0) * s, y0 + (y1 - y0) * (3 * s ** 2 - 2 * s ** 3)))


def _beside(points, distance):
    """The line through the points, moved to its left by a distance."""
    points = np.array([p for i, p in enumerate(points) if i == 0 or math.dist(p, points[i - 1]) > 1e-6])
    along = np.diff(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    left = np.stack([along[:, 1], -along[:, 0]], axis=1)
    before, after = left[[0, *range(len(left))]], left[[*range(len(left)), -1]]
    return points + distance * (before + after) / (1 + (before * after).sum(axis=1, keepdims=True))
