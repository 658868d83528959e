"""The tasks of scikit-learn's searches: what each is to fit, which of them can share their work, and their scores.

A task is a candidate and a fold. What the tasks of a fold have in common, as its training samples, is made once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone

from pipeline.together.estimators import Fit, SharedSamples, fit_together, samples_key, sharing_key
from pipeline.together.plan import by_turns, cut
from pipeline.together.shared import Shared

MOST_TOGETHER = 16
"""Fits that share their work, so that memory is bounded."""
PIECES = 3
"""Pieces of work for each thread, at least, so that threads come to their end at about the same time."""


@dataclass
class SearchTask:
    """A candidate, whose parameters are set, to be fitted and scored on a fold.

    Attributes
    ----------
    number : int
        Its own.
    function : callable
        scikit-learn's, that fits and scores.
    estimator : estimator
        The candidate.
    X, y
        All samples of the search.
    keywords : dict
        What else the function is called with.
    """

    number: int
    function: Any
    estimator: Any
    X: Any
    y: Any
    keywords: dict[str, Any]

    @property
    def sample_weight(self) -> Any:
        """The samples' weights, all of them, or None."""
        return (self.keywords.get("fit_params") or {}).get("sample_weight")

    @cached_property
    def fold(self) -> tuple[Any, ...]:
        """What tasks have in common whose training samples are the same."""
        return id(self.X), id(self.y), id(self.keywords["train"]), id(self.sample_weight)

    @cached_property
    def samples(self) -> tuple[Any, ...]:
        """What tasks of a fold have in common that take the same of its samples."""
        return samples_key(self.estimator)

    @cached_property
    def sharing(self) -> tuple[Any, ...] | None:
        """What tasks have in common that can be done together; None for one that is done by itself."""
        return sharing_key(self.estimator)

    @cached_property
    def cost(self) -> float:
        """About how long it takes, in multiplications."""
        values = self.estimator.get_params(deep=False)
        widths = [self.X.shape[1], *np.atleast_1d(values["hidden_layer_sizes"]), 1]
        products = sum(float(a) * float(b) for a, b in pairwise(widths))
        return max(1.0, products * len(self.keywords["train"]) * float(values["max_iter"]))

    @cached_property
    def kind(self) -> str:
        """What tasks have in common whose updates are one product where they are in one piece."""
        values = self.estimator.get_params(deep=False)
        return repr([values[name] for name in ("hidden_layer_sizes", "activation", "solver")])

    def shareable(self) -> bool:
        """Tell whether it can be done with others; raise what its parameters raise that are not allowed."""
        return self.sharing is not None and bool(self.samples and self.kind and self.cost)

    def training_samples(self) -> tuple[Any, Any, Any]:
        """Return a copy of the fold's training samples."""
        train, weight = self.keywords["train"], self.sample_weight
        return self.X[train], self.y[train], None if weight is None else np.asarray(weight)[train]

    def score(self, fit: Callable[..., Any], seconds: float) -> Any:
        """Have scikit-learn score what was fitted, by ``fit``, within its share of some seconds."""
        keywords = dict(self.keywords)
        if not keywords.get("return_train_score"):
            keywords["train"] = keywords["train"][:1]  # the samples are not copied again, to be fitted to by nothing
        self.estimator.fit = fit
        try:
            result = self.function(self.estimator, self.X, self.y, **keywords)
        finally:
            del self.estimator.fit
        if isinstance(result, dict) and "fit_time" in result:
            result["fit_time"] = seconds
        return result


def as_search_task(calls: Any, number: int) -> SearchTask | None:
    """Return joblib's calls as the task of a search, None for others, or for one that is done by itself."""
    items = getattr(calls, "items", ())
    if len(items) != 1:
        return None
    function, arguments, keywords = next(iter(items))
    if getattr(function, "__name__", "") != "_fit_and_score" or len(arguments) < len("Xye"):
        return None
    estimator, X, y = arguments[:3]
    arrays = isinstance(X, np.ndarray) and isinstance(y, np.ndarray) and isinstance(keywords.get("train"), np.ndarray)
    known = set(keywords.get("fit_params") or {}) <= {"sample_weight"}
    if not (arrays and known) or getattr(keywords.get("caller"), "_skl_callbacks", None):
        return None
    try:
        estimator = clone(estimator).set_params(**clone(keywords.get("parameters") or {}, safe=False))
        task = SearchTask(number, function, estimator, X, y, keywords)
        shareable = task.shareable()
    except Exception:  # noqa: BLE001 - whatever it is, the task by itself says it in its own way
        return None
    return task if shareable else None


@dataclass
class Work:
    """Tasks that are done together, by one thread.

    Attributes
    ----------
    samples : Shared of SharedSamples
        What all of them are fitted to.
    tasks : list of SearchTask
        The tasks; one is let go once it is scored.
    """

    samples: Shared[SharedSamples]
    tasks: list[SearchTask] = field(default_factory=list)

    def fits(self, stopped: Callable[[], bool]) -> Iterator[tuple[SearchTask, Callable[[], list[Any]]]]:
        """Fit all of them, and yield each with what has scikit-learn score it, as joblib's tasks hand that back."""
        began = time.perf_counter()
        with self.samples as samples, config_context(**getattr(self.tasks[0].function, "config", {})):
            fits = fit_together([task.estimator for task in self.tasks], samples, stopped=stopped)
        del samples
        seconds = (time.perf_counter() - began) / len(fits)
        fits.reverse()
        while self.tasks:
            task = self.tasks.pop(0)
            yield task, partial(_score, task, fits.pop(), seconds)


def _score(task: SearchTask, fit: Fit, seconds: float) -> list[Any]:
    """Have a candidate scored."""

    def result(*_: Any, **__: Any) -> Any:
        return fit.result()

    return [task.score(result, seconds)]


def divide(tasks: Sequence[SearchTask], n_threads: int) -> list[Work]:
    """Divide tasks into works that threads take one after the other.

    Those of a fold come soon after each other, so that about as many folds are in memory as there are threads; and
    threads begin with folds of their own, so that none waits for what another makes.
    """
    limit = sum(task.cost for task in tasks) / (PIECES * n_threads) if n_threads > 1 else np.inf
    return by_turns([_works_of_fold(fold, limit) for fold in _grouped(tasks, lambda task: task.fold)], n_threads)


def _works_of_fold(tasks: Sequence[SearchTask], limit: float) -> list[Work]:
    """Divide the tasks of a fold."""
    copies, works = Shared(tasks[0].training_samples), []
    for alike in _grouped(tasks, lambda task: task.samples):
        copies.expect()
        samples = Shared(partial(_shared_samples, copies))
        for group in _grouped(alike, lambda task: task.sharing):
            costs, kinds = [task.cost for task in group], [task.kind for task in group]
            for numbers in cut(costs, kinds, limit, MOST_TOGETHER):
                samples.expect()
                works.append(Work(samples, [group[k] for k in numbers]))
    return works


def _shared_samples(copies: Shared[tuple[Any, Any, Any]]) -> SharedSamples:
    with copies as (X, y, weight):
        return SharedSamples(X, y, weight)


def _grouped(tasks: Sequence[SearchTask], key: Callable[[SearchTask], Any]) -> list[list[SearchTask]]:
    """Return tasks in groups, in the order that they first come in."""
    groups: dict[Any, list[SearchTask]] = {}
    for task in tasks:
        groups.setdefault(key(task), []).append(task)
    return list(groups.values())
