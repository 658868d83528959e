"""What became of every row: by class, as a confusion matrix, and which are wrong."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics

from pipeline.metrics.labels import all_labels, checked


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


def outcomes(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> Outcomes:
    """Return what became of every row; see `measure`.

    Examples
    --------
    >>> outcomes(["no", "yes"], [[0.75, 0.25], [1, 0]], ["no", "yes"]).predicted
    array([0, 0])
    """
    true, P = checked(y_true, probabilities, classes)
    return Outcomes(true, P.argmax(axis=1), P.max(axis=1))


def by_class(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> list[ClassScore]:
    """Return precision, recall, F1 and support of every label, in the order of `all_labels`; see `measure`.

    Examples
    --------
    >>> by_class(["no", "no", "yes"], [[1, 0], [0, 1], [0, 1]], ["no", "yes"])[1]
    ClassScore(label='yes', precision=0.5, recall=1.0, f1=0.6666666666666666, support=1)
    """
    return class_scores(outcomes(y_true, probabilities, classes), all_labels(y_true, classes))


def class_scores(found: Outcomes, names: Sequence[Any]) -> list[ClassScore]:
    """Return what `by_class` does of outcomes, whose labels have these names."""
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
    return confusion_table(outcomes(y_true, probabilities, classes), all_labels(y_true, classes))


def confusion_table(found: Outcomes, names: Sequence[Any]) -> NDArray[np.int64]:
    """Return what `confusion` does of outcomes, whose labels have these names."""
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
    return surest_mistakes(outcomes(y_true, probabilities, classes), all_labels(y_true, classes), n)


def surest_mistakes(found: Outcomes, names: Sequence[Any], n: int) -> list[Mistake]:
    """Return what `worst_mistakes` does of outcomes, whose labels have these names."""
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
    return rows_of_mistakes(outcomes(y_true, probabilities, classes))


def rows_of_mistakes(found: Outcomes) -> list[int]:
    """Return what `wrong_rows` does of outcomes."""
    rows: list[int] = np.flatnonzero(found.true != found.predicted).tolist()
    return rows
