"""Rows gathered, images warped, sparse products, and perturbed inputs as loops."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.images.warp import Warp
from pipeline.network.adversarial import perturb
from pipeline.network.compiled import inputs

SHAPES = [(28, 28), (8, 8), (5, 9), (9, 1), (1, 6), (1, 1), (8, 11, 3), (4, 1, 3)]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def coordinates(n, shape, dtype):
    """Return rows and columns drawn within images and far outside, on pixels, on the border, and no numbers at all."""
    height, width = shape[:2]
    u = np.random.default_rng(0).uniform(-3, max(height, width) + 3, (2, n, height * width))
    u[:, 0] = np.round(u[:, 0])
    u[0, 1], u[1, 1], u[0, 2], u[1, 2] = -1, 0, height - 1, width
    u[0, 3], u[1, 3], u[0, 4], u[1, 5] = 1e30, -1e30, np.inf, -np.inf
    u[0, 6], u[1, 7] = np.nan, np.nan
    return u.astype(dtype)


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
@pytest.mark.parametrize("background", [0.0, -0.4])
@pytest.mark.parametrize("shape", SHAPES)
def test_images_are_warped_as_plainly(shape, background, dtype):
    """Whatever their shape, and wherever they are read; NaN where a coordinate is NaN, nowhere else."""
    n, n_features = 20, int(np.prod(shape))
    X, u = np.random.default_rng(1).normal(size=(n, n_features)).astype(dtype), coordinates(n, shape, dtype)
    plain, out = np.empty_like(X), np.empty_like(X)
    with np.errstate(invalid="ignore"):  # as in training
        Warp(shape, n, dtype, background)(X, u.copy(), plain)
    inputs.warp(X, *u.copy(), *shape[:2], background, out)
    assert_allclose(out, plain, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-14)
    assert np.isfinite(plain).any(axis=1).sum() == n - 2
    assert_array_equal(out[0], plain[0])  # on pixels, they are not touched
    again = np.empty_like(X)
    inputs.warp(X, *u.copy(), *shape[:2], background, again)
    assert again.tobytes() == out.tobytes()
    inputs.warp(X, *u.copy(), *shape[:2], background, X)
    assert X.tobytes() == out.tobytes()


@DTYPES
@pytest.mark.parametrize("source", [np.uint8, np.float32, np.float64])
def test_images_of_any_type_and_layout_are_warped(source, dtype):
    """Pixels may be bytes, and images and results columns of something larger."""
    X = np.random.default_rng(0).integers(256, size=(9, 30)).astype(source)
    u = coordinates(9, (4, 6), dtype)[:, :6]
    larger, plain = np.zeros((9, 30), dtype), np.empty((6, 24), dtype)
    inputs.warp(X[:6, 3:27], *u.copy(), 4, 6, 0.0, larger[:6, 3:27])
    Warp((4, 6), 6, dtype)(X[:6, 3:27], u.copy(), plain)
    assert_allclose(larger[:6, 3:27], plain, rtol=1e-6, atol=1e-4)
    larger[:6, 3:27] = 0
    assert not larger.any()


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
