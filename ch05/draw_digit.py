"""Draw a digit with the mouse. The deep net reads it while you draw.

Look at the bars when one more line makes another digit: draw a 1, then add a bar to make it a 7; close a 3 to make it
an 8. Keys: u takes back a stroke, c clears the drawing.

Before: predict_digit.py; next: how_it_got_fast.py.
"""
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.predict_digit import draw_bars, in_words, load_network, probabilities_of, set_bars
from common.figures.plot import plt, shows_figures
from common.script import end, start
from dataset.digit_image import center_digit

SIDE = 280      # pixels of the square to draw in
PEN = 22        # pixels: as thick as MNIST's strokes, if the digit fills most of the square
PIXELS = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).astype(np.float32)      # (x, y) of each
HOW_TO_GET_A_WINDOW = """\
You draw in a window, and matplotlib cannot open one here. It needs
- a terminal: a notebook has no such window;
- a screen: over ssh, connect with `ssh -X`;
- a toolkit: `sudo apt install python3-tk`, or `pip install PySide6`;
- or, in place of screen and toolkit, a browser: `pip install tornado`, then `MPLBACKEND=WebAgg python draw_digit.py`.
Without these: write a digit on paper, photograph it, and run `python predict_digit.py photo.jpg`."""


class DigitPad:
    """A figure to draw in: the square, what the net sees of it, and the ten probabilities."""

    def __init__(self, network):
        self.network = network
        self.ink = np.zeros((SIDE, SIDE), np.float32)
        self.earlier = []           # the ink as it was before each stroke
        self.pen = None             # where the pen touches the square, as (x, y) in its pixels
        self.probabilities = None   # of what is drawn, if anything is

        with plt.rc_context({"toolbar": "None"}):           # zoom and pan of the toolbar would use the mouse too
            self.figure, (self.square, seen, bars) = plt.subplots(1, 3, figsize=(11, 4.5), width_ratios=(4, 3, 4))
        self.figure.subplots_adjust(left=0.02, right=0.98, bottom=0.08, top=0.86, wspace=0.3)
        self.figure.suptitle("Draw a digit with the mouse.   Keys:  u  undo,  c  clear")
        self.square.set(xticks=[], yticks=[], title="draw here")
        seen.set(xticks=[], yticks=[], title="what the net sees")
        self.drawn = self.square.imshow(self.ink, interpolation="nearest")
        self.seen = seen.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1)
        self.bars = draw_bars(bars)
        self.words = bars.set_title("")

        # To draw the whole figure takes too long between two moves of the mouse. So only what moves is drawn, onto a
        # copy of the rest; matplotlib cannot do so in a browser.
        self.canvas = self.figure.canvas
        self.moving = [self.drawn, self.seen, *self.bars, self.words]
        self.rest = None
        for artist in self.moving:
            artist.set_animated(self.canvas.supports_blit)
        self.canvas.mpl_disconnect(self.canvas.manager.key_press_handler_id)    # matplotlib's meanings of keys
        self.canvas.mpl_connect("draw_event", self.on_draw)
        self.canvas.mpl_connect("button_press_event", self.on_press)
        self.canvas.mpl_connect("motion_notify_event", self.on_move)
        self.canvas.mpl_connect("button_release_event", self.on_release)
        self.canvas.mpl_connect("key_press_event", self.on_key)
        self.update()

    def on_draw(self, event):
        """Called when the figure without `moving` was drawn: at the start, and after the window changed its size."""
        if self.canvas.supports_blit:
            self.rest = self.canvas.copy_from_bbox(self.figure.bbox)
            self.draw_moving()

    def draw_moving(self):
        self.canvas.restore_region(self.rest)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        self.canvas.blit(self.figure.bbox)

    def on_press(self, event):
        if event.button == 1 and event.inaxes is self.square:
            self.earlier.append(self.ink)
            self.pen = self.place(event)
            self.draw_line(self.pen, self.pen)

    def on_move(self, event):
        if self.pen is not None:
            start, self.pen = self.pen, self.place(event)
            self.draw_line(start, self.pen)

    def on_release(self, event):
        if event.button == 1:
            self.pen = None

    def on_key(self, event):
        if event.key == "u" and self.earlier:
            self.ink = self.earlier.pop()
        elif event.key == "c":
            self.earlier.append(self.ink)
            self.ink = np.zeros_like(self.ink)
        self.pen = None
        self.update()

    def place(self, event):
        # event.xdata would be None outside the square, but a stroke may leave it and come back.
        return self.square.transData.inverted().transform((event.x, event.y)).astype(np.float32)

    def draw_line(self, start, end):
        """Draw with a round pen: every pixel near the line is ink, with smooth edges."""
        from_start, line = PIXELS - start, end - start
        share = np.clip(from_start @ line / max(line @ line, 1e-6), 0, 1)   # where on the line the nearest point is
        distance = np.linalg.norm(from_start - share[:, :, np.newaxis] * line, axis=2)
        self.ink = np.maximum(self.ink, np.clip(PEN / 2 + 0.5 - distance, 0, 1))
        self.update()

    def update(self):
        """Let the net read the drawing, and show what it sees and says."""
        self.drawn.set_data(Image.fromarray(np.uint8(255 * self.ink)).convert("RGBA"))  # RGBA is drawn fastest
        if self.ink.any():
            digit = center_digit(self.ink)
            self.probabilities = probabilities_of(self.network, digit)
            words = in_words(self.probabilities)
        else:
            digit, self.probabilities, words = np.zeros((28, 28)), None, ""
        self.seen.set_data(digit)
        set_bars(self.bars, np.zeros(10) if self.probabilities is None else self.probabilities)
        self.words.set_text(words)
        if self.rest is None:
            self.canvas.draw_idle()
        else:
            self.draw_moving()


def main():
    start(__doc__)
    if not shows_figures(with_mouse=True):
        print(HOW_TO_GET_A_WINDOW, file=sys.stderr)
        end(2)
    pad = DigitPad(load_network())
    pad.figure.pad = pad                # as long as the figure lives: matplotlib alone would forget the handlers
    plt.show()
    if pad.probabilities is not None:
        print(f"Your last drawing: {in_words(pad.probabilities)}")


if __name__ == "__main__":
    main()
