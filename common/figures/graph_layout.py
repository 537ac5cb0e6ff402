"""Where the boxes of a graph stand: in columns from left to right, in rows if there are many columns.

What leads straight on has one height, and what joins it stands below. Lengths are in inches, y grows downwards.
"""
from dataclasses import dataclass, field
from itertools import pairwise

COLUMN_GAP = 0.13       # between boxes side by side
BEND = 0.35             # more, where lines change their height
BOX_GAP = 0.16          # between boxes one above the other
LINE_GAP = 0.1          # from a line to what is above or below it
ROW_GAP = 0.45          # between rows
INDENT = 0.4            # beside the rows, where there are several: the line from one to the next runs there


@dataclass(eq=False)
class Box:
    """A rectangle that lines enter on the left and leave on the right, at the height y."""
    width: float
    above: float                # how far it reaches up from y
    below: float
    sources: list = field(default_factory=list)     # boxes that lead to it; the first one gets its height if it can
    align: float = 0            # in its column: -1 left, 0 in the middle, 1 right

    ends_row = False            # a row ends after such a box rather than before
    first_column = property(lambda self: max((source.column + 1 for source in self.sources), default=self.column))
    left = property(lambda self: self.x - self.width / 2)
    right = property(lambda self: self.x + self.width / 2)
    top = property(lambda self: self.y - self.above)
    bottom = property(lambda self: self.y + self.below)


def layout(boxes, max_width, head=0):
    """Give every box its row and column, the place x, y of its middle, and the bounds `enter`, `leave` of its columns.

    A graph wider than max_width is broken into rows like text, at places where one line alone goes on.

    Parameters
    ----------
    boxes : list of Box, sources before their targets
    max_width : in inches
    head : space to keep free at the top of each row

    Returns
    -------
    list of (left, top, right, bottom), one for each row, heads included
    """
    to_end = dict.fromkeys(boxes, 0)            # every box goes as far to the right as its targets let it
    for box in reversed(boxes):
        for source in box.sources:
            to_end[source] = max(to_end[source], to_end[box] + 1)
    columns = [[] for _ in range(1 + max(to_end.values()))]
    for box in boxes:
        box.column = len(columns) - 1 - to_end[box]
        columns[box.column].append(box)
    _find_heights(boxes, [0] * len(columns))
    return _break_into_rows(columns, max_width, head)


def _find_heights(boxes, free):
    """Chains of boxes, each as high as it can be: the last result's first, then what joins it, and so on.

    free : for each column, the height below which there is nothing yet
    """
    placed = set()

    def place(box):
        if box in placed:
            return
        chain = [box]
        while chain[-1].sources and chain[-1].sources[0] not in placed:
            chain.append(chain[-1].sources[0])
        lines = [column for box in chain for column in range(box.first_column, box.column)]
        y = max([free[box.column] + box.above for box in chain] + [free[column] + LINE_GAP for column in lines])
        for box in chain:
            box.y = y
            free[box.column] = box.bottom + BOX_GAP
        for column in lines:
            free[column] = y + LINE_GAP
        placed.update(chain)
        for box in reversed(chain):
            for source in box.sources:
                place(source)

    for box in reversed(boxes):
        place(box)


def _break_into_rows(columns, max_width, head):
    crossing, gaps = [0] * len(columns), [COLUMN_GAP] * len(columns)    # how many lines leave each column, how far
    for box in [box for column in columns for box in column]:
        for source in box.sources:
            for column in range(source.column, box.column):
                crossing[column] += 1
            if source.y != box.y:
                gaps[source.column] = COLUMN_GAP + BEND
    left, right, end = [], [], 0
    for column, gap in zip(columns, gaps):
        left.append(end)
        right.append(end + max(box.width for box in column))
        end = right[-1] + gap
    cuts = [i for i in range(len(columns) - 3)      # the result does not stand alone
            if crossing[i] == 1 and (columns[i][0].ends_row or crossing[i + 1] > 1)]

    def broken(limit):
        """The columns of each row, as ranges."""
        starts = [0]
        for cut, following in pairwise([*cuts, len(columns) - 1]):
            if right[following] - left[starts[-1]] > limit:
                starts.append(cut + 1)
        return [range(start, stop) for start, stop in pairwise([*starts, len(columns)])]

    count = len(broken(max_width))
    rows = next(rows for share in range(50, 101) if len(rows := broken(max_width * share / 100)) == count)  # most even
    indent = INDENT if count > 1 else 0
    frames, top = [], 0
    for number, row in enumerate(rows):
        boxes = [box for i in row for box in columns[i]]
        start, down = indent - left[row[0]], top + head - min(box.top for box in boxes)
        for box in boxes:
            box.row, box.y = number, box.y + down
            box.enter, box.leave = start + left[box.first_column], start + right[box.column]
            free = right[box.column] - left[box.column] - box.width
            box.x = box.leave - box.width / 2 - free * (1 - box.align) / 2
        frames.append((indent, top, start + right[row[-1]], max(box.bottom for box in boxes)))
        top = frames[-1][3] + ROW_GAP
    return frames
