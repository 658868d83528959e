"""The measures of a prediction, as pure functions of labels and probabilities.

A row's prediction is the class with the largest probability, and its confidence is that probability. A label that is
none of the classes, since it was not there in training, is predicted wrong like any other. A measure that has no value
is NaN. Where scikit-learn has a measure, it does the arithmetic.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

MEASURES = ("accuracy", "error_rate", "log_loss", "f1_macro", "top_2_accuracy", "calibration_error")
"""What `measure` returns, in its order."""


class ClassScore(NamedTuple):
    """How well one class is told from the others; what cannot be said for lack of rows is 0."""

    label: Any
    precision: float
    recall: float
    f1: float
    support: int


class Mistake(NamedTuple):
    """A wrong prediction: its row, its label, the label that was predicted, and how surely."""

    row: int
    true: Any
    predicted: Any
    confidence: float


class Outcomes(NamedTuple):
    """What became of every row: the places of its label and of the predicted one in `all_labels`, and how surely."""

    true: NDArray[np.intp]
    predicted: NDArray[np.intp]
    confidence: NDArray[np.floating[Any]]


class Summary(NamedTuple):
    """All there is to say of predictions, without their probabilities: see the functions of the same names."""

    labels: list[Any]
    figures: dict[str, float]
    outcomes: Outcomes

    @property
    def by_class(self) -> list[ClassScore]:
        """Precision, recall, F1 and support of every label."""
        return _by_class(self.outcomes, self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How many rows of each label (down) were predicted to be of each label (across)."""
        return _confusion(self.outcomes, self.labels)

    @property
    def wrong_rows(self) -> list[int]:
        """The rows that were predicted wrong, ascending."""
        return _wrong_rows(self.outcomes)

    def worst_mistakes(self, n: int = 25) -> list[Mistake]:
        """Return the wrong predictions that were made most surely, ``n`` at most, the surest first."""
        return _worst_mistakes(self.outcomes, self.labels, n)


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
    true, P = _checked(y_true, probabilities, classes)
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
        true, P = _checked(y_true, probabilities, classes, names)
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
        y_true, predictions = _columns(y_true, names), _columns(predictions, names)
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
    return _measure_probabilities(*_checked(y_true, probabilities, classes), n_bins, sample_weight)


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
    names, S = _plain(classes), np.asarray(scores)
    S = np.column_stack([-S, S]) if S.ndim == 1 else S
    check_consistent_length(y_true, S)
    return _top_2_accuracy(_columns(y_true, all_labels(y_true, names)), S, sample_weight)


def _top_2_accuracy(true: NDArray[np.intp], scores: NDArray[Any], sample_weight: ArrayLike | None) -> float:
    """Return what `top_2_accuracy` does, true being each row's column, or one that is not there."""
    within = (np.argsort(scores, axis=1, kind="stable")[:, -2:] == true[:, None]).any(axis=1)
    return float(np.average(within, weights=None if sample_weight is None else np.asarray(sample_weight)))


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


def proportion_interval(n_right: int, n: int) -> tuple[float, float]:
    """Return between what an accuracy lies with a confidence of 95 %, by Wilson's score interval.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22.

    Examples
    --------
    >>> low, high = proportion_interval(50, 100)
    >>> round(low, 4), round(high, 4)
    (0.4038, 0.5962)
    """
    z = 1.959963984540054  # the normal distribution's quantile of 0.975
    p, spread = n_right / n, z**2 / n
    centre, half = p + spread / 2, z * math.sqrt((p * (1 - p) + spread / 4) / n)
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def outcomes(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> Outcomes:
    """Return what became of every row; see `measure`.

    Examples
    --------
    >>> outcomes(["no", "yes"], [[0.75, 0.25], [1, 0]], ["no", "yes"]).predicted
    array([0, 0])
    """
    true, P = _checked(y_true, probabilities, classes)
    return Outcomes(true, P.argmax(axis=1), P.max(axis=1))


def all_labels(y_true: ArrayLike, classes: ArrayLike) -> list[Any]:
    """Return the classes in their order, then the labels that are none of them, sorted.

    Raises
    ------
    ValueError
        Where they are no labels (fractions, say, or NaN), or some are text and others are not.

    Examples
    --------
    >>> all_labels([7, 0, 3, 7], [0, 1])
    [0, 1, 3, 7]
    """
    names = _plain(classes)
    known = set(names)
    unseen = [label for label in dict.fromkeys(_labels(y_true)) if label not in known]
    if any(isinstance(label, str) != isinstance(name, str) for label in unseen for name in names[:1]):
        raise ValueError(
            f"y_true must hold labels like the classes {names[:12]}, all text or none; got {unseen[0]!r} as well"
        )
    return names + sorted(unseen, key=lambda label: (type(label).__name__, label))


def is_multilabel(y_true: ArrayLike) -> bool:
    """Tell whether labels are several at once, in two dimensions; a single column is labels one by one."""
    shape = np.shape(y_true)
    return len(shape) == 2 and shape[1] > 1


def by_class(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> list[ClassScore]:
    """Return precision, recall, F1 and support of every label, in the order of `all_labels`; see `measure`.

    Examples
    --------
    >>> by_class(["no", "no", "yes"], [[1, 0], [0, 1], [0, 1]], ["no", "yes"])[1]
    ClassScore(label='yes', precision=0.5, recall=1.0, f1=0.6666666666666666, support=1)
    """
    return _by_class(outcomes(y_true, probabilities, classes), all_labels(y_true, classes))


def _by_class(found: Outcomes, names: Sequence[Any]) -> list[ClassScore]:
    columns = metrics.precision_recall_fscore_support(
        found.true, found.predicted, labels=np.arange(len(names)), zero_division=0
    )
    return [ClassScore(*row) for row in zip(names, *(column.tolist() for column in columns), strict=True)]


def confusion(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> NDArray[np.int64]:
    """Return how many rows of each label (down) were predicted to be of each label (across); see `measure`.

    Both stand in the order of `all_labels`; nothing is predicted to be of a label that is no class.

    Examples
    --------
    >>> confusion(["no", "no", "yes"], [[1, 0], [0, 1], [0, 1]], ["no", "yes"])
    array([[1, 1],
           [0, 1]])
    """
    return _confusion(outcomes(y_true, probabilities, classes), all_labels(y_true, classes))


def _confusion(found: Outcomes, names: Sequence[Any]) -> NDArray[np.int64]:
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(table, (found.true, found.predicted), 1)
    return table


def worst_mistakes(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, n: int = 25) -> list[Mistake]:
    """Return the wrong predictions that were made most surely, the surest first; see `measure`.

    Parameters
    ----------
    y_true, probabilities, classes
        As `measure` takes them.
    n : int, default=25
        How many at most.

    Examples
    --------
    >>> worst_mistakes([0, 0, 1], [[0.4, 0.6], [0.25, 0.75], [0, 1]], [0, 1], n=1)
    [Mistake(row=1, true=0, predicted=1, confidence=0.75)]
    """
    return _worst_mistakes(outcomes(y_true, probabilities, classes), all_labels(y_true, classes), n)


def _worst_mistakes(found: Outcomes, names: Sequence[Any], n: int) -> list[Mistake]:
    true, predicted, confidence = found
    wrong = np.flatnonzero(true != predicted)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:n]
    return [Mistake(int(row), names[true[row]], names[predicted[row]], float(confidence[row])) for row in surest]


def wrong_rows(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> list[int]:
    """Return the rows that were predicted wrong, ascending; see `measure`.

    Examples
    --------
    >>> wrong_rows([0, 0, 1], [[0.4, 0.6], [1, 0], [0.5, 0.5]], [0, 1])
    [0, 2]
    """
    return _wrong_rows(outcomes(y_true, probabilities, classes))


def _wrong_rows(found: Outcomes) -> list[int]:
    rows: list[int] = np.flatnonzero(found.true != found.predicted).tolist()
    return rows


def finite_or_none(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures as JSON can hold them: what has no value is None.

    Examples
    --------
    >>> finite_or_none({"accuracy": 0.5, "log_loss": math.nan})
    {'accuracy': 0.5, 'log_loss': None}
    """
    return {name: figure if math.isfinite(figure) else None for name, figure in figures.items()}


def mcnemar(y_true: ArrayLike, one: ArrayLike, other: ArrayLike) -> float:
    """Return how likely two classifiers that are equally good differ on the same rows by as much as these two do.

    Only rows count that one alone gets wrong. Were both equally good, each such row would be either's with the
    probability 1/2: with k the smaller and n the number of both, ``p = min(1, 2 sum_{i <= k} C(n, i) / 2^n)``, exactly.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    one, other : array-like of shape (n_samples,)
        What each of the two has predicted.

    Returns
    -------
    float
        The p-value, 0..1; 1 where both are wrong on the same rows.

    References
    ----------
    McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12. Dietterich (1998), Approximate statistical tests for comparing supervised classification learning
    algorithms, Neural Computation 10.

    Examples
    --------
    >>> mcnemar([0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1])
    0.125
    """
    check_consistent_length(y_true, one, other)
    true = np.asarray(y_true)
    wrong, wrong_too = np.asarray(one) != true, np.asarray(other) != true
    return sign_test(int(np.sum(wrong & ~wrong_too)), int(np.sum(wrong_too & ~wrong)))


def sign_test(n_one: int, n_other: int) -> float:
    """Return McNemar's p-value from how many rows each of the two alone gets wrong; see `mcnemar`.

    Examples
    --------
    >>> sign_test(0, 4), sign_test(3, 3)
    (0.125, 1.0)
    """
    n, k = n_one + n_other, min(n_one, n_other)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)


def _checked(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, labels: Sequence[Any] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.floating[Any]]]:
    """Return each row's place among `all_labels`, and the probabilities in the precision they came in.

    A place beyond the columns is that of a label that is no class. ``labels`` are those that `all_labels` would find.
    """
    P = np.asarray(probabilities)
    P = P if P.dtype in (np.float32, np.float64) else P.astype(np.float64)
    names = _plain(classes)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"classes must be one or more, each named once; got {names}")
    if P.ndim != 2 or P.shape[1] != len(names) or not len(P):
        raise ValueError(f"probabilities must be (n_samples, {len(names)}), one row at least; got {P.shape}")
    check_consistent_length(y_true, P)
    _check_distribution(P)
    return _columns(y_true, all_labels(y_true, names) if labels is None else labels), np.clip(P, 0, 1)


def _check_distribution(P: NDArray[np.floating[Any]]) -> None:
    """Raise unless every row is a distribution, as nearly as its precision allows."""
    assert_all_finite(P, input_name="probabilities")
    slack = float(np.sqrt(np.finfo(P.dtype).eps))  # what scikit-learn grants
    off = (P.min(axis=1) < -slack) | (abs(P.sum(axis=1) - 1) > slack)
    if off.any():
        row = int(off.argmax())
        raise ValueError(f"probabilities must be >= 0 and sum to 1 in each row; row {row} is {P[row].tolist()}")


def _columns(y: ArrayLike, names: Sequence[Any]) -> NDArray[np.intp]:
    """Return the place of each label among names that have them all."""
    column = {name: number for number, name in enumerate(names)}
    return np.array([column[label] for label in _labels(y)], dtype=np.intp)


def _labels(y: ArrayLike) -> list[Any]:
    """Return labels, one for each row, as Python's own values; raise where they are none."""
    labels = column_or_1d(y)
    assert_all_finite(labels, input_name="y_true")
    if labels.dtype != object:  # of objects scikit-learn knows text alone; others, dates say, are told apart as well
        check_classification_targets(labels)
    return _plain(labels)


def _plain(labels: ArrayLike) -> list[Any]:
    """Return labels as Python's own values."""
    plain: list[Any] = np.asarray(labels).tolist()
    return plain
