"""Labels and probabilities as they were given, checked, and labels as the numbers of columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets


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
    names = plain(classes)
    known = set(names)
    unseen = [label for label in dict.fromkeys(labels_of(y_true)) if label not in known]
    if any(isinstance(label, str) != isinstance(name, str) for label in unseen for name in names[:1]):
        raise ValueError(
            f"y_true must hold labels like the classes {names[:12]}, all text or none; got {unseen[0]!r} as well"
        )
    return names + sorted(unseen, key=lambda label: (type(label).__name__, label))


def is_multilabel(y_true: ArrayLike) -> bool:
    """Tell whether labels are several at once, in two dimensions; a single column is labels one by one."""
    shape = np.shape(y_true)
    return len(shape) == 2 and shape[1] > 1


def checked(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, labels: Sequence[Any] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.floating[Any]]]:
    """Return each row's place among `all_labels`, and the probabilities in the precision they came in.

    A place beyond the columns is that of a label that is no class. ``labels`` are those that `all_labels` would find.
    """
    P = np.asarray(probabilities)
    P = P if P.dtype in (np.float32, np.float64) else P.astype(np.float64)
    names = plain(classes)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"classes must be one or more, each named once; got {names}")
    if P.ndim != 2 or P.shape[1] != len(names) or not len(P):
        raise ValueError(f"probabilities must be (n_samples, {len(names)}), one row at least; got {P.shape}")
    check_consistent_length(y_true, P)
    _check_distribution(P)
    return columns_of(y_true, all_labels(y_true, names) if labels is None else labels), np.clip(P, 0, 1)


def _check_distribution(P: NDArray[np.floating[Any]]) -> None:
    """Raise unless every row is a distribution, as nearly as its precision allows."""
    assert_all_finite(P, input_name="probabilities")
    slack = float(np.sqrt(np.finfo(P.dtype).eps))  # what scikit-learn grants
    off = (P.min(axis=1) < -slack) | (abs(P.sum(axis=1) - 1) > slack)
    if off.any():
        row = int(off.argmax())
        raise ValueError(f"probabilities must be >= 0 and sum to 1 in each row; row {row} is {P[row].tolist()}")


def columns_of(y: ArrayLike, names: Sequence[Any]) -> NDArray[np.intp]:
    """Return the place of each label among names that have them all."""
    column = {name: number for number, name in enumerate(names)}
    return np.array([column[label] for label in labels_of(y)], dtype=np.intp)


def labels_of(y: ArrayLike) -> list[Any]:
    """Return labels, one for each row, as Python's own values; raise where they are none."""
    labels = column_or_1d(y)
    assert_all_finite(labels, input_name="y_true")
    if labels.dtype != object:  # of objects scikit-learn knows text alone; others, dates say, are told apart as well
        check_classification_targets(labels)
    return plain(labels)


def plain(labels: ArrayLike) -> list[Any]:
    """Return labels as Python's own values."""
    plain: list[Any] = np.asarray(labels).tolist()
    return plain
