"""common/util.py: shuffling, smoothing, and im2col / col2im against loops that anyone can follow."""
import numpy as np
import pytest

from common.util import (col2im, conv_output_size, im2col, minibatches, shuffle_dataset, smooth_curve)


def windows_by_loops(x, filter_h, filter_w, stride, pad):
    """im2col, written as what it says: one row per window, image after image, left to right, then down."""
    padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    return np.array([image[:, i:i + filter_h, j:j + filter_w].ravel() for image in padded
                     for i in range(0, padded.shape[2] - filter_h + 1, stride)
                     for j in range(0, padded.shape[3] - filter_w + 1, stride)])


# ---- curves and batches ------------------------------------------------

def test_smooth_curve_is_the_books(rng):
    x = rng.normal(size=40)
    w = np.kaiser(11, 2)
    expected = np.convolve(w / w.sum(), np.concatenate([x[10:0:-1], x, x[-1:-11:-1]]), mode="valid")[5:-5]
    for form in (x, list(x)):
        np.testing.assert_allclose(smooth_curve(form), expected)
    for n in range(14):
        np.testing.assert_allclose(smooth_curve([3] * n), [3.0] * n)        # as long as it was


def test_shuffle_dataset_keeps_pairs_together():
    x, t = np.arange(40).reshape(20, 2, 1, 1), np.arange(20)
    np.random.seed(7)
    x_new, t_new = shuffle_dataset(x, t)
    np.testing.assert_array_equal(x_new, x[t_new])
    assert sorted(t_new) == list(range(20)) == list(t) and list(t_new) != list(t)
    np.random.seed(7)
    np.testing.assert_array_equal(shuffle_dataset(x, t)[1], t_new)


def test_minibatches_give_every_example_once_and_a_short_last_batch():
    x, t = np.arange(25) * 10, np.arange(25)
    batches = list(minibatches(x, t, 10))
    assert [len(xb) for xb, _ in batches] == [10, 10, 5]
    seen = np.concatenate([tb for _, tb in batches])
    assert sorted(seen) == list(range(25)) and list(seen) != list(range(25))
    np.testing.assert_array_equal(np.concatenate([xb for xb, _ in batches]), 10 * seen)
    assert list(seen) != [n for _, tb in minibatches(x, t, 10) for n in tb]     # a new order each time


def test_wrong_lengths_and_batch_sizes_are_named():
    for call in (shuffle_dataset, lambda x, t: list(minibatches(x, t, 2))):
        for n in (3, 5):
            with pytest.raises(ValueError, match=f"targets as examples.*{n}.*4"):
                call(np.zeros((4, 2)), np.zeros(n))
    for batch_size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size.*{batch_size}"):
            list(minibatches(np.zeros(4), np.zeros(4), batch_size))


# ---- im2col and col2im ------------------------------------------------

@pytest.mark.parametrize("size, filter_size, stride, pad, out", [
    (28, 5, 1, 0, 24), (28, 5, 1, 2, 28), (7, 3, 2, 0, 3), (8, 3, 2, 0, 3), (4, 4, 3, 0, 1), (2, 4, 1, 1, 1),
    (24, 2, 2, 0, 12)])
def test_conv_output_size(size, filter_size, stride, pad, out):
    assert conv_output_size(size, filter_size, stride, pad) == out


@pytest.mark.parametrize("arguments, words", [
    ((3, 5, 1, 0), ["5", "3", "padded by 0"]), ((3, 6, 1, 1), ["6", "3", "padded by 1"]),
    ((8, 3, 0, 0), ["stride >= 1", "got 0"]), ((8, 3, 1, -1), ["pad >= 0", "-1"]),
    ((8, 0), ["filter size >= 1", "0"])])
def test_windows_that_do_not_fit(arguments, words):
    with pytest.raises(ValueError) as caught:
        conv_output_size(*arguments)
    assert all(word in str(caught.value) for word in words)


def test_by_hand():
    # Two channels of 3x3; a 2x2 window has four places. Columns: channel, then row, then column.
    x = np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]],
                   [[10, 20, 30], [40, 50, 60], [70, 80, 90]]]])
    assert im2col(x, 2, 2).tolist() == [[1, 2, 4, 5, 10, 20, 40, 50],
                                        [2, 3, 5, 6, 20, 30, 50, 60],
                                        [4, 5, 7, 8, 40, 50, 70, 80],
                                        [5, 6, 8, 9, 50, 60, 80, 90]]
    assert im2col(x[:, :1], 1, 3, stride=2).tolist() == [[1, 2, 3], [7, 8, 9]]
    assert im2col(x[:, :1], 3, 3, stride=3, pad=1).tolist() == [[0, 0, 0, 0, 1, 2, 0, 4, 5]]
    # The middle pixel lies in all four windows, an edge in two, a corner in one.
    assert col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, 2).tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]


@pytest.mark.parametrize("seed", range(30))
def test_against_loops(seed):
    """im2col is what the loops give; col2im is its transpose. All values are whole numbers, so every sum is exact."""
    rng = np.random.default_rng(seed)
    filter_h, filter_w, stride, pad = window = [int(n) for n in rng.integers([1, 1, 1, 0], [5, 5, 5, 4])]
    H, W = np.maximum([filter_h, filter_w] - np.array(2 * pad), 1) + rng.integers(0, 5, 2)
    x = rng.integers(-9, 10, (*rng.integers(1, 4, 2), H, W)).astype(float)
    col = im2col(x, *window)
    np.testing.assert_array_equal(col, windows_by_loops(x, *window))
    other = rng.integers(-9, 10, col.shape).astype(float)
    image = col2im(other, x.shape, *window)
    assert image.shape == x.shape and np.sum(col * other) == np.sum(x * image)


def test_windows_of_few_bits_count_as_any_other(rng):
    x = rng.normal(size=(1, 64, 20, 20))
    small, usual = (np.int8(3), np.int8(3), np.int8(2), np.int8(1)), (3, 3, 2, 1)
    col = im2col(x, *usual)
    np.testing.assert_array_equal(im2col(x, *small), col)
    np.testing.assert_array_equal(col2im(col, x.shape, *small), col2im(col, x.shape, *usual))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_nothing_is_shared(dtype):
    x = np.ones((2, 1, 4, 4), dtype)
    for pad in (0, 1):
        col = im2col(x, 1, 1, pad=pad)
        assert col.dtype == col2im(col, x.shape, 1, 1, pad=pad).dtype == dtype and not np.shares_memory(col, x)
    assert im2col(x[:0], 2, 2).shape == (0, 4)


@pytest.mark.parametrize("view", [
    lambda x: x[::2, 1:, ::-1], lambda x: x.transpose(0, 1, 3, 2), np.asfortranarray, lambda x: x[:, 1:2],
    lambda x: np.broadcast_to(x[:, :1], x.shape)])
def test_views_of_images(view, rng):
    x = view(rng.normal(size=(4, 3, 5, 5)))
    np.testing.assert_array_equal(im2col(x, 2, 3, pad=1), windows_by_loops(x, 2, 3, 1, 1))


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"im2col.*\(N, C, H, W\).*\(28, 28\)"):
        im2col(np.zeros((28, 28)), 5, 5)
    with pytest.raises(ValueError, match=r"col2im.*\(4, 4\).*\(3, 4\)"):
        col2im(np.zeros((3, 4)), (1, 1, 3, 3), 2, 2)


def test_col2im_of_small_whole_numbers_does_not_wrap_round():
    col = np.full((4, 4), 200, np.uint8)
    assert col2im(col, (1, 1, 3, 3), 2, 2)[0, 0].tolist() == [[200, 400, 200], [400, 800, 400], [200, 400, 200]]
