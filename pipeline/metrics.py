"""The measures of a prediction, as pure functions of labels and probabilities.

A row's guess is the class with the largest probability, and its confidence is that probability. Where scikit-learn
has a measure, it does the arithmetic.
"""

from collections.abc import Sequence
from math import comb
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics
from sklearn.utils import assert_all_finite, check_consistent_length


class ClassScore(NamedTuple):
    """How well one class is told from the others; what cannot be said for lack of rows is 0."""

    label: Any
    precision: float
    recall: float
    f1: float
    support: int


class Mistake(NamedTuple):
    """A wrong guess: its row, what stands there, what was guessed, and how surely."""

    row: int
    truth: Any
    guess: Any
    confidence: float


def measure(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, n_bins: int = 15) -> dict[str, float]:
    """Return the figures of a prediction.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels, each of them one of the classes; a class may be missing.
    probabilities : array-like of shape (n_samples, n_classes)
        Rows that sum to 1, as ``predict_proba`` returns them.
    classes : array-like of shape (n_classes,)
        The label of each column, at least two.
    n_bins : int, default=15
        Number of bins of `calibration_error`.

    Returns
    -------
    dict of float
        accuracy, error_rate, log_loss (nats), f1_macro, top_2_accuracy and calibration_error; f1_macro is, as
        scikit-learn's, the mean over the classes that are in the labels or the guesses.

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
    truth, P = _checked(y_true, probabilities, classes)
    guess = P.argmax(axis=1)
    every = np.arange(P.shape[1])
    # Of two classes both are among the two likeliest; scikit-learn would warn and say the same.
    top_2 = metrics.top_k_accuracy_score(truth, P, k=2, labels=every) if len(every) > 2 else 1.0
    figures = {
        "accuracy": metrics.accuracy_score(truth, guess),
        "error_rate": np.mean(truth != guess),
        "log_loss": metrics.log_loss(truth, P, labels=every),
        "f1_macro": metrics.f1_score(truth, guess, average="macro", zero_division=0),
        "top_2_accuracy": top_2,
        "calibration_error": calibration_error(truth == guess, P.max(axis=1), n_bins),
    }
    return {name: float(figure) for name, figure in figures.items()}


def calibration_error(correct: ArrayLike, confidence: ArrayLike, n_bins: int = 15) -> float:
    """Return the expected calibration error: how far confidence and accuracy lie apart.

    ``ECE = sum over bins b of (n_b / n) * |accuracy(b) - confidence(b)|``, where bin b holds the rows whose confidence
    is in ``((b - 1) / n_bins, b / n_bins]``, and accuracy and confidence are means over its rows.

    Parameters
    ----------
    correct : array-like of shape (n_samples,), bool
        Whether each guess is right.
    confidence : array-like of shape (n_samples,), 0..1
        The probability of each guess.
    n_bins : int, default=15
        Number of bins, all of one width; 15 is the paper's.

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
    bins = np.clip(np.ceil(confidence * n_bins).astype(np.intp) - 1, 0, n_bins - 1)
    gaps = np.bincount(bins, weights=np.asarray(correct) - confidence)
    return float(np.abs(gaps).sum() / len(confidence))


def by_class(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> list[ClassScore]:
    """Return precision, recall, F1 and support of every class, in the order of the columns; see `measure`.

    Examples
    --------
    >>> by_class(["no", "no", "yes"], [[1, 0], [0, 1], [0, 1]], ["no", "yes"])[1]
    ClassScore(label='yes', precision=0.5, recall=1.0, f1=0.6666666666666666, support=1)
    """
    truth, P = _checked(y_true, probabilities, classes)
    columns = metrics.precision_recall_fscore_support(
        truth, P.argmax(axis=1), labels=np.arange(P.shape[1]), zero_division=0
    )
    return [ClassScore(*row) for row in zip(_plain(classes), *(column.tolist() for column in columns), strict=True)]


def confusion(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> NDArray[np.int64]:
    """Return how many rows of each class (down) were guessed to be of each class (across); see `measure`.

    Examples
    --------
    >>> confusion(["no", "no", "yes"], [[1, 0], [0, 1], [0, 1]], ["no", "yes"])
    array([[1, 1],
           [0, 1]])
    """
    truth, P = _checked(y_true, probabilities, classes)
    table: NDArray[np.int64] = metrics.confusion_matrix(truth, P.argmax(axis=1), labels=np.arange(P.shape[1]))
    return table


def worst_mistakes(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, n: int = 25) -> list[Mistake]:
    """Return the wrong guesses that were made most surely, the surest first; see `measure`.

    Parameters
    ----------
    y_true, probabilities, classes
        As `measure` takes them.
    n : int, default=25
        How many at most.

    Examples
    --------
    >>> worst_mistakes([0, 0, 1], [[0.4, 0.6], [0.25, 0.75], [0, 1]], [0, 1], n=1)
    [Mistake(row=1, truth=0, guess=1, confidence=0.75)]
    """
    truth, P = _checked(y_true, probabilities, classes)
    guess, confidence = P.argmax(axis=1), P.max(axis=1)
    wrong = np.flatnonzero(truth != guess)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:n]
    names = _plain(classes)
    return [Mistake(int(row), names[truth[row]], names[guess[row]], float(confidence[row])) for row in surest]


def wrong_rows(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> list[int]:
    """Return the rows that were guessed wrong, ascending; see `measure`.

    Examples
    --------
    >>> wrong_rows([0, 0, 1], [[0.4, 0.6], [1, 0], [0.5, 0.5]], [0, 1])
    [0, 2]
    """
    truth, P = _checked(y_true, probabilities, classes)
    rows: list[int] = np.flatnonzero(truth != P.argmax(axis=1)).tolist()
    return rows


def mcnemar(y_true: ArrayLike, one: ArrayLike, other: ArrayLike) -> float:
    """Return how likely two classifiers that are equally good differ on the same rows by as much as these two do.

    Only rows count that one alone gets wrong. Were both equally good, each such row would be either's with the
    probability 1/2: with k the smaller and n the number of both, ``p = min(1, 2 sum_{i <= k} C(n, i) / 2^n)``, exactly.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    one, other : array-like of shape (n_samples,)
        What each of the two has guessed.

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
    truth = np.asarray(y_true)
    wrong, wrong_too = np.asarray(one) != truth, np.asarray(other) != truth
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
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.floating[Any]]]:
    """Return each row's column of the truth, and the probabilities in the precision they came in."""
    P = np.asarray(probabilities)
    P = P if P.dtype in (np.float32, np.float64) else P.astype(np.float64)
    names = _plain(classes)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"classes must be two or more, each named once; got {names}")
    if P.ndim != 2 or P.shape[1] != len(names) or not len(P):
        raise ValueError(f"probabilities must be (n_samples, {len(names)}), one row at least; got {P.shape}")
    check_consistent_length(y_true, P)
    _check_distribution(P)
    return _columns(_plain(y_true), names), np.clip(P, 0, 1)


def _check_distribution(P: NDArray[np.floating[Any]]) -> None:
    """Raise unless every row is a distribution, as nearly as its precision allows."""
    assert_all_finite(P, input_name="probabilities")
    slack = float(np.sqrt(np.finfo(P.dtype).eps))  # what scikit-learn grants
    off = (P.min(axis=1) < -slack) | (abs(P.sum(axis=1) - 1) > slack)
    if off.any():
        row = int(off.argmax())
        raise ValueError(f"probabilities must be >= 0 and sum to 1 in each row; row {row} is {P[row].tolist()}")


def _columns(labels: Sequence[Any], names: Sequence[Any]) -> NDArray[np.intp]:
    """Return the column of each label."""
    column = {name: number for number, name in enumerate(names)}
    unknown = {label for label in labels if label not in column}
    if unknown:
        raise ValueError(f"y_true must hold the classes {names} alone; got {sorted(unknown, key=repr)[:12]} as well")
    return np.array([column[label] for label in labels], dtype=np.intp)


def _plain(labels: ArrayLike) -> list[Any]:
    """Return labels as Python's own values."""
    plain: list[Any] = np.asarray(labels).tolist()
    return plain
