"""scikit-learn's callbacks with the classifier: alone, in pipelines, in searches, and where there are none."""

import importlib
import pickle
import sys
import warnings

import numpy as np
import pytest
import sklearn.callback
from sklearn.base import clone
from sklearn.callback import CallbackContext, ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from pipeline import MLPClassifier, Normalize
from pipeline.callbacks import OnEpoch

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
y = rng.integers(2, size=40)
X = rng.integers(100, size=(40, 4)).astype(np.uint8) + (y[:, np.newaxis] * 100).astype(np.uint8)


def small(**parameters):
    """Return a classifier that is quick to train."""
    return MLPClassifier(**{"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, **parameters})


class Diary:
    """Writes down every hook that is called, and asks to stop after some epochs."""

    def __init__(self, last=None):
        self.last, self.lines, self.seen = last, [], []

    def setup(self, estimator, context):  # noqa: ARG002 - a hook's arguments are scikit-learn's
        self.lines.append(f"setup, {context.max_subtasks} tasks")

    def teardown(self, estimator, context):  # noqa: ARG002 - the same
        self.lines.append("teardown")

    def on_fit_task_begin(self, estimator, context):  # noqa: ARG002 - the same
        self.lines.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.lines.append(f"{context.task_name} ends")
        self.seen.append((estimator.n_iter_, X, y, metadata, fitted_estimator))
        return self.last is not None and len(self.seen) >= self.last


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_epoch_is_a_task(solver):
    """The fit is a task, each epoch a task in it, and all are closed."""
    diary = Diary()
    small(solver=solver).set_callbacks(diary).fit(X / 255, y)
    epochs = ["epoch begins", "epoch ends"] * 3
    assert diary.lines == ["setup, 3 tasks", "fit begins", *epochs, "fit ends", "teardown"]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_sees_the_model_as_of_now(solver):
    """It is handed the data, the weights of the samples, and a model that predicts and does not change later."""
    diary, weight = Diary(), np.linspace(1, 2, 40)
    model = small(solver=solver).set_callbacks(diary).fit(X / 255, y, weight)
    for epochs, (n_iter, rows, labels, metadata, fitted) in enumerate(diary.seen[:3], start=1):
        assert n_iter == epochs
        assert np.array_equal(rows, X / 255)
        assert np.array_equal(labels, y)
        assert np.array_equal(metadata["sample_weight"], weight)
        alone = small(solver=solver, max_iter=epochs).fit(X / 255, y, weight)
        assert np.allclose(fitted.predict_proba(rows), alone.predict_proba(rows))
    assert np.array_equal(diary.seen[3][4].predict_proba(X / 255), model.predict_proba(X / 255))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_may_stop_training(solver):
    """When it asks to, that epoch is the last, and there is no warning of not having converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(solver=solver, max_iter=9).set_callbacks(Diary(last=2)).fit(X / 255, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2


def test_watching_changes_nothing():
    """Weights with and without callbacks are the same bytes."""
    plain, watched = small().fit(X, y), small().set_callbacks(Diary(), ScoringMonitor(scoring="accuracy")).fit(X, y)
    assert np.array_equal(plain.network_.params, watched.network_.params)


def test_going_on_is_a_fit_of_its_own():
    """With `warm_start` every call has its own task and its own epochs."""
    diary = Diary()
    model = small(warm_start=True).set_callbacks(diary).fit(X, y)
    model.fit(X, y)
    assert diary.lines.count("fit ends") == 2
    assert diary.lines.count("epoch ends") == 6
    assert model.n_iter_ == 3


def test_an_error_closes_what_was_opened():
    """A callback is torn down when training fails, and the error goes through."""
    diary = Diary()
    with pytest.raises(ValueError, match="non-finite"):
        small(learning_rate_init=1e300, batch_size=5).set_callbacks(diary).fit(X, y)
    assert diary.lines[-1] == "teardown"


def test_a_score_of_every_epoch():
    """scikit-learn's ScoringMonitor logs one for each, on the training data; the last is the model's own."""
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = small().set_callbacks(monitor).fit(X / 255, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    P = model.predict_proba(X / 255)[np.arange(40), y]
    assert len(rows) == 3
    assert rows[-1]["neg_log_loss"] == pytest.approx(np.log(P).mean())


def test_a_monitor_sees_the_samples_as_they_were_given():
    """With their columns' names, so that nothing is to be warned of."""
    pandas = pytest.importorskip("pandas")
    named = pandas.DataFrame(X / 255, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        small().set_callbacks(ScoringMonitor(scoring="accuracy")).fit(named, y)


def test_weights_reach_the_monitor():
    """Scores are weighted as the samples are."""
    monitor, weight = ScoringMonitor(scoring="accuracy"), np.linspace(0.1, 3, 40)
    model = small().set_callbacks(monitor).fit(X / 255, y, weight)
    assert monitor.get_logs().data[-1]["accuracy"] == pytest.approx(model.score(X / 255, y, weight))


@pytest.mark.parametrize(
    "model",
    [
        small(),
        make_pipeline(Normalize(), small()),
        GridSearchCV(make_pipeline(Normalize(), small()), {"mlpclassifier__alpha": [0, 1]}, cv=2),
        GridSearchCV(small(), {"alpha": [0, 1]}, cv=2, n_jobs=2),
    ],
    ids=["alone", "in a pipeline", "in a search", "in a search of two processes"],
)
def test_a_progress_bar_anywhere(model, capsys):
    """scikit-learn's ProgressBar draws the epochs wherever the classifier stands."""
    model.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    drawn = capsys.readouterr().out
    assert "MLPClassifier" in drawn
    assert "100%" in drawn
    assert " 0%" not in drawn


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_monitor_through_a_search(n_jobs):
    """Set on the classifier inside a pipeline inside a search, it logs every epoch of every fit."""
    monitor = ScoringMonitor(scoring="accuracy")
    steps = make_pipeline(Normalize(), small().set_callbacks(monitor))
    GridSearchCV(steps, {"mlpclassifier__alpha": [0, 1]}, cv=2, n_jobs=n_jobs).fit(X, y)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 3
    assert all(0 <= row["accuracy"] <= 1 for row in epochs)


def test_our_own_listener():
    """`OnEpoch` hears of every epoch with the model's attributes, and of nothing else."""
    heard = []
    small(max_iter=4).set_callbacks(OnEpoch(lambda model: heard.append((model.n_iter_, model.loss_)))).fit(X, y)
    assert [epoch for epoch, _ in heard] == [1, 2, 3, 4]
    assert [loss for _, loss in heard] == small(max_iter=4).fit(X, y).loss_curve_


def test_a_listener_can_end_a_fit():
    """Where it returns True, the epoch was the last; what it heard of is kept."""
    model = small(max_iter=6).set_callbacks(OnEpoch(lambda one: one.n_iter_ == 2)).fit(X, y)
    assert model.n_iter_ == 2
    assert len(model.history_["loss"]) == 2


def test_callbacks_are_pickled_and_cloned_as_scikit_learn_does():
    """A clone shares them, and a pickle holds a copy."""
    diary = Diary()
    model = small().set_callbacks(diary)
    assert clone(model)._skl_callbacks == [diary]
    copied = pickle.loads(pickle.dumps(model.fit(X, y)))  # noqa: S301 - our own bytes
    assert copied._skl_callbacks[0].lines == diary.lines
    assert not hasattr(model.set_callbacks(), "_skl_callbacks")


# ---------------------------------------------------------------- another scikit-learn


def imported_anew(monkeypatch):
    """Import the classifier as if for the first time, and leave no trace."""
    for package, name in (
        ("pipeline", "callbacks"),
        *(("pipeline.mlp", name) for name in ("base", "state", "classifier")),
    ):
        module = importlib.import_module(f"{package}.{name}")
        monkeypatch.setattr(importlib.import_module(package), name, module, raising=False)
        monkeypatch.delitem(sys.modules, module.__name__)
    return importlib.import_module("pipeline.mlp.classifier").MLPClassifier


def test_a_scikit_learn_without_callbacks(monkeypatch):
    """Where the module is gone, the classifier trains the same, and says that callbacks hear nothing."""
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    anew = imported_anew(monkeypatch)((4,), max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match="no callbacks: they will hear nothing"):
        anew.set_callbacks(diary := Diary())
    anew.set_callbacks().fit(X, y)
    assert diary.lines == []
    assert np.array_equal(anew.network_.params, small().fit(X, y).network_.params)


def test_a_scikit_learn_whose_hooks_have_changed(monkeypatch):
    """Where a hook takes other arguments, the classifier warns, and trains without."""
    monkeypatch.setattr(CallbackContext, "call_on_fit_task_end", vars(CallbackContext)["subcontext"])
    diary = Diary()
    with pytest.warns(UserWarning, match="callbacks are not the ones known here, and hear nothing: .*unexpected"):
        model = small().set_callbacks(diary).fit(X, y)
    assert diary.lines == []
    assert model.n_iter_ == 3


def test_nothing_is_asked_of_scikit_learn_without_callbacks(monkeypatch):
    """With nobody to hear, a fit touches none of the experimental interface."""
    monkeypatch.delattr(sklearn.callback, "CallbackContext")
    assert small().fit(X, y).n_iter_ == 3
