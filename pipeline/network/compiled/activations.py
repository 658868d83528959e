"""Activations as loops: the bias is added, the function applied, in one pass over the memory.

The formula of each is one line for a number; which of them an array goes through is a code.
"""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from pipeline.network.compiled.elementary import exp, expm1, tanh
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.rows import row

IDENTITY, RELU, LEAKY_RELU, ELU, SELU, SIGMOID, TANH, GELU, MISH = range(9)
FROM_INPUT = GELU
"""From this one on, the derivative does not follow from the output, so that the input must stay."""
C, CUBIC, LIMIT, SLOPE = float(np.sqrt(2 / np.pi)), 0.044715, 20.0, 0.01
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


@register_jitable
def _sigmoid(x: Any) -> Any:
    half = type(x)(0.5)
    return half * (type(x)(1) + tanh(half * x))


@register_jitable
def _elu(x: Any) -> Any:
    zero = type(x)(0)
    below = expm1(zero if x > zero else x)
    return x if x > zero else below


@register_jitable
def _selu(x: Any) -> Any:
    zero = type(x)(0)
    below = type(x)(ALPHA) * expm1(zero if x > zero else x)
    return type(x)(SCALE) * (x if x > zero else below)


@register_jitable
def _limited(x: Any) -> Any:
    """Return x within where GELU is curved: beyond, its powers would overflow, and infinity times 0 be NaN."""
    limit = type(x)(LIMIT)
    below = limit if x > limit else x
    return -limit if below < -limit else below


@register_jitable
def _gelu(x: Any) -> Any:
    one, half, z = type(x)(1), type(x)(0.5), _limited(x)
    return half * x * (one + tanh(type(x)(C) * (z + type(x)(CUBIC) * z * z * z)))


@register_jitable
def _gelu_slope(x: Any) -> Any:
    one, half, c, cubic = type(x)(1), type(x)(0.5), type(x)(C), type(x)(CUBIC)
    z = _limited(x)
    T = tanh(c * (z + cubic * z * z * z))
    return half * (one + T) + half * z * (one - T * T) * (c * (one + type(x)(3) * cubic * z * z))


@register_jitable
def _mish(x: Any) -> Any:
    two, limit = type(x)(2), type(x)(LIMIT)
    E = exp(limit if x > limit else x)
    n = E * (E + two)
    return x if x > limit else x * (n / (n + two))  # the product may be made before the quotient


@register_jitable
def _mish_slope(x: Any) -> Any:
    one, two, four, limit, least = type(x)(1), type(x)(2), type(x)(4), type(x)(LIMIT), type(x)(-1000)
    z = limit if x > limit else x
    z = least if z < least else z  # where E is 0; NaN stays
    E = exp(z)
    n = E * (E + two)
    return n / (n + two) + four * E * (one + E) / ((n + two) * (n + two)) * z


@compiled
def forward(kind: int, X: Any, b: Any) -> None:
    """Leave f(X + b) in X.

    In place alone: where two arrays may be the same, a compiler does not trust itself to make vector code.

    Parameters
    ----------
    kind : int
        Which f; ``forward_beside`` has those from ``FROM_INPUT`` on.
    X : ndarray of shape (n_samples, n_units)
        The input, and the output.
    b : ndarray of shape (n_units,)
        The bias of the layer below.
    """
    n, width = X.shape
    zero, slope = X.dtype.type(0), X.dtype.type(SLOPE)
    for i in range(n):
        y = row(X, i)
        if kind == RELU:
            for j in range(width):
                x = y[j] + b[j]
                y[j] = zero if x < zero else x
        elif kind == LEAKY_RELU:
            for j in range(width):
                x = y[j] + b[j]
                y[j] = x * slope if x < zero else x
        elif kind == ELU:
            for j in range(width):
                y[j] = _elu(y[j] + b[j])
        elif kind == SELU:
            for j in range(width):
                y[j] = _selu(y[j] + b[j])
        elif kind == SIGMOID:
            for j in range(width):
                y[j] = _sigmoid(y[j] + b[j])
        elif kind == TANH:
            for j in range(width):
                y[j] = tanh(y[j] + b[j])
        else:
            for j in range(width):
                y[j] += b[j]


@compiled
def backward(kind: int, dY: Any, Y: Any) -> None:
    """Make dX of dY in place, by the output Y; from ``FROM_INPUT`` on by the input."""
    n, width = dY.shape
    zero, one, slope = dY.dtype.type(0), dY.dtype.type(1), dY.dtype.type(SLOPE)
    scale, depth = dY.dtype.type(SCALE), dY.dtype.type(SCALE * ALPHA)
    for i in range(n):
        dx, y = row(dY, i), row(Y, i)
        if kind == RELU:
            for j in range(width):
                dx[j] *= one if y[j] > zero else zero
        elif kind == LEAKY_RELU:
            for j in range(width):
                dx[j] *= one if y[j] > zero else slope
        elif kind == ELU:
            for j in range(width):
                dx[j] *= (zero if y[j] > zero else y[j]) + one
        elif kind == SELU:
            for j in range(width):
                dx[j] *= scale if y[j] > zero else y[j] + depth
        elif kind == SIGMOID:
            for j in range(width):
                dx[j] *= (one - y[j]) * y[j]
        elif kind == TANH:
            for j in range(width):
                dx[j] *= one - y[j] * y[j]
        elif kind == GELU:
            for j in range(width):
                dx[j] *= _gelu_slope(y[j])
        elif kind == MISH:
            for j in range(width):
                dx[j] *= _mish_slope(y[j])


@compiled
def forward_beside(kind: int, X: Any, b: Any, out: Any) -> None:
    """Leave X + b in X, whence ``backward`` comes, and f of it in another array; f is one from ``FROM_INPUT`` on."""
    width = X.shape[1]
    for i in range(X.shape[0]):
        x, y = row(X, i), row(out, i)
        if kind == GELU:
            for j in range(width):
                x[j] += b[j]
                y[j] = _gelu(x[j])
        else:
            for j in range(width):
                x[j] += b[j]
                y[j] = _mish(x[j])
