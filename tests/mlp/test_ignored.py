"""Parameters that are set and have no effect are told of."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from pipeline import LastEpochs, MLPClassifier, MLPRegressor
from pipeline.mlp.ignored import RULES, ignored
from pipeline.together.estimators import SharedSamples, fit_together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Z = rng.normal(size=40)
LABELS = Z > 0
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}

# What has no effect, and the same beside what it needs.
CASES = [
    (MLPRegressor, {"quantile": 0.9}, {"loss": "quantile"}),
    (MLPRegressor, {"quantile": (0.1, 0.9)}, {"loss": "quantile"}),
    (MLPRegressor, {"delta": 0.5}, {"loss": "huber"}),
    (MLPClassifier, {"rho": 0.5}, {"solver": "rmsprop"}),
    (MLPClassifier, {"weight_decay": 0.5}, {"solver": "adamw"}),
    (MLPClassifier, {"monitor": "loss", "solver": "lbfgs"}, {"solver": "sgd"}),
    (MLPClassifier, {"replacement": True, "solver": "lbfgs"}, {"solver": "sgd"}),
    (MLPRegressor, {"max_updates": 1, "solver": "lbfgs"}, {"solver": "sgd"}),
    (MLPClassifier, {"recompute_statistics": True}, {"batch_norm": True}),
    (MLPClassifier, {"bias_init": 0.5, "bias": False}, {"bias": True}),
    (MLPClassifier, {"best_epoch": "last"}, {"monitor": "loss"}),
    (MLPClassifier, {"best_epoch": "last"}, {"early_stopping": True}),
]


def told(kind, parameters):
    """Return the warnings of a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        kind(**SMALL | parameters).fit(X, LABELS if kind is MLPClassifier else Z)
    return [one for one in caught if one.category is UserWarning]


def test_no_weight_decay_is_what_every_solver_does():
    """A weight decay of 0 is never told of, whatever the solver."""
    assert told(MLPClassifier, {"weight_decay": 0.0}) == []


@pytest.mark.parametrize(("kind", "useless", "needed"), CASES, ids=str)
def test_what_has_no_effect_is_told(kind, useless, needed):
    """One warning, by name, with what it needs, at the line that called; none beside what it needs."""
    (one,) = told(kind, useless)
    name, value = next(iter(useless.items()))
    assert str(one.message) == f"{name}={value!r} has no effect: it needs {RULES[name].needs}"
    assert one.filename == __file__
    assert told(kind, useless | needed) == []


@pytest.mark.parametrize(("kind", "useless", "needed"), CASES, ids=str)
def test_what_is_told_of_has_no_effect(kind, useless, needed):
    """The weights are those of a fit without it."""
    del needed
    name = next(iter(useless))
    beside = {"bias_init": 0.25} if name == "bias_init" else {}  # which draws numbers, but for "auto", and drops them
    without = {key: value for key, value in useless.items() if key != name} | beside
    y = LABELS if kind is MLPClassifier else Z
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (kind(**SMALL | values).fit(X, y) for values in (useless, without))
    assert one.network_.params.tobytes() == other.network_.params.tobytes()


def test_every_rule_is_tried():
    """And every one is about a parameter that there is."""
    assert {next(iter(useless)) for _, useless, _ in CASES} == RULES.keys()
    assert RULES.keys() <= MLPRegressor().get_params().keys()


def test_scikit_learns_own_are_silent():
    """As they are there: a drop-in warns of nothing that scikit-learn takes."""
    assert told(MLPClassifier, {"momentum": 0.5, "power_t": 0.1, "learning_rate": "adaptive", "beta_1": 0.5}) == []
    assert told(MLPClassifier, {"solver": "lbfgs", "early_stopping": True, "momentum": 0.5, "shuffle": False}) == []


def test_defaults_and_their_equals_are_silent():
    """As NumPy's numbers, which a grid has; a tuple of one number is another value."""
    defaults = MLPRegressor().get_params()
    assert list(ignored(defaults | {"quantile": np.float64(0.5), "delta": 1, "rho": np.float64(0.9)}, defaults)) == []
    assert len(list(ignored(defaults | {"quantile": (0.5,)}, defaults))) == 1


def test_several_are_told_in_one_warning():
    """In the order of the rules."""
    (one,) = told(MLPRegressor, {"delta": 0.5, "quantile": 0.9})
    assert str(one.message).startswith("quantile=0.9 has no effect: it needs loss='quantile'; delta=0.5 has")


def test_training_that_goes_on_is_silent():
    """`partial_fit` tells in its first call, `fit` before training begins."""
    model = MLPClassifier(**SMALL, weight_decay=0.5, warm_start=True)
    with pytest.warns(UserWarning, match="weight_decay=0.5 has no effect") as caught:
        model.partial_fit(X, LABELS, classes=[False, True])
    assert caught[0].filename == __file__
    model.partial_fit(X, LABELS)
    model.fit(X, LABELS)


def test_a_search_tells_of_each_once():
    """And not for every fold; what a candidate ignores, and another does not, is told of the one."""
    grid = {"solver": ["adam", "adamw"], "weight_decay": [0.5, 0.25]}
    search = GridSearchCV(MLPClassifier(**SMALL), grid, cv=3, refit=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        search.fit(X, LABELS)
    texts = [str(one.message) for one in caught if "has no effect" in str(one.message)]
    assert [text.split(" ")[0] for text in texts] == ["weight_decay=0.5", "weight_decay=0.25"]


def test_batch_norms_statistics_follow_averages_by_themselves():
    """Asking for it besides is no mistake."""
    assert told(MLPClassifier, {"batch_norm": True, "recompute_statistics": True, "averaging": LastEpochs(1)}) == []


def test_those_that_are_fitted_together_tell_as_well():
    """As each would alone."""
    models = [MLPClassifier(**SMALL, weight_decay=decay) for decay in (0.5, 0.25)]
    with pytest.warns(UserWarning, match="has no effect") as caught:
        fit_together(models, SharedSamples(X, LABELS))
    assert len(caught) == 2
