"""Tests of searches whose candidates are trained together."""

import gc
import warnings
import weakref
from threading import Event

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    PredefinedSplit,
    RandomizedSearchCV,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import Pipeline

from pipeline import MLPClassifier, MLPRegressor, training_together
from pipeline.together import works

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {"hidden_layer_sizes": [(8,), (6, 4)], "learning_rate_init": [0.003, 0.02], "alpha": [0.0, 1.0]}


def make_data(n=120):
    """Return samples with columns of zeros, and labels that can be learned."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 12)) * (rng.random((n, 12)) < np.linspace(0, 1, 12))
    return X, (X @ rng.normal(size=(12, 3))).argmax(axis=1)


def assert_same_results(one, other):
    """Hold the results of two searches against each other, but for their times."""
    assert list(one.cv_results_) == list(other.cv_results_)
    for name in one.cv_results_:
        if name.startswith("param"):
            assert list(one.cv_results_[name]) == list(other.cv_results_[name])
        elif "_time" not in name:
            np.testing.assert_allclose(one.cv_results_[name], other.cv_results_[name], rtol=1e-9, err_msg=name)
    assert one.best_params_ == other.best_params_


@pytest.mark.parametrize("n_jobs", [1, 2, None, -1])
def test_a_grid_search_has_the_same_results(n_jobs):
    """Scores, ranks, the best parameters and the model that is refitted are those of one fit after the other."""
    X, y = make_data()
    model = MLPClassifier(max_iter=6, batch_size=20, random_state=0)
    options = {"cv": 3, "scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss", "return_train_score": True}
    plain = GridSearchCV(model, GRID, **options).fit(X, y)
    with training_together():
        together = GridSearchCV(model, GRID, n_jobs=n_jobs, **options).fit(X, y)
    assert_same_results(together, plain)
    np.testing.assert_allclose(together.predict_proba(X), plain.predict_proba(X), rtol=1e-6)
    assert (together.cv_results_["mean_fit_time"] > 0).all()


def test_other_searches_and_weights():
    """A random search with samples' weights, halving and a cross-validation have the same results as well."""
    X, y = make_data()
    model, weight = MLPClassifier((8,), max_iter=4, random_state=0), np.random.default_rng(1).random(len(X))
    grid = {"learning_rate_init": [0.001, 0.01, 0.1], "solver": ["sgd", "adam"]}

    def search():
        yield RandomizedSearchCV(model, grid, n_iter=4, cv=2, random_state=0).fit(X, y, sample_weight=weight)
        yield HalvingGridSearchCV(model, grid, cv=2, random_state=0).fit(X, y)
        yield cross_validate(model, X, y, cv=3, return_estimator=True)

    plain = list(search())
    with training_together(n_jobs=2):
        together = list(search())
    for one, other in zip(together[:2], plain[:2], strict=True):
        assert_same_results(one, other)
    np.testing.assert_array_equal(together[2]["test_score"], plain[2]["test_score"])
    for one in together[2]["estimator"]:
        assert "fit" not in vars(one)
        one.fit(X, y)


def test_values_that_are_not_allowed_fail_alone():
    """A shape that is none, whose cost nobody can tell, is a candidate without a score."""
    X, y = make_data()
    model, grid = MLPClassifier(max_iter=1, random_state=0), {"hidden_layer_sizes": ["wide", (-3,), (4,)]}
    with training_together(n_jobs=2), warnings.catch_warnings(action="ignore"):
        search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier((8,), max_iter=2, random_state=0, dropout=0.2),
        MLPClassifier((8,), max_iter=2, random_state=0, engine="numpy"),
        MLPClassifier((8,), max_iter=2, random_state=0, early_stopping=True),
        MLPRegressor(hidden_layer_sizes=(8,), max_iter=2, random_state=0),
    ],
    ids=["dropout", "numpy", "early stopping", "regressor"],
)
def test_whatever_can_be_fitted_can_be_searched(model):
    """What cannot share its work is a fit by itself, with the same results."""
    X, y = make_data()
    y = X[:, -1] if isinstance(model, MLPRegressor) else y
    plain = GridSearchCV(model, {"alpha": [0.0, 1.0]}, cv=2).fit(X, y)
    with training_together(n_jobs=2):
        assert_same_results(GridSearchCV(model, {"alpha": [0.0, 1.0]}, cv=2).fit(X, y), plain)


def test_other_estimators_and_tasks():
    """Other estimators, data that are no arrays, and joblib's own tasks go through as they are."""
    X, y = make_data()
    with training_together(n_jobs=2):
        assert GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y).best_score_ > 0.5
        lists = GridSearchCV(MLPClassifier((4,), max_iter=2, random_state=0), {"alpha": [0.0, 1.0]}, cv=2)
        assert lists.fit(X.tolist(), y.tolist()).best_score_ > 0
        assert Parallel(pre_dispatch=2)(delayed(divmod)(k, 2) for k in range(5)) == [divmod(k, 2) for k in range(5)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_within_another_is_together_as_well(monkeypatch, n_jobs):
    """In a nested cross-validation, candidates of the inner search share their fits, with the same results."""
    X, y = make_data()
    search = GridSearchCV(MLPClassifier(max_iter=3, random_state=0), GRID, cv=2)
    plain = cross_validate(search, X, y, cv=3)
    sizes, real = [], works.fit_together
    monkeypatch.setattr(
        works, "fit_together", lambda models, *a, **o: sizes.append(len(models)) or real(models, *a, **o)
    )
    with training_together(n_jobs=n_jobs):
        together = cross_validate(search, X, y, cv=3)
    np.testing.assert_array_equal(together["test_score"], plain["test_score"])
    assert sum(sizes) == 3 * 2 * 8
    assert min(sizes) > 1


def test_curves():
    """A learning curve and a validation curve are those of one fit after the other."""
    X, y = make_data()
    model = MLPClassifier((8,), max_iter=3, random_state=0)

    def curves():
        yield from learning_curve(model, X, y, cv=2)[1:]
        yield from validation_curve(model, X, y, param_name="alpha", param_range=[0.0, 1.0], cv=2)

    plain = list(curves())
    with training_together(n_jobs=2):
        np.testing.assert_equal(list(curves()), plain)


def test_a_failure_counts_as_scikit_learn_counts_it():
    """A candidate that is not allowed has no score and a warning, or raises its error where that is asked for."""
    X, y = make_data()
    model, grid = MLPClassifier((4,), max_iter=1, random_state=0), {"alpha": [-1.0, 0.0]}
    with training_together(n_jobs=2), warnings.catch_warnings(action="ignore"):
        search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert search.best_params_ == {"alpha": 0.0}
    with training_together(n_jobs=2), pytest.raises(ValueError, match="alpha"):
        GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)


def test_candidates_are_let_go_once_they_are_scored(monkeypatch):
    """When the last of 16 fits is scored, no other network is left."""
    fitted, alive, real = [], [], MLPClassifier._begin

    def begin(model, samples):
        fitted.append(weakref.ref(model))
        real(model, samples)

    def score(*_):
        alive.append(len(fitted) - len(alive))
        if len(alive) == 16:
            gc.collect()
            alive[-1] = sum(reference() is not None for reference in fitted)
        return 0.0

    monkeypatch.setattr(MLPClassifier, "_begin", begin)
    monkeypatch.setattr(works, "MOST_TOGETHER", 4)
    model, grid = MLPClassifier((4,), max_iter=1, random_state=0), {"alpha": np.linspace(0, 1, 8)}
    with training_together(n_jobs=1):
        GridSearchCV(model, grid, cv=2, refit=False, scoring=score).fit(*make_data())
    assert alive[-1] == 1
    assert max(alive) == 4


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.1}], ids=["in a stack", "by itself"])
def test_an_interruption_ends_all(monkeypatch, settings):
    """Where one thread is interrupted, another ends its training at once, which would go on for hours."""
    X, y = make_data()
    endless = MLPClassifier((8,), max_iter=10**7, n_iter_no_change=10**7, tol=0.0, random_state=0, **settings)
    quick, begun, real = MLPClassifier((8,), max_iter=1, random_state=1), Event(), MLPClassifier._begin

    def begin(model, samples):
        real(model, samples)
        if model.max_iter > 1:
            begun.set()

    def score(*_):
        begun.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_begin", begin)
    search = GridSearchCV(
        Pipeline([("learn", quick)]),
        {"learn": [endless, quick]},
        cv=PredefinedSplit(np.minimum(y, 1) - 1),
        scoring=score,
    )
    with training_together(n_jobs=2), pytest.raises(KeyboardInterrupt):
        search.fit(X, y)


def test_no_threads_are_an_error():
    """``n_jobs=0`` is refused as joblib refuses it."""
    with pytest.raises(ValueError, match="n_jobs must be an integer != 0; got 0"), training_together(n_jobs=0):
        pass
    with training_together(), pytest.raises(ValueError, match="n_jobs"):
        Parallel(n_jobs=0)(delayed(abs)(k) for k in range(3))
