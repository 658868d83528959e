"""How a regressor's targets are scaled: the warning where its network can hardly learn them as they are."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.mlp.told import is_told_already

Array = NDArray[Any]


class Limits(NamedTuple):
    """What a target may be before it is told of.

    Attributes
    ----------
    smallest, largest : float
        The standard deviation.
    mean : float
        The distance of the mean from 0, in standard deviations.
    """

    smallest: float
    largest: float
    mean: float


BY_UPDATES = Limits(0.1, 30.0, 5.0)
"""For a solver that makes updates. On 1,000 samples of ``make_friedman1``, Adam with its defaults comes to R^2 = 0.97
with standardized targets. With a standard deviation of 0.3 and 30 it comes to 0.89 and 0.87, with 0.1 and 100 to 0.60
and 0.78, with 0.03 to -2.9, since ``tol`` is an improvement of the loss in its own units; with a mean of 3, 5 and 10
standard deviations to 0.88, 0.69 and -0.07."""

BY_LBFGS = Limits(0.03, np.inf, 50.0)
"""For ``lbfgs``, which finds its steps by itself and comes to 0.99: standard deviations of 0.1, 0.03 and 0.01 make that
0.97, 0.86 and 0.54, large ones nothing, and means of 30 and 100 standard deviations 0.99 and 0.81."""


def unscaled_target(Y: Array, limits: Limits) -> tuple[int, float, float] | None:
    """Return the number of the first target that is beyond the limits, with its mean and its standard deviation.

    One that is always the same has no scale, and is none of them.

    Examples
    --------
    >>> unscaled_target(np.array([[-1.0, 100.0], [1.0, 102.0]]), BY_UPDATES)
    (1, 101.0, 1.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        means, deviations = Y.mean(axis=0, dtype=np.float64), Y.std(axis=0, dtype=np.float64)
    for number, (mean, std) in enumerate(zip(means.tolist(), deviations.tolist(), strict=True)):
        beyond = not limits.smallest <= std <= limits.largest or abs(mean) > limits.mean * std
        if Y[:, number].min() < Y[:, number].max() and beyond:
            return number, mean, std
    return None


def warn_of_scale(Y: Array, limits: Limits, *, stacklevel: int) -> None:
    """Warn of targets that are beyond the limits; in a search or a cross-validation once, and not for each fold.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_targets)
        The targets.
    limits : Limits
        Of the solver.
    stacklevel : int
        As ``warnings.warn`` takes it.
    """
    found = unscaled_target(Y, limits)
    if found is None or is_told_already("targets"):
        return
    number, mean, std = found
    which = f"target {number + 1} of y" if Y.shape[1] > 1 else "y"
    warnings.warn(
        f"{which} has a mean of {mean:.3g} and a standard deviation of {std:.3g}; a network learns targets best whose "
        "mean is 0 and whose standard deviation is 1. TransformedTargetRegressor(model, transformer=StandardScaler()) "
        "makes them so, and predicts in their own units",
        UserWarning,
        stacklevel=stacklevel + 1,
    )
