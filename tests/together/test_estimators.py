"""Tests of fits that share their work."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from pipeline import MLPClassifier, MLPRegressor
from pipeline.network.training import DivergenceError
from pipeline.together import estimators
from pipeline.together.estimators import SharedSamples, fit_together, samples_key, sharing_key

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_data(n=150, n_features=30, n_classes=3):
    """Return samples of which a third of the columns are dense, a third mostly 0 and the rest always, and labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, n_features))
    X[:, 10:20] *= rng.random((n, 10)) < 0.1
    X[:, 20:] = 0
    return X[:, rng.permutation(n_features)], rng.integers(n_classes, size=n)


def assert_as_alone(models, X, y, sample_weight=None):
    """Fit together and one by one, and hold one against the other."""
    alone = [type(model)(**model.get_params()).fit(X, y, sample_weight) for model in models]
    for fit, other in zip(fit_together(models, SharedSamples(X, y, sample_weight)), alone, strict=True):
        model = fit.result()
        assert model.n_iter_ == other.n_iter_
        np.testing.assert_allclose(model.network_.params, other.network_.params, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, rtol=1e-9)
        np.testing.assert_allclose(model.history_["score"], other.history_["score"])
        np.testing.assert_allclose(model.predict(X), other.predict(X), rtol=1e-7, atol=1e-9)
        assert set(vars(model)) == set(vars(other))
    return models


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"activation": "gelu", "hidden_layer_sizes": (7, 5)},
        {"hidden_layer_sizes": ()},
        {"bias": False, "label_smoothing": 0.1},
        {"batch_size": 150},
        {"batch_size": 1, "max_iter": 2},
        {"shuffle": False, "batch_size": 40},
        {"class_weight": "balanced"},
        {"dropout": 0.3},
        {"batch_norm": True},
    ],
    ids=repr,
)
def test_each_comes_out_as_it_does_alone(engine, settings):
    """Candidates of several rates and penalties end with the parameters, losses and scores of single fits."""
    X, y = make_data()
    given = {
        "hidden_layer_sizes": (8,),
        "batch_size": 32,
        "max_iter": 4,
        "random_state": 1,
        "engine": engine,
    } | settings
    candidates = [(0.001, 0.0), (0.01, 0.1), (0.05, 1.0)]
    assert_as_alone([MLPClassifier(**given, learning_rate_init=a, alpha=b) for a, b in candidates], X, y)


@pytest.mark.parametrize("y_of", [lambda y: y > 0, lambda y: np.eye(3, dtype=int)[y]], ids=["binary", "multilabel"])
def test_targets_of_all_kinds(y_of):
    """Two classes and several labels at once are learned together as well, with weights of the samples."""
    X, y = make_data()
    weight = np.random.default_rng(2).random(len(X))
    models = [MLPClassifier((8,), max_iter=4, random_state=1, learning_rate_init=rate) for rate in (0.001, 0.01)]
    assert_as_alone(models, X, y_of(y), weight)


def test_regressors():
    """A regressor shares as a classifier does."""
    X, _ = make_data()
    y = X @ np.linspace(0, 1, X.shape[1])
    assert_as_alone(
        [MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, random_state=1, alpha=alpha) for alpha in (0.0, 1.0)], X, y
    )


def test_solvers_and_rules_of_their_own():
    """Candidates may differ in the solver, its numbers, the schedule and the length."""
    X, y = make_data()
    settings = [
        {"solver": "sgd", "momentum": 0.0, "alpha": 0.0},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1},
        {"solver": "adamw", "learning_rate": "cosine", "beta_2": 0.9},
        {"solver": "rmsprop", "max_updates": 7},
        {"solver": "adagrad", "max_iter": 3},
    ]
    assert_as_alone([MLPClassifier(**({"max_iter": 5} | one), batch_size=32, random_state=1) for one in settings], X, y)


def test_each_stops_when_it_would_alone():
    """Under early stopping, the validation rows are the same, and candidates stop after epochs of their own."""
    X, y = make_data()
    given = {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30, "random_state": 3, "batch_size": 20}
    models = [MLPClassifier((8,), **given, learning_rate_init=rate) for rate in (0.0001, 0.003, 0.1)]
    assert_as_alone(models, X, y)
    assert len({model.n_iter_ for model in models}) > 1


def test_float32_pixels():
    """Bytes are scaled batch by batch, in float32, where single fits agree to that precision."""
    X, y = make_data()
    pixels = (np.abs(X) * 60).clip(0, 255).astype(np.uint8)
    given = {"pixel_scale": 1 / 255, "max_iter": 2, "random_state": 1}
    models = [MLPClassifier((8,), **given, learning_rate_init=rate) for rate in (0.001, 0.01)]
    alone = [MLPClassifier(**model.get_params()).fit(pixels, y) for model in models]
    for fit, other in zip(fit_together(models, SharedSamples(pixels, y)), alone, strict=True):
        np.testing.assert_allclose(fit.result().network_.params, other.network_.params, rtol=1e-3, atol=1e-5)


def test_what_diverges_leaves_the_others_alone():
    """A rate that is too large raises the error of its own fit, and no other."""
    X, y = make_data()
    models = [
        MLPClassifier((8,), solver="sgd", activation="identity", max_iter=5, random_state=1, learning_rate_init=rate)
        for rate in (1e200, 0.001)
    ]
    diverged, fitted = fit_together(models, SharedSamples(X * 100, y))
    with pytest.raises(DivergenceError, match="too large"):
        diverged.result()
    alone = MLPClassifier(**models[1].get_params()).fit(X * 100, y)
    np.testing.assert_allclose(fitted.result().coefs_[0], alone.coefs_[0], rtol=1e-7)


def test_what_is_not_allowed_is_an_error_of_its_own():
    """One candidate's parameter that is not allowed fails alone."""
    X, y = make_data()
    models = [MLPClassifier(alpha=-1, max_iter=1), MLPClassifier(max_iter=1, random_state=0)]
    wrong, right = fit_together(models, SharedSamples(X, y))
    with pytest.raises(ValueError, match="alpha"):
        wrong.result()
    assert right.result().n_iter_ == 1


def test_warnings_come_with_the_result():
    """That training has not converged is said where the result is asked for, as by a fit."""
    X, y = make_data()
    with warnings.catch_warnings(action="error"):
        (fit,) = fit_together([MLPClassifier((4,), max_iter=1, random_state=0)], SharedSamples(X, y))
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        fit.result()


def test_more_training_goes_on_from_the_end():
    """A fit that shared its work has a rule's state, from which ``partial_fit`` goes on as after a fit alone."""
    X, y = make_data()
    models = [MLPClassifier((8,), max_iter=3, random_state=1, learning_rate_init=rate) for rate in (0.001, 0.01)]
    alone = [MLPClassifier(**model.get_params()).fit(X, y).partial_fit(X, y) for model in models]
    for fit, other in zip(fit_together(models, SharedSamples(X, y)), alone, strict=True):
        np.testing.assert_allclose(fit.result().partial_fit(X, y).coefs_[0], other.coefs_[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "shares"),
    [
        ({}, True),
        ({"alpha": 1.0, "solver": "sgd"}, True),
        ({"random_state": None}, False),
        ({"dropout": 0.1}, False),
        ({"noise": (0.1, 0.0)}, False),
        ({"solver": "lbfgs"}, False),
        ({"engine": "numpy"}, False),
        ({"n_threads": 2}, False),
        ({"warm_start": True}, False),
    ],
)
def test_what_shares(settings, shares):
    """What draws numbers between batches, or has no compiled form, is fitted by itself."""
    assert (sharing_key(MLPClassifier(**({"random_state": 0} | settings))) is not None) == shares


def test_other_samples_are_not_shared():
    """Another seed, batch or weight of a class is another key; another rate is the same."""
    key = sharing_key(MLPClassifier(random_state=0))
    for other in ({"random_state": 1}, {"batch_size": 7}, {"class_weight": "balanced"}, {"early_stopping": True}):
        assert sharing_key(MLPClassifier(**({"random_state": 0} | other))) != key
    assert sharing_key(MLPClassifier(random_state=0, learning_rate_init=0.5)) == key


def test_an_end_that_is_asked_for():
    """What is stopped keeps what it has learned so far, and its rule's state."""
    X, y = make_data()
    answers = iter([False, False, True, True])
    model = MLPClassifier((8,), max_iter=50, random_state=1)
    fit_together([model], SharedSamples(X, y), stopped=lambda: next(answers))
    assert model.n_iter_ < 50
    assert all(state.any() for state in model._trainer.optimizer.state.values())


def test_threads_may_share_samples():
    """Two threads that fit to the same samples at once check and sort them once, and have results of their own."""
    X, y = make_data()
    given = {"early_stopping": True, "max_iter": 8, "random_state": 3, "batch_size": 20}
    models = [MLPClassifier((8,), **given, learning_rate_init=rate) for rate in (0.0001, 0.003, 0.1, 0.2)]
    alone = [MLPClassifier(**model.get_params()).fit(X, y) for model in models]
    samples, made = SharedSamples(X, y), []
    checked, split = MLPClassifier._checked_samples, estimators.split_columns
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(MLPClassifier, "_checked_samples", lambda *a, **o: made.append("checks") or checked(*a, **o))
        patch.setattr(estimators, "split_columns", lambda *a: made.append("columns") or split(*a))
        fits = [*pool.map(lambda some: fit_together(some, samples), (models[:2], models[2:]))]
    assert sorted(made) == ["checks", "columns"]
    for fit, other in zip([*fits[0], *fits[1]], alone, strict=True):
        np.testing.assert_allclose(fit.result().network_.params, other.network_.params, rtol=1e-7, atol=1e-9)
        assert fit.result().validation_scores_ == other.validation_scores_


def test_which_samples_are_shared():
    """Another seed has the same samples, unless it decides on validation rows; another weight of a class has others."""
    key = samples_key(MLPClassifier(random_state=0))
    for same in ({"random_state": 1}, {"batch_size": 7}, {"dropout": 0.5}, {"hidden_layer_sizes": (7,)}):
        assert samples_key(MLPClassifier(**({"random_state": 0} | same))) == key
    for other in ({"class_weight": "balanced"}, {"pixel_scale": 0.5}, {"early_stopping": True}):
        assert samples_key(MLPClassifier(**({"random_state": 0} | other))) != key
    held_out = [samples_key(MLPClassifier(early_stopping=True, random_state=seed)) for seed in (0, 1)]
    assert held_out[0] != held_out[1]
