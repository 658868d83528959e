"""Tests of how the tasks of a search are divided."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, ParameterGrid

from pipeline import MLPClassifier, training_together
from pipeline.together import works
from pipeline.together.estimators import SharedSamples
from pipeline.together.search_tasks import SearchTask
from pipeline.together.works import divide

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {
    "hidden_layer_sizes": [(50,), (100,), (100, 50)],
    "learning_rate_init": [0.001, 0.003],
    "alpha": [0.0001, 0.01],
}
X, Y = np.random.default_rng(0).normal(size=(90, 784)).astype(np.float32), np.arange(90) % 3


def make_tasks(grid, n_folds=3):
    """Return the tasks of a search."""
    folds = [np.flatnonzero(np.arange(len(X)) % n_folds != k)[k:] for k in range(n_folds)]  # of several lengths
    models = [MLPClassifier(**({"max_iter": 2, "random_state": 0} | one)) for one in ParameterGrid(grid)]
    return [
        SearchTask(number, None, model, X, Y, {"train": train})
        for number, (model, train) in enumerate((model, train) for model in models for train in folds)
    ]


def loads(pieces, n_threads):
    """Return what each thread has done where each takes the next work once it is free."""
    done = [0.0] * n_threads
    for work in pieces:
        done[done.index(min(done))] += work.cost
    return done


def test_twelve_candidates_in_three_folds_are_four_pieces():
    """On two threads, two folds are a piece each, and the third two that cost the same within 8%."""
    pieces = divide(make_tasks(GRID), 2)
    assert [len(work.tasks) for work in pieces] == [12, 12, 6, 6]
    costs = [work.cost for work in pieces[2:]]
    assert max(costs) <= 1.08 * min(costs)
    assert max(loads(pieces, 2)) <= 1.03 * min(loads(pieces, 2))


@pytest.mark.parametrize("n_threads", [2, 3, 4])
@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_threads_are_balanced(n_threads, n_folds):
    """However many folds and threads there are, no thread has more than a third above its share."""
    grid = GRID | {"random_state": [0, 1]}
    done = loads(divide(make_tasks(grid, n_folds), n_threads), n_threads)
    assert max(done) <= 4 / 3 * sum(done) / n_threads


def test_what_a_network_costs():
    """Twice the width or the epochs take up to twice as long, and another layer's weights count twice."""
    grid = {"hidden_layer_sizes": [(), 50, (100,), (100, 50)], "max_iter": [1, 2]}
    costs = [task.cost for task in make_tasks(grid, 2)[::2]]
    assert costs[1::2] == [2 * cost for cost in costs[::2]]
    none, one, wide, two = costs[::2]
    assert none < one < wide < 2 * one
    assert two - wide == 2 * (wide - one) * (100 * 50 + 50 - 100) / (784 * 50 + 2 * 50)


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
    """What scikit-learn hands to fit, where training scores are not asked for, is one row."""
    task = make_tasks({"alpha": [0.0]}, 2)[0]
    task.function = lambda estimator, *_, train: SimpleNamespace(n=len(train), fit=estimator.fit)
    scored = task.score(str)
    assert scored.n == 1
    assert scored.fit is str
    assert "fit" not in vars(task.model)
