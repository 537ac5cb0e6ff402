"""Lines with a head, level where they leave and arrive, and one beside another; lengths in inches, y downwards."""
import math

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon


def curve(x0, y0, x1, y1):
    """Points from (x0, y0) to (x1, y1), level at both ends."""
    s = np.linspace(0, 1, 2 if abs(y1 - y0) < 0.005 else 25)
    return list(zip(x0 + (x1 - x0) * s, y0 + (y1 - y0) * s ** 3 * (10 - 15 * s + 6 * s ** 2)))


def beside(points, distance):
    """The line through the points, moved to its left by a distance."""
    points = np.array([p for i, p in enumerate(points) if i == 0 or math.dist(p, points[i - 1]) > 1e-6])
    along = np.diff(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    left = np.stack([along[:, 1], -along[:, 0]], axis=1)
    before, after = left[[0, *range(len(left))]], left[[*range(len(left)), -1]]
    return points + distance * (before + after) / (1 + (before * after).sum(axis=1, keepdims=True))


def draw_arrow(axes, points, color, linestyle):
    """A line through the points, with its head at the last one."""
    tip, along = points[-1], points[-1] - points[-2]
    along = along / np.linalg.norm(along)
    across = np.array([along[1], -along[0]])
    base = tip - 0.09 * along
    axes.add_artist(Line2D(*zip(*points[:-1], base), color=color, linewidth=1.1, linestyle=linestyle, gid="line"))
    axes.add_artist(Polygon([tip, base + 0.032 * across, base - 0.032 * across], color=color, linewidth=0, zorder=2))
