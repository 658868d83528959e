"""What the losses of a sweep suggest, as pure functions: where it ends, the curve without noise, the rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DECAY = 0.8
"""How much a rate's neighbour counts in the smoothed loss, how much of that the one after it, and so on."""
SKIPPED = 10
"""Rates at the start whose losses, means over few, decide nothing."""
DIVERGED = 4
"""How many times the smallest loss the loss is where the sweep ends."""
FALLEN = 0.98
"""What the loss falls to, of its first value, where anything is learned at all."""
FRACTION = 1 / 3
"""What is suggested, of the rate at which the loss is least.

The steepest fall, which is often taken, lies by the factor 10 lower where there are four times as many updates on the
way, and lies low for Adam. Where the loss is least depends on neither; but there it is about to rise, and a training
that is longer than the sweep needs a distance from that.
"""


def has_diverged(losses: Sequence[float]) -> bool:
    """Tell whether a sweep is to end: by a mean over the last losses that corrects for its start.

    Examples
    --------
    >>> has_diverged([2.3] * 20), has_diverged([2.3] * 20 + [20.0] * 20), has_diverged([2.3, float("nan")])
    (False, True, True)
    """
    if not np.isfinite(losses[-1]):
        return True
    if len(losses) <= SKIPPED:
        return False
    means = _running_mean(losses)[SKIPPED:]
    return bool(means[-1] > DIVERGED * means.min())


def _running_mean(losses: Sequence[float]) -> Array:
    """Return the mean over each loss and those before it, older ones counting less."""
    total, means = 0.0, []
    for number, loss in enumerate(losses, start=1):
        total = DECAY * total + (1 - DECAY) * loss
        means.append(total / (1 - DECAY**number))
    return np.array(means)


def smooth(losses: Array) -> Array:
    """Return losses without the noise of batches: geometric means over neighbours on both sides.

    With neighbours on one side alone the curve would lag behind the rates; and one batch that diverges counts less in a
    geometric mean.

    Examples
    --------
    >>> smooth(np.array([1.0, 1.0, 1.0]))
    array([1., 1., 1.])
    """
    n = len(losses)
    weights = DECAY ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    logarithms = np.log(np.maximum(losses, np.finfo(np.float64).tiny))
    return np.exp(weights @ logarithms / weights.sum(axis=1))


def suggest(rates: Array, smoothed: Array) -> float:
    """Return a third of the rate at which the smoothed loss is least, in two digits.

    Examples
    --------
    >>> suggest(np.array([0.001, 0.01, 0.1]), np.array([2.3, 0.5, 1.0]))
    0.0033
    """
    return float(f"{FRACTION * rates[np.argmin(smoothed)]:.2g}")
