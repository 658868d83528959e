"""Whether predictions are as sure as they are right, and what is left when those in doubt are rejected."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Bin(NamedTuple):
    """Rows of about one confidence: how many, their mean confidence and their accuracy; NaN where there are none."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class Rejection(NamedTuple):
    """What becomes of predictions when those below a confidence are rejected; no error rate where none is left."""

    threshold: float
    rejected: float
    error_rate: float
    n_wrong: int


def calibration_error(
    correct: ArrayLike, confidence: ArrayLike, n_bins: int = 15, *, sample_weight: ArrayLike | None = None
) -> float:
    """Return the expected calibration error: how far confidence and accuracy lie apart.

    ``ECE = sum over bins b of (n_b / n) * |accuracy(b) - confidence(b)|``, where bin b holds the rows whose confidence
    is in ``((b - 1) / n_bins, b / n_bins]``, and accuracy and confidence are means over its rows.

    Parameters
    ----------
    correct : array-like of shape (n_samples,), bool
        Whether each prediction is right.
    confidence : array-like of shape (n_samples,), 0..1
        The probability of each prediction.
    n_bins : int, default=15
        Number of bins, all of one width; 15 is the paper's.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each row counts, in n_b and n and in the means. None is all alike.

    Returns
    -------
    float
        0 (as often right as it says) to 1.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks, ICML, equation 3.
    https://arxiv.org/abs/1706.04599

    Examples
    --------
    >>> calibration_error([True, True, True, False], [0.75, 0.75, 0.75, 0.75])
    0.0
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    bins = _bins(confidence, n_bins)
    weights = np.ones(len(confidence)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    gaps = np.bincount(bins, weights=weights * (np.asarray(correct) - confidence))
    return float(np.abs(gaps).sum() / weights.sum())


def _bins(confidence: NDArray[np.float64], n_bins: int) -> NDArray[np.intp]:
    """Return the bin of each confidence, from 0."""
    return np.clip(np.ceil(confidence * n_bins).astype(np.intp) - 1, 0, n_bins - 1)


def reliability(correct: ArrayLike, confidence: ArrayLike, n_bins: int = 15) -> list[Bin]:
    """Return confidence and accuracy in each bin of `calibration_error`, the lowest first.

    Parameters
    ----------
    correct, confidence, n_bins
        As `calibration_error` takes them.

    Examples
    --------
    >>> reliability([True, True, False], [0.75, 1.0, 0.75], 2)[1]
    Bin(low=0.5, high=1.0, n=3, confidence=0.8333333333333334, accuracy=0.6666666666666666)
    """
    right, sure = np.asarray(correct, dtype=bool), np.asarray(confidence, dtype=np.float64)
    bins = _bins(sure, n_bins)
    found = []
    for number in range(n_bins):
        inside = bins == number
        count = int(inside.sum())
        means = (float(sure[inside].mean()), float(right[inside].mean())) if count else (math.nan, math.nan)
        found.append(Bin(number / n_bins, (number + 1) / n_bins, count, *means))
    return found


def rejections(correct: ArrayLike, confidence: ArrayLike, thresholds: ArrayLike) -> list[Rejection]:
    """Return what is left of the predictions at each threshold: those whose confidence is no lower are told.

    Parameters
    ----------
    correct, confidence
        As `calibration_error` takes them.
    thresholds : array-like of shape (n_thresholds,)
        Confidences.

    Examples
    --------
    >>> rejections([True, False, True, False], [0.9, 0.8, 0.7, 0.6], [0.7])
    [Rejection(threshold=0.7, rejected=0.25, error_rate=0.3333333333333333, n_wrong=1)]
    """
    sure = np.asarray(confidence)
    order = np.argsort(sure, kind="stable")
    wrong_below = np.concatenate([[0], np.cumsum(~np.asarray(correct, dtype=bool)[order])])
    found, n = [], len(order)
    for threshold in np.asarray(thresholds).tolist():
        n_rejected = int(np.searchsorted(sure[order], threshold, side="left"))
        n_wrong, n_told = int(wrong_below[-1] - wrong_below[n_rejected]), n - n_rejected
        found.append(Rejection(threshold, n_rejected / n, n_wrong / n_told if n_told else math.nan, n_wrong))
    return found
