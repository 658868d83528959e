"""Activations as loops, beside the plain ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network import ACTIVATIONS, GELU, Mish
from pipeline.network.compiled import activations
from pipeline.network.compiled.program import ACTIVATIONS as KINDS
from pipeline.network.layers import Cache

SPECIAL = [0.0, -0.0, 1e-30, -1e-30, 1e-4, -1e-4, 30.0, -30.0, 1e4, -1e4, np.inf, -np.inf, np.nan]


def inputs(dtype, shape=(9, 37)):
    """Return inputs, the first ones at the edges of what there is, and a bias."""
    rng = np.random.default_rng(0)
    X = (3 * rng.normal(size=shape)).astype(dtype)
    X.flat[: len(SPECIAL)] = SPECIAL[: X.size]
    return X, rng.normal(size=shape[1]).astype(dtype)


def forward(layer, X, b):
    """Return what ``backward`` takes, and the output, of the compiled form."""
    Y = X.copy()
    if isinstance(layer, GELU | Mish):
        out = np.empty_like(Y)
        activations.forward_beside(KINDS[type(layer)], Y, b, out)
        return Y, out
    activations.forward(KINDS[type(layer)], Y, b)
    return Y, Y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 37), (1, 64), (3, 1), (0, 5), (4, 0)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_bias_and_function_are_the_plain_ones(name, shape, dtype):
    """The output is f(X + b), infinite and NaN where the plain one is."""
    layer, (X, b) = ACTIVATIONS[name](), inputs(dtype, shape)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = layer.forward(X + b)
    tolerance = 4 * np.finfo(dtype).eps
    assert_allclose(forward(layer, X, b)[1], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 37), (1, 64), (0, 5)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_is_the_plain_one(name, shape, dtype):
    """The gradient is f'(X + b) dY."""
    layer, (X, b) = ACTIVATIONS[name](), inputs(dtype, shape)
    X = np.nan_to_num(X, posinf=50, neginf=-50).clip(-50, 50)
    dY = np.random.default_rng(1).normal(size=shape).astype(dtype)
    expected = plain_gradient(layer, X + b, dY)
    dX = dY.copy()
    activations.backward(KINDS[type(layer)], dX, forward(layer, X, b)[0])
    # In the tails GELU's 1 - T^2 is a difference of nearly equal numbers, in the plain form as well.
    tolerance = (128 if name == "gelu" else 16) * np.finfo(dtype).eps
    assert_allclose(dX, expected, rtol=tolerance, atol=tolerance)


def plain_gradient(layer, X, dY):
    """Return the plain gradient."""
    cache = Cache()
    layer.forward(X, cache=cache)
    return layer.backward(dY, cache)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_of_a_wider_array_are_enough(dtype):
    """The arrays need not be contiguous: a thread may have some units of a layer."""
    X, b = inputs(dtype, (6, 20))
    whole = X.copy()
    activations.forward(activations.RELU, whole[:, 5:15], b[5:15])
    assert_allclose(whole[:, 5:15], np.maximum(X[:, 5:15] + b[5:15], 0))
    assert_allclose(whole[:, :5], X[:, :5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("curve", [GELU, Mish])
def test_the_slope_is_a_number_wherever_the_input_is(curve, dtype):
    """However large that is: beyond the curve of GELU and Mish it is 1 or 0, in either form."""
    largest = np.finfo(dtype).max
    X = np.array([[1e13, 1e16, 1e25, largest, -1e13, -1e16, -1e25, -largest]], dtype)
    expected, cache, slope = [[1, 1, 1, 1, 0, 0, 0, 0]], Cache(), np.ones_like(X)
    plain = curve().forward(X, cache=cache)
    assert_allclose(curve().backward(np.ones_like(X), cache), expected, atol=1e-12)
    activations.backward(KINDS[curve], slope, X)
    assert_allclose(slope, expected, atol=1e-12)
    out = np.empty_like(X)
    activations.forward_beside(KINDS[curve], X.copy(), np.zeros(8, dtype), out)
    assert_allclose(out, np.maximum(X, 0), atol=1e-12)
    assert_allclose(plain, np.maximum(X, 0), atol=1e-12)
