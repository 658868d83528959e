"""What scikit-learn keeps to itself is found where it is, and put where scikit-learn looks for it."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from pipeline.sklearn_private import NetworkState, n_target_dims, optimizer_classes, set_n_target_dims

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.arange(24.0).reshape(8, 3) / 24
LABELS = np.array(list("abababba"))


@pytest.mark.parametrize("n_dims", [1, 2])
def test_predictions_have_the_dimensions_of_targets(n_dims):
    """As after a fit; and as set, which is what a file says."""
    y = np.arange(8.0).reshape((8, 1)[:n_dims])
    model = TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()).fit(X, y)
    assert (n_target_dims(model), model.predict(X).ndim) == (n_dims, n_dims)
    set_n_target_dims(model, 2)
    assert model.predict(X).shape == (8, 1)


@pytest.mark.parametrize(("solver", "number"), [("adam", 0), ("sgd", 1), ("lbfgs", None)])
def test_the_state_of_a_network_is_found(solver, number):
    """Its optimizer, which `lbfgs` has none of; its labels, and for how long it has not become better."""
    fitted = MLPClassifier((4,), solver=solver, max_iter=3, tol=10.0, n_iter_no_change=9, random_state=0)
    state = NetworkState.of(fitted.fit(X, LABELS))
    kind = type(None) if number is None else optimizer_classes()[number]
    assert type(state.optimizer) is kind
    assert state.label_binarizer.classes_.tolist() == ["a", "b"]
    assert state.stalled == (0 if solver == "lbfgs" else 2)


def test_a_network_trains_on_with_a_state_that_it_was_given():
    """The weights after one more epoch are those that the network would have had whose state it is."""
    fitted = MLPClassifier((4,), max_iter=3, shuffle=False, random_state=0).fit(X, LABELS)
    other = MLPClassifier((4,), max_iter=3, shuffle=False, random_state=0).fit(X, LABELS)
    state = NetworkState.of(other)
    assert NetworkState.of(MLPClassifier()) == NetworkState()
    state.optimizer.params = [*fitted.coefs_, *fitted.intercepts_]
    vars(fitted).pop("_optimizer")
    vars(fitted).pop("_label_binarizer")
    state.put_into(fitted)
    twin = MLPClassifier((4,), max_iter=3, shuffle=False, random_state=0).fit(X, LABELS)
    assert (fitted.partial_fit(X, LABELS).coefs_[0] == twin.partial_fit(X, LABELS).coefs_[0]).all()
