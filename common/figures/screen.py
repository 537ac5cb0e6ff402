"""Where a figure goes: to a window or a notebook, or to a file where there is neither; and films.

Scripts take `plt` from here, by way of `common.figures.plot`, so that a wrong MPLBACKEND ends none of them.
"""
import io
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
from PIL import Image

from common.figures import save_to_files        # first of all, before matplotlib
from common.files import write_atomically
from common.script import print_any_letters

try:
    plt.switch_backend(plt.get_backend())           # MPLBACKEND if set; else a window, or Agg where there is no screen
except (ImportError, RuntimeError, ValueError) as error:
    save_to_files(error)

TO_FILES = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}      # matplotlib's backends that show nothing
IN_NOTEBOOKS = ("inline", "nbagg", "notebook", "ipympl", "widget")      # and those that show nothing elsewhere


def shows_figures(with_mouse=False):
    """Does `plt.show()` put a figure before the reader, in a window, a browser or a notebook (that feels the mouse)?"""
    backend, ipython = plt.get_backend().lower(), sys.modules.get("IPython")
    if with_mouse and any(name in backend for name in ("inline", "interagg")):      # pictures in Jupyter, in PyCharm
        return False
    if any(name in backend for name in IN_NOTEBOOKS):
        return bool(ipython and ipython.get_ipython())
    return backend not in TO_FILES


def show(name=None):
    """Show the current figure in a window or notebook; where there is none, save it and print where.

    A window waits for the reader to close it. A file is `<name>.png` in the folder of the running script (or, where
    that cannot be written, in the working directory); without a name it is called as the script.
    """
    figure = plt.gcf()
    if shows_figures():
        figure.canvas.manager.set_window_title(name or _script().stem)
        plt.show()
    else:
        _save("Figure", name, "png", lambda file: figure.savefig(file, format="png", dpi=120, bbox_inches="tight"))
    if not plt.isinteractive():         # else plt.show() did not wait, and a notebook closes its figures itself
        plt.close(figure)
        plt.draw_if_interactive.called = False      # else %run in a notebook draws one more figure, an empty one


def save_gif(frames, draw, name=None, seconds=0.1):
    """Save the current figure as an animation, a GIF beside the running script, and print where.

    The figure stays as the last frame left it, for `show`.

    Parameters
    ----------
    frames : iterable of whatever `draw` takes
    draw : function that changes the current figure for one frame
    name : file name without its ending; the script's own if omitted
    seconds : how long each frame is seen; the last one stays for two seconds more
    """
    figure, images = plt.gcf(), []
    for frame in frames:
        draw(frame)
        file = io.BytesIO()
        figure.savefig(file, format="rgba", dpi=80)
        figure.set_layout_engine("none")        # the first frame's layout holds: nothing trembles, and it is faster
        size = (figure.get_size_inches() * 80).astype(int)
        image = Image.frombytes("RGBA", tuple(size), file.getvalue()).convert("RGB")
        images.append(image.quantize(method=Image.Quantize.FASTOCTREE))     # the default loses small dots
    durations = [round(1000 * seconds)] * (len(images) - 1) + [round(1000 * seconds) + 2000]
    _save("Animation", name, "gif", lambda file: images[0].save(
        file, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0))


def _script():
    return Path(getattr(sys.modules["__main__"], "__file__", None) or "figure.py").resolve()


def _save(what, name, ending, write):
    script = _script()
    folder = script.parent if os.access(script.parent, os.W_OK) else Path.cwd()
    path = folder / f"{name or script.stem}.{ending}"
    write_atomically(path, write)
    print_any_letters()         # the folder's name may have some that the terminal lacks
    print(f"{what} saved: {path}")
