"""BLAS from compiled loops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.compiled import gemm


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 4, 3), (1, 1, 1), (1, 7, 2), (6, 1, 1), (0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_the_three_products_are_numpys(shape, dtype):
    """A B, A B^T and A^T B are NumPy's, whatever the shape, an empty sum being 0."""
    m, k, n = shape
    rng = np.random.default_rng(0)
    A, B, C = (rng.normal(size=size).astype(dtype) for size in ((m, k), (k, n), (m, n)))
    for product, left, right, expected in (
        (gemm.times, A, B, A @ B),
        (gemm.times_transposed, A, B.T.copy(), A @ B),
        (gemm.transposed_times, A, C, A.T @ C),
    ):
        out = np.full(expected.shape, np.nan, dtype)
        product(left, right, out)
        assert_allclose(out, expected, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 4, 3), (1, 1, 1), (0, 3, 2), (3, 0, 2)])
def test_products_are_added(shape, dtype):
    """A B and A^T B are added to what is there; a sum of no terms changes nothing."""
    m, k, n = shape
    rng = np.random.default_rng(0)
    A, B, C = (rng.normal(size=size).astype(dtype) for size in ((m, k), (k, n), (m, n)))
    for add, left, right, expected in (
        (gemm.add_times, A, B, A @ B),
        (gemm.add_transposed_times, A, C, A.T @ C),
    ):
        out = np.ones(expected.shape, dtype)
        add(left, right, out)
        assert_allclose(out, 1 + expected, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_and_columns_of_larger_matrices_need_no_copy(dtype):
    """Operands and result may be parts of other arrays; what lies beside them stays."""
    rng = np.random.default_rng(0)
    A, B, out = (rng.normal(size=size).astype(dtype) for size in ((20, 30), (40, 50), (60, 70)))
    before = out.copy()
    gemm.times(A[3:9, 5:12], B[1:8, 10:21], out[2:8, 20:31])
    assert_allclose(out[2:8, 20:31], A[3:9, 5:12] @ B[1:8, 10:21], rtol=1e-5, atol=1e-5)
    gemm.transposed_times(A[:10, 5:12], B[:10, 10:21], out[2:9, 20:31])
    assert_allclose(out[2:9, 20:31], A[:10, 5:12].T @ B[:10, 10:21], rtol=1e-5, atol=1e-5)
    before[2:9, 20:31] = out[2:9, 20:31]
    assert_allclose(out, before)
