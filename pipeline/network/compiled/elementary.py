"""The exponential function and its kin, written so that a loop over them becomes vector code.

The C library's are called number by number. Here exp(x) = 2^n exp(r), where r, what is left of x after n log 2 is taken
away, is within log(2) / 2 of 0, so that a few terms of the Taylor series are exact to the last bits. NaN stays NaN.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload, register_jitable

from pipeline.network.compiled.jit import EXACT


def expm1(x: Any) -> Any:
    """Return exp(x) - 1; in a compiled loop, as vector code."""
    return np.expm1(x)


def exp(x: Any) -> Any:
    """Return exp(x); in a compiled loop, as vector code."""
    return np.exp(x)


@register_jitable
def tanh(x: Any) -> Any:
    """Return E / (E + 2), E = exp(2 x) - 1; from x = 20 on it is 1, in either precision."""
    two = type(x)(2)
    E = expm1(two * (type(x)(20) if x > type(x)(20) else x))
    return E / (E + two)


def _make(dtype: Any, bits: Any, terms: int, n_fraction: int, largest: int) -> Callable[..., Any]:
    """Return the compiled function that gives exp(r) - 1 and 2^n for an x of a type."""
    high = dtype(round(math.log(2) * 512) / 512)  # times n it is exact
    low = dtype(float(Decimal(2).ln() - Decimal(float(high))))  # to more digits than a float has
    log2e, half = dtype(1 / math.log(2)), dtype(0.5)
    bound, bias, fraction = dtype(largest), bits(2 ** (8 * bits().itemsize - n_fraction - 2) - 1), bits(n_fraction)
    coefficients = tuple(dtype(1 / math.factorial(k)) for k in range(terms, 1, -1))

    @njit(nogil=True, error_model="numpy", fastmath=EXACT)
    def parts(x: Any) -> Any:
        limited = x if x > -bound else -bound  # NaN is no whole number, and must not become one
        limited = limited if limited < bound else bound
        n = np.floor(limited * log2e + half)
        r = (-bound if x < -bound else x) - n * high - n * low
        series = coefficients[0]
        for coefficient in coefficients[1:]:
            series = series * r + coefficient
        return series * r * r + r, bits((bits(n) + bias) << fraction).view(dtype)

    return parts


_PARTS = {
    types.float32: _make(np.float32, np.int32, 7, 23, 88),
    types.float64: _make(np.float64, np.int64, 13, 52, 709),
}


@overload(expm1)
def _compiled_expm1(x: Any) -> Any:
    parts = _PARTS.get(x)
    if parts is None:
        return None

    def compiled(x: Any) -> Any:
        small, power = parts(x)
        return power * small + (power - type(x)(1))

    return compiled


@overload(exp)
def _compiled_exp(x: Any) -> Any:
    parts = _PARTS.get(x)
    if parts is None:
        return None

    def compiled(x: Any) -> Any:
        small, power = parts(x)
        return power * small + power

    return compiled
