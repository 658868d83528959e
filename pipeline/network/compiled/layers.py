"""Dropout, noise, scale and batch normalization as loops. NumPy draws the random numbers, the same for both engines."""

from typing import Any

import numpy as np

from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.rows import row


@compiled
def dropout(X: Any, U: Any, rate: float, out: Any) -> None:
    """Leave X / (1 - rate) in ``out`` where U, uniform in [0, 1), is at least the rate, and 0 elsewhere.

    Of a gradient it makes the gradient, with the same U. ``out`` is another array than X.
    """
    bound, zero, scale = U.dtype.type(rate), X.dtype.type(0), X.dtype.type(1 / (1 - rate))
    for i in range(X.shape[0]):
        x, u, y = row(X, i), row(U, i), row(out, i)
        for j in range(X.shape[1]):
            y[j] = x[j] * (scale if u[j] >= bound else zero)


@compiled
def dropout_gradient(dY: Any, U: Any, rate: float) -> None:
    """Make dX of dY in place, with the U of ``dropout``."""
    bound, zero, scale = U.dtype.type(rate), dY.dtype.type(0), dY.dtype.type(1 / (1 - rate))
    for i in range(dY.shape[0]):
        dy, u = row(dY, i), row(U, i)
        for j in range(dY.shape[1]):
            dy[j] *= scale if u[j] >= bound else zero


@compiled
def add(X: Any, N: Any, out: Any) -> None:
    """Leave X + N in ``out``, another array."""
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            out[i, j] = X[i, j] + N[i, j]


@compiled
def scale(X: Any, s: Any, out: Any) -> None:
    """Leave X s, unit by unit, in ``out``, another array."""
    for i in range(X.shape[0]):
        x, y = row(X, i), row(out, i)
        for j in range(X.shape[1]):
            y[j] = x[j] * s[j]


@compiled
def scale_gradient(X: Any, dY: Any, ds: Any) -> None:
    """Leave the sum of X dY over the samples in ``ds``."""
    for j in range(X.shape[1]):
        ds[j] = 0
    for i in range(X.shape[0]):
        x, dy = row(X, i), row(dY, i)
        for j in range(X.shape[1]):
            ds[j] += x[j] * dy[j]


@compiled
def column_sums(X: Any, out: Any) -> None:
    """Leave the sum of every column in ``out``; four rows at a time, so that it is read and written less often."""
    n, width = X.shape
    whole = n - n % 4
    for j in range(width):
        out[j] = 0
    for i in range(0, whole, 4):
        first, second, third, fourth = row(X, i), row(X, i + 1), row(X, i + 2), row(X, i + 3)
        for j in range(width):
            out[j] += (first[j] + second[j]) + (third[j] + fourth[j])
    for i in range(whole, n):
        last = row(X, i)
        for j in range(width):
            out[j] += last[j]


@compiled
def batch_norm_forward(
    X: Any, gamma: Any, beta: Any, epsilon: float, mean: Any, variance: Any, inverse_std: Any, centred: Any, out: Any
) -> None:
    """Leave gamma X^ + beta in ``out``, X^ being X - mean, which is left in ``centred``, times ``inverse_std``.

    ``mean`` and ``variance`` are those of the columns, of two samples at least. ``out`` may be X; ``centred`` may not,
    so that the variance, a sum of squares of what is left after the mean is taken away, loses no digits.
    """
    n, width = X.shape
    size, one, floor = X.dtype.type(n), X.dtype.type(1), X.dtype.type(epsilon)
    column_sums(X, mean)
    for j in range(width):
        mean[j] /= size
        variance[j] = 0
    for i in range(n):
        x, c = row(X, i), row(centred, i)
        for j in range(width):
            c[j] = x[j] - mean[j]
            variance[j] += c[j] * c[j]
    scale = np.empty_like(mean)
    for j in range(width):
        variance[j] /= size
        inverse_std[j] = one / np.sqrt(variance[j] + floor)
        scale[j] = gamma[j] * inverse_std[j]
    for i in range(n):
        c, y = row(centred, i), row(out, i)
        for j in range(width):
            y[j] = c[j] * scale[j] + beta[j]


@compiled
def batch_norm_backward(dY: Any, centred: Any, inverse_std: Any, gamma: Any, dgamma: Any, dbeta: Any) -> None:
    """Leave dgamma and dbeta, and make dX of dY in place, by the statistics of a batch of two samples at least."""
    n, width = dY.shape
    for j in range(width):
        dgamma[j], dbeta[j] = 0, 0
    for i in range(n):
        dy, c = row(dY, i), row(centred, i)
        for j in range(width):
            dbeta[j] += dy[j]
            dgamma[j] += dy[j] * c[j]
    size = dY.dtype.type(n)
    shift, slope, scale = np.empty_like(dbeta), np.empty_like(dbeta), np.empty_like(dbeta)
    for j in range(width):
        dgamma[j] *= inverse_std[j]
        shift[j], slope[j] = dbeta[j] / size, dgamma[j] * inverse_std[j] / size
        scale[j] = gamma[j] * inverse_std[j]
    for i in range(n):
        dy, c = row(dY, i), row(centred, i)
        for j in range(width):
            dy[j] = (dy[j] - (c[j] * slope[j] + shift[j])) * scale[j]
