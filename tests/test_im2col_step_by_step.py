"""The film of im2col: every number in it is that of im2col and col2im, and the mouse and the keys show the right ones."""
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, MouseEvent
from PIL import Image
from scripts import copy_project, run_script

from ch05.im2col_step_by_step import Example, Viewer, telling_pixels
from common.util import col2im

DRAWN = [{}, {"stride": 2, "pad": 1, "channels": 2}, {"size": 5, "filter_size": 2, "stride": 3}]
CASES = [*DRAWN, {"filter_size": 2}, {"pad": 1}, {"size": 1, "filter_size": 1}]


@pytest.fixture(autouse=True)
def close_figures(monkeypatch):
    plt.switch_backend("agg")
    monkeypatch.setattr(FigureCanvasBase, "draw_idle", lambda canvas: None)     # as in a window that has no time yet
    yield
    plt.close("all")


def add_back(example, windows, assign=False):
    """col2im of the first windows in plain loops; with `assign`, as a reader asks who takes += for a mistake."""
    stride = example.window[2]
    dx = np.zeros(example.padded.shape, int)
    for k, (i, j) in enumerate(np.ndindex(*example.dout.shape)):
        for c, a, b in np.ndindex(*example.W.shape):
            value = example.dout[i, j] * example.W[c, a, b]
            if k < windows:
                place = c, i * stride + a, j * stride + b
                dx[place] = value if assign else dx[place] + value
    return dx


@pytest.mark.parametrize("options", CASES)
def test_the_numbers_are_those_of_a_convolution(options):
    example = Example(**options)
    size, _, stride = example.window
    for k, (i, j) in enumerate(np.ndindex(*example.out.shape)):
        window = example.padded[:, i * stride:i * stride + size, j * stride:j * stride + size]
        assert np.array_equal(example.col[k], window.ravel())
        assert example.out[i, j] == (window * example.W).sum()
    assert np.array_equal(example.padded.ravel()[example.place], example.col)
    for windows in range(example.K + 1):
        assert np.array_equal(example.dx(windows), add_back(example, windows))
    C, H, W = example.x.shape
    p = example.pad
    assert np.array_equal(example.dx(example.K)[:, p:p + H, p:p + W],
                          col2im(example.dcol, (1, C, H, W), *example.window, pad=p)[0])


def test_nine_pixels_of_four_windows_meet():
    assert Example().meetings(4).tolist() == [[[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]]
    assert telling_pixels(Example()) == [0, 1, 5]
    assert Example(size=5, filter_size=2, stride=3).meetings(4)[0, 2].tolist() == [0, 0, 0, 0, 0]


def texts(viewer):
    return [[text.get_text().replace("\n", " ") for text in part.axes.texts] for part in (viewer.forward, viewer.backward)]


def said(texts, start):
    return next(text for text in texts if text.startswith(start))


@pytest.mark.parametrize("options", DRAWN)
def test_every_step_writes_out_a_true_sum(options):
    example = Example(**options)
    viewer = Viewer(example)
    K = example.K
    for step in (0, K - 1, K, 2 * K - 1):
        viewer.show_step(step)
        forward, backward = texts(viewer)
        k = step % example.K
        i, j = np.unravel_index(k, example.out.shape)
        sum_, result = re.fullmatch(rf"out\[{i}, {j}\] = col\[{k}\] · filter = (.*) = (-?\d+)", said(forward, "out[")).groups()
        assert eval(sum_.replace("·", "*")) == int(result) == example.out[i, j]
        if step < example.K:
            assert "Backward: not begun yet" in backward
        else:
            row = re.search(r"\(([^)]*)\);", said(backward, "dcol["))[1]
            assert [int(number) for number in row.split(", ")] == example.dcol[k].tolist()


@pytest.mark.parametrize("options", DRAWN)
def test_the_mouse_over_a_pixel_shows_the_sum_that_its_gradient_is(options):
    example = Example(**options)
    viewer = Viewer(example)
    viewer.figure.canvas.draw()
    right, assigned = add_back(example, example.K), add_back(example, example.K, assign=True)
    for part, pixels in ((viewer.forward, [0]), (viewer.backward, telling_pixels(example))):
        for pixel in pixels:
            c, i, j = np.unravel_index(pixel, example.padded.shape)
            x, y = part.axes.transData.transform((j + 0.5, part.top[c] + i + 0.5))
            viewer.figure.canvas.callbacks.process("motion_notify_event", MouseEvent(
                "motion_notify_event", viewer.figure.canvas, x, y))
            assert viewer.pixel == pixel
            forward, backward = texts(viewer)
            count = int(example.meetings(example.K)[c, i, j])
            assert any(f"lies in {count} window" in text for text in forward)
            if example.name(pixel) and count:
                text = said(backward, "dx[")
                sum_, result = re.search(r"\] = (.*) = (-?\d+), from", text).groups()
                assert eval(sum_) == int(result) == right[c, i, j]
                last = re.search(r"only the last would be left: (-?\d+)\.", text)
                assert int(last[1]) == assigned[c, i, j] if count > 1 else last is None
    viewer.on_move(SimpleNamespace(inaxes=None))
    assert viewer.pixel is None


def test_keys_step_through_and_stop_at_both_ends():
    viewer = Viewer(Example())

    def press(key):
        viewer.figure.canvas.callbacks.process("key_press_event", KeyEvent("key_press_event", viewer.figure.canvas, key))
        return viewer.step

    assert [press(key) for key in ("left", "right", " ", "left", "end", "right", "q", "home")] == [0, 1, 2, 1, 7, 7, 7, 0]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("im2col"), "ch05")


def test_the_script_saves_a_figure_and_a_film(project, tmp_path):
    result = run_script(project / "ch05/im2col_step_by_step.py", "--gif", "--channels", 2, "--stride", 2, cwd=tmp_path)
    assert "1 windows, col (1, 18)" in result.stdout
    for ending, frames in (("gif", 2 + 1), ("png", 1)):         # two steps, and one kind of pixel that is seen at all
        with Image.open(project / f"ch05/im2col_step_by_step.{ending}") as picture:
            assert getattr(picture, "n_frames", 1) >= frames and np.asarray(picture.convert("L")).std() > 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options, message", [(["--filter", 5], "a window of 5 does not fit into 4 values padded by 0"),
                                              (["--size", 9], "too many numbers"), (["--stride", 0], "--stride")])
def test_what_cannot_be_drawn_is_named(project, options, message):
    result = run_script(project / "ch05/im2col_step_by_step.py", *options, check=False)
    assert result.returncode == 2 and message in result.stderr and "Traceback" not in result.stderr
