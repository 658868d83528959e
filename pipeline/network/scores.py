"""Scores, which say how good predictions are: 1 at best, where a loss is 0 at best.

A score takes in predictions batch by batch, an epoch's as well as those of validation data, and is computed at the end:
few scores are the mean of something that a sample has by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Score(ABC):
    """A score of all samples that ``update`` has taken in.

    ``weighted_in_training`` says whether weights count in an epoch's score as well, and not only in validation.
    """

    weighted_in_training: ClassVar[bool] = True

    @abstractmethod
    def update(self, P: Array, Y: Array, sample_weight: Array | None = None) -> None:
        """Take in a batch.

        Parameters
        ----------
        P, Y : ndarray of shape (n_samples, n_outputs)
            Predictions and targets; they may be written over afterwards.
        sample_weight : ndarray of shape (n_samples,), optional
            The samples' weights.
        """

    @abstractmethod
    def compute(self) -> float:
        """Return the score of all batches."""


class Accuracy(Score):
    """The fraction of samples that are predicted correctly, or their fraction of the weight.

    Parameters
    ----------
    correct : callable
        Tells of P and Y which samples are, ``Loss.correct``.
    """

    weighted_in_training = False

    def __init__(self, correct: Callable[[Array, Array], Array]) -> None:
        self._is_correct = correct
        self._n_correct, self._n = 0, 0
        self._correct: list[Array] = []
        self._weights: list[Array] = []

    def update(self, P: Array, Y: Array, sample_weight: Array | None = None) -> None:
        """Take in a batch; all have weights, or none has."""
        correct = self._is_correct(P, Y)
        if sample_weight is None:
            self.add(int(np.count_nonzero(correct)), len(correct))
        else:
            self._correct.append(correct)
            self._weights.append(sample_weight)

    def add(self, n_correct: int, n: int) -> None:
        """Take in a batch of which it is known already how many of its samples are predicted correctly."""
        self._n_correct += n_correct
        self._n += n

    def compute(self) -> float:
        """Return the accuracy."""
        if self._weights:
            return float(np.average(np.concatenate(self._correct), weights=np.concatenate(self._weights)))
        return self._n_correct / self._n


class R2(Score):
    """R^2 = 1 - sum w (y - p)^2 / sum w (y - m)^2, averaged over the outputs; m is the mean of y, by the weights w.

    Of an output whose targets are all the same, it is 1 where each is predicted to the last bit, and else 0. Of fewer
    than two samples it is NaN. This is scikit-learn's ``r2_score``.

    Each batch has sums about its own mean, which are put together as Chan, Golub and LeVeque 1983, The American
    Statistician 37, do it: so that targets may be far from 0, and their mean need not be known.

    Examples
    --------
    >>> score = R2()
    >>> score.update(np.array([[2.5], [5.0]]), np.array([[3.0], [5.0]]))
    >>> score.update(np.array([[7.0]]), np.array([[7.0]]))
    >>> score.compute()
    0.96875
    """

    def __init__(self) -> None:
        self._n, self._weight = 0, 0.0
        self._mean: Any = 0.0
        self._errors: Any = 0.0
        self._spread: Any = 0.0

    def update(self, P: Array, Y: Array, sample_weight: Array | None = None) -> None:
        """Take in a batch, in float64."""
        self._n += len(Y)
        total = float(len(Y) if sample_weight is None else sample_weight.sum(dtype=np.float64))
        if total == 0:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # predictions of a network that diverges
            self._errors = self._errors + _sum_of_squares(np.subtract(Y, P, dtype=np.float64), sample_weight)
            # From its first target on, the mean of equal targets is exact, and their spread 0.
            first = Y[0].astype(np.float64)
            deviations = Y - first
            mean = _sum(deviations, sample_weight) / total
            deviations -= mean
            both, between = self._weight + total, first + mean - self._mean if self._weight else np.zeros_like(mean)
            apart = between**2 * (self._weight * total / both)
            self._spread = self._spread + _sum_of_squares(deviations, sample_weight) + apart
            self._mean = self._mean + between * (total / both) if self._weight else first + mean
            self._weight = both

    def compute(self) -> float:
        """Return R^2."""
        return _mean_of_explained(self._errors, self._spread) if self._n > 1 else float("nan")


class PinballD2(Score):
    """D^2 = 1 - L(p) / L(c), averaged over the outputs: L is the pinball loss, c the constant for which it is least.

    That is the quantile of the targets, by the weights; it takes them all together, so that they are stored until the
    end, one column of a target. Where L(c) is 0, and for fewer than two samples, it is what R^2 is. Koenker and Machado
    1999, Journal of the American Statistical Association 94; scikit-learn's ``d2_pinball_score``.

    Parameters
    ----------
    quantiles : sequence of float
        Of every target, whose outputs lie side by side.

    Examples
    --------
    >>> score = PinballD2([0.5])
    >>> score.update(np.array([[1.0], [3.0], [3.0]]), np.array([[1.0], [2.0], [3.0]]))
    >>> score.compute()
    0.5
    """

    def __init__(self, quantiles: Sequence[float]) -> None:
        self.quantiles = np.array(quantiles, np.float64)
        self._losses: Any = 0.0
        self._targets: list[Array] = []
        self._weights: list[Array] = []

    def update(self, P: Array, Y: Array, sample_weight: Array | None = None) -> None:
        """Take in a batch; all have weights, or none has."""
        n_quantiles = len(self.quantiles)
        self._targets.append(Y[:, ::n_quantiles].astype(np.float64))
        if sample_weight is not None:
            self._weights.append(sample_weight.astype(np.float64))
        with np.errstate(over="ignore", invalid="ignore"):  # predictions of a network that diverges
            errors = np.subtract(Y, P, dtype=np.float64)
            losses = pinball(errors, np.tile(self.quantiles, Y.shape[1] // n_quantiles))
            self._losses = self._losses + _sum(losses, sample_weight)

    def compute(self) -> float:
        """Return D^2."""
        targets, weight = np.concatenate(self._targets), np.concatenate(self._weights) if self._weights else None
        if len(targets) < 2:
            return float("nan")
        columns = [least_pinball(y, weight, self.quantiles) for y in targets.T]
        return _mean_of_explained(self._losses, np.concatenate(columns))


def pinball(errors: Array, quantiles: Array) -> Array:
    """Return max(q e, (q - 1) e), e being y - p, column by column."""
    losses: Array = np.maximum(quantiles * errors, (quantiles - 1) * errors)
    return losses


def least_pinball(y: Array, weight: Array | None, quantiles: Array) -> Array:
    """Return the weighted sum of the pinball losses of the constant that is best, one for each quantile.

    Examples
    --------
    >>> least_pinball(np.array([1.0, 2.0, 9.0]), None, np.array([0.5]))
    array([4.])
    """
    if weight is None:
        at = np.clip(np.ceil(quantiles * len(y)).astype(int) - 1, 0, len(y) - 1)
        best = np.partition(y, at)[at]
    else:
        order = np.argsort(y)
        below = np.cumsum(weight[order])
        best = y[order[np.minimum(np.searchsorted(below, quantiles * below[-1]), len(y) - 1)]]
    return _sum(pinball(y[:, np.newaxis] - best, quantiles), weight)


def _sum(values: Array, weight: Array | None) -> Array:
    """Return the weighted sum, column by column."""
    total: Array = np.add.reduce(values if weight is None else values * weight[:, np.newaxis], axis=0)
    return total


def _sum_of_squares(values: Array, weight: Array | None) -> Array:
    """Return the weighted sum of the squares, column by column."""
    return _sum(values * values, weight)


def _mean_of_explained(errors: Array, spread: Array) -> float:
    """Return 1 - errors / spread, averaged; 1 where there is no error, and 0 where there is one but nothing to explain.

    Examples
    --------
    >>> _mean_of_explained(np.array([1.0, 0, 1]), np.array([4.0, 0, 0]))
    0.5833333333333334
    """
    with np.errstate(over="ignore", invalid="ignore"):
        explained = 1 - errors / np.where(spread == 0, 1, spread)
    return float(np.mean(np.where(errors == 0, 1, np.where(spread == 0, 0, explained))))
