"""Tests of how the tasks of a search are divided."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import GridSearchCV, ParameterGrid

from pipeline import MLPClassifier, training_together
from pipeline.together import works
from pipeline.together.estimators import SharedSamples
from pipeline.together.search_tasks import HeldOut, SearchTask
from pipeline.together.works import divide

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {
    "hidden_layer_sizes": [(50,), (100,), (100, 50)],
    "learning_rate_init": [0.001, 0.003],
    "alpha": [0.0001, 0.01],
}
SCORER = get_scorer("accuracy")
SEVERAL = check_scoring(MLPClassifier(), scoring={"accuracy": "accuracy", "own": lambda *_: 0.0})
X, Y = np.random.default_rng(0).normal(size=(90, 784)).astype(np.float32), np.arange(90) % 3


def make_tasks(grid, n_folds=3):
    """Return the tasks of a search."""
    numbers = np.arange(len(X)) % n_folds
    folds = [
        (np.flatnonzero(numbers != k)[k:], np.flatnonzero(numbers == k)) for k in range(n_folds)
    ]  # not of one size
    models = [MLPClassifier(**({"max_iter": 2, "random_state": 0} | one)) for one in ParameterGrid(grid)]
    return [
        SearchTask(number, None, model, X, Y, {"train": train, "test": test, "scorer": SCORER})
        for number, (model, (train, test)) in enumerate((model, fold) for model in models for fold in folds)
    ]


def loads(pieces, n_threads):
    """Return what each thread has done where each takes the next work once it is free."""
    done = [0.0] * n_threads
    for work in pieces:
        done[done.index(min(done))] += work.cost
    return done


def test_twelve_candidates_in_three_folds_are_four_pieces():
    """On two threads, two folds are a piece each, and the third two that cost half of it within 6%."""
    pieces = divide(make_tasks(GRID), 2)
    assert [len(work.tasks) for work in pieces] == [12, 12, 7, 5]
    kinds = [[task.network.hidden_layer_sizes for task in work.tasks] for work in pieces[2:]]
    assert kinds == [[(100,)] * 4 + [(50,)] * 3, [(100, 50)] * 4 + [(50,)]]
    costs = [work.cost for work in pieces[2:]]
    assert max(costs) <= 1.06 * sum(costs) / 2
    assert max(loads(pieces, 2)) <= 1.04 * min(loads(pieces, 2))


@pytest.mark.parametrize("n_threads", [2, 3, 4])
@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_threads_are_balanced(n_threads, n_folds):
    """However many folds and threads there are, no thread has more than a third above its share."""
    grid = GRID | {"random_state": [0, 1]}
    done = loads(divide(make_tasks(grid, n_folds), n_threads), n_threads)
    assert max(done) <= 4 / 3 * sum(done) / n_threads


def test_what_a_network_costs():
    """Twice the width or the epochs take up to twice as long, and another layer's weights count thrice."""
    grid = {"hidden_layer_sizes": [(), 50, (100,), (100, 50)], "max_iter": [1, 2]}
    costs = [task.cost for task in make_tasks(grid, 2)[::2]]
    assert costs[1::2] == [2 * cost for cost in costs[::2]]
    none, one, wide, two = costs[::2]
    assert none < one < wide < 2 * one
    assert two - wide == 3 * (wide - one) * (100 * 50 + 50 - 100) / (784 * 50 + 3 * 50)


def test_one_thread_takes_as_many_together_as_may_be():
    """On one thread a fold is one piece, as long as it has no more than so many fits."""
    assert [len(work.tasks) for work in divide(make_tasks(GRID), 1)] == [12, 12, 12]
    many = divide(make_tasks({"alpha": np.linspace(0, 1, 40)}, 2), 1)
    assert [len(work.tasks) for work in many] == [14, 14, 12] * 2


def test_other_seeds_are_other_pieces_of_the_same_samples():
    """A seed is a piece of its own, and the samples are those of its fold, unless they are held out by the seed."""
    for early_stopping, n_samples in ((False, 2), (True, 4)):
        pieces = divide(make_tasks({"random_state": [0, 1], "early_stopping": [early_stopping]}, 2), 1)
        assert len(pieces) == 4
        assert len({id(work.prepared) for work in pieces}) == n_samples


def test_about_as_many_folds_as_threads_are_under_way():
    """Each thread begins with a fold of its own, and a fold comes to its end before many others begin."""
    order = [work.tasks[0].fold for work in divide(make_tasks(GRID, 5), 2)]
    names = {fold: k for k, fold in enumerate(dict.fromkeys(order))}
    assert [names[fold] for fold in order] == [0, 1, 2, 3, 4, 4]
    order = [work.tasks[0].fold for work in divide(make_tasks(GRID, 4), 2)]
    names = {fold: k for k, fold in enumerate(dict.fromkeys(order))}
    assert [names[fold] for fold in order] == [0, 1, 2, 3, 2, 3]


def test_samples_are_copied_and_checked_once_for_a_fold(monkeypatch):
    """Of 12 candidates by 3 folds on two threads, there are three copies, all of them gone at the end."""
    made = []

    class Samples(SharedSamples):
        """Remembers what was made."""

        def __init__(self, *given):
            super().__init__(*given)
            made.append(weakref.ref(self))

    monkeypatch.setattr(works, "SharedSamples", Samples)
    with training_together(n_jobs=2):
        GridSearchCV(MLPClassifier(max_iter=1, random_state=0), GRID, cv=3, refit=False).fit(X, Y)
    gc.collect()
    assert [reference() for reference in made] == [None] * 3


def test_a_score_needs_no_more_copies():
    """What scikit-learn hands to fit is one row, and what it scores is what the fold shares."""
    task = make_tasks({"alpha": [0.0]}, 2)[0]
    task.function = lambda estimator, X, y, train, test, scorer: SimpleNamespace(
        X=X[test, ...], y=y[test, ...], n=len(train), fit=estimator.fit, scorer=scorer
    )
    kept = HeldOut(X, Y, task.keywords["test"])
    scored = task.score(str, kept)
    assert np.shares_memory(scored.X, kept.X)
    for ours, expected in ((scored.X, X[::2]), (scored.y, Y[::2])):  # labels, which are few, are copied
        assert type(ours) is np.ndarray
        np.testing.assert_array_equal(ours, expected)
    assert scored.n == 1
    assert scored.fit is str
    assert "fit" not in vars(task.model)


@pytest.mark.parametrize(
    "needs",
    [
        {"return_train_score": True},
        {"score_params": {"sample_weight": Y}},
        {"scorer": lambda *_: 0.0},
        {"scorer": SEVERAL},
    ],
    ids=str,
)
def test_what_a_score_of_another_kind_is_made_of(needs):
    """Scores of training samples, by weights, or by one's own function are made of scikit-learn's own copies."""
    task = make_tasks({"alpha": [0.0]}, 2)[0]
    task.keywords |= needs
    task.function = lambda _, X, y, train, test, **__: (train, X[test], y[test])
    assert not task.scores_as_it_is
    train, test, labels = task.score(str, HeldOut(X, Y, np.arange(5)))
    assert len(train) == (len(task.keywords["train"]) if "return_train_score" in needs else 1)
    np.testing.assert_array_equal(test, X[::2])
    np.testing.assert_array_equal(labels, Y[::2])


def test_outputs_that_are_known_are_those_of_each_model():
    """Networks of several shapes multiply what is scored at once; a score goes by that, and no model changes."""
    numbers = X * (np.random.default_rng(1).random(X.shape) < np.linspace(0, 1, X.shape[1]))
    kept = HeldOut(numbers.astype(np.float32), Y, np.arange(0, 90, 2))
    shapes = [{"hidden_layer_sizes": (8,)}, {"hidden_layer_sizes": ()}, {"hidden_layer_sizes": (5, 4), "bias": False}]
    models = [MLPClassifier(**one, max_iter=2, random_state=0).fit(X, Y) for one in shapes]
    every = kept.outputs([*models, MLPClassifier()])
    assert every.pop() is None
    for model, outputs in zip(models, every, strict=True):
        np.testing.assert_allclose(outputs, model.predict_proba(kept.X), rtol=1e-4, atol=1e-6)
    task = make_tasks({"alpha": [0.0]}, 2)[0]
    task.model = models[0]
    task.function = lambda model, X, *_, **__: model.predict_proba(X)
    assert task.score(str, kept, every[1]) is every[1]
    np.testing.assert_allclose(models[0].predict_proba(kept.X), every[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "given", [X.astype(np.float64), X[:, 1:], np.where(X > 3, np.nan, X)], ids=["type", "width", "NaN"]
)
def test_outputs_that_a_model_checks_itself(given):
    """What is not plainly as the networks take it is left to each model, which refuses or converts it."""
    models = [MLPClassifier((4,), max_iter=1, random_state=seed).fit(X, Y) for seed in (0, 1)]
    assert HeldOut(given, Y, np.arange(9)).outputs(models) == [None, None]
    assert HeldOut(X, Y, np.arange(9)).outputs(models[:1]) == [None]
