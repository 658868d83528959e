"""Predictions with a reject option: the same answers, and which of them are not sure enough."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import MLPClassifier, MLPRegressor, make_ensemble, predict_or_reject
from pipeline.cli.answers import answers_of
from pipeline.cli.preparation import Prepared
from pipeline.parameters import ParameterError

X, y = load_digits(return_X_y=True)
X, y = X[:300] / 16, y[:300]
NET = MLPClassifier((8,), learning_rate="cosine", learning_rate_init=0.02, max_iter=4, random_state=0)
NAMES = np.array([f"digit {digit}" for digit in range(10)])


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (NET, y),
        (NET, NAMES[y]),
        (NET, y > 4),
        (make_pipeline(StandardScaler(), NET), y),
        (make_ensemble(NET, 2), y),
        (LogisticRegression(), NAMES[y]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_are_the_model_s_and_the_unsure_are_rejected(model, labels):
    """Labels are those of `predict`, and confidence is the largest probability; what is below the bar is rejected."""
    fitted = model.fit(X, labels)
    P = fitted.predict_proba(X)
    bar = float(np.median(P.max(axis=1)))
    found = predict_or_reject(fitted, X, bar)
    assert np.array_equal(found.labels, fitted.predict(X))
    assert np.array_equal(found.confidence, P.max(axis=1))
    assert np.array_equal(found.rejected, P.max(axis=1) < bar)
    assert 0 < found.rejected.mean() <= 0.5
    assert not predict_or_reject(fitted, X, 0).rejected.any()


def test_several_labels_at_once_are_as_sure_as_all_of_them_are():
    """The confidence is that each of them is right, or is rightly not told."""
    Y = np.stack([y > 4, y % 2], axis=1).astype(int)
    fitted = NET.fit(X, Y)
    P = fitted.predict_proba(X)
    labels, confidence, rejected = predict_or_reject(fitted, X, 0.5)
    assert np.array_equal(labels, fitted.predict(X))
    assert confidence == pytest.approx(np.maximum(P, 1 - P).prod(axis=1))
    assert np.array_equal(rejected, confidence < 0.5)


def test_it_is_what_the_command_tells():
    """With the same bar, `predict --reject-below` tells the same labels, and rejects the same images."""
    fitted = NET.fit(X, NAMES[y])
    labels, confidence, rejected = predict_or_reject(fitted, X, 0.4)
    (answers,) = answers_of(fitted, [Prepared("X", X)], 0.4, named=False)
    told = list(answers.items)
    assert [one["rejected"] for one in told] == rejected.tolist()
    assert [one["label"] for one in told if not one["rejected"]] == labels[~rejected].tolist()
    assert [one["confidence"] for one in told] == pytest.approx(confidence.tolist())


def test_what_is_no_number_is_rejected():
    """A network that overflows is sure of nothing, whatever the bar is."""

    class Broken(GaussianNB):
        def predict_proba(self, X):
            return np.full((len(X), 10), np.nan)

    assert predict_or_reject(Broken().fit(X, y), X[:3], 0).rejected.all()


@pytest.mark.parametrize(
    ("model", "bar", "message"),
    [
        (GaussianNB(), 1.5, "reject_below must be a number >= 0 and <= 1; got 1.5"),
        (GaussianNB(), True, "reject_below must be a number >= 0 and <= 1; got True"),
        (GaussianNB(), "0.9", "reject_below must be a number >= 0 and <= 1; got '0.9'"),
        (RidgeClassifier(), 0.9, "model must be a classifier with predict_proba; got RidgeClassifier()"),
        (MLPRegressor(), 0.9, "model must be a classifier with predict_proba; got MLPRegressor()"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_told(model, bar, message):
    """The parameter, what was given, what is allowed."""
    with pytest.raises(ParameterError) as caught:
        predict_or_reject(model, X, bar)
    assert str(caught.value) == message


def test_several_labels_of_several_classes_are_refused():
    """Their probabilities come as a list, an array for each."""
    fitted = MultiOutputClassifier(GaussianNB()).fit(X, np.stack([y, y], axis=1))
    with pytest.raises(ParameterError, match="model must predict one label"):
        predict_or_reject(fitted, X, 0.9)
