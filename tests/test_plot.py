"""common.figures.plot: figures show what was given, wrong shapes are named, and without a screen a file appears."""
import os
import re
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from scripts import ROOT, run_script

from common.figures import plot


@pytest.fixture(autouse=True)
def headless(monkeypatch, tmp_path):
    """No window opens, and the running script is tmp_path/script.py."""
    plt.switch_backend("agg")
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(tmp_path / "script.py")))
    yield
    plt.close("all")


def test_show_saves_under_the_scripts_name_and_under_a_given_one(tmp_path, capsys):
    for name, file_name in ((None, "script.png"), ("other", "other.png")):
        plt.plot([1, 2, 3])
        plt.draw_if_interactive.called = True       # as in a notebook, whose %run draws once more in that case
        plot.show(name)
        assert not plt.draw_if_interactive.called
        assert capsys.readouterr().out == f"Figure saved: {tmp_path / file_name}\n"
        assert np.asarray(Image.open(tmp_path / file_name).convert("L")).std() > 0
        assert plt.get_fignums() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.png", "script.png"]


def test_a_failed_save_keeps_the_old_figure(tmp_path, monkeypatch):
    plt.plot([1, 2, 3])
    plot.show()
    before = (tmp_path / "script.png").read_bytes()

    def fail(self, file, **_):
        file.write(b"half a figure")
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        plot.show()
    assert [path.name for path in tmp_path.iterdir()] == ["script.png"]
    assert (tmp_path / "script.png").read_bytes() == before


@pytest.mark.parametrize("backend, in_notebook, shown, answers", [
    ("agg", False, False, False), ("agg", True, False, False), ("svg", False, False, False),
    ("QtAgg", False, True, True), ("tkagg", True, True, True), ("WebAgg", False, True, True),
    ("module://matplotlib_inline.backend_inline", True, True, False), ("inline", True, True, False),
    ("module://matplotlib_inline.backend_inline", False, False, False),     # `!python script.py` in a notebook
    ("module://ipympl.backend_nbagg", True, True, True),
])
def test_a_figure_is_shown_or_saved(tmp_path, monkeypatch, capsys, backend, in_notebook, shown, answers):
    seen = []
    ipython = SimpleNamespace(get_ipython=lambda: in_notebook or None, version_info=(9, 0))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(plt, "get_backend", lambda: backend)
    monkeypatch.setattr(plt, "show", lambda: seen.append(plt.gcf()))
    figure = plt.figure()
    titles = []
    monkeypatch.setattr(figure.canvas.manager, "set_window_title", titles.append)
    plot.show("curves")
    assert (seen, titles) == (([figure], ["curves"]) if shown else ([], []))
    assert [path.name for path in tmp_path.iterdir()] == ([] if shown else ["curves.png"])
    assert plot.shows_figures(with_mouse=True) == answers
    assert plt.get_fignums() == []


def test_a_figure_that_plt_show_did_not_wait_for_stays_open(monkeypatch):
    monkeypatch.setattr(plt, "get_backend", lambda: "QtAgg")
    monkeypatch.setattr(plt, "show", lambda: None)
    monkeypatch.setattr(plt, "isinteractive", lambda: True)
    plt.figure()
    plot.show()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("backend, wrong", [
    (None, False), ("TkAgg", False), ("module://not_installed", True), ("nonsense", True),
])
def test_a_machine_without_a_screen_gets_a_file(tmp_path, backend, wrong):
    script = tmp_path / "深" / "draw.py"
    script.parent.mkdir()
    script.write_text("from common.figures.plot import plt, show\nplt.plot([1, 2])\nshow()\n")
    result = run_script(script, MPLBACKEND=backend, PYTHONPATH=str(ROOT), DISPLAY=None, WAYLAND_DISPLAY=None,
                        PYTHONIOENCODING="ascii")
    assert result.stdout == f"Figure saved: {tmp_path}{os.sep}\\u6df1{os.sep}draw.png\n"   # ascii lacks 深
    assert Image.open(script.with_suffix(".png")).size > (300, 200)
    if wrong:
        assert re.fullmatch(rf"MPLBACKEND={backend}: .+; figures are saved to files instead\.\n", result.stderr)


@pytest.mark.parametrize("script", sorted(path.relative_to(ROOT) for chapter in ("ch03", "ch04", "ch05")
                                          for path in (ROOT / chapter).glob("*.py")), ids=str)
def test_no_script_takes_matplotlib_before_plot_has_chosen_a_backend(script):
    imports = re.findall(r"^(?:from|import) (matplotlib|common\.figures)", (ROOT / script).read_text("utf-8"), re.M)
    assert "matplotlib" not in imports[:1]


def test_lines_draws_each_curve_from_one_with_its_own_style():
    axes = plot.lines({"SGD": [3, 2, 1], "Adam": np.array([2, 1])}, "iteration", "loss", title="optimizers")
    sgd, adam = axes.get_lines()
    assert sgd.get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert adam.get_xydata().tolist() == [[1, 2], [2, 1]]
    assert (sgd.get_linestyle(), sgd.get_marker()) != (adam.get_linestyle(), adam.get_marker())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["SGD", "Adam"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("iteration", "loss", "optimizers")


def test_lines_draws_into_given_axes():
    axes = plt.subplots(1, 2)[1]
    assert plot.lines({"a": [1.0]}, "epoch", "loss", axes=axes[1]) is axes[1]
    assert plt.get_fignums() == [1]


def test_training_curves_draws_losses_by_step_and_accuracies_by_epoch():
    trainer = SimpleNamespace(train_loss_list=[2.0, 2.0, 2.0], train_acc_list=[0.8, 0.9], test_acc_list=[0.7, 0.8],
                              history={"val_acc": [0.6, 0.7]})
    left, right = plot.training_curves(trainer, "a net")
    np.testing.assert_allclose(left.get_lines()[0].get_xydata(), [[1, 2], [2, 2], [3, 2]])
    assert [axes.get_xlabel() for axes in (left, right)] == ["step", "epoch"]
    assert [line.get_ydata().tolist() for line in right.get_lines()] == [[0.8, 0.9], [0.7, 0.8], [0.6, 0.7]]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["train", "test", "held out"]
    assert left.figure.get_suptitle() == "a net"
    stopped = SimpleNamespace(train_loss_list=[1.0], train_acc_list=[], test_acc_list=[], history={})
    figure = plt.figure()
    assert plot.training_curves(stopped, figure=figure)[1].figure is figure      # Ctrl-C in the first epoch


@pytest.mark.parametrize("shape", [(5, 4, 4), (5, 1, 4, 4), (5, 16)])
def test_image_grid_puts_every_pixel_in_its_tile(shape):
    images = np.arange(80, dtype=np.uint8).reshape(shape)
    axes = plot.image_grid(images, columns=3)
    picture = axes.get_images()[0].get_array().filled(-1)
    assert picture.shape == (2 * 5, 3 * 5)              # a gap of one pixel above and to the left
    for i, image in enumerate(images.reshape(5, 4, 4)):
        row, column = divmod(i, 3)
        assert np.array_equal(picture[5 * row + 1:5 * row + 5, 5 * column + 1:5 * column + 5], image)
    assert np.count_nonzero(picture == -1) == 2 * 5 * 3 * 5 - 80


def test_image_grid_writes_each_title_over_its_image():
    axes = plot.image_grid(np.random.rand(5, 28, 28), titles=np.array([5, 0, 4, 1, 9]), columns=3)
    picture = axes.get_images()[0].get_array()
    assert [text.get_text() for text in axes.texts] == ["5", "0", "4", "1", "9"]
    for text in axes.texts:
        x, y = text.get_position()
        assert picture.mask[int(y), int(x)] and not picture.mask[int(y) + 2, int(x)]


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1, 1), (3, 785), (784,), (5, 3, 28, 28)])
def test_image_grid_refuses_a_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"cannot reshape array of size \d+ into shape"):
        plot.image_grid(np.zeros(shape))
