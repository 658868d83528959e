"""A search over a whole pipeline, as one would write it."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from pipeline import MLPClassifier, Preprocess, Split
from pipeline.network import Cosine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_digits(n_class=4, return_X_y=True)
X, y = (X[:300] * 255 / 16).astype(np.uint8), y[:300]


def steps(**parameters):
    """Return pixels in, labels out."""
    train = MLPClassifier((16,), learning_rate_init=0.02, max_iter=12, random_state=0).set_params(**parameters)
    return Pipeline([("preprocess", Preprocess()), ("train", train)])


def test_sizes_solver_and_dropout_with_weights_and_a_bar(capsys):
    """Layers, solver and dropout, in two processes, with a weight for each sample and a progress bar."""
    weight = np.where(y == 0, 3.0, 1.0)
    search = GridSearchCV(
        steps(),
        {
            "train__hidden_layer_sizes": [(8,), (16, 8)],
            "train__solver": ["adam", "rmsprop"],
            "train__dropout": [0.0, (0.1, 0.2, 0.2)],
        },
        cv=Split(random_state=0),
        n_jobs=2,
        error_score=0.0,
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None))
    with warnings.catch_warnings():
        # Three rates of dropout do not fit one hidden layer: those candidates fail and score 0, with this warning.
        warnings.filterwarnings("ignore", message="(?s).*dropout must be one rate for the hidden layers")
        search.fit(X, y, train__sample_weight=weight)
    assert search.best_score_ > 0.9
    scores = dict(zip(map(str, search.cv_results_["params"]), search.cv_results_["mean_test_score"], strict=True))
    assert len(scores) == 8
    assert sum(score == 0 for score in scores.values()) == 2
    drawn = capsys.readouterr().out
    assert "GridSearchCV" in drawn
    assert "MLPClassifier" in drawn


def test_weights_are_routed_as_metadata():
    """With metadata routing on, weights reach the fits that ask for them, and change what is learned."""
    weight = np.where(y == 0, 50.0, 1.0)
    with config_context(enable_metadata_routing=True):
        train = steps()
        train["train"].set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(train, {"train__alpha": [0, 1.0]}, cv=Split(random_state=0))
        weighted = search.fit(X, y, sample_weight=weight).best_estimator_.predict_proba(X)
        plain = search.fit(X, y).best_estimator_.predict_proba(X)
    assert weighted[:, 0].mean() > plain[:, 0].mean()


def test_a_schedules_own_parameters_are_in_a_grid():
    """The warm-up of a schedule is searched over by its name, and no candidate changes another's."""
    grid = {"train__learning_rate__warmup": [0, 2], "train__learning_rate__final": [0.0, 0.5]}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)  # a schedule that ends has converged when it is over
        search = GridSearchCV(steps(learning_rate=Cosine()), grid, cv=Split(random_state=0)).fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    rates = search.best_estimator_["train"].history_["learning_rate"]
    best = Cosine(warmup=search.best_params_["train__learning_rate__warmup"])
    best.set_params(final=search.best_params_["train__learning_rate__final"])
    assert rates[0] == pytest.approx(0.02 * best.factor(1 / 2, 12, 0))


@pytest.mark.parametrize("name", ["train__learning_rate__warm", "train__drop"])
def test_a_name_that_there_is_not_is_refused(name):
    """In a grid as anywhere."""
    with pytest.raises(ValueError, match=r"[Ii]nvalid parameter 'drop'|has no parameter 'warm'"):
        GridSearchCV(steps(learning_rate=Cosine()), {name: [1]}, cv=2, error_score="raise").fit(X, y)
