"""Rows gathered, sparse products, and perturbed inputs as loops."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.adversarial import perturb
from pipeline.network.compiled import inputs

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
@pytest.mark.parametrize("source", [np.uint8, np.float32, np.float64])
def test_rows_are_gathered_and_scaled(source, dtype):
    """Rows come in their order, in another type, times a scale; any layout of the source will do."""
    X = np.random.default_rng(0).integers(256, size=(20, 12)).astype(source)
    rows = np.array([3, 3, 19, 0])
    for given in (X, np.asfortranarray(X), X[:, ::2]):
        out = np.empty((4, given.shape[1]), dtype)
        inputs.gather(given, rows, 1 / 255, out)
        assert_array_equal(out, given[rows].astype(dtype) * dtype(1 / 255))


@DTYPES
@pytest.mark.parametrize("shape", [(9, 20), (1, 20), (0, 20)])
def test_sparse_products_are_the_dense_ones(shape, dtype):
    """X W and rows of X^T dY are those of the dense array, a row without entries included."""
    rng = np.random.default_rng(0)
    X = (rng.random(shape) * (rng.random(shape) < 0.3)).astype(dtype)
    X[1:2] = 0
    sparse = scipy.sparse.csr_array(X)
    arrays = sparse.data, sparse.indices, sparse.indptr
    W, dY = rng.normal(size=(20, 6)).astype(dtype), rng.normal(size=(len(X), 6)).astype(dtype)
    out, dW = np.full((len(X), 6), np.nan, dtype), np.full((9, 6), np.nan, dtype)
    inputs.sparse_times(*arrays, W, out)
    inputs.sparse_transposed_times(*arrays, dY, 4, dW)
    assert_allclose(out, X @ W, rtol=1e-5, atol=1e-6)
    assert_allclose(dW, (X.T @ dY)[4:13], rtol=1e-5, atol=1e-6)


@DTYPES
def test_perturbed_inputs_are_the_plain_ones(dtype):
    """Tiny, huge and vanishing gradients are perturbed along as in NumPy."""
    rng = np.random.default_rng(0)
    X, G = rng.normal(size=(2, 5, 8)).astype(dtype)
    G[0], G[1], G[2] = 0, G[1] * dtype(1e-30), G[2] * dtype(1e30)
    expected, out = np.empty_like(X), np.empty_like(X)
    inputs.perturb(X, G, 0.7, out)
    perturb(X, G.copy(), 0.7, expected)
    assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
