"""Where a figure goes: to a window or a notebook, or to a file where there is neither; and films."""
import io
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
from PIL import Image

from common.files import say, write_atomically
from common.script import in_notebook

TO_FILES = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}      # matplotlib's backends that show nothing


def shows_figures(with_mouse=False):
    """Does `show` open a window, a browser or a notebook's picture? With the mouse: one that can also be clicked?"""
    backend = plt.get_backend().lower()
    if "inline" in backend:         # pictures in a notebook; a program that is started from there shows none
        return in_notebook() and not with_mouse
    return backend not in TO_FILES


def show(name=None):
    """Show the current figure in a window or notebook; where there is none, save it and print where.

    A window waits for the reader to close it. A file is `<name>.png` in the folder of the running script (or, where
    that cannot be written, in the working directory); without a name it is called as the script.
    """
    figure = plt.gcf()
    if shows_figures():
        figure.canvas.manager.set_window_title(_path(name).name)
        plt.show()
    else:
        path = f"{_path(name)}.png"
        write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=120, bbox_inches="tight"))
        say(f"Figure saved: {path}")
    if not plt.isinteractive():         # else plt.show() did not wait, and a notebook closes its figures itself
        plt.close(figure)
        plt.draw_if_interactive.called = False      # else %run in a notebook draws one more figure, an empty one


def save_gif(frames, draw, name=None, seconds=0.1):
    """Save the current figure as an animation, a GIF beside the running script, and print where.

    `draw` is called with each of the `frames`, and changes the figure, which stays as the last frame left it. Each
    frame is shown for `seconds`, the last one for two seconds more. `name` is as for `show`.
    """
    figure, images = plt.gcf(), []
    for frame in frames:
        draw(frame)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=80)
        figure.set_layout_engine("none")        # the first frame's layout holds: nothing trembles, and it is faster
        images.append(Image.open(file))
    durations = [1000 * seconds] * len(images)      # in milliseconds
    durations[-1] += 2000
    path = f"{_path(name)}.gif"
    write_atomically(path, lambda file: images[0].save(
        file, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0))
    say(f"Animation saved: {path}")


def _path(name):
    """Where to save: `name`, or that of the running script, in the script's folder or the working directory."""
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "figure.py").resolve()
    folder = script.parent if os.access(script.parent, os.W_OK) else Path.cwd()
    return folder / (name or script.stem)
