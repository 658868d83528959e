"""Tests of what scikit-learn's searches hand over, and of what is done otherwise than they do it."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, KFold

from pipeline import MLPClassifier, training_together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = (X @ RNG.normal(size=(5, 3))).argmax(axis=1)
FOLDS = list(KFold(2, shuffle=True, random_state=0).split(X))
MODEL = MLPClassifier((4,), max_iter=3, batch_size=10, random_state=0)
GRID = {"learning_rate_init": [0.003, 0.03], "alpha": [0.0, 1.0]}


def assert_same_scores(model=MODEL, X=X, weights=None, **options):
    """Hold the scores of a search by itself and together against each other."""
    options = {"cv": FOLDS, "refit": False} | options
    plain = GridSearchCV(model, GRID, **options).fit(X, Y, sample_weight=weights).cv_results_
    with training_together(n_jobs=2):
        together = GridSearchCV(model, GRID, **options).fit(X, Y, sample_weight=weights).cv_results_
    names = [name for name in plain if name.endswith("score")]
    assert names
    for name in names:
        np.testing.assert_allclose(together[name], plain[name], rtol=1e-9, err_msg=name)


def mask(rows):
    """Say of each sample whether it is one of the rows."""
    return np.isin(np.arange(len(X)), rows)


@pytest.mark.parametrize("train", [mask, np.ndarray.tolist, tuple, np.int32], ids=["mask", "list", "tuple", "int32"])
@pytest.mark.parametrize("test", [mask, np.ndarray.tolist, tuple, np.uint8], ids=["mask", "list", "tuple", "uint8"])
def test_rows_of_any_kind(train, test):
    """Folds are said by masks, lists, tuples and small integers, as scikit-learn takes them."""
    assert_same_scores(cv=[(train(a), test(b)) for a, b in FOLDS])


@pytest.mark.parametrize("kind", [csr_matrix, pd.DataFrame])
def test_masks_of_other_data(kind):
    """A mask is as long as the data are, those of sparse matrices, frames and weights, when a model is scored too."""
    masks = [(mask(a), mask(b)) for a, b in FOLDS]
    assert_same_scores(X=kind(X), cv=masks)
    assert_same_scores(weights=np.linspace(0, 1, len(X)), cv=masks, return_train_score=True)


def test_rows_that_there_are_not():
    """They are an error of the search, and not of the candidates of one fold."""
    with training_together(), pytest.raises(IndexError, match="65"):
        GridSearchCV(MODEL, GRID, cv=[FOLDS[0], (np.array([1, 2, 65]), FOLDS[1][1])]).fit(X, Y)


@pytest.mark.parametrize("n", [80, 50])
def test_weights_that_are_not_as_many(n):
    """They go to ``fit`` as they are, which refuses them; more of them are not cut."""
    with training_together(), pytest.raises(ValueError, match="sample_weight"):
        GridSearchCV(MODEL, GRID, cv=FOLDS, error_score="raise").fit(X, Y, sample_weight=np.ones(n))


class Shifting(MLPClassifier):
    """A classifier that fits to other samples than it is given."""

    def fit(self, X, y, sample_weight=None):
        """Fit."""
        return super().fit(np.asarray(X) * 20 + 3, y, sample_weight)


class Overwriting(MLPClassifier):
    """A classifier that writes to what it predicts for."""

    def predict(self, X):
        """Predict."""
        X += 1
        return super().predict(X)


@pytest.mark.parametrize("kind", [Shifting, Overwriting])
def test_classes_of_the_users_own(kind):
    """A ``fit`` of its own is called; samples that are scored are copied where ``predict`` may write to them."""
    assert_same_scores(kind((4,), max_iter=3, batch_size=10, random_state=0))


def overwriting_measure(y_true, y_pred):
    """Return the accuracy, and leave other labels."""
    accuracy = float((y_true == y_pred).mean())
    y_true[:] = 0
    return accuracy


def overwriting_scorer(model, X, y):
    """Return the accuracy, and leave other samples."""
    accuracy = model.score(X, y)
    X[:] = 0
    return accuracy


@pytest.mark.parametrize(
    "scoring",
    [make_scorer(overwriting_measure), overwriting_scorer, {"score": overwriting_scorer, "other_score": "accuracy"}],
    ids=["measure", "scorer", "several"],
)
def test_measures_that_write_to_what_they_are_given(scoring):
    """The next candidate is scored on what is true all the same."""
    assert_same_scores(scoring=scoring)
