"""What is done to parameters beside the optimizer's rule: penalties, limits and averages, as loops."""

from typing import Any

import numpy as np

from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.rows import row


@compiled
def add_l2(W: Any, dW: Any, alpha: float, n: float) -> Any:
    """Add alpha W / n to dW, and return alpha / 2 sum(W^2) / n."""
    total, scale = 0.0, W.dtype.type(alpha / n)
    for i in range(W.shape[0]):
        squares = W.dtype.type(0)
        for j in range(W.shape[1]):
            w = W[i, j]
            dW[i, j] += w * scale
            squares += w * w
        total += squares
    return 0.5 * alpha * total / n


@compiled
def max_norm(W: Any, limit: float) -> None:
    """Scale the columns of W that are longer than the limit, in place."""
    bound, one = W.dtype.type(limit), W.dtype.type(1)
    scale = np.zeros(W.shape[1], W.dtype)
    for i in range(W.shape[0]):
        w = row(W, i)
        for j in range(W.shape[1]):
            scale[j] += w[j] * w[j]
    too_long = False
    for j in range(W.shape[1]):
        norm = np.sqrt(scale[j])
        too_long |= not norm <= bound
        scale[j] = one if norm <= bound else bound / norm
    if too_long:
        for i in range(W.shape[0]):
            w = row(W, i)
            for j in range(W.shape[1]):
                w[j] *= scale[j]


@compiled
def add_to_average(total: Any, w: Any, decay: float) -> None:
    """Total <- decay total + w."""
    shrink = total.dtype.type(decay)
    for i in range(total.size):
        total[i] = shrink * total[i] + w[i]
