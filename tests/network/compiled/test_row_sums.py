"""Tests of sums of a matrix's rows."""

import numpy as np
import pytest

pytest.importorskip("numba")

from pipeline.network.compiled.row_sums import padded, sum_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [64, 65, 100, 208, 209, 300, 480])
def test_the_sums_are_those_of_a_product(dtype, width):
    """Whatever the width, pieces that overlap hold the same sums, and nothing beside them is written."""
    rng = np.random.default_rng(0)
    M, values = rng.normal(size=(30, width)).astype(dtype), rng.normal(size=12).astype(dtype)
    numbers, starts = rng.integers(20, size=12).astype(np.int32), np.array([0, 2, 11, 11, 12])
    out = np.full((3, width + 2), 7, dtype)
    sum_rows(values, numbers, starts, 1, M, 10, out[:, 1:-1])
    expected = [values[a:b] @ M[10 + numbers[a:b]] for a, b in ((2, 11), (11, 11), (11, 12))]
    np.testing.assert_allclose(out[:, 1:-1], expected, rtol=1e-4, atol=1e-5)
    assert (out[:, [0, -1]] == 7).all()


def test_no_rows_are_zeros():
    """The sum of nothing is 0."""
    out = np.ones((1, 64), np.float32)
    sum_rows(np.ones(3, np.float32), np.zeros(3, np.int32), np.array([1, 1]), 0, np.ones((2, 64), np.float32), 0, out)
    assert not out.any()


def test_padded_widths_are_odd_numbers_of_pieces():
    """Columns are enough for a sum of float32, and rows of them do not lie a power of two apart."""
    assert [padded(width) for width in (1, 80, 81, 200, 208, 400, 512)] == [80, 80, 112, 208, 208, 400, 528]
