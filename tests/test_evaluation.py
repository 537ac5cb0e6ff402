"""common/training/evaluation.py: small examples worked out by hand, and against loops on random ones."""
import matplotlib.pyplot as plt
import numpy as np
import pytest

from common.figures import plot
from common.training.evaluation import calibration, confusion_matrix, most_wrong, probabilities, table
from common.multi_layer_net import MultiLayerNet

# four answers: right, wrong and unsure, wrong and sure, right; class 2 does not occur
Y = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.05, 0.05, 0.9], [0.15, 0.75, 0.1]])
T = np.array([0, 1, 0, 1])


@pytest.mark.parametrize("t", [T, np.eye(3)[T], T.astype(np.uint8)])
def test_by_hand(t):
    np.testing.assert_array_equal(confusion_matrix(Y, t), [[1, 0, 1], [1, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(most_wrong(Y, t), [2, 1])
    count, certainty, accuracy, error = calibration(Y, t, bins=2)
    np.testing.assert_array_equal(count, [1, 3])
    np.testing.assert_allclose(certainty, [0.4, (0.7 + 0.9 + 0.75) / 3])
    np.testing.assert_allclose(accuracy, [0, 2 / 3])
    assert error == pytest.approx((0.4 + (0.7 + 0.9 + 0.75 - 2)) / 4)


def test_against_loops(rng):
    y = rng.random((500, 7)) ** 3
    y /= y.sum(axis=1, keepdims=True)
    t = rng.integers(7, size=500)
    guess = [max(range(7), key=row.__getitem__) for row in y]
    matrix = confusion_matrix(y, t)
    for a in range(7):
        for b in range(7):
            assert matrix[a, b] == sum(1 for right, said in zip(t, guess) if right == a and said == b)
    wrong = most_wrong(y, t)
    assert sorted(wrong) == [n for n in range(500) if guess[n] != t[n]]
    assert sorted((y[n].max() for n in wrong), reverse=True) == [y[n].max() for n in wrong]
    count, certainty, accuracy, error = calibration(y, t, bins=5)
    expected = 0
    for n in range(5):
        members = [i for i in range(500) if n / 5 <= y[i].max() < (n + 1) / 5]
        assert count[n] == len(members)
        if members:
            assert certainty[n] == pytest.approx(np.mean([y[i].max() for i in members]))
            assert accuracy[n] == pytest.approx(np.mean([guess[i] == t[i] for i in members]))
            expected += len(members) / 500 * abs(accuracy[n] - certainty[n])
        else:
            assert np.isnan(certainty[n]) and np.isnan(accuracy[n])
    assert error == pytest.approx(expected)


def test_nan_is_no_answer():
    y = np.array([[0.7, 0.3], [np.nan, np.nan], [0.2, 0.8], [np.nan, 0.9]])
    t = np.array([0, 0, 0, 1])
    assert confusion_matrix(y, t).tolist() == [[1, 1], [0, 0]]
    assert most_wrong(y, t).tolist() == [2, 1, 3]
    count, certainty, accuracy, error = calibration(y, t, bins=2)
    assert count.tolist() == [0, 2] and certainty[1] == 0.75 and accuracy[1] == 0.5 and error == 0.25
    assert calibration(y[1:2], t[1:2])[-1] == 0


def test_a_net_that_is_always_right_and_sure():
    y, t = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 3]], np.array([0, 1, 2, 3, 3])
    count, certainty, accuracy, error = calibration(y, t)
    assert list(count) == [0] * 9 + [5] and certainty[-1] == accuracy[-1] == 1 and error == 0
    assert most_wrong(y, t).shape == (0,)


def test_a_net_that_says_what_it_knows_is_calibrated(rng):
    y = np.stack([p := rng.uniform(0.5, 1, 20_000), 1 - p], axis=1)
    t = (rng.random(20_000) > p).astype(int)
    too_sure = y ** 4 / (y ** 4).sum(axis=1, keepdims=True)
    assert calibration(y, t)[-1] < 0.02 < 0.1 < calibration(too_sure, t)[-1]


def test_probabilities_are_those_of_predict_for_every_example(rng):
    net, x = MultiLayerNet(6, [5], 3), rng.standard_normal((23, 6)).astype(np.float32)
    y = probabilities(net, x, batch_size=10)
    scores = np.exp(net.predict(x))
    np.testing.assert_allclose(y, scores / scores.sum(axis=1, keepdims=True), rtol=1e-5)


def test_wrong_targets_are_named():
    with pytest.raises(ValueError, match="0 to 2, got 3"):
        confusion_matrix(Y, [0, 1, 3, 0])
    with pytest.raises(ValueError, match="expected 4 class indices"):
        calibration(Y, [0, 1])


def test_a_table_is_aligned():
    assert table({"class": [3, 10], "accuracy": np.array([0.98765, np.nan])}) == (
        "class  accuracy\n"
        "    3    0.9877\n"
        "   10       nan")


@pytest.fixture
def headless():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_plots_show_the_numbers(headless):
    axes, shares = plot.confusion([[7, 2, 0], [0, 8, 0], [1, 0, 3]])
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {
        ((0, 0), "7"), ((1, 0), "2"), ((1, 1), "8"), ((0, 2), "1"), ((2, 2), "3")}
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0, 2, 0], [0, 0, 0], [1, 0, 0]])

    np.testing.assert_allclose([bar.get_width() for bar in shares.patches], [2 / 9, 0, 0.25])
    assert [text.get_text() for text in shares.texts] == ["22.22%", "0.00%", "25.00%"]

    axes = plot.reliability(*calibration(Y, T, bins=5))
    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[0.4, 0], [0.725, 1], [0.9, 0]])
    assert [(text.xy, text.get_text()) for text in axes.texts] == [((0.4, 0), "1"), ((0.725, 1), "2"), ((0.9, 0), "1")]
    plt.gcf().canvas.draw()
