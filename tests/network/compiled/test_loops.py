"""Products of a few samples."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.compiled import loops


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 10, 64, 100])
def test_products_pass_over_zeros(width, dtype):
    """Whatever number of a sample's inputs is not 0, its product is NumPy's; what is 0 is multiplied by nothing."""
    rng = np.random.default_rng(0)
    A = np.zeros((15, 14), dtype)
    for i in range(len(A)):
        A[i, rng.permutation(13)[:i]] = rng.normal(size=min(i, 13))
    B = rng.normal(size=(14, width)).astype(dtype)
    expected = A @ B
    B[13] = np.nan  # no sample has an input there
    tolerance = 20 * np.finfo(dtype).eps
    for first in range(0, 15, 5):
        some, out = A[first : first + 5], np.full((5, width), np.nan, dtype)
        loops._times(some, B, out)
        assert_allclose(out, expected[first : first + 5], rtol=tolerance, atol=tolerance)
        loops._add_times(some, B, out)
        assert_allclose(out, 2 * expected[first : first + 5], rtol=tolerance, atol=2 * tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", range(1, 9))
def test_gradients_of_few_samples_pass_over_zeros(n, dtype):
    """A^T B of one to eight samples is NumPy's, and 0 where no sample has an input."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 20)).astype(dtype) * (rng.random((n, 20)) < 0.5)
    A[:, 3] = 0
    B, out = rng.normal(size=(n, 12)).astype(dtype), np.full((20, 12), np.nan, dtype)
    tolerance = 20 * np.finfo(dtype).eps
    loops._transposed_times(A.astype(dtype), B, out)
    assert_allclose(out, A.T @ B, rtol=tolerance, atol=tolerance)
    assert_array_equal(out[3], 0)
    loops._add_transposed_times(A.astype(dtype), B, out)
    assert_allclose(out, 2 * (A.T @ B), rtol=tolerance, atol=2 * tolerance)
