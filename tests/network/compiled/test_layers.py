"""Dropout, noise and batch normalization as loops, beside the formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.compiled import layers

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
def test_dropout_and_its_gradient_are_the_plain_ones(dtype):
    """Units whose number is below the rate are 0, the others scaled, forward and backward."""
    rng = np.random.default_rng(0)
    X, U = rng.normal(size=(6, 9)).astype(dtype), rng.random((6, 9), dtype=np.float32)
    U[0, 0] = 0.3
    mask = (np.float32(0.3) <= U) * dtype(1 / 0.7)
    out, dX = np.empty_like(X), X.copy()
    layers.dropout(X, U, 0.3, out)
    layers.dropout_gradient(dX, U, 0.3)
    assert_array_equal(out, X * mask)
    assert_array_equal(dX, X * mask)


@DTYPES
def test_noise_and_column_sums_are_numpys(dtype):
    """Sums of two arrays, and of columns."""
    X, N = np.random.default_rng(0).normal(size=(2, 6, 9)).astype(dtype)
    out, sums = np.empty_like(X), np.empty(9, dtype)
    layers.add(X, N, out)
    layers.column_sums(X, sums)
    assert_array_equal(out, X + N)
    assert_allclose(sums, X.sum(axis=0), rtol=1e-5, atol=1e-6)


@DTYPES
@pytest.mark.parametrize("n", [2, 50])
def test_batch_normalization_is_the_formula(n, dtype):
    """Statistics, output and gradients are those of the formula, worked out in double precision."""
    rng = np.random.default_rng(0)
    X, dY = rng.normal(3, 2, size=(2, n, 5)).astype(dtype)
    gamma, beta = rng.normal(size=(2, 5)).astype(dtype)
    mean, variance, dgamma, dbeta = np.empty((4, 5), dtype)
    centred, Y = np.empty_like(X), np.empty_like(X)
    inverse = np.empty_like(mean)
    layers.batch_norm_forward(X, gamma, beta, 1e-5, mean, variance, inverse, centred, Y)
    dX = dY.copy()
    layers.batch_norm_backward(dX, centred, inverse, gamma, dgamma, dbeta)
    exact, gradient = X.astype(float), dY.astype(float)
    std = np.sqrt(exact.var(axis=0) + 1e-5)
    hat = (exact - exact.mean(axis=0)) / std
    expected = gamma / std * (gradient - gradient.mean(axis=0) - hat * (gradient * hat).mean(axis=0))
    tolerance = {"rtol": 1e-3, "atol": 2e-4} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-9}
    for ours, plain in (
        (mean, exact.mean(axis=0)),
        (variance, exact.var(axis=0)),
        (Y, gamma * hat + beta),
        (dbeta, gradient.sum(axis=0)),
        (dgamma, (gradient * hat).sum(axis=0)),
        (dX, expected),
    ):
        assert_allclose(ours, plain, **tolerance)
