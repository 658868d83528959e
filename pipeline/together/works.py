"""The works that the tasks of a search are divided into, each for one thread; what several need is made once."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn import config_context

from pipeline.together.estimators import Fit, SharedSamples, fit_by_itself, fit_together
from pipeline.together.plan import by_turns, cut
from pipeline.together.search_tasks import HeldOut, SearchTask
from pipeline.together.shared import Shared
from pipeline.together.steps import NetworkSamples, complete

MOST_TOGETHER = 16
"""Fits that share their work, so that memory is bounded."""


@dataclass
class Prepared:
    """What networks are fitted to.

    Attributes
    ----------
    around : estimator
        What comes before them, fitted.
    samples : SharedSamples
        What that hands over.
    """

    around: Any
    samples: SharedSamples


@dataclass
class Work:
    """Tasks that are done by one thread, and the networks of which are trained together where there are several.

    Attributes
    ----------
    prepared : Shared of Prepared
        What all of them are fitted to.
    held_out : Shared of HeldOut, or None
        What all of them are scored on, where scikit-learn needs no copies of its own.
    tasks : list of SearchTask
        The tasks; one is let go once it is scored.
    """

    prepared: Shared[Prepared]
    held_out: Shared[HeldOut] | None
    tasks: list[SearchTask]

    @property
    def cost(self) -> float:
        """About how long it takes, in multiplications."""
        return sum(task.cost for task in self.tasks)

    def scores(self, stopped: Callable[[], bool]) -> Iterator[tuple[SearchTask, Callable[[], Any]]]:
        """Do all of them, and yield each with what has scikit-learn score it, as joblib's tasks hand that back."""
        if self.tasks[0].sharing is None:
            fits: list[Callable[[], Any]] = [partial(self._fit_one, self.tasks[0], stopped)]
            seconds = None
        else:
            began, n = time.perf_counter(), len(self.tasks)
            fits = self._fit(stopped)
            seconds = (time.perf_counter() - began) / n
        with self.held_out or nullcontext() as samples:
            outputs = [None] * len(fits)
            if samples is not None and all(task.sharing and task.scores_as_it_is for task in self.tasks):
                outputs = samples.outputs([task.network for task in self.tasks])
            ends = list(zip(fits, outputs, strict=True))[::-1]
            del fits, outputs  # as a model is let go once it is scored
            while self.tasks:
                fit, known = ends.pop()
                yield (task := self.tasks.pop(0)), partial(_score, task, fit, samples, known, seconds)

    def _fit_one(self, task: SearchTask, stopped: Callable[[], bool]) -> Any:
        """Fit a task by itself."""
        with self.prepared as prepared:
            network = fit_by_itself(task.network, prepared.samples, stopped)
            return complete(task.model, prepared.around, network)

    def _fit(self, stopped: Callable[[], bool]) -> list[Callable[[], Any]]:
        """Fit all tasks, and return what returns each task's model, or raises what its fit raises."""
        try:
            with config_context(**getattr(self.tasks[0].function, "config", {})), self.prepared as prepared:
                fits = fit_together([task.network for task in self.tasks], prepared.samples, stopped=stopped)
                return [partial(_model, task, prepared.around, fit) for task, fit in zip(self.tasks, fits, strict=True)]
        except Exception as error:  # noqa: BLE001 - it is what each fit would have raised
            return [partial(_raise, error) for _ in self.tasks]


def _model(task: SearchTask, around: Any, fit: Fit) -> Any:
    """Return a task's model, whose network has been fitted."""
    return complete(task.model, around, fit.result())


def _raise(error: Exception) -> None:
    raise error


def _score(
    task: SearchTask, fit: Callable[[], Any], samples: HeldOut | None, outputs: Any, seconds: float | None
) -> list[Any]:
    """Have a task scored, whose fit took some seconds where it was not by itself."""
    result = task.score(lambda *_, **__: fit(), samples, outputs)
    if seconds is not None and isinstance(result, dict) and "fit_time" in result:
        result["fit_time"] = seconds
    return [result]


def divide(tasks: Sequence[SearchTask], n_threads: int) -> list[Work]:
    """Divide tasks into works that threads take one after the other.

    Threads begin with folds of their own, which are a piece of work each: so none waits for what another makes, most
    networks are trained together, and as many folds are in memory as there are threads. The last folds are cut, so that
    threads come to their end at about the same time.
    """
    if not tasks:
        return []
    folds = _grouped(tasks, lambda task: task.fold)
    n_last = len(folds) % n_threads or min(len(folds), n_threads)
    n_pieces = n_threads // math.gcd(n_last, n_threads)
    if n_pieces == 1 and n_threads > 1:
        n_pieces = 2  # folds of one size need not take the same time
    n_whole = len(folds) - n_last
    limit = (
        sum(task.cost for fold in folds[n_whole:] for task in fold) / (n_last * n_pieces) if n_pieces > 1 else np.inf
    )
    works = [_works_of_fold(fold, limit if k >= n_whole else np.inf) for k, fold in enumerate(folds)]
    return by_turns(works, n_threads)


def _works_of_fold(tasks: Sequence[SearchTask], limit: float) -> list[Work]:
    """Divide the tasks of a fold."""
    works: list[Work] = []
    scored_on = None
    if any(task.scores_as_it_is for task in tasks):
        scored_on = Shared(partial(HeldOut, tasks[0].X, tasks[0].y, tasks[0].keywords["test"]))
    for same_steps in _grouped(tasks, lambda task: task.steps):
        steps = Shared(same_steps[0].fit_steps)
        for same_samples in _grouped(same_steps, lambda task: task.samples):
            steps.expect()
            works += _works_of_samples(same_samples, Shared(partial(_prepare, steps)), scored_on, limit)
    return works


def _works_of_samples(
    tasks: Sequence[SearchTask], prepared: Shared[Prepared], scored_on: Shared[HeldOut] | None, limit: float
) -> list[Work]:
    """Divide the tasks of a fold whose networks are fitted to the same, the dearest first."""
    pieces = [[task] for task in tasks if task.sharing is None]
    for group in _grouped([task for task in tasks if task.sharing is not None], lambda task: task.sharing):
        costs, kinds = [task.cost for task in group], [task.kind for task in group]
        pieces += [[group[k] for k in numbers] for numbers in cut(costs, kinds, limit, MOST_TOGETHER)]
    for _ in pieces:
        prepared.expect()
        if scored_on is not None:
            scored_on.expect()
    return sorted((Work(prepared, scored_on, piece) for piece in pieces), key=lambda work: -work.cost)


def _prepare(steps: Shared[tuple[Any, NetworkSamples]]) -> Prepared:
    with steps as (fitted, given):
        return Prepared(fitted, SharedSamples(given.X, given.y, given.sample_weight))


def _grouped(tasks: Sequence[SearchTask], key: Callable[[SearchTask], Any]) -> list[list[SearchTask]]:
    """Return tasks in groups, in the order that they first come in."""
    groups: dict[Any, list[SearchTask]] = {}
    for task in tasks:
        groups.setdefault(key(task), []).append(task)
    return list(groups.values())
