"""Tests of sums of a matrix's rows."""

import numpy as np
import pytest

pytest.importorskip("numba")

from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.row_sums import BYTES, sum_rows


@compiled
def summed(values, numbers, begin, end, M, first, out):
    """Call the intrinsic from a loop, as it is meant to be."""
    sum_rows(values, numbers, begin, end, M, first, out)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [16, 17, 50, 64, 65, 100, 130])
def test_the_sum_is_that_of_a_product(dtype, width):
    """Whatever the width, vectors that overlap hold the same sums, and nothing beside them is written."""
    rng = np.random.default_rng(0)
    M, values = rng.normal(size=(30, width)).astype(dtype), rng.normal(size=12).astype(dtype)
    numbers, out = rng.integers(20, size=12).astype(np.int32), np.full(width + 2, 7, dtype)
    assert width * dtype().itemsize >= BYTES
    summed(values, numbers, 2, 11, M, 10, out[1:-1])
    np.testing.assert_allclose(out[1:-1], values[2:11] @ M[10 + numbers[2:11]], rtol=1e-4, atol=1e-5)
    assert out[0] == out[-1] == 7


def test_no_rows_are_zeros():
    """The sum of nothing is 0."""
    out = np.ones(16, np.float32)
    summed(np.ones(3, np.float32), np.zeros(3, np.int32), 1, 1, np.ones((2, 16), np.float32), 0, out)
    assert not out.any()
