"""Predictions that a model is sure enough of, and which it is not: classification with a reject option."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.mlp.labels import is_multilabel
from pipeline.parameters import ParameterError, check_arguments
from pipeline.text import shown_value


class SelectivePredictions(NamedTuple):
    """What a model predicts of samples, and of which it is not sure enough.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,) or (n_samples, n_classes)
        The likeliest, also of what is rejected; 0 and 1 for several labels at once.
    confidence : ndarray of shape (n_samples,)
        The probability of that.
    rejected : ndarray of shape (n_samples,), bool
        Whether the confidence is too low, or no number.
    """

    labels: NDArray[Any]
    confidence: NDArray[np.floating[Any]]
    rejected: NDArray[np.bool_]


def predict_or_reject(model: Any, X: ArrayLike, reject_below: Annotated[float, ">= 0", "<= 1"]) -> SelectivePredictions:
    """Return what a model predicts, and of which samples it is not sure enough.

    It is what ``predict --reject-below`` does: Chow 1970, "On optimum recognition error and reject tradeoff". How many
    mistakes are left at which confidence is in the report of ``evaluate``.

    Parameters
    ----------
    model : classifier
        Fitted, with probabilities: an ``MLPClassifier``, a ``Pipeline``, an ensemble, or one of scikit-learn's.
    X : array-like of shape (n_samples, n_features)
        Samples, as the model takes them.
    reject_below : float
        The least confidence that a prediction is told with. 0 rejects nothing, 1 nearly all.

    Returns
    -------
    SelectivePredictions
        Labels, confidence, and which are rejected.

    Raises
    ------
    ParameterError
        For a confidence that is none; or for a model without probabilities, or with several labels of a sample that
        are of several classes each.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipeline import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> net = MLPClassifier((32,), learning_rate="cosine", learning_rate_init=0.01, max_iter=20, random_state=0)
    >>> model = net.fit(X[::2], y[::2])
    >>> labels, confidence, rejected = predict_or_reject(model, X[1::2], reject_below=0.9)
    >>> told = ~rejected
    >>> wrong = labels != y[1::2]
    >>> bool(wrong[told].mean() < wrong.mean())
    True
    """
    check_arguments(predict_or_reject, reject_below=reject_below)
    if not hasattr(model, "predict_proba"):
        raise ParameterError(f"model must be a classifier with predict_proba; got {shown_value(model)}")
    given = model.predict_proba(X)
    if isinstance(given, list):
        raise ParameterError(f"model must predict one label, or several of two classes each; got {shown_value(model)}")
    P = np.asarray(given)
    if is_multilabel(model):
        labels: NDArray[Any] = (P > 0.5).astype(np.intp)
        confidence = np.where(P > 0.5, P, 1 - P).prod(axis=1)
    else:
        labels = np.asarray(model.classes_)[P.argmax(axis=1)]
        confidence = P.max(axis=1)
    return SelectivePredictions(labels, confidence, is_rejected(confidence, reject_below))


def is_rejected(confidence: Any, reject_below: float) -> Any:
    """Tell whether confidence is too low, of one or of each; one that is no number is.

    Examples
    --------
    >>> is_rejected(np.array([0.5, 0.9, np.nan]), 0.9)
    array([ True, False,  True])
    """
    return np.logical_not(np.greater_equal(confidence, reject_below))
