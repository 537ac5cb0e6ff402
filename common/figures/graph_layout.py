"""Where the boxes of a graph stand: in columns from left to right, none on top of another, lines as straight as can be.

Pure geometry, in inches, y growing downwards, after Sugiyama, Tagawa, Toda (1981): put every box in a column, lead long
links through the columns between, then find the heights; at last, break long graphs into rows.
"""
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

COLUMN_GAP = 0.13       # between boxes side by side; where links bend there is more
BOX_GAP = 0.16          # between boxes one above the other
ROW_GAP = 0.45          # between rows
INDENT = 0.4            # beside the rows, where there are several: the line from one to the next runs there
LIGHT = 1e-4            # weight of a link that may bend, so that others stay straight
STIFF = 8               # how much more a long link wants to be straight than at the height of its ends
SWEEPS = 200            # through all columns, to find the heights


@dataclass(eq=False)
class Box:
    """A rectangle that links enter on the left and leave on the right, at the height y."""
    width: float
    above: float                # how far it reaches up from y
    below: float
    align: float = 0            # in its column: -1 left, 0 in the middle, 1 right
    round: bool = False         # a circle
    ends_row: bool = False      # a row ends after such a box rather than before
    row: int = 0
    column: tuple = (0, 0)      # left and right end of its column
    x: float = 0                # of its middle
    y: float = 0
    sources: list = field(default_factory=list)     # neighbours in the column before, as (box, weight)
    targets: list = field(default_factory=list)     # and in the column after

    left = property(lambda self: self.x - self.width / 2)
    right = property(lambda self: self.x + self.width / 2)
    top = property(lambda self: self.y - self.above)
    bottom = property(lambda self: self.y + self.below)


@dataclass(eq=False)
class Link:
    """A line from one box to another; a weight of LIGHT lets it bend."""
    source: Box
    target: Box
    weight: float = 1
    via: list = field(default_factory=list)         # boxes of no size that it passes through, found by layout


def layout(boxes, links, max_width, head=0):
    """Give every box its row, x and y, and every link the boxes that it passes through.

    A graph wider than max_width is broken into rows like text, at places where one link alone goes on.

    Parameters
    ----------
    boxes : list of Box, sources before their targets
    links : list of Link
    max_width : in inches
    head : space to keep free at the top of each row

    Returns
    -------
    list of (left, top, right, bottom), one for each row, heads included
    """
    columns = _columns(boxes, links)
    _find_heights(columns)
    _straighten(columns)
    return _rows(columns, max_width, head)


def _columns(boxes, links):
    """Every box as far right as its targets allow, and links to the columns next to it alone."""
    to_end = {}
    for box in reversed(boxes):
        to_end[box] = 1 + max((to_end[link.target] for link in links if link.source is box), default=-1)
    for link in links:
        link.via = [Box(0, 0.05, 0.05) for _ in range(to_end[link.source] - 1 - to_end[link.target])]
        path = [link.source, *link.via, link.target]
        for i, (source, target) in enumerate(pairwise(path)):
            to_end.setdefault(target, to_end[source] - 1)
            weight = link.weight * (STIFF if 0 < i < len(path) - 2 else 1)
            source.targets.append((target, weight))
            target.sources.append((source, weight))

    columns = [[] for _ in range(max(to_end.values()) + 1)]
    waiting, seen = [box for box in reversed(boxes) if not box.targets], set()
    while waiting:              # depth first from the ends: a tree comes out without crossings, inputs in their order
        box = waiting.pop()
        if box not in seen:
            seen.add(box)
            columns[-1 - to_end[box]].append(box)
            waiting += [source for source, _ in reversed(box.sources)]
    return columns


def _find_heights(columns):
    """Every box goes to the mean height of its neighbours, or as near as the boxes in its column let it."""
    for sweep in range(SWEEPS):
        for column in columns[::(1, -1)[sweep % 2]]:
            distances = np.cumsum([0, *(upper.below + BOX_GAP + lower.above for upper, lower in pairwise(column))])
            groups = []         # boxes that push each other: [their weight, weighted sum of wanted heights, how many]
            for box, distance in zip(column, distances):
                links = [*box.sources, *box.targets, (box, 1e-9)]
                weight = sum(weight for _, weight in links)
                groups.append([weight, sum(weight * other.y for other, weight in links) - weight * distance, 1])
                while len(groups) > 1 and groups[-2][1] / groups[-2][0] > groups[-1][1] / groups[-1][0]:
                    groups[-2:] = [[a + b for a, b in zip(*groups[-2:])]]
            heights = [total / weight for weight, total, count in groups for _ in range(count)]
            for box, height, distance in zip(column, heights, distances):
                box.y = height + distance


def _straighten(columns):
    """Bring boxes that lead on to each other to one height, where the other boxes leave room for that."""
    def main(links):            # the one heavier than all others
        heaviest = [box for box, weight in links if weight == max(weight for _, weight in links)]
        return heaviest[0] if len(heaviest) == 1 else None

    above = {lower: upper for column in columns for upper, lower in pairwise(column)}
    below = {upper: lower for lower, upper in above.items()}
    for box in [box for column in columns for box in column]:
        row = [box]
        while (after := main(row[-1].targets)) and main(after.sources) is row[-1]:
            row.append(after)
        highest = max((above[box].bottom + BOX_GAP + box.above for box in row if box in above), default=-np.inf)
        lowest = min((below[box].top - BOX_GAP - box.below for box in row if box in below), default=np.inf)
        if highest <= lowest:
            y = float(np.clip(np.mean([box.y for box in row]), highest, lowest))
            for box in row:
                box.y = y


def _rows(columns, max_width, head):
    left, right, end = [], [], 0
    for column in columns:
        left.append(end)
        right.append(end + max(box.width for box in column))
        bend = max((abs(box.y - target.y) for box in column for target, _ in box.targets), default=0)
        end = right[-1] + COLUMN_GAP + min(0.35, 0.3 * bend)
    cuts = [i for i, (column, after) in enumerate(pairwise(columns[:-2]))     # not for the result alone
            if len(column) == len(column[0].targets) == 1 and (column[0].ends_row or len(after) > 1)]

    def broken(limit):
        rows, start = [], 0
        while right[-1] - left[start] > limit and cuts and cuts[-1] >= start:
            later = [cut for cut in cuts if cut >= start]
            fitting = [cut for cut in later if right[cut] - left[start] <= limit]
            rows.append(range(start, (fitting or later[:1])[-1] + 1))
            start = rows[-1].stop
        return [*rows, range(start, len(columns))]

    widest = broken(max_width)          # of several ways to break it into as few rows, the most even
    rows = next(rows for share in range(50, 101) if len(rows := broken(max_width * share / 100)) == len(widest))

    indent = INDENT if len(rows) > 1 else 0
    frames, top = [], 0
    for number, row in enumerate(rows):
        shift = top + head - min(box.top for i in row for box in columns[i])
        for i in row:
            start, stop = indent + left[i] - left[row[0]], indent + right[i] - left[row[0]]
            for box in columns[i]:
                box.row, box.column = number, (start, stop)
                box.x = start + box.width / 2 + (stop - start - box.width) * (1 + box.align) / 2
                box.y += shift
        frames.append((indent, top, stop, max(box.bottom for i in row for box in columns[i])))
        top = frames[-1][3] + ROW_GAP
    return frames
