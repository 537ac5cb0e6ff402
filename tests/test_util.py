"""common/util.py: shuffling, smoothing, and im2col / col2im against loops that anyone can follow."""
import numpy as np
import pytest

from common.util import (col2im, conv_output_size, im2col, minibatches, shuffle_dataset, smooth_curve)


def windows_by_loops(x, filter_h, filter_w, stride, pad):
    """im2col, written as what it says: one row per window, image after image, left to right, then down."""
    N, C, H, W = x.shape
    padded = np.zeros((N, C, H + 2 * pad, W + 2 * pad), x.dtype)
    padded[:, :, pad:pad + H, pad:pad + W] = x
    rows = []
    for n in range(N):
        for i in range(0, H + 2 * pad - filter_h + 1, stride):
            for j in range(0, W + 2 * pad - filter_w + 1, stride):
                rows.append(padded[n, :, i:i + filter_h, j:j + filter_w].ravel())
    return np.array(rows)


def random_windows(seed):
    """An image batch and a window that fits into it: (x, filter_h, filter_w, stride, pad)."""
    rng = np.random.default_rng(seed)
    filter_h, filter_w, stride, pad = rng.integers(1, 5, 4) - [0, 0, 0, 1]
    H, W = np.maximum([filter_h, filter_w] - 2 * pad, 1) + rng.integers(0, 5, 2)
    x = rng.normal(size=(*rng.integers(1, 4, 2), H, W))
    return x, int(filter_h), int(filter_w), int(stride), int(pad)


# ---- curves and batches ------------------------------------------------

def test_smooth_curve_is_the_books(rng):
    x = rng.normal(size=40)
    mirrored = np.concatenate([x[10:0:-1], x, x[-1:-11:-1]])
    w = np.kaiser(11, 2)
    expected = np.convolve(w / w.sum(), mirrored, mode="valid")[5:-5]
    np.testing.assert_allclose(smooth_curve(x), expected)
    np.testing.assert_allclose(smooth_curve(list(x)), expected)


@pytest.mark.parametrize("n", range(14))
def test_smooth_curve_is_as_long_as_it_was(n):
    np.testing.assert_allclose(smooth_curve([3] * n), [3.0] * n)


def test_shuffle_dataset_keeps_pairs_together():
    x, t = np.arange(40).reshape(20, 2), np.arange(20)
    x_new, t_new = shuffle_dataset(x, t)
    np.testing.assert_array_equal(x_new[:, 0], 2 * t_new)
    assert sorted(t_new) == list(range(20)) and list(t_new) != list(range(20))
    np.testing.assert_array_equal(t, np.arange(20))     # the caller's arrays stay as they were


def test_shuffle_dataset_is_reproducible():
    x, t = np.arange(20.0).reshape(20, 1, 1, 1), np.arange(20)
    np.random.seed(7)
    first = shuffle_dataset(x, t)
    np.random.seed(7)
    again = shuffle_dataset(x, t)
    np.testing.assert_array_equal(first[1], again[1])
    assert first[0].shape == x.shape


def test_minibatches_give_every_example_once_and_a_short_last_batch():
    x, t = np.arange(25) * 10, np.arange(25)
    batches = list(minibatches(x, t, 10))
    assert [len(xb) for xb, _ in batches] == [10, 10, 5]
    seen = np.concatenate([tb for _, tb in batches])
    assert sorted(seen) == list(range(25)) and list(seen) != list(range(25))
    np.testing.assert_array_equal(np.concatenate([xb for xb, _ in batches]), 10 * seen)
    assert list(seen) != [n for _, tb in minibatches(x, t, 10) for n in tb]     # a new order each time


def test_wrong_lengths_and_batch_sizes_are_named():
    for call in (lambda x, t: shuffle_dataset(x, t), lambda x, t: list(minibatches(x, t, 2))):
        for n in (3, 5):
            with pytest.raises(ValueError, match=f"got {n} and 4"):
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
    for word in words:
        assert word in str(caught.value)


def test_im2col_by_hand():
    # Two channels of 3x3; a 2x2 window has four places. Columns: channel, then row, then column.
    x = np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]],
                   [[10, 20, 30], [40, 50, 60], [70, 80, 90]]]])
    assert im2col(x, 2, 2).tolist() == [[1, 2, 4, 5, 10, 20, 40, 50],
                                        [2, 3, 5, 6, 20, 30, 50, 60],
                                        [4, 5, 7, 8, 40, 50, 70, 80],
                                        [5, 6, 8, 9, 50, 60, 80, 90]]
    assert im2col(x[:, :1], 1, 3, stride=2).tolist() == [[1, 2, 3], [7, 8, 9]]
    assert im2col(x[:, :1], 3, 3, stride=3, pad=1).tolist() == [[0, 0, 0, 0, 1, 2, 0, 4, 5]]


def test_col2im_by_hand():
    # The middle pixel lies in all four windows, an edge in two, a corner in one.
    assert col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, 2).tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]


@pytest.mark.parametrize("seed", range(30))
def test_im2col_against_loops(seed):
    x, *window = random_windows(seed)
    np.testing.assert_array_equal(im2col(x, *window), windows_by_loops(x, *window))


@pytest.mark.parametrize("seed", range(30))
def test_col2im_is_the_transpose_of_im2col(seed):
    x, *window = random_windows(seed)
    col = im2col(x, *window)
    other = np.random.default_rng(seed).normal(size=col.shape)
    image = col2im(other, x.shape, *window)
    assert image.shape == x.shape
    assert np.sum(col * other) == pytest.approx(np.sum(x * image), rel=1e-12, abs=1e-12)


def test_windows_of_few_bits_count_as_any_other(rng):
    x = rng.normal(size=(1, 64, 20, 20))
    small, usual = (np.int8(3), np.int8(3), np.int8(2), np.int8(1)), (3, 3, 2, 1)
    col = im2col(x, *usual)
    np.testing.assert_array_equal(im2col(x, *small), col)
    np.testing.assert_array_equal(col2im(col, x.shape, *small), col2im(col, x.shape, *usual))


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_nothing_is_shared(dtype):
    x = np.ones((2, 1, 4, 4), dtype)
    for pad in (0, 1):
        col = im2col(x, 1, 1, pad=pad)
        assert col.dtype == dtype and not np.shares_memory(col, x)
        assert col2im(col, x.shape, 1, 1, pad=pad).dtype == dtype
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
