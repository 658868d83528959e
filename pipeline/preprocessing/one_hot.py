"""Labels turned into one column for each class, and back."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, assert_all_finite, check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from pipeline.parameters import check_parameters


class OneHot(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]  # scikit-learn ships no types
    """Give each class a column: 1 in the column of the row's label, 0 elsewhere.

    It takes labels, as scikit-learn's ``LabelBinarizer`` does, and so it is no step of a ``Pipeline``. Two classes
    have two columns.

    Parameters
    ----------
    classes : "auto" or list, default="auto"
        The labels in the order of their columns; "auto" takes those of y, sorted.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The label of each column.

    Examples
    --------
    >>> one_hot = OneHot().fit(["no", "yes", "no"])
    >>> one_hot.transform(["yes", "no"])
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    >>> one_hot.inverse_transform([[0.2, 0.8]])
    array(['yes'], dtype='<U3')
    """

    def __init__(self, classes: Literal["auto"] | tuple[Any, ...] = "auto") -> None:
        self.classes = classes

    def fit(self, y: ArrayLike) -> Self:
        """Learn which column stands for which label.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels: numbers or words.

        Returns
        -------
        OneHot
            Itself.

        Raises
        ------
        ValueError
            Where y is empty, has a label that `classes` lacks, or `classes` names one twice.
        """
        check_parameters(self)
        labels = _labels(y)
        if not len(labels):
            raise ValueError("y must have labels; got none")
        self.classes_ = np.unique(labels) if isinstance(self.classes, str) else np.asarray(self.classes)
        if len(np.unique(self.classes_)) < len(self.classes_):
            raise ValueError(f"classes must name each label once; got {self.classes!r}")
        self._columns(labels)
        return self

    def fit_transform(self, y: ArrayLike) -> NDArray[np.float32]:
        """Learn from labels, and transform them."""
        return self.fit(y).transform(y)

    def transform(self, y: ArrayLike) -> NDArray[np.float32]:
        """Turn labels into rows with a single 1.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Zeros and ones.

        Raises
        ------
        ValueError
            For a label that has no column.
        """
        check_is_fitted(self)
        columns = self._columns(_labels(y))
        Y = np.zeros((len(columns), len(self.classes_)), dtype=np.float32)
        Y[np.arange(len(columns)), columns] = 1
        return Y

    def inverse_transform(self, Y: ArrayLike) -> NDArray[Any]:
        """Turn rows back into labels.

        Parameters
        ----------
        Y : array-like of shape (n_samples, n_classes)
            One-hot rows, or probabilities.

        Returns
        -------
        ndarray of shape (n_samples,)
            The label of each row's largest entry.

        Raises
        ------
        ValueError
            Where there is not one column for each class.
        """
        check_is_fitted(self)
        rows = check_array(Y, dtype=[np.float32, np.float64])
        if rows.shape[1] != len(self.classes_):
            raise ValueError(f"Y must have {len(self.classes_)} columns, one for each class; got {rows.shape[1]}")
        return self.classes_[rows.argmax(axis=1)]

    def _columns(self, y: NDArray[Any]) -> list[int]:
        """Return the column of each label; a dictionary takes the classes in any order, and words as well."""
        column = {label: number for number, label in enumerate(self.classes_.tolist())}
        labels = y.tolist()
        unknown = set(labels) - set(column)
        if unknown:
            raise ValueError(f"no column for the labels {_some(unknown)}; there are {_some(column)}")
        return [column[label] for label in labels]

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that this takes labels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def _labels(y: ArrayLike) -> NDArray[Any]:
    """Return labels as an array of one dimension without gaps."""
    labels: NDArray[Any] = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    return labels


def _some(labels: Any) -> str:
    """Name labels, and not more than a line holds."""
    words = sorted(map(repr, labels))
    return ", ".join(words[:12]) + (", ..." if len(words) > 12 else "")
