"""Every figure that the chapters draw, and `show`, which puts it before the reader:

    training_curves(trainer)
    show()

Each function draws one new figure and returns its axes. A script may as well draw with `plt` itself.
"""
from common.figures.curves import lines, training_curves
from common.figures.draw_graph import draw
from common.figures.evaluation import confusion, reliability
from common.figures.gradient_check import gradient_check
from common.figures.graph import record
from common.figures.image_grid import image_grid
from common.figures.screen import plt, save_gif, show, shows_figures
