"""Tests of what comes before a network, and is fitted once for all candidates of a fold."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Preprocess, training_together
from pipeline.callbacks import OnEpoch
from pipeline.together.steps import complete, fit_steps, steps_key

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {"learn__learning_rate_init": [0.003, 0.02], "learn__alpha": [0.0, 1.0]}


class Shift(TransformerMixin, BaseEstimator):
    """Subtracts the mean, times a factor, and counts how often that was learned."""

    n_fits = 0

    def __init__(self, factor=1.0, random_state=0):
        self.factor, self.random_state = factor, random_state

    def fit(self, X, y=None):
        """Learn the mean."""
        del y
        if self.factor < 0:
            raise ValueError("factor must not be negative")
        type(self).n_fits += 1
        self.mean_ = np.mean(X, axis=0)
        return self

    def transform(self, X):
        """Subtract it."""
        return X - self.factor * self.mean_

    def inverse_transform(self, X):
        """Add it."""
        return X + self.factor * self.mean_


def make_data(n=120):
    """Return samples, and labels that can be learned."""
    rng = np.random.default_rng(0)
    X = 5 + rng.normal(size=(n, 12))
    return X, (X @ rng.normal(size=(12, 3))).argmax(axis=1)


def make_model(*steps, **settings):
    """Return a pipeline of steps and a network."""
    network = MLPClassifier((8,), **({"max_iter": 4, "batch_size": 20, "random_state": 0} | settings))
    return Pipeline([*((f"step{k}", step) for k, step in enumerate(steps)), ("learn", network)])


def search_twice(model, grid, X, y, fit_params=None, **options):
    """Search one by one and together, hold the results against each other, and return the latter's search."""
    plain = GridSearchCV(model, grid, cv=3, **options).fit(X, y, **(fit_params or {}))
    Shift.n_fits = 0
    with training_together(n_jobs=2):
        together = GridSearchCV(model, grid, cv=3, **options).fit(X, y, **(fit_params or {}))
    for name in plain.cv_results_:
        if "score" in name and "_time" not in name:
            np.testing.assert_allclose(together.cv_results_[name], plain.cv_results_[name], rtol=1e-9, err_msg=name)
    assert together.best_params_ == plain.best_params_
    np.testing.assert_allclose(together.predict_proba(X), plain.predict_proba(X), rtol=1e-6)
    return together


def test_earlier_steps_are_fitted_once_for_a_fold():
    """Of 3 folds by 2 settings of a step by 8 networks there are 6 fits of it, and one to all samples at the end."""
    grid = GRID | {"step0__factor": [0.5, 1.0], "learn__hidden_layer_sizes": [(8,), (5,)]}
    search_twice(make_model(Shift()), grid, *make_data())
    assert Shift.n_fits == 2 * 3 + 1


def test_networks_by_themselves_have_the_steps_of_others():
    """Networks with dropout, batch normalization or another solver are fitted by themselves, to the same bits."""
    X, y = make_data()
    candidates = [{"dropout": 0.2}, {"batch_norm": True}, {"solver": "lbfgs"}, {"early_stopping": True, "noise": 0.1}]
    models = [make_model(Shift(), **one) for one in candidates]
    grid = {"learn": [model.steps[-1][1] for model in models]}
    search_twice(make_model(Shift()), grid, X, y)
    assert Shift.n_fits == 3 + 1
    for model in models:
        alone = cross_validate(model, X, y, cv=3, return_estimator=True)
        with training_together(n_jobs=2):
            together = cross_validate(model, X, y, cv=3, return_estimator=True)
        for one, other in zip(together["estimator"], alone["estimator"], strict=True):
            np.testing.assert_array_equal(one[-1].network_.params, other[-1].network_.params)
            np.testing.assert_array_equal(one[0].mean_, other[0].mean_)
            assert set(vars(one)) == set(vars(other))
            assert set(vars(one[-1])) == set(vars(other[-1]))


@pytest.mark.parametrize(
    "model",
    [
        make_model(StandardScaler().set_output(transform="pandas")),
        make_model("passthrough", StandardScaler()),
        make_model(None),
        make_model(),
        make_model(make_pipeline(StandardScaler(), Shift())),
        make_model(PCA(4)),  # which has no number as its seed
        make_model(FunctionTransformer(lambda X: X - 5)),  # which cannot be compared
        make_model(StandardScaler()).set_params(verbose=True),
    ],
    ids=["set_output", "passthrough", "None", "no steps", "nested", "no seed", "function", "verbose"],
)
@pytest.mark.parametrize("frame", [False, True], ids=["array", "frame"])
def test_pipelines_of_all_kinds(model, frame):
    """Whatever comes before the network, the results are those of one fit after the other."""
    X, y = make_data()
    if frame:
        X, y = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]), pd.Series(y, index=np.arange(len(y)) + 7)
    search_twice(model, GRID, X, y)


def test_a_memory_is_used(tmp_path):
    """With ``memory``, steps that it has are taken from there."""
    X, y = make_data()
    model = make_model(Shift()).set_params(memory=str(tmp_path))
    search_twice(model, GRID, X, y)
    assert Shift.n_fits == 0


def test_pixels_and_numbers():
    """The workflow's own preprocessing comes before the network as any other step, and before a regressor's."""
    X, y = make_data()
    pixels = (X * 20).clip(0, 255).astype(np.uint8)
    model = Pipeline([("prepare", Preprocess()), ("learn", MLPClassifier((8,), max_iter=4, random_state=0))])
    search_twice(model, GRID, pixels, y, scoring="accuracy")
    model = make_pipeline(Shift(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, random_state=0))
    plain = cross_validate(model, X, X[:, 0] - 5, cv=3)
    with training_together(n_jobs=2):
        together = cross_validate(model, X, X[:, 0] - 5, cv=3)
    np.testing.assert_allclose(together["test_score"], plain["test_score"], rtol=1e-9)


def test_weights_of_samples():
    """Weights reach the network under its step's name; those of another step have the search done one by one."""
    X, y = make_data()
    weight = np.random.default_rng(1).random(len(X))
    search_twice(make_model(Shift()), GRID, X, y, {"learn__sample_weight": weight})
    assert Shift.n_fits == 3 + 1
    search_twice(make_model(StandardScaler()), GRID, X, y, {"step0__sample_weight": weight})


def test_whole_steps_are_candidates():
    """Steps themselves may be searched over, and so may a last step that is no network."""
    learners = [MLPClassifier((8,), max_iter=4, random_state=0), LogisticRegression()]
    search_twice(make_model(Shift()), {"learn": learners, "step0": [Shift(), "passthrough"]}, *make_data())
    assert Shift.n_fits >= 3


def test_a_step_that_fails_is_a_failure_of_the_fit():
    """Its candidates have no score and a warning, the others theirs; or its error is raised where asked for."""
    model, grid = make_model(Shift()), GRID | {"step0__factor": [-1.0, 1.0]}
    with warnings.catch_warnings(action="ignore"):
        search = search_twice(model, grid, *make_data())
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() == 4
    with training_together(n_jobs=2), pytest.raises(ValueError, match="must not be negative"):
        GridSearchCV(model, grid, cv=3, error_score="raise").fit(*make_data())


def test_each_candidate_has_steps_of_its_own():
    """A pipeline that is fitted again changes no other, although their steps were fitted as one."""
    X, y = make_data()
    with training_together(n_jobs=1):
        one, other = cross_validate(make_model(Shift()), X, y, cv=2, return_estimator=True)["estimator"]
    steps, samples = fit_steps(make_model(Shift()), X, y, {})
    models = [complete(make_model(Shift()), steps, MLPClassifier()) for _ in range(2)]
    assert models[0][0] is not models[1][0]
    models[0].fit(X[:60], y[:60])
    np.testing.assert_array_equal(models[1][0].mean_, X.mean(axis=0))
    np.testing.assert_array_equal(samples.X, X - X.mean(axis=0))
    assert "fit" not in vars(one)
    assert one[0] is not other[0]


def assert_same_regressors(model, grid, X, y, fit_params=None):
    """Hold a cross-validation and a search of a regressor, one by one and together, against each other."""
    alone = cross_validate(model, X, y, cv=3, return_estimator=True, params=fit_params)
    plain = GridSearchCV(model, grid, cv=3).fit(X, y, **(fit_params or {}))
    Shift.n_fits = 0
    with training_together(n_jobs=2):
        together = GridSearchCV(model, grid, cv=3, refit=False).fit(X, y, **(fit_params or {}))
        again = cross_validate(model, X, y, cv=3, return_estimator=True, params=fit_params)
    scores = [each.cv_results_["mean_test_score"] for each in (together, plain)]
    np.testing.assert_allclose(*scores, rtol=1e-7)
    for one, other in zip(again["estimator"], alone["estimator"], strict=True):
        np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-7)
        assert set(vars(one)) == set(vars(other))
    return again["estimator"][0]


@pytest.mark.parametrize("two", [False, True], ids=["one target", "two targets"])
@pytest.mark.parametrize("frame", [False, True], ids=["array", "frame"])
def test_transformed_targets(two, frame):
    """Targets are transformed once for a fold, and the regressor that was given stays unfitted."""
    X, _ = make_data()
    y = np.column_stack([100 + X[:, 0], X[:, 1]]) if two else 100 + X[:, 0]
    X = pd.DataFrame(X).rename(columns="x{}".format) if frame else X
    network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, random_state=0)
    model = TransformedTargetRegressor(network, transformer=Shift())
    fitted = assert_same_regressors(model, {"regressor__alpha": [0.0, 0.1, 1.0]}, X, y)
    assert Shift.n_fits == 3 + 3
    assert not hasattr(fitted.regressor, "network_")
    assert hasattr(fitted, "feature_names_in_") == frame
    assert fitted.predict(X).shape == y.shape


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("outer", [False, True], ids=["pipeline outside", "pipeline inside"])
def test_pipelines_and_transformed_targets(outer, dropout):
    """Either may be within the other, with weights that reach the network."""
    X, _ = make_data()
    y, weight = np.exp(X[:, 0] - 5), np.random.default_rng(1).random(len(X))
    network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, random_state=0, dropout=dropout)
    given = {"func": np.log, "inverse_func": np.exp}
    if outer:
        model = TransformedTargetRegressor(Pipeline([("shift", Shift()), ("learn", network)]), **given)
        name, prefix = "learn__sample_weight", "regressor__learn"
    else:
        model = Pipeline([("shift", Shift()), ("learn", TransformedTargetRegressor(network, **given))])
        name, prefix = "learn__sample_weight", "learn__regressor"
    assert_same_regressors(model, {f"{prefix}__alpha": [0.0, 1.0], f"{prefix}__tol": [0.0, 1e-4]}, X, y, {name: weight})
    assert Shift.n_fits == 3 + 3


def test_what_steps_have_in_common():
    """Steps are the same by what they are and what they are set to, wherever the network differs."""
    key = steps_key(make_model(Shift()))
    assert key == steps_key(make_model(Shift(), alpha=1.0))
    for other in (make_model(Shift(2.0)), make_model(StandardScaler()), make_model(Shift(), Shift()), make_model()):
        assert steps_key(other) != key
    assert steps_key(make_model(Shift(random_state=None))) is None
    assert steps_key(make_model(Shift()).set_params(verbose=True)) is None
    assert steps_key(make_model(Shift()).set_callbacks(OnEpoch(print))) is None
    with sklearn.config_context(enable_metadata_routing=True):
        assert steps_key(make_model(Shift())) is None
