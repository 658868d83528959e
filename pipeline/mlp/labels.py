"""Labels as people and JSON read them, and the predictions of a model in their terms."""

from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from pipeline.text import printable

Array = NDArray[Any]
Label = bool | int | float | str


class Prediction(TypedDict):
    """What a model predicts for one sample, in values that JSON has.

    Attributes
    ----------
    number : int
        Of the sample, from 0.
    label : label or list of label
        The likeliest; where several are possible at once, all that are likelier than not.
    confidence : float
        The probability of that.
    probabilities : dict of float
        Of every label, by its text.
    """

    number: int
    label: Label | list[Label]
    confidence: float
    probabilities: dict[str, float]


def check_no_missing(y: ArrayLike, what: str = "label") -> None:
    """Raise where a label, or target, is missing: None, NaN, NaT or pandas' NA; of numbers, scikit-learn looks itself.

    Raises
    ------
    ValueError
        Naming the first row, in scikit-learn's words.
    """
    if scipy.sparse.issparse(y):
        return
    labels = np.asarray(y)
    if labels.dtype.kind in "mMO" and len(missing := _missing(labels)):
        row = int(missing[0])
        raise ValueError(
            f"Input y contains NaN: a {what} must be known for every sample, and that of row {row} is {labels[row]!r}"
        )


def check_classes(classes: ArrayLike) -> None:
    """Raise where one of the labels that there are is missing: None, NaN, NaT or pandas' NA.

    Raises
    ------
    ValueError
        Naming the first, by its place.

    Examples
    --------
    >>> check_classes(["a", None])
    Traceback (most recent call last):
    ValueError: classes must be labels that are known; that of place 1, from 0, is None
    """
    labels = np.asarray(classes)
    missing = _missing(labels)
    if len(missing):
        place = int(missing[0])
        label = labels.tolist()[place]
        raise ValueError(f"classes must be labels that are known; that of place {place}, from 0, is {label!r}")


def _missing(labels: Array) -> Array:
    """Return the rows in which a label is missing."""
    if labels.ndim == 0:
        return np.arange(0)
    if labels.dtype.kind in "mM":
        return np.flatnonzero(np.isnat(labels).reshape(len(labels), -1).any(axis=1))
    if labels.dtype.kind in "fc":
        return np.flatnonzero(np.isnan(labels).reshape(len(labels), -1).any(axis=1))
    if labels.dtype == object:
        return np.flatnonzero([any(map(_is_missing, np.ravel(label))) for label in labels])
    return np.arange(0)


def _is_missing(label: Any) -> bool:
    """Tell whether a label is None, or is not equal to itself, or cannot tell."""
    try:
        return label is None or bool(label != label)  # noqa: PLR0124 - NaN and NaT alone are unlike themselves
    except TypeError:  # pandas' NA is neither
        return True


def plain_labels(classes: Array) -> list[Label]:
    """Return labels as values that JSON has: numbers, booleans and text; dates are ISO 8601, durations are words.

    Examples
    --------
    >>> plain_labels(np.array(["2020-01-01", "2021-05-06"], "datetime64[ns]"))
    ['2020-01-01', '2021-05-06']
    >>> plain_labels(np.array([3, 5], "timedelta64[D]"))
    ['3 days', '5 days']
    >>> plain_labels(np.array([False, True]))
    [False, True]
    """
    match classes.dtype.kind:
        case "M":
            return [str(one) for one in np.datetime_as_string(classes, unit="auto")]
        case "m":
            return [str(one) for one in classes]
        case "S":
            return [one.decode(errors="backslashreplace") for one in classes.tolist()]
        case "f":  # a longdouble is no number to JSON
            return [float(one) for one in classes]
    plain: list[Label] = classes.tolist()
    return plain


def predictions(
    classes: Array, probabilities: Array, *, multilabel: bool = False, first: int = 0
) -> Iterator[Prediction]:
    """Yield what a model predicts for every sample.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        All labels.
    probabilities : ndarray of shape (n_samples, n_classes)
        As ``predict_proba`` returns them.
    multilabel : bool, default=False
        Whether a sample may have several labels at once, or none.
    first : int, default=0
        The number of the first of these samples.

    Examples
    --------
    >>> one, = predictions(np.array(["a", "b"]), np.array([[0.25, 0.75]]))
    >>> one["label"], one["confidence"]
    ('b', 0.75)
    >>> one, = predictions(np.arange(3), np.array([[0.75, 0.25, 1.0]]), multilabel=True)
    >>> one["label"], one["confidence"]
    ([0, 2], 0.5625)
    """
    labels = plain_labels(classes)
    for number, row in enumerate(probabilities.tolist(), start=first):
        label, confidence = _several(labels, row) if multilabel else _likeliest(labels, row)
        by_label = dict(zip(map(str, labels), row, strict=True))
        yield {"number": number, "label": label, "confidence": confidence, "probabilities": by_label}


def _likeliest(labels: list[Label], probabilities: list[float]) -> tuple[Label, float]:
    """Return the likeliest label and its probability."""
    return max(zip(labels, probabilities, strict=True), key=lambda pair: pair[1])


def _several(labels: list[Label], probabilities: list[float]) -> tuple[list[Label], float]:
    """Return the labels that are likelier than not, and the probability that it is these and no other."""
    likely = [label for label, p in zip(labels, probabilities, strict=True) if p > 0.5]
    return likely, float(np.prod([max(p, 1 - p) for p in probabilities]))


def is_multilabel(model: Any) -> bool:
    """Tell whether a model, or the last step of a pipeline, gives a sample several labels at once."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return getattr(last, "out_activation_", "softmax") == "logistic" and last.n_outputs_ > 1


def as_text(label: Label | Iterable[Label]) -> str:
    """Return a label, or several, on one line; none is a hyphen.

    Examples
    --------
    >>> as_text("two words"), as_text([1, 3]), as_text([])
    ('two words', '1,3', '-')
    """
    words = str(label) if isinstance(label, Label) else ",".join(map(str, label)) or "-"
    return printable(words)
