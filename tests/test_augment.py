"""common/training/augmentation.py: where each point goes, and that it is random as asked."""
import numpy as np
import pytest

from common.training.augmentation import distort

ALL = {"shift": 2, "rotation": 10, "scale": 0.1, "shear": 0.1, "elastic": 1.4}


@pytest.fixture
def drawn(monkeypatch):
    """np.random.uniform gives the largest value it may: every setting in full."""
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: np.full(size, high, float))


def dot(row, column, H=21, W=31):
    """One image, a bright dot of 3x3 pixels in it."""
    x = np.zeros((1, 1, H, W))
    x[0, 0, row - 1:row + 2, column - 1:column + 2] = 1
    return x


def center_of_mass(x):
    rows, columns = np.indices(x.shape[2:])
    return np.array([(x[0, 0] * rows).sum(), (x[0, 0] * columns).sum()]) / x.sum()


def test_without_a_setting_nothing_changes_but_the_array(rng):
    x = rng.random((3, 2, 5, 7)).astype(np.float32)
    out = distort(x)
    np.testing.assert_array_equal(out, x)
    assert not np.shares_memory(out, x) and out.dtype == np.float32


@pytest.mark.parametrize("setting, start, end", [
    ({"shift": 3}, (10, 15), (7, 12)),                          # the source is 3 further, so the dot comes 3 back
    ({"shift": 0.5}, (10, 15), (9.5, 14.5)),
    ({"rotation": 90}, (10, 20), (15, 15)),                     # around the centre (10, 15), clockwise
    ({"scale": 0.5}, (12, 19), (13, 21)),                       # 1.5 times as far from the centre
    ({"shear": 0.5}, (14, 15), (14, 17)),                       # the slant grows with the row
])
def test_points_go_where_they_should(drawn, setting, start, end):
    np.testing.assert_allclose(center_of_mass(distort(dot(*start), **setting)), end, atol=0.01)


def test_distortions_are_composed_around_the_centre(drawn):
    out = distort(dot(10, 20), rotation=90, scale=0.5, shift=2)
    # The centre (10, 15) of the result shows (12, 17): the dot is (-2, 3) from there; turned: (3, 2); 1.5 times as far.
    np.testing.assert_allclose(center_of_mass(out), (14.5, 18), atol=0.05)


def test_between_pixels_values_are_interpolated(drawn):
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    out = distort(x, shift=0.25)
    np.testing.assert_allclose(out[0, 0, :2, :3], x[0, 0, :2, :3] + 0.25 * 4 + 0.25 * 1)
    np.testing.assert_allclose(out[0, 0, 0, 3], 0.75 * (0.75 * 3 + 0.25 * 7))      # a quarter lies outside: 0


def test_a_share_of_the_images_is_distorted_and_the_rest_stays_as_it_is(rng):
    x = rng.random((1000, 1, 6, 5)).astype(np.float32)
    kept = x.copy()
    for share in (0, 0.3, 1):
        out = distort(x, rotation=20, share=share)
        changed = (out != x).any(axis=(1, 2, 3))
        assert changed.mean() == pytest.approx(share, abs=0.09) and not np.shares_memory(out, x)
        np.testing.assert_array_equal(x, kept)
    first, second = ((distort(x, rotation=20, share=0.3) != x).any(axis=(1, 2, 3)) for _ in range(2))
    assert (first != second).any()          # others each time


@pytest.mark.parametrize("shape", [(5, 40), (40, 5)])
@pytest.mark.parametrize("shift", [6, 1e6])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_lies_outside_is_zero(monkeypatch, shape, shift, sign):
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: np.full(size, sign * high, float))
    assert not distort(np.ones((1, 1, *shape), np.float32), shift=shift).any()


def test_channels_move_together(rng):
    one = rng.random((4, 1, 9, 9)).astype(np.float32)
    np.random.seed(5)
    out = distort(np.concatenate([one, 2 * one], axis=1), **ALL)
    np.testing.assert_allclose(out[:, 1], 2 * out[:, 0], rtol=1e-6)
    assert np.abs(out[:, :1] - one).max() > 0.1


def test_settings_are_the_largest_values_and_all_below_occur():
    x = np.repeat(dot(10, 15), 1000, axis=0)
    out = distort(x, shift=3)
    moved = np.array([center_of_mass(out[i:i + 1]) for i in range(len(out))]) - (10, 15)
    assert -3 <= moved.min() < -2.9 and 2.9 < moved.max() <= 3
    assert np.abs(np.mean(moved, axis=0)).max() < 0.35 and abs(np.corrcoef(moved.T)[0, 1]) < 0.2     # 6 standard errors


def test_elastic_moves_every_point_that_far_and_neighbours_alike():
    H, W = 20, 24
    rows = np.broadcast_to(np.arange(1.0, H + 1)[:, None], (1500, 1, H, W))      # the value says from where it came
    moved = (distort(rows.copy(), elastic=0.3) - rows)[:, 0, 2:-2, 2:-2]
    np.testing.assert_allclose(np.sqrt(np.mean(moved ** 2, axis=0)), 0.3, rtol=0.1)     # at the borders too
    assert np.abs(np.mean(moved, axis=0)).max() < 0.05                  # 0.3 / sqrt(1500), six times

    def correlation(a, b):      # by the variance of these very points: that of all would make it vary with the seed
        return np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))

    near = correlation(moved[:, :, 1:], moved[:, :, :-1])
    assert near == pytest.approx(np.exp(-1 / (4 * 4 ** 2)), abs=0.01) and near > 0.98
    assert abs(correlation(moved[:, :, 0], moved[:, :, -1])) < 0.17     # 1 / sqrt(1500), six times, and a little


def test_the_same_seed_gives_the_same_images(rng):
    x = rng.random((40, 1, 28, 28)).astype(np.float32)
    results = []
    for seed in (3, 3, 4):
        np.random.seed(seed)
        results.append(distort(x, **ALL))
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])
    assert len({image.tobytes() for image in results[0]}) == 40


def test_whole_numbers_become_floats():
    np.random.seed(0)
    out = distort((255 * dot(10, 15)).astype(np.uint8), shift=1.5)
    np.random.seed(0)
    np.testing.assert_allclose(out, distort(255 * dot(10, 15), shift=1.5), atol=1e-3)
    assert out.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 1, 6), (14, 1, 5, 4)])
def test_any_images_keep_shape_and_dtype_and_are_not_changed(rng, shape, dtype):
    x = rng.random(shape).astype(dtype)
    x.flags.writeable = False
    out = distort(x, **ALL)
    assert out.shape == shape and out.dtype == dtype and np.isfinite(out).all()
    assert out.min() >= 0 and out.max() <= 1 + 1e-6
    assert distort(x[:0], **ALL).shape == (0, *shape[1:])


@pytest.mark.parametrize("x, settings, words", [
    (np.zeros((2, 784), np.float32), {}, r"expected 4, got 2"),
    *((np.zeros((2, 1, 4, 4)), {"scale": scale}, f"expected 0 <= scale < 1, got {scale}") for scale in (-0.1, 1.1)),
])
def test_wrong_arguments_are_named(x, settings, words):
    with pytest.raises(ValueError, match=words):
        distort(x, **settings)
