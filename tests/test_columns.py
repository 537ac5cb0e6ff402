"""common/columns.py: sums and arithmetic per column, whatever the shape, on any number of threads."""
import numpy as np
import pytest

from common import columns, parallel

SHAPES = [(1, 1), (7, 3), (64, 16), (100, 600), (6400, 64), (19600, 32), (78400, 16), (3001, 5), (3, 200_000)]


@pytest.mark.parametrize("R, C", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_like_numpy_on_short_rows(rng, R, C, dtype):
    a, b = rng.standard_normal((2, R, C)).astype(dtype)
    factor = rng.standard_normal(C).astype(dtype)
    result = columns.compute(lambda a, b, factor: factor * a - b, a, b, factor)
    np.testing.assert_array_equal(result, factor * a - b)
    assert result.dtype == dtype and not np.shares_memory(result, a)
    result = columns.total(lambda a, factor, b: factor * a * b, a, factor, b)
    exact = (factor.astype(np.float64) * a * b).sum(axis=0)
    np.testing.assert_allclose(result, exact, rtol=0, atol=R ** 0.5 * (1e-5 if dtype == np.float32 else 1e-13))
    assert result.dtype == dtype and result.shape == (C,)


def test_strided_matrices_are_taken_too(rng):
    a = rng.standard_normal((400, 12))[::2, ::3]
    np.testing.assert_array_equal(columns.compute(lambda a: a + 1, a), a + 1)
    np.testing.assert_allclose(columns.total(lambda a: a, a), a.sum(axis=0))


def test_long_sums_in_float32_stay_exact():
    """Adding up 2 million values one after the other would lose four digits."""
    a = np.full((2 ** 21, 2), 0.1, np.float32)
    np.testing.assert_allclose(columns.total(lambda a: a, a), 2 ** 21 * float(np.float32(0.1)), rtol=1e-5)


def test_the_number_of_threads_changes_no_bit(rng):
    a, before, results = rng.standard_normal((50_000, 16)).astype(np.float32), parallel.num_threads(), []
    try:
        for threads in (1, 2, 3):
            parallel.set_num_threads(threads)
            results.append((columns.total(lambda a: a * a, a), columns.compute(lambda a: a * a, a)))
    finally:
        parallel.set_num_threads(before)
    for total, values in results[1:]:
        assert np.array_equal(total, results[0][0]) and np.array_equal(values, results[0][1])
