"""ch05/draw_digit.py: mouse and keys sent to the canvas, as a window would send them."""
import matplotlib.pyplot as plt
import numpy as np
import pytest
from digits import trained_network
from matplotlib.backend_bases import KeyEvent, MouseEvent
from scripts import copy_project, run_script

from ch05.deep_convnet import DeepConvNet
from ch05.draw_digit import DigitPad

ONE = [(0.55, 0.85), (0.45, 0.15)]
SEVEN = [(0.25, 0.8), (0.7, 0.8), (0.45, 0.15)]
ZERO = [(0.5 + 0.22 * np.sin(angle), 0.5 + 0.34 * np.cos(angle)) for angle in np.linspace(0, 2 * np.pi, 30)]


@pytest.fixture
def pad():
    """On a net that has learned nothing: what is drawn does not depend on it."""
    plt.switch_backend("agg")
    pad = DigitPad(DeepConvNet())
    pad.canvas.draw()
    yield pad
    plt.close("all")


def send(pad, name, place, button=1):
    """A mouse event at a place in the square: (0, 0) is its lower left corner, (1, 1) its upper right one."""
    x, y = pad.square.transAxes.transform(place)
    pad.canvas.callbacks.process(name, MouseEvent(name, pad.canvas, x, y, button))


def stroke(pad, *places, button=1):
    send(pad, "button_press_event", places[0], button)
    for place in places[1:]:
        send(pad, "motion_notify_event", place, button)
    send(pad, "button_release_event", places[-1], button)


def press_key(pad, key):
    x, y = pad.square.transAxes.transform((0.5, 0.5))       # with the mouse over the square
    pad.canvas.callbacks.process("key_press_event", KeyEvent("key_press_event", pad.canvas, key, x, y))


def screen(pad):
    return np.asarray(pad.canvas.buffer_rgba())[:, :, :3].copy()


@pytest.mark.parametrize("digit, places", [(1, ONE), (7, SEVEN), (0, ZERO)])
def test_the_net_reads_what_is_drawn(pad, digit, places):
    pad.network = trained_network()
    stroke(pad, *places)
    assert pad.probabilities.argmax() == digit and pad.probabilities.max() > 0.8
    assert [bar.get_height() for bar in pad.bars] == pytest.approx(pad.probabilities)
    assert pad.words.get_text().startswith(f"{digit} (")


def test_the_ink_lies_where_the_mouse_went(pad):
    stroke(pad, (0.1, 0.75), (0.6, 0.75))
    rows, columns = np.nonzero(pad.ink > 0.5)
    assert (rows.min(), rows.max()) == pytest.approx((70 - 11, 70 + 11), abs=2)
    assert (columns.min(), columns.max()) == pytest.approx((28 - 11, 168 + 11), abs=2)
    assert pad.drawn.get_array()[70, 100, 0] == 255 and pad.drawn.get_array()[150, 100, 0] == 0
    assert pad.seen.get_array().max() > 0.9


def test_the_figure_moves_while_the_mouse_moves(pad):
    empty = screen(pad)
    send(pad, "button_press_event", (0.3, 0.8))
    pictures = [screen(pad)]
    answers = [pad.probabilities]
    for place in ((0.7, 0.8), (0.5, 0.2)):
        send(pad, "motion_notify_event", place)
        pictures.append(screen(pad))
        answers.append(pad.probabilities)
    for before, after in zip([empty, *pictures], pictures):
        assert not np.array_equal(before, after)
    assert len({*map(tuple, answers)}) == 3
    press_key(pad, "c")
    assert np.array_equal(screen(pad), empty)               # nothing of the drawing stays behind


def test_undo_takes_back_stroke_by_stroke_and_a_clear(pad):
    press_key(pad, "u")                                     # nothing to undo yet
    states = [pad.ink]
    for places in (ONE, SEVEN):
        stroke(pad, *places)
        states.append(pad.ink)
    press_key(pad, "c")
    assert not pad.ink.any() and pad.probabilities is None
    assert max(bar.get_height() for bar in pad.bars) == 0 and pad.words.get_text() == ""
    for state in reversed(states):
        press_key(pad, "u")
        assert np.array_equal(pad.ink, state)
    assert pad.probabilities is None


def test_other_buttons_other_keys_and_a_mouse_without_button_draw_nothing(pad):
    stroke(pad, *ONE, button=3)
    send(pad, "motion_notify_event", (0.5, 0.5))
    stroke(pad, (1.6, 0.5), (0.5, 0.5))                     # begins outside the square
    for key in ("l", "g", "x", None):
        press_key(pad, key)
    assert not pad.ink.any() and pad.square.get_yscale() == "linear"
    stroke(pad, *ONE)
    ink = pad.ink
    send(pad, "motion_notify_event", (0.9, 0.5))
    assert np.array_equal(pad.ink, ink)


def test_a_stroke_may_leave_the_square_and_come_back(pad):
    stroke(pad, (0.5, 0.2), (1.4, 0.5), (0.5, 0.8))
    assert pad.ink[140].max() == 0                          # the middle was passed outside
    assert pad.ink[140 - 84, 140] == pad.ink[140 + 84, 140] == 1


def resize(pad):
    pad.figure.set_size_inches(13, 6)
    pad.canvas.draw()


def test_a_new_size_of_the_window_keeps_the_drawing(pad):
    stroke(pad, *ONE)
    ink = pad.ink
    resize(pad)
    assert np.array_equal(pad.ink, ink)
    stroke(pad, (0.2, 0.5), (0.2, 0.5))

    fresh = DigitPad(pad.network)
    resize(fresh)
    fresh.ink = pad.ink
    fresh.update()
    assert screen(pad).shape == (600, 1300, 3)
    assert np.array_equal(screen(pad), screen(fresh))


def test_without_a_way_to_copy_the_screen_all_is_drawn_again(monkeypatch):
    plt.switch_backend("agg")
    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.supports_blit", False)
    pad = DigitPad(DeepConvNet())
    pad.canvas.draw()
    drawn = []
    monkeypatch.setattr(pad.canvas, "draw_idle", lambda: drawn.append(pad.ink))
    empty = screen(pad)
    stroke(pad, *ONE)
    assert len(drawn) == 2
    pad.canvas.draw()
    assert not np.array_equal(screen(pad), empty)
    plt.close("all")


def test_without_a_screen_it_says_how_to_get_one(tmp_path):
    script = copy_project(tmp_path, "ch05") / "ch05/draw_digit.py"
    result = run_script(script, check=False)
    assert result.returncode == 2
    assert "MPLBACKEND=WebAgg" in result.stderr and "ssh -X" in result.stderr and "Traceback" not in result.stderr
