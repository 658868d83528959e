"""Activations as loops: the bias is added, the function applied, in one pass over the memory.

The formula of each is one line for a number; which of them an array goes through is a code.
"""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from pipeline.network.compiled.elementary import expm1, tanh
from pipeline.network.compiled.jit import compiled

IDENTITY, RELU, LEAKY_RELU, ELU, SIGMOID, TANH, GELU = range(7)
C, CUBIC, SLOPE = float(np.sqrt(2 / np.pi)), 0.044715, 0.01


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
def _gelu(x: Any) -> Any:
    one, half = type(x)(1), type(x)(0.5)
    return half * x * (one + tanh(type(x)(C) * (x + type(x)(CUBIC) * x * x * x)))


@register_jitable
def _gelu_slope(x: Any) -> Any:
    one, half, c, cubic = type(x)(1), type(x)(0.5), type(x)(C), type(x)(CUBIC)
    T = tanh(c * (x + cubic * x * x * x))
    return half * (one + T) + half * x * (one - T * T) * (c * (one + type(x)(3) * cubic * x * x))


@compiled
def forward(kind: int, X: Any, b: Any) -> None:
    """Leave f(X + b) in X.

    In place alone: where two arrays may be the same, a compiler does not trust itself to make vector code.

    Parameters
    ----------
    kind : int
        Which f; GELU has a function of its own.
    X : ndarray of shape (n_samples, n_units)
        The input, and the output.
    b : ndarray of shape (n_units,)
        The bias of the layer below.
    """
    n, width = X.shape
    zero = X.dtype.type(0)
    if kind == RELU:
        for i in range(n):
            for j in range(width):
                x = X[i, j] + b[j]
                X[i, j] = zero if x < zero else x
    elif kind == LEAKY_RELU:
        slope = X.dtype.type(SLOPE)
        for i in range(n):
            for j in range(width):
                x = X[i, j] + b[j]
                X[i, j] = x * slope if x < zero else x
    elif kind == ELU:
        for i in range(n):
            for j in range(width):
                X[i, j] = _elu(X[i, j] + b[j])
    elif kind == SIGMOID:
        for i in range(n):
            for j in range(width):
                X[i, j] = _sigmoid(X[i, j] + b[j])
    elif kind == TANH:
        for i in range(n):
            for j in range(width):
                X[i, j] = tanh(X[i, j] + b[j])
    else:
        for i in range(n):
            for j in range(width):
                X[i, j] += b[j]


@compiled
def backward(kind: int, dY: Any, Y: Any) -> None:
    """Make dX of dY in place, by the output Y; for GELU by its input."""
    n, width = dY.shape
    zero, one = dY.dtype.type(0), dY.dtype.type(1)
    if kind == RELU:
        for i in range(n):
            for j in range(width):
                dY[i, j] *= one if Y[i, j] > zero else zero
    elif kind == LEAKY_RELU:
        slope = dY.dtype.type(SLOPE)
        for i in range(n):
            for j in range(width):
                dY[i, j] *= one if Y[i, j] > zero else slope
    elif kind == ELU:
        for i in range(n):
            for j in range(width):
                y = Y[i, j]
                dY[i, j] *= (zero if y > zero else y) + one
    elif kind == SIGMOID:
        for i in range(n):
            for j in range(width):
                y = Y[i, j]
                dY[i, j] *= (one - y) * y
    elif kind == TANH:
        for i in range(n):
            for j in range(width):
                y = Y[i, j]
                dY[i, j] *= one - y * y
    elif kind == GELU:
        for i in range(n):
            for j in range(width):
                dY[i, j] *= _gelu_slope(Y[i, j])


@compiled
def gelu(X: Any, b: Any, out: Any) -> None:
    """Leave X + b in X, whence ``backward`` comes, and GELU of it in another array."""
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            x = X[i, j] + b[j]
            X[i, j] = x
            out[i, j] = _gelu(x)
