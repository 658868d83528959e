"""Dropout, noise and batch normalization as loops. NumPy draws the random numbers, the same for both engines."""

from typing import Any

import numpy as np

from pipeline.network.compiled.jit import compiled


@compiled
def dropout(X: Any, U: Any, rate: float, out: Any) -> None:
    """Leave X / (1 - rate) in ``out`` where U, uniform in [0, 1), is at least the rate, and 0 elsewhere.

    Of a gradient it makes the gradient, with the same U. ``out`` is another array than X.
    """
    bound, zero, scale = U.dtype.type(rate), X.dtype.type(0), X.dtype.type(1 / (1 - rate))
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            out[i, j] = X[i, j] * (scale if U[i, j] >= bound else zero)


@compiled
def dropout_gradient(dY: Any, U: Any, rate: float) -> None:
    """Make dX of dY in place, with the U of ``dropout``."""
    bound, zero, scale = U.dtype.type(rate), dY.dtype.type(0), dY.dtype.type(1 / (1 - rate))
    for i in range(dY.shape[0]):
        for j in range(dY.shape[1]):
            dY[i, j] *= scale if U[i, j] >= bound else zero


@compiled
def add(X: Any, N: Any, out: Any) -> None:
    """Leave X + N in ``out``, another array."""
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            out[i, j] = X[i, j] + N[i, j]


@compiled
def column_sums(X: Any, out: Any) -> None:
    """Leave the sum of every column in ``out``."""
    out[:] = 0
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            out[j] += X[i, j]


@compiled
def batch_norm_statistics(X: Any, mean: Any, variance: Any, centred: Any) -> None:
    """Leave mean and variance of the columns, and X less its mean in ``centred``, another array."""
    n = X.dtype.type(X.shape[0])
    column_sums(X, mean)
    for j in range(X.shape[1]):
        mean[j] /= n
        variance[j] = 0
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            x = X[i, j] - mean[j]
            centred[i, j] = x
            variance[j] += x * x
    for j in range(X.shape[1]):
        variance[j] /= n


@compiled
def batch_norm_forward(centred: Any, inverse_std: Any, gamma: Any, beta: Any, out: Any) -> None:
    """Leave gamma X^ + beta in ``out``, another array, X^ being ``centred`` times ``inverse_std``."""
    for i in range(centred.shape[0]):
        for j in range(centred.shape[1]):
            out[i, j] = centred[i, j] * (gamma[j] * inverse_std[j]) + beta[j]


@compiled
def batch_norm_backward(dY: Any, centred: Any, inverse_std: Any, gamma: Any, dgamma: Any, dbeta: Any) -> None:
    """Leave dgamma and dbeta, and make dX of dY in place, by the statistics of the batch."""
    n, width = dY.shape
    column_sums(dY, dbeta)
    dgamma[:] = 0
    for i in range(n):
        for j in range(width):
            dgamma[j] += dY[i, j] * centred[i, j]
    size = dY.dtype.type(n)
    shift, slope, scale = np.empty_like(dbeta), np.empty_like(dbeta), np.empty_like(dbeta)
    for j in range(width):
        dgamma[j] *= inverse_std[j]
        shift[j], slope[j] = dbeta[j] / size, dgamma[j] * inverse_std[j] / size
        scale[j] = gamma[j] * inverse_std[j]
    for i in range(n):
        for j in range(width):
            dY[i, j] = (dY[i, j] - (centred[i, j] * slope[j] + shift[j])) * scale[j]
