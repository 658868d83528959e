"""The regressor: scikit-learn's to the digit where it is scikit-learn's, and what it has beyond."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neural_network import MLPRegressor as Theirs

from pipeline import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 5))
WEIGHT = rng.random(N) + 0.1
ONE = X[:, 0] + np.sin(2 * X[:, 1])
TARGETS = {"one": ONE, "several": np.stack([ONE, X[:, 2] * X[:, 3]], axis=1)}


def small(**parameters):
    """Return a regressor that is quick to train."""
    return MLPRegressor(**{"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0, **parameters})


# ---------------------------------------------------------------- scikit-learn's estimator


def test_the_first_parameters_are_scikit_learns():
    """Names, order, kinds and defaults of its 24 come first; all others are keywords."""
    ours = list(inspect.signature(MLPRegressor).parameters.values())
    theirs = list(inspect.signature(Theirs).parameters.values())
    assert len(theirs) == 24
    for one, other in zip(ours, theirs, strict=False):
        assert (one.name, one.kind, one.default) == (other.name, other.kind, other.default)
    assert all(one.kind is one.KEYWORD_ONLY for one in ours[len(theirs) :])


class FromTheirStart(MLPRegressor):
    """Begins with the weights that scikit-learn begins with for seed 0."""

    def _begin(self, samples):
        super()._begin(samples)
        legacy, gain = np.random.RandomState(0), 2 if self.activation == "logistic" else 6
        for layer in self.network_.affine_layers:
            bound = np.sqrt(gain / (layer.n_in + layer.n_out))
            layer.W[:] = legacy.uniform(-bound, bound, layer.W.shape)
            layer.b[:] = legacy.uniform(-bound, bound, layer.b.shape)


SAME = {
    "adam": {"solver": "adam"},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 1},
    "mini-batches": {"solver": "adam", "batch_size": 7},
    "penalty": {"solver": "adam", "alpha": 2.0},
    "two layers": {"solver": "adam", "hidden_layer_sizes": (6, 4), "activation": "tanh"},
    "lbfgs": {"solver": "lbfgs", "alpha": 0.5},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SAME)
def test_ten_epochs_are_scikit_learns(name, target, weighted):
    """From the same weights, loss curve and weights agree with scikit-learn's."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 10, "learning_rate_init": 0.02, "random_state": 0}
    options |= {"shuffle": False, **SAME[name]}
    weight = WEIGHT if weighted else None
    ours = FromTheirStart(**options).fit(X, TARGETS[target], weight)
    theirs = Theirs(**options).fit(X, TARGETS[target], weight)
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)
    for one, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert_allclose(one, other, rtol=1e-6, atol=1e-9)
    for attribute in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.predict(X).shape == theirs.predict(X).shape == TARGETS[target].shape
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6, atol=1e-9)
    assert_allclose(ours.score(X, TARGETS[target]), theirs.score(X, TARGETS[target]), rtol=1e-9)
