"""Where the boxes of a graph stand: in columns from left to right, in rows if there are many columns.

What leads straight on has one height, and what joins it stands below. Lengths are in inches, y grows downwards.
"""
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

COLUMN_GAP = 0.13       # between boxes side by side
BEND = 0.3              # more, where lines change their height
BOX_GAP = 0.16          # between boxes one above the other
ROW_GAP = 0.45          # between rows


@dataclass(eq=False)
class Box:
    """A rectangle that lines enter on the left and leave on the right, at the height y."""
    width: float
    above: float                # how far it reaches up from y
    below: float
    sources: list               # boxes that lead to it; the first one gets its height if it can
    column: int = 0             # found by layout

    first_column = property(lambda self: max((source.column + 1 for source in self.sources), default=self.column))
    left = property(lambda self: self.x - self.width / 2)
    bottom = property(lambda self: self.y + self.below)


def layout(boxes, max_width):
    """Give every box the place x, y of its middle, its `row_top`, and the ends `enter` and `leave` of its columns.

    boxes : list of Box, sources before their targets
    max_width : in inches; a wider graph is broken into rows like text, at places where one line alone goes on
    """
    for box in reversed(boxes):         # every box goes as far to the right as its targets let it
        for source in box.sources:
            source.column = min(source.column, box.column - 1)
    first = min(box.column for box in boxes)
    columns = [[] for _ in range(1 - first)]
    for box in boxes:
        box.column -= first
        columns[box.column].append(box)
    _find_heights(boxes, len(columns))
    lines = [(source, box) for box in boxes for source in box.sources]
    bends = {source.column for source, box in lines if source.y != box.y}
    widths = [max(box.width for box in column) for column in columns]
    steps = [width + COLUMN_GAP + BEND * (i in bends) for i, width in enumerate(widths)]    # from column to column

    top = 0
    for row in _rows(lines, steps, max_width):
        in_row = [box for i in row for box in columns[i]]
        down = top - min(box.y - box.above for box in in_row)
        left = {i: sum(steps[row.start:i]) for i in row}
        for box in in_row:
            box.row_top, box.y = top, box.y + down
            box.enter, box.leave = left.get(box.first_column, 0), left[box.column] + widths[box.column]
            box.x = left[box.column] + widths[box.column] / 2
        top = max(box.bottom for box in in_row) + ROW_GAP


def _find_heights(boxes, column_count):
    """Chains of boxes, each as high as it can be: the last result's first, then what joins it, and so on."""
    free = np.zeros(column_count)       # for each column, the height below which there is nothing yet
    placed, todo = set(), [*boxes]
    while todo:
        chain = [todo.pop()]
        if chain[0] in placed:
            continue
        while chain[-1].sources and chain[-1].sources[0] not in placed:
            chain.append(chain[-1].sources[0])
        placed.update(chain)
        y = max(free[box.first_column:box.column + 1].max() + box.above for box in chain)
        for box in chain:
            box.y = y
            free[box.first_column:box.column + 1] = box.bottom + BOX_GAP
            todo += reversed(box.sources)


def _rows(lines, steps, max_width):
    """The columns of each row, as ranges. `steps` are the widths of the columns, with the gap after each."""
    cuts = [i + 1 for i in range(len(steps) - 3)            # the result does not stand alone
            if sum(source.column <= i < box.column for source, box in lines) == 1]
    starts = [0]
    for cut, following in pairwise([*cuts, len(steps)]):
        if sum(steps[starts[-1]:following]) > max_width:
            starts.append(cut)
    return [range(start, stop) for start, stop in pairwise([*starts, len(steps)])]
