"""exp, expm1 and tanh as vector code."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network.compiled import elementary
from pipeline.network.compiled.jit import compiled


@compiled
def loop_exp(X, out):
    """Leave exp(X) in ``out``."""
    for i in range(X.size):
        out[i] = elementary.exp(X[i])


@compiled
def loop_expm1(X, out):
    """Leave exp(X) - 1 in ``out``."""
    for i in range(X.size):
        out[i] = elementary.expm1(X[i])


@compiled
def loop_tanh(X, out):
    """Leave tanh(X) in ``out``."""
    for i in range(X.size):
        out[i] = elementary.tanh(X[i])


PAIRS = {loop_exp: np.exp, loop_expm1: np.expm1, loop_tanh: np.tanh}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loop", PAIRS)
def test_it_is_exact_to_the_last_bits(loop, dtype):
    """Over the whole range the relative error is at most 4 units in the last place."""
    top = {np.float32: 80, np.float64: 700}[dtype]
    small = np.geomspace(1e-20, 1, 5000)
    X = np.concatenate([np.linspace(-top, top, 20001), small, -small]).astype(dtype)
    out = np.empty_like(X)
    loop(X, out)
    expected = PAIRS[loop](X.astype(np.longdouble))
    wrong = np.abs(out - expected) > 4 * np.finfo(dtype).eps * np.abs(expected)
    assert not wrong.any(), X[wrong]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loop", PAIRS)
def test_what_is_no_number_or_too_large_is_as_in_numpy(loop, dtype):
    """NaN stays NaN; what is infinite, 0 or 1 in NumPy is here."""
    X = np.array([np.nan, np.inf, -np.inf, 1e4, -1e4, 0.0], dtype)
    out = np.empty_like(X)
    loop(X, out)
    with np.errstate(over="ignore"):
        assert_array_equal(out, PAIRS[loop](X))
