"""common.training.live_window: the window shows what the trainer knows, takes little time, and is never in the way."""
import time
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from common.training import live_window as module
from common.figures import plot
from common.training.live_window import LiveWindow
from common.multi_layer_net import MultiLayerNet
from common.trainer import Trainer
from common.util import smooth_curve


@pytest.fixture
def screen(monkeypatch):
    """Agg with a window that is only made believe."""
    plt.switch_backend("agg")
    figure = plt.figure()
    monkeypatch.setattr(type(figure.canvas), "required_interactive_framework", "none of them")
    monkeypatch.setattr(type(figure), "show", lambda self: None)
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


def trainer_of(losses, train=(), test=()):
    return SimpleNamespace(train_loss_list=list(losses), train_acc_list=list(train), test_acc_list=list(test),
                           history={})


def small_trainer(callbacks):
    x, t = np.random.randn(40, 5).astype(np.float32), np.arange(40) % 3
    return Trainer(MultiLayerNet(5, [4], 3), x, t, x, t, epochs=2, mini_batch_size=10, verbose=False,
                   callbacks=callbacks)


def opened():
    window = LiveWindow()
    window.on_train_begin(None)
    return window


def test_the_window_shows_losses_and_accuracies(screen, clock):
    window = opened()
    clock.now += 1
    window.on_batch_end(trainer_of([3.0, 2.0, 1.5], [0.5, 0.75], [0.25, 0.5]))
    (left, right) = plt.gcf().axes
    np.testing.assert_array_equal(left.lines[0].get_xydata().T, [[1, 2, 3], smooth_curve([3.0, 2.0, 1.5])])
    np.testing.assert_array_equal(right.lines[0].get_xydata(), [[1, 0.5], [2, 0.75]])
    np.testing.assert_array_equal(right.lines[1].get_xydata(), [[1, 0.25], [2, 0.5]])
    assert right.get_ylim()[0] <= 0.25 and right.get_ylim()[1] >= 0.75
    clock.now += 1
    window.on_batch_end(trainer_of([3.0], [0.5], [0.25]))
    assert len(plt.gcf().axes) == 2 and len(plt.gcf().axes[0].lines) == 1      # in the place of the old ones


@pytest.mark.parametrize("seconds", [0.001, 0.05, 1.0])
def test_drawing_takes_no_more_than_its_share_of_the_time(screen, clock, monkeypatch, seconds):
    window, drawn = opened(), []

    def draw(trainer, figure):
        drawn.append(clock.now)
        clock.now += seconds
    monkeypatch.setattr(plot, "training_curves", draw)
    started = clock.now
    for _ in range(8_000):
        clock.now += 0.01
        window.on_batch_end(trainer_of([1.0]))
    assert len(drawn) > 2
    assert (len(drawn) - 1) * seconds <= 0.05 * (clock.now - started)


def test_a_training_is_shown_changes_in_nothing_and_leaves_no_window(screen, monkeypatch):
    drawn = []
    monkeypatch.setattr(plot, "training_curves", lambda trainer, figure: drawn.append(trainer.current_iter))
    # a second for each look at the clock
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: time.perf_counter() * 1e6))
    losses = []
    for callbacks in ([LiveWindow()], []):
        np.random.seed(0)
        trainer = small_trainer(callbacks)
        trainer.train()
        losses.append(trainer.train_loss_list)
        assert plt.get_fignums() == []
    assert losses[0] == losses[1] and len(losses[0]) == 8
    assert drawn and drawn == sorted(set(drawn))


def test_a_closed_window_lets_the_training_go_on(screen, clock):
    window = opened()
    plt.close("all")
    clock.now += 1
    window.on_batch_end(None)             # would fail if it drew
    window.on_train_end(None)


def test_one_window_serves_several_trainings(screen):
    window = LiveWindow()
    for _ in range(2):
        small_trainer([window]).train()


def test_without_a_screen_it_says_so_and_trains(capsys):
    plt.switch_backend("agg")
    trainer = small_trainer([LiveWindow()])
    trainer.train()
    assert "--live: there is no screen" in capsys.readouterr().out
    assert len(trainer.train_loss_list) == 8 and plt.get_fignums() == []
