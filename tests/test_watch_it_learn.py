"""The films and pictures of learning: each frame is there, and shows what was computed."""
import re
import runpy
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from digits import real_digits
from PIL import Image, ImageSequence
from scripts import copy_project, last_line, run_in_turn

from ch05.decision_boundary import spiral, territory
from ch05.deep_convnet import DeepConvNet
from ch05.digit_through_cnn import stations
from ch05.simple_convnet import SimpleConvNet
from common.figures import plot
from common.figures.image_grid import tiles


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("watch"), "ch05")


@pytest.fixture(scope="module")
def results(project, tmp_path_factory):
    """What the scripts below have printed, in this order."""
    folder = project / "ch05"
    np.random.seed(0)
    net = SimpleConvNet(weight_init_std="he")       # the weights that visualize_filter.py calls "before"
    net.params["W1"][3, 0, 1, 2] += 0.25
    net.save_params(folder / "params.pkl")
    DeepConvNet().save_params(folder / "deep_convnet_params.pkl")
    return run_in_turn(
        tmp_path_factory.mktemp("elsewhere"),
        (folder / "decision_boundary.py", "--epochs", 16, "--gif"),
        (folder / "optimizer_compare_naive.py", "--gif", "--steps", 3),
        (folder / "digit_through_cnn.py", "--index", 3),
        (folder / "digit_through_cnn.py", "--deep"),
        (folder / "visualize_filter.py",))


def test_a_gif_has_every_frame_and_the_figure_stays_as_the_last_one_left_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(tmp_path / "film.py")))
    axes = plt.subplots(figsize=(1, 1))[1]
    plot.save_gif([0.1, 0.9, 0.5], lambda grey: axes.set_facecolor(str(grey)), seconds=0.2)
    assert axes.get_facecolor()[0] == 0.5
    plt.close()
    assert capsys.readouterr().out == f"Animation saved: {tmp_path / 'film.gif'}\n"
    film = Image.open(tmp_path / "film.gif")
    frames = [(frame.info["duration"], np.median(np.asarray(frame.convert("L"))[30:50, 30:50]))
              for frame in ImageSequence.Iterator(film)]
    assert frames == [(200, pytest.approx(26, abs=3)), (200, pytest.approx(230, abs=3)),
                      (2200, pytest.approx(128, abs=3))]


def test_the_arms_of_the_spiral_are_one_arm_turned():
    x, t = spiral(20, noise=0)
    assert x.shape == (60, 2) and x.dtype == np.float32 and np.bincount(t).tolist() == [20, 20, 20]
    cos, sin = np.cos(2 * np.pi / 3), np.sin(2 * np.pi / 3)
    np.testing.assert_allclose(x[t == 0] @ np.array([[cos, -sin], [sin, cos]]), x[t == 1], atol=1e-6)


def test_the_territory_shows_who_wins_where():
    class LeftOrRight:
        def predict(self, x):
            return np.stack([-50 * x[:, 0], 50 * x[:, 0], np.full(len(x), -100.0)], axis=1)
    picture = territory(LeftOrRight())
    assert 0 <= picture.min() and picture.max() <= 1
    assert np.ptp(picture[:, :50], axis=(0, 1)).max() < 1e-6 and np.ptp(picture[:, 70:], axis=(0, 1)).max() < 1e-6
    assert picture[0, 0].argmax() == 2 and picture[0, -1].argmax() == 0         # blue and orange


def test_the_decision_boundary_bends_until_it_is_right(project, results):
    assert float(re.search(r": ([\d.]+) of 300 points right after epoch 16$", last_line(results[0]))[1]) > 0.95
    assert np.asarray(Image.open(project / "ch05/decision_boundary.png").convert("L")).std() > 5
    assert Image.open(project / "ch05/decision_boundary.gif").n_frames == 17


def test_the_optimizers_walk_in_a_film(project, results):
    film = Image.open(project / "ch05/optimizer_compare_naive.gif")
    red = []
    for frame in ImageSequence.Iterator(film):
        r, g, b = np.moveaxis(np.asarray(frame.convert("RGB")).astype(int), -1, 0)
        red.append(int(np.sum((r > 150) & (g < 100) & (b < 100))))
    assert len(red) == 4 and 0 < red[1] < red[2] < red[3]


@pytest.mark.parametrize("build", [SimpleConvNet, DeepConvNet])
def test_a_digit_comes_out_of_its_stations_as_out_of_the_net(build):
    network, image = build(), np.random.rand(1, 28, 28).astype(np.float32)
    outputs = stations(network, image)
    assert list(outputs) == ["image", *network.layers]
    assert outputs["Conv1"].shape == network.params["W1"].shape[:1] + (outputs["Relu1"].shape[1:])
    np.testing.assert_allclose(list(outputs.values())[-1], network.predict(image[np.newaxis])[0], rtol=1e-5, atol=1e-7)


def test_tiles_show_every_map_once_and_nothing_else():
    maps = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    picture = tiles(maps, columns=3)
    assert picture.shape == (2 * 3, 3 * 4)
    np.testing.assert_array_equal(picture[1:3, 5:8], maps[1])
    np.testing.assert_array_equal(picture[4:6, 1:4], maps[3])
    np.testing.assert_array_equal(np.sort(picture[~np.isnan(picture)]), np.arange(30))


def test_a_digits_way_is_drawn_and_a_long_one_fits_a_screen(project, results):
    assert "Conv1    30 x 24 x 24" in results[2].stdout
    assert np.asarray(Image.open(project / "ch05/digit_through_cnn.png").convert("L")).std() > 20
    assert f"Figure saved: {project / 'ch05/digit_through_cnn_deep.png'}\n" in results[3].stdout
    assert Image.open(project / "ch05/digit_through_cnn_deep.png").height < 1500


def test_the_filters_are_shown_before_after_and_as_a_difference(project, results):
    assert "changed them by up to 0.25\n" in results[4].stdout
    with Image.open(project / "ch05/visualize_filter.png") as picture:
        difference = np.asarray(picture.convert("L"))[2 * picture.height // 3 + 40:].ravel()
    grey, count = np.unique(difference, return_counts=True)
    assert set(grey[np.argsort(count)[-2:]]) == {127, 255} or set(grey[np.argsort(count)[-2:]]) == {128, 255}


@pytest.mark.parametrize("limit", [100, 1000])
def test_no_curve_of_the_optimizers_is_cut_off(limit, monkeypatch):
    from ch05 import optimizer_compare_mnist as script
    shown = []
    monkeypatch.setattr(plot, "show", lambda: shown.extend(plt.gcf().axes))
    x, t = real_digits()
    data = x.reshape(len(x), -1), t
    monkeypatch.setattr("dataset.mnist.load_mnist", lambda: (data, (data[0][:100], data[1][:100])))
    monkeypatch.setattr(sys, "argv", ["optimizer_compare_mnist.py", "--epochs", "1", "--limit", str(limit)])
    monkeypatch.setattr("os.access", lambda *_: True)
    runpy.run_path(script.__file__, run_name="__main__")
    axes, = shown
    low, high = axes.get_ylim()
    for line in axes.lines:
        assert len(line.get_ydata()) and low < line.get_ydata().min() and line.get_ydata().max() < high
    plt.close("all")
