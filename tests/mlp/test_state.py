"""What an estimator has learned, as values and arrays."""

import copy

import numpy as np
import pytest

from pipeline import MLPClassifier
from pipeline.mlp.state import MAX_LAYERS, check_depth, check_values, expected_arrays
from pipeline.parameters import parameter_values

X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3


def fitted(**parameters):
    """Return a fitted classifier."""
    options = {"learning_rate": "cosine", "max_iter": 2, "engine": "numpy", "random_state": 0} | parameters
    return MLPClassifier((3,), **options).fit(X, y)


@pytest.mark.parametrize("parameters", [{}, {"batch_norm": True}, {"solver": "sgd", "early_stopping": True}], ids=str)
@pytest.mark.parametrize("resume", [False, True])
def test_a_state_comes_back_as_it_was(parameters, resume):
    """Values pass the check, arrays are those that are expected, and another estimator becomes the same."""
    model = fitted(**parameters)
    values, arrays = model.get_state(resume=resume)
    check_values(values)
    specs = expected_arrays(parameter_values(MLPClassifier, model), values)
    assert set(arrays) <= set(specs)
    assert all(arrays[name].shape in specs[name].shapes for name in arrays if name != "classes")
    again = MLPClassifier(**model.get_params()).set_state(values, arrays)
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.engine_ == "numpy"
    values_again, _ = again.get_state(resume=resume)
    assert values_again == values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engine", "auto"),
        ("engine", None),
        ("n_iter_", -1),
        ("loss_", "small"),
        ("n_features_in_", 0),
        ("validation_scores_", [None]),
        ("feature_names", ["a"]),
    ],
)
def test_a_value_of_another_kind_is_named(name, value):
    """The error says which value it is."""
    values, _ = fitted().get_state()
    with pytest.raises(ValueError, match=f"^{name} must"):
        check_values(copy.deepcopy(values) | {name: value})


def test_a_value_that_is_missing_is_named():
    """Those of newer versions alone may be missing."""
    values, _ = fitted().get_state()
    check_values({name: value for name, value in values.items() if name != "engine"})
    with pytest.raises(KeyError, match="loss_"):
        check_values({name: value for name, value in values.items() if name != "loss_"})


def test_a_state_has_no_times():
    """So that equal training gives an equal state."""
    values, _ = fitted().get_state()
    assert values["history"]["seconds"] == [None, None]
    assert values == fitted().get_state()[0]


def test_layers_are_counted_before_they_are_made():
    """As many as a file may ask for are allowed, and no more."""
    check_depth({"hidden_layer_sizes": (1,) * MAX_LAYERS})
    with pytest.raises(ValueError, match=f"{MAX_LAYERS + 1} hidden layers"):
        check_depth({"hidden_layer_sizes": (1,) * (MAX_LAYERS + 1)})
