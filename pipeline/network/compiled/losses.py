"""Losses as loops: the bias, the output's activation and the gradient in one call."""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from pipeline.network.compiled.elementary import exp
from pipeline.network.compiled.jit import compiled

SOFTMAX, SIGMOID, SQUARED, POISSON, ABSOLUTE, HUBER, PINBALL = range(7)


@register_jitable
def _at_least(p: Any, bound: Any) -> Any:
    return bound if p < bound else p


@register_jitable
def _at_most(p: Any, bound: Any) -> Any:
    return bound if p > bound else p


@register_jitable
def _sign(e: Any) -> Any:
    """Return 1, -1, or e itself: 0 or NaN."""
    one = type(e)(1)
    below = -one if e < type(e)(0) else e
    return one if e > type(e)(0) else below


@compiled
def softmax(Z: Any, b: Any, out: Any) -> None:
    """Leave softmax(Z + b) in ``out``, row by row."""
    n, width = Z.shape
    for i in range(n):
        largest = Z[i, 0] + b[0]
        for j in range(width):
            z = Z[i, j] + b[j]
            out[i, j] = z
            largest = z if z > largest else largest
        for j in range(width):
            out[i, j] -= largest
    flat = out.reshape(out.size)  # as rows are short, vector code is for all of them at once
    for at in range(out.size):
        flat[at] = exp(flat[at])
    for i in range(n):
        total = Z.dtype.type(0)
        for j in range(width):
            total += out[i, j]
        inverse = Z.dtype.type(1) / total
        for j in range(width):
            out[i, j] *= inverse


@compiled
def sigmoid(Z: Any, b: Any, out: Any) -> None:
    """Leave 1 / (1 + exp(-(Z + b))) in ``out``, exact in both tails."""
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            z = Z[i, j] + b[j]
            E = exp(z if z < zero else -z)
            out[i, j] = (E if z < zero else one) / (one + E)


@compiled
def gradient(P: Any, Y: Any, sample_weight: Any, total: float, smoothing: float, n_classes: int, out: Any) -> None:
    """Leave dZ = w (P - (1 - smoothing) Y - smoothing / n_classes) / total in ``out``.

    ``sample_weight`` has the samples' weights, or nothing where each counts 1.
    """
    dtype = P.dtype.type
    remaining, spread = dtype(1 - smoothing), dtype(smoothing / n_classes)
    for i in range(P.shape[0]):
        scale = dtype(1 / total)
        if sample_weight.size:
            scale = dtype(sample_weight[i] / total)
        for j in range(P.shape[1]):
            out[i, j] = (P[i, j] - (Y[i, j] * remaining + spread)) * scale


@compiled
def numbers(kind: int, Z: Any, b: Any, out: Any) -> None:
    """Leave Z + b in ``out``, or exp of it."""
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            out[i, j] = Z[i, j] + b[j]
    if kind == POISSON:
        flat = out.reshape(out.size)
        for at in range(out.size):
            flat[at] = exp(flat[at])


@compiled
def regression_gradient(kind: int, P: Any, Y: Any, sample_weight: Any, total: float, constants: Any, out: Any) -> None:
    """Leave dZ in ``out``, w / total times the derivative of each sample's loss; weights are as for ``gradient``."""
    dtype, width = P.dtype.type, P.shape[1]
    zero, one = dtype(0), dtype(1)
    for i in range(P.shape[0]):
        scale = dtype(1 / total)
        if sample_weight.size:
            scale = dtype(sample_weight[i] / total)
        for j in range(width):
            out[i, j] = P[i, j] - Y[i, j]
        e = out[i]
        if kind == ABSOLUTE:
            for j in range(width):
                e[j] = _sign(e[j])
        elif kind == HUBER:
            delta = dtype(constants[0])
            for j in range(width):
                e[j] = _at_least(_at_most(e[j], delta), -delta)
        elif kind == PINBALL:
            for j in range(width):
                q = dtype(constants[j % len(constants)])
                e[j] = _sign(e[j]) * (one - q if e[j] > zero else q)
        for j in range(width):
            e[j] *= scale


@compiled
def forward_backward(
    kind: int,
    Z: Any,
    b: Any,
    Y: Any,
    sample_weight: Any,
    total: float,
    constants: Any,
    P: Any,
    out: Any,
) -> None:
    """Leave the output's activation of Z + b in ``P``, and the gradient of the loss in ``out``, which may be Z.

    ``constants`` are a loss's own numbers: the smoothing of labels, Huber's delta, or the quantiles.
    """
    if kind == SOFTMAX:
        softmax(Z, b, P)
        gradient(P, Y, sample_weight, total, constants[0], Y.shape[1], out)
    elif kind == SIGMOID:
        sigmoid(Z, b, P)
        gradient(P, Y, sample_weight, total, constants[0], 2, out)
    else:
        numbers(kind, Z, b, P)
        regression_gradient(kind, P, Y, sample_weight, total, constants, out)


@compiled
def sum_losses(kind: int, P: Any, Y: Any, sample_weight: Any, smoothing: float) -> Any:
    """Return the sum of w times the loss of each sample, and the number of correct predictions, of classes."""
    dtype = P.dtype.type
    eps = dtype(np.finfo(P.dtype).eps)
    n_classes = P.shape[1] if kind == SOFTMAX else 2
    remaining, spread, one, half = dtype(1 - smoothing), dtype(smoothing / n_classes), dtype(1), dtype(0.5)
    loss, n_correct = 0.0, 0
    for i in range(P.shape[0]):
        sample, predicted, true, right = dtype(0), 0, 0, True
        largest_p, largest_y = P[i, 0], Y[i, 0]
        for j in range(P.shape[1]):
            p, y = P[i, j], Y[i, j]
            if p > largest_p:
                largest_p, predicted = p, j
            if y > largest_y:
                largest_y, true = y, j
            right &= (p > half) == (y > half)
            target = y * remaining + spread
            if kind == SOFTMAX:
                if target != 0 or np.isnan(p):
                    sample -= target * np.log(_at_least(p, eps))
            else:
                q = min(_at_least(p, eps), one - eps) if not np.isnan(p) else p
                sample -= target * np.log(q) + (one - target) * np.log1p(-q)
        loss += np.float64(sample) * np.float64(sample_weight[i])
        n_correct += (predicted == true) if kind == SOFTMAX else right
    return loss, n_correct


@compiled
def sum_regression_losses(kind: int, P: Any, Y: Any, sample_weight: Any, constants: Any) -> Any:
    """Return the sum of w times the loss of each sample, of numbers."""
    dtype, width = P.dtype.type, P.shape[1]
    half, one, tiny = dtype(0.5), dtype(1), dtype(np.finfo(P.dtype).tiny)
    loss = 0.0
    for i in range(P.shape[0]):
        sample = dtype(0)
        for j in range(width):
            p, y = P[i, j], Y[i, j]
            e = p - y
            size = np.abs(e)
            if kind == SQUARED:
                sample += e * e
            elif kind == POISSON:
                ratio = _at_most(_at_least(y / _at_least(p, tiny), tiny), one / tiny)
                sample += y * np.log(ratio) + e
            elif kind == ABSOLUTE:
                sample += size
            elif kind == HUBER:
                limited = _at_most(size, dtype(constants[0]))
                sample += limited * (size - half * limited)
            else:
                q = dtype(constants[j % len(constants)])
                sample += size * (one - q if e > dtype(0) else q)
        if kind == SQUARED:
            sample *= half / dtype(width)
        loss += np.float64(sample) * np.float64(sample_weight[i])
    return loss
