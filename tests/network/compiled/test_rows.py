"""Rows of arrays, and matrices in flat ones, in loops."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.rows import matrix, prefetch, row


@compiled
def copied(X, out):
    """Copy an array row by row."""
    for i in range(X.shape[0]):
        x, y = row(X, i), row(out, i)
        for j in range(X.shape[1]):
            y[j] = x[j]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_wider_arrays_are_read_and_written(dtype):
    """Columns, rows backwards, a part that may not be written to; what lies beside stays."""
    A = np.arange(60, dtype=dtype).reshape(6, 10)
    A.flags.writeable = False
    for X in (A, A[:, 2:7], A[::-1], A[1:5:2, 3:], A[:0], A[:, :1]):
        out = np.full((len(X), X.shape[1] + 2), np.nan, dtype)
        copied(X, out[:, 1:-1])
        assert_array_equal(out[:, 1:-1], X)
        assert np.isnan(out[:, [0, -1]]).all()


@compiled
def scaled(flat, start, n_rows, width, out):
    """Double a matrix that lies in a flat array, and copy it."""
    A = matrix(flat, start, n_rows, width)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            A[i, j] *= 2
            out[i, j] = A[i, j]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("start", "n_rows", "width"), [(0, 4, 5), (3, 2, 7), (19, 1, 1), (5, 0, 3), (20, 0, 4)])
def test_matrices_in_flat_arrays_are_read_and_written(start, n_rows, width, dtype):
    """A matrix shares the memory of the flat array, from its start on; what lies beside stays."""
    flat, out = np.arange(20, dtype=dtype), np.full((n_rows, width), np.nan, dtype)
    expected = flat.copy()
    expected[start : start + n_rows * width] *= 2
    scaled(flat, start, n_rows, width, out)
    assert_array_equal(flat, expected)
    assert_array_equal(out.ravel(), expected[start : start + n_rows * width])


@compiled
def fetched(flat):
    """Have all of an array fetched ahead, and sum it."""
    total = 0.0
    for i in range(flat.size):
        prefetch(flat, i)
        total += flat[i]
    return total


def test_what_is_fetched_ahead_stays_as_it_is():
    """An element that is fetched is neither read nor written by that; whatever its type."""
    for dtype in (np.float32, np.float64, np.int32):
        assert fetched(np.arange(5, dtype=dtype)) == 10
