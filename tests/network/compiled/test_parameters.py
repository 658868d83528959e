"""Penalties, limits and averages as loops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.compiled import parameters

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def weights(dtype):
    """Return weights and a gradient."""
    return np.random.default_rng(0).normal(size=(2, 30, 7)).astype(dtype)


@DTYPES
def test_the_penalty_and_its_gradient_are_the_formulas(dtype):
    """It is alpha / 2 sum(W^2) / n, and its gradient alpha W / n."""
    W, dW = weights(dtype)
    ours = dW.copy()
    assert_allclose(parameters.add_l2(W, ours, 0.3, 20.0), 0.15 * (W.astype(float) ** 2).sum() / 20, rtol=1e-6)
    assert_allclose(ours, dW + 0.015 * W, rtol=1e-5, atol=1e-6)


@DTYPES
def test_the_limit_scales_long_columns_alone(dtype):
    """Columns longer than the limit come down to it; others keep their bits; NaN stays."""
    W = weights(dtype)[0]
    W[:, 0] *= dtype(0.01)
    before = W.copy()
    parameters.max_norm(W, 2.0)
    norms = np.sqrt((before.astype(float) ** 2).sum(axis=0))
    assert_allclose(W, before * np.minimum(1, 2 / norms), rtol=1e-5)
    assert_array_equal(W[:, 0], before[:, 0])
    W[3, 3] = np.nan
    parameters.max_norm(W, 2.0)
    assert np.isnan(W[:, 3]).any()


@DTYPES
def test_the_average_is_the_formula(dtype):
    """Total <- decay total + w."""
    total, w = weights(dtype)[:, 0]
    expected = total * dtype(0.9) + w
    parameters.add_to_average(total, w, 0.9)
    assert_allclose(total, expected, rtol=1e-5, atol=1e-6)
