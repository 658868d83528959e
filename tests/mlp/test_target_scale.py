"""Targets that are told of because a network hardly learns them as they are."""

import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from pipeline import MLPRegressor
from pipeline.mlp.target_scale import BY_LBFGS, BY_UPDATES, unscaled_target

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Z = rng.normal(size=40)
Z = (Z - Z.mean()) / Z.std()
SCALE = "a network learns targets best whose mean is 0"


def told(fit):
    """Return the warnings of a fit that are about targets."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(one.message) for one in caught if SCALE in str(one.message)]


def small(**parameters):
    """Return a regressor that is quick to train."""
    return MLPRegressor(**{"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, **parameters})


@pytest.mark.parametrize(
    ("limits", "scale", "shift", "beyond"),
    [
        (BY_UPDATES, 1, 0, False),
        (BY_UPDATES, 29, 0, False),
        (BY_UPDATES, 31, 0, True),
        (BY_UPDATES, 0.11, 0, False),
        (BY_UPDATES, 0.09, 0, True),
        (BY_UPDATES, 10, -49, False),
        (BY_UPDATES, 10, -51, True),
        (BY_LBFGS, 1e6, 0, False),
        (BY_LBFGS, 0.02, 0, True),
        (BY_LBFGS, 1, 49, False),
        (BY_LBFGS, 1, 51, True),
        (BY_UPDATES, 0, 1000, False),
    ],
)
def test_limits_are_what_they_are_said_to_be(limits, scale, shift, beyond):
    """The deviation on both sides, and the mean by the deviation; what is always the same has no scale."""
    Y = np.stack([Z, scale * Z + shift], axis=1)
    found = unscaled_target(Y, limits)
    assert (found is not None) == beyond
    if found is not None:
        assert found == (1, pytest.approx(shift, abs=1e-6), pytest.approx(scale))


def test_targets_that_are_not_scaled_are_told_of_once():
    """By `fit` and a new `fit`, with the figures and the remedy; not where training goes on or once they are scaled."""
    message, again = told(lambda: small().fit(X, 100 + 50 * Z) and small().fit(X, 100 + 50 * Z))
    assert message == again
    assert message.startswith("y has a mean of 100 and a standard deviation of 50; ")
    assert "TransformedTargetRegressor(model, transformer=StandardScaler())" in message
    resumed = small(warm_start=True)
    assert len(told(lambda: resumed.fit(X, 100 * Z).fit(X, 100 * Z))) == 1
    scaled = TransformedTargetRegressor(small(), transformer=StandardScaler())
    assert told(lambda: scaled.fit(X, 100 + 50 * Z)) == []
    assert told(lambda: small().partial_fit(X, 100 * Z)) == []


def test_which_of_several_targets_is_told():
    """By its number, quantiles being those of one target."""
    model = small(loss="quantile", quantile=(0.1, 0.9))
    (message,) = told(lambda: model.fit(X, np.stack([Z, 1000 * Z], axis=1)))
    assert message.startswith("target 2 of y has a mean of ")


@pytest.mark.parametrize("y", [np.full(40, 7.0), Z, 20 * Z + 50])
def test_what_is_learned_well_is_not_told_of(y):
    """Constants, and what is not far from mean 0 and deviation 1."""
    assert told(lambda: small().fit(X, y)) == []


def test_counts_are_as_they_are():
    """Poisson's deviance wants them so."""
    assert told(lambda: small(loss="poisson").fit(X, np.exp(3 * Z + 5).round())) == []


def test_lbfgs_finds_its_steps_by_itself():
    """Large targets do it no harm, tiny ones do."""
    assert told(lambda: small(solver="lbfgs").fit(X, 1000 * Z)) == []
    assert len(told(lambda: small(solver="lbfgs").fit(X, 0.001 * Z))) == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_is_told_once(n_jobs):
    """Not once for each fold and candidate; another search is told as well."""
    for number in range(2):
        search = GridSearchCV(small(), {"alpha": [0.1, 1.0]}, cv=3, n_jobs=n_jobs)
        assert len(told(lambda search=search: search.fit(X, 100 * Z))) == 1, number
    model = small()
    assert len(told(lambda: cross_val_score(model, X, 100 * Z))) == 1
