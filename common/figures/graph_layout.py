"""Where the boxes of a graph stand: in columns from left to right, none on top of another, lines as straight as can be.

Pure geometry, in inches, y growing downwards, after Sugiyama, Tagawa, Toda (1981): put every box in a column, lead long
links through the columns between, untangle crossings, then find the heights; at last, break long graphs into rows.
"""
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np

COLUMN_GAP = 0.13       # between boxes side by side; where links bend there is more
BOX_GAP = 0.16          # between boxes one above the other
ROW_GAP = 0.45          # between rows
INDENT = 0.4            # beside the rows, where there are several: the line from one to the next runs there
STIFF = 1e4             # how hard boxes push each other apart; links pull with their weight
LIGHT = 1e-4            # weight of a link that may bend, so that others stay straight


@dataclass(eq=False)
class Box:
    """A rectangle that links enter on the left and leave on the right, at the height y."""
    width: float
    above: float                # how far it reaches up from y
    below: float
    align: float = 0            # in its column: -1 left, 0 in the middle, 1 right
    round: bool = False         # a circle
    block: str | None = None    # no row ends between two boxes of one block
    ends_row: bool = False      # a row ends after such a box rather than before
    row: int = 0
    column: tuple = (0, 0)      # left and right end of its column
    x: float = 0                # of its middle
    y: float = 0
    lane: object = None         # of layout only, as the next two
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
    _untangle(columns)
    _find_heights(columns)
    return _rows(columns, max_width, head)


def _columns(boxes, links):
    """Every box as far right as its targets allow, and links to the columns next to it alone."""
    after = {box: [] for box in boxes}
    for link in links:
        after[link.source].append(link.target)
    to_end = {}
    for box in reversed(boxes):
        to_end[box] = 1 + max((to_end[target] for target in after[box]), default=-1)
    for link in links:
        for place in range(to_end[link.source] - 1, to_end[link.target], -1):
            link.via.append(Box(0, 0.05, 0.05))
            to_end[link.via[-1]] = place
        path = [link.source, *link.via, link.target]
        for source, target in zip(path, path[1:]):
            source.targets.append((target, link.weight))
            target.sources.append((source, link.weight))

    columns = [[] for _ in range(max(to_end.values()) + 1)]
    waiting = [box for box in reversed(boxes) if not box.targets]
    seen = set()
    while waiting:              # depth first from the ends: a tree comes out without crossings, inputs in their order
        box = waiting.pop()
        if box not in seen:
            seen.add(box)
            columns[-1 - to_end[box]].append(box)
            waiting += [source for source, _ in reversed(box.sources)]
    return columns


def _untangle(columns):
    """Exchange neighbours in a column while that takes crossings away; even exchanges count, for they may lead on."""
    def crossings(upper, lower):
        return sum(place[a] > place[b] for side in ("sources", "targets")
                   for a, _ in getattr(upper, side) for b, _ in getattr(lower, side))

    def total():
        return sum(crossings(a, b) for column in columns for i, a in enumerate(column) for b in column[i + 1:])

    place = {box: i for column in columns for i, box in enumerate(column)}
    best, fewest = [list(column) for column in columns], total()
    for _ in range(10):
        if fewest == 0:
            break
        for column in columns:
            for i in range(len(column) - 1):
                a, b = column[i:i + 2]
                if 0 < crossings(a, b) >= crossings(b, a):
                    column[i:i + 2] = b, a
                    place[a], place[b] = i + 1, i
        if total() < fewest:
            best, fewest = [list(column) for column in columns], total()
    columns[:] = best


@dataclass(eq=False)
class _Lane:
    """A straight line of boxes that lead on to each other alone."""
    above: dict = field(default_factory=dict)       # {lane above it in some column: least distance}


def _find_heights(columns):
    """Links pull their lanes to one height, like springs; lanes one above the other push each other apart."""
    try:
        lanes = _lanes(columns, long=True)
    except CycleError:                              # lanes cross: only boxes by themselves can be put in order
        lanes = _lanes(columns, long=False)
    number = {lane: i for i, lane in enumerate(lanes)}
    boxes = [box for column in columns for box in column]
    pairs = [(number[upper], number[lower], distance) for lower in lanes for upper, distance in lower.above.items()]

    def add_spring(matrix, i, j, strength):
        matrix[[i, j], [i, j]] += strength
        matrix[[i, j], [j, i]] -= strength

    links = 1e-8 * np.eye(len(lanes))               # so that what hangs on nothing has a height too
    for box in boxes:
        for target, weight in box.targets:
            if target.lane is not box.lane:
                add_spring(links, number[box.lane], number[target.lane], weight)
    touching = []
    for _ in range(50):
        matrix, force = links.copy(), np.zeros(len(lanes))
        for upper, lower, distance in touching:
            add_spring(matrix, upper, lower, STIFF)
            force[[upper, lower]] += -STIFF * distance, STIFF * distance
        y = np.linalg.solve(matrix, force)
        before, touching = touching, [(upper, lower, distance) for upper, lower, distance in pairs
                                      if y[lower] - y[upper] < distance]
        if touching == before:
            break
    for upper, lower, distance in pairs:            # from above to below: what is missing yet
        y[lower] = max(y[lower], y[upper] + distance)
    for box in boxes:
        box.y = y[number[box.lane]]


def _lanes(columns, long):
    """Give every box its lane, its own if not long; returns all lanes in an order from above to below."""
    def main(links):
        return [box for box, weight in links if weight == max(weight for _, weight in links)]

    for column in columns:
        for box in column:
            before = main(box.sources)
            joins = long and len(before) == 1 and main(before[0].targets) == [box]
            box.lane = before[0].lane if joins else _Lane()
        for upper, lower in zip(column, column[1:]):
            distance = upper.below + BOX_GAP + lower.above
            lower.lane.above[upper.lane] = max(distance, lower.lane.above.get(upper.lane, 0))
    return list(TopologicalSorter({box.lane: box.lane.above for column in columns for box in column}).static_order())


def _rows(columns, max_width, head):
    left, right, end = [], [], 0
    for column in columns:
        left.append(end)
        right.append(end + max(box.width for box in column))
        bend = max((abs(box.y - target.y) for box in column for target, _ in box.targets), default=0)
        end = right[-1] + COLUMN_GAP + min(0.35, 0.3 * bend)
    cuts = [i for i, (column, after) in enumerate(zip(columns[:-3], columns[1:]))     # not for the result alone
            if len(column) == len(column[0].targets) == 1 and (column[0].ends_row or len(after) > 1)
            and not (column[0].block and column[0].block == column[0].targets[0][0].block)]

    def broken(limit):
        rows, start = [], 0
        while right[-1] - left[start] > limit:
            later = [cut for cut in cuts if cut >= start]
            if not later:
                break
            fitting = [cut for cut in later if right[cut] - left[start] <= limit]
            rows.append(range(start, (fitting[-1] if fitting else later[0]) + 1))
            start = rows[-1].stop
        return [*rows, range(start, len(columns))]

    rows = broken(max_width)
    for share in range(50, 100):                # of several ways to break it, the most even
        if len(broken(max_width * share / 100)) == len(rows):
            rows = broken(max_width * share / 100)
            break

    indent = INDENT if len(rows) > 1 else 0
    frames, top = [], 0
    for number, row in enumerate(rows):
        boxes = [box for i in row for box in columns[i]]
        shift = top + head - min(box.top for box in boxes)
        for i in row:
            for box in columns[i]:
                free = right[i] - left[i] - box.width
                box.row = number
                box.column = indent + left[i] - left[row[0]], indent + right[i] - left[row[0]]
                box.x = indent + left[i] - left[row[0]] + box.width / 2 + free * (1 + box.align) / 2
                box.y += shift
        frames.append((indent, top, indent + right[row[-1]] - left[row[0]], max(box.bottom for box in boxes)))
        top = frames[-1][3] + ROW_GAP
    return frames
