"""The figures of a prediction, and all that there is to say of one that comes piece by piece."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics
from sklearn.utils import check_consistent_length, column_or_1d

from pipeline.metrics.confidence import calibration_error
from pipeline.metrics.labels import all_labels, checked, columns_of, is_multilabel, plain
from pipeline.metrics.mistakes import (
    ClassScore,
    Mistake,
    Outcomes,
    class_scores,
    confusion_table,
    rows_of_mistakes,
    surest_mistakes,
)

MEASURES = ("accuracy", "error_rate", "log_loss", "f1_macro", "top_2_accuracy", "calibration_error")
"""What `measure` returns, in its order."""


class Summary(NamedTuple):
    """All there is to say of predictions, without their probabilities: see the functions of the same names."""

    labels: list[Any]
    figures: dict[str, float]
    outcomes: Outcomes

    @property
    def by_class(self) -> list[ClassScore]:
        """Precision, recall, F1 and support of every label."""
        return class_scores(self.outcomes, self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How many rows of each label (down) were predicted to be of each label (across)."""
        return confusion_table(self.outcomes, self.labels)

    @property
    def wrong_rows(self) -> list[int]:
        """The rows that were predicted wrong, ascending."""
        return rows_of_mistakes(self.outcomes)

    def worst_mistakes(self, n: int = 25) -> list[Mistake]:
        """Return the wrong predictions that were made most surely, ``n`` at most, the surest first."""
        return surest_mistakes(self.outcomes, self.labels, n)


def measure(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike,
    n_bins: int = 15,
    *,
    sample_weight: ArrayLike | None = None,
) -> dict[str, float]:
    """Return the figures of a prediction.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 1)
        Labels. A class may be missing; a label that is no class was predicted wrong.
    probabilities : array-like of shape (n_samples, n_classes)
        Rows that sum to 1, as ``predict_proba`` returns them.
    classes : array-like of shape (n_classes,)
        The label of each column.
    n_bins : int, default=15
        Number of bins of `calibration_error`.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each row counts. None is all alike.

    Returns
    -------
    dict of float
        accuracy, error_rate, log_loss (nats), f1_macro, top_2_accuracy and calibration_error; f1_macro is, as
        scikit-learn's, the mean over the classes that are in the labels or the predictions. log_loss is NaN where a
        label is no class: nothing was said of its probability.

    Raises
    ------
    ValueError
        Where labels, probabilities and classes do not fit together, or the probabilities are none.

    Examples
    --------
    >>> figures = measure([0, 1, 1, 2], np.eye(3)[[0, 1, 2, 2]], [0, 1, 2])
    >>> figures["accuracy"], figures["error_rate"]
    (0.75, 0.25)
    """
    true, P = checked(y_true, probabilities, classes)
    figures = measure_predictions(true, P.argmax(axis=1), sample_weight=sample_weight)
    figures |= _measure_probabilities(true, P, n_bins, sample_weight)
    return {name: figures[name] for name in MEASURES}


def summarize(
    pieces: Iterable[tuple[ArrayLike, ArrayLike]], labels: ArrayLike, classes: ArrayLike, n_bins: int = 15
) -> Summary:
    """Say all there is to say of predictions that come some at a time, so that memory is that of a few numbers a row.

    Parameters
    ----------
    pieces : iterable of (y_true, probabilities)
        As `measure` takes them, one piece after the other.
    labels : array-like
        All that are among y_true, in any order, each once or more.
    classes, n_bins
        As `measure` takes them.

    Returns
    -------
    Summary
        Of one piece with the very figures of `measure`; of several, they are the same but for the last bits.

    Examples
    --------
    >>> P = np.eye(3)[[0, 1, 2, 2]]
    >>> found = summarize([([0, 1], P[:2]), ([1, 2], P[2:])], [0, 1, 2], [0, 1, 2])
    >>> found.figures["accuracy"], found.wrong_rows
    (0.75, [2])
    """
    names, seen, means = all_labels(labels, classes), [], []
    for y_true, probabilities in pieces:
        true, P = checked(y_true, probabilities, classes, names)
        means.append((_log_loss(true, P, None), _top_2_accuracy(true, P, None)))
        seen.append(Outcomes(true, P.argmax(axis=1), P.max(axis=1)))
    found = seen[0] if len(seen) == 1 else Outcomes(*(np.concatenate(each) for each in zip(*seen, strict=True)))
    sizes = [len(one.true) for one in seen]
    log_loss, top_2 = means[0] if len(seen) == 1 else np.average(means, axis=0, weights=sizes).tolist()
    figures = measure_predictions(found.true, found.predicted)
    figures |= {"log_loss": log_loss, "top_2_accuracy": top_2}
    figures["calibration_error"] = calibration_error(found.true == found.predicted, found.confidence, n_bins)
    return Summary(names, {name: figures[name] for name in MEASURES}, found)


def measure_predictions(
    y_true: ArrayLike, predictions: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> dict[str, float]:
    """Return the figures of predictions that come without probabilities: accuracy, error_rate and f1_macro.

    Parameters
    ----------
    y_true, predictions : array-like of shape (n_samples,) or (n_samples, 1), or both (n_samples, n_labels), also sparse
        Labels, and what ``predict`` says. Two dimensions are several labels at once, 0 or 1 each, of which all must be
        right.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each row counts. None is all alike.

    Raises
    ------
    ValueError
        Where the two do not fit together.

    Examples
    --------
    >>> measure_predictions(["a", "b", "new", "b"], ["a", "b", "a", "b"])["accuracy"]
    0.75
    """
    if not is_multilabel(y_true):
        names = all_labels(y_true, np.unique(column_or_1d(predictions)))
        y_true, predictions = columns_of(y_true, names), columns_of(predictions, names)
    accuracy = metrics.accuracy_score(y_true, predictions, sample_weight=sample_weight)
    right = metrics.accuracy_score(y_true, predictions, sample_weight=sample_weight, normalize=False)
    total = np.shape(y_true)[0] if sample_weight is None else np.sum(sample_weight)
    f1 = metrics.f1_score(y_true, predictions, average="macro", zero_division=0, sample_weight=sample_weight)
    return {"accuracy": float(accuracy), "error_rate": float((total - right) / total), "f1_macro": float(f1)}


def measure_probabilities(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike,
    n_bins: int = 15,
    *,
    sample_weight: ArrayLike | None = None,
) -> dict[str, float]:
    """Return the figures that take probabilities, log_loss, top_2_accuracy and calibration_error; see `measure`.

    Examples
    --------
    >>> measure_probabilities([0, 2], [[0.7, 0.2, 0.1], [0.5, 0.1, 0.4]], [0, 1, 2])["top_2_accuracy"]
    1.0
    """
    return _measure_probabilities(*checked(y_true, probabilities, classes), n_bins, sample_weight)


def _measure_probabilities(
    true: NDArray[np.intp], P: NDArray[np.floating[Any]], n_bins: int, sample_weight: ArrayLike | None
) -> dict[str, float]:
    """Return what `measure_probabilities` does, true being each row's column, or one that is not there."""
    confidence, correct = P.max(axis=1), P.argmax(axis=1) == true
    return {
        "log_loss": _log_loss(true, P, sample_weight),
        "top_2_accuracy": _top_2_accuracy(true, P, sample_weight),
        "calibration_error": calibration_error(correct, confidence, n_bins, sample_weight=sample_weight),
    }


def _log_loss(true: NDArray[np.intp], P: NDArray[np.floating[Any]], sample_weight: ArrayLike | None) -> float:
    """Return the mean of -log p(true), which a label has not that is no class."""
    n_classes = P.shape[1]
    if true.max() >= n_classes:
        return math.nan
    if n_classes == 1:
        return 0.0  # the only class has all the probability, and scikit-learn wants two
    return float(metrics.log_loss(true, P, labels=np.arange(n_classes), sample_weight=sample_weight))


def top_2_accuracy(
    y_true: ArrayLike, scores: ArrayLike, classes: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Return the share of rows whose label is one of the two with the largest scores; of equal ones, the later count.

    Parameters
    ----------
    y_true, classes, sample_weight
        As `measure` takes them.
    scores : array-like of shape (n_samples, n_classes), or (n_samples,) for two classes
        Probabilities, or what ``decision_function`` returns.

    Examples
    --------
    >>> top_2_accuracy(["a", "b", "new"], [[5, -2, 1], [3, 0, 2], [1, 2, 3]], ["a", "b", "c"])
    0.3333333333333333
    """
    names, S = plain(classes), np.asarray(scores)
    S = np.column_stack([-S, S]) if S.ndim == 1 else S
    check_consistent_length(y_true, S)
    return _top_2_accuracy(columns_of(y_true, all_labels(y_true, names)), S, sample_weight)


def _top_2_accuracy(true: NDArray[np.intp], scores: NDArray[Any], sample_weight: ArrayLike | None) -> float:
    """Return what `top_2_accuracy` does, true being each row's column, or one that is not there."""
    within = (np.argsort(scores, axis=1, kind="stable")[:, -2:] == true[:, None]).any(axis=1)
    return float(np.average(within, weights=None if sample_weight is None else np.asarray(sample_weight)))


def finite_or_none(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures as JSON can hold them: what has no value is None.

    Examples
    --------
    >>> finite_or_none({"accuracy": 0.5, "log_loss": math.nan})
    {'accuracy': 0.5, 'log_loss': None}
    """
    return {name: figure if math.isfinite(figure) else None for name, figure in figures.items()}
