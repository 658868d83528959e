"""Searches whose candidates are trained together: a backend of joblib's, for scikit-learn's own search classes.

``GridSearchCV`` hands joblib one task for each candidate and fold. Here the tasks are collected before any begins,
those that can share their work are fitted as one, on threads of this process, and scikit-learn scores each as ever.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from threading import Event
from typing import Annotated, Any

import numpy as np
from joblib import parallel_config
from joblib.parallel import ParallelBackendBase
from sklearn import config_context
from sklearn.base import clone

from pipeline.mlp.threads import bounded_blas
from pipeline.parameters import check_arguments
from pipeline.together.estimators import Fit, fit_together, shape_key, sharing_key

ALL_AT_ONCE = 2**16
"""Tasks that joblib hands over before it waits for the first."""
MOST_TOGETHER = 16
"""Fits that share their work, so that memory is bounded."""


@contextmanager
def training_together(n_jobs: Annotated[int, "!= 0"] = -1) -> Iterator[None]:
    """Have scikit-learn's searches train candidates together, which takes less time.

    Within it, ``GridSearchCV``, ``RandomizedSearchCV``, the halving searches and ``cross_validate`` fit the
    ``MLPClassifier`` and ``MLPRegressor`` of one shape, seed and fold side by side: they share their checks, their
    batches and, with numba, every update's work. Candidates may differ in rate, schedule, penalty, solver and its
    numbers, and in when they stop. Each draws the random numbers that it draws alone, and comes to the same result to
    rounding. Whatever else there is, as another shape or seed, a network with dropout, or another estimator, is a fit
    by itself. All of it runs on threads of this process, so that nothing is copied to others.

    Parameters
    ----------
    n_jobs : int, default=-1
        Threads, -1 for all cores. A search's own ``n_jobs`` goes before it.

    Examples
    --------
    >>> from pipeline import MLPClassifier, training_together
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> grid = {"learning_rate_init": [0.001, 0.01], "alpha": [0.0001, 0.01]}
    >>> model = MLPClassifier((16,), learning_rate="cosine", max_iter=8, random_state=0)
    >>> with training_together():
    ...     search = GridSearchCV(model, grid, cv=3).fit(X / 16, y)
    >>> search.best_params_["learning_rate_init"]
    0.01
    """
    check_arguments(training_together, n_jobs=n_jobs)
    with parallel_config(backend=TogetherBackend(), n_jobs=n_jobs):
        yield


class TogetherBackend(ParallelBackendBase):
    """A backend that begins when the first result is asked for, and so knows all tasks by then."""

    uses_threads = True
    supports_sharedmem = True
    supports_retrieve_callback = False

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks are taken at once; ``n_jobs`` is how many threads work on them."""
        if n_jobs == 0:
            raise ValueError("n_jobs must not be 0; got 0")
        n_cores = os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0))
        self._n_threads = max(1, n_cores + 1 + n_jobs) if n_jobs is not None and n_jobs < 0 else n_jobs or 1
        self._waiting: list[_Job] = []
        return ALL_AT_ONCE

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> "_Job":
        """Take a task."""
        job = _Job(func, callback)
        self._waiting.append(job)
        return job

    def retrieve_result(self, out: "_Job", timeout: float | None = None) -> Any:
        """Return what a task came to; the first call does all that wait."""
        del timeout  # which backends of this kind do not have
        if not out.done:
            waiting, self._waiting = self._waiting, []
            _run(waiting, self._n_threads)
            for job in waiting:
                if job.callback is not None:
                    job.callback(None)
        if out.error is not None:
            raise out.error
        return out.result


class _Job:
    """A task, and what it came to."""

    def __init__(self, calls: Any, callback: Callable[[Any], None] | None) -> None:
        self.calls, self.callback = calls, callback
        self.result: Any = None
        self.done = False
        self.error: Exception | None = None

    def run(self, calls: Callable[[], Any]) -> None:
        """Do it."""
        try:
            self.result = calls()
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            self.error = error
        self.done = True


@dataclass
class _Task:
    """A task of a search: a candidate, whose parameters are set, to be fitted and scored on a fold."""

    job: _Job
    function: Any
    estimator: Any
    X: Any
    y: Any
    keywords: dict[str, Any]

    @property
    def sample_weight(self) -> Any:
        """The samples' weights, all of them, or None."""
        return (self.keywords.get("fit_params") or {}).get("sample_weight")

    def key(self) -> tuple[Any, ...]:
        """Return what tasks have in common that can be done together."""
        data = id(self.X), id(self.y), id(self.keywords["train"]), id(self.sample_weight)
        return *data, sharing_key(self.estimator), shape_key(self.estimator)

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


def _run(jobs: Sequence[_Job], n_threads: int) -> None:
    """Do all tasks, the longest first, on some threads; an interruption ends them all."""
    groups: dict[Any, list[_Task]] = {}
    work: list[tuple[float, Callable[[Callable[[], bool]], None]]] = []
    for job in jobs:
        task = _as_task(job)
        if task is None:
            work.append((math.inf, partial(_run_alone, job)))
        else:
            groups.setdefault(task.key(), []).append(task)
    size = min(MOST_TOGETHER, max(1, -(-len(jobs) // n_threads)))
    for tasks in groups.values():
        for start in range(0, len(tasks), size):
            some = tasks[start : start + size]
            work.append((_cost(some), partial(_fit_and_score, some)))
    work.sort(key=lambda one: -one[0])
    if n_threads == 1 or len(work) == 1:
        for _, do in work:
            do(bool)
        return
    stop = Event()
    with bounded_blas(1), ThreadPoolExecutor(min(n_threads, len(work))) as pool:
        futures = [pool.submit(do, stop.is_set) for _, do in work]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run_alone(job: _Job, stopped: Callable[[], bool]) -> None:
    """Do a task by itself."""
    if not stopped():
        job.run(job.calls)


def _as_task(job: _Job) -> _Task | None:
    """Return a job as the task of a search, None for another, or for one that is done by itself."""
    items = getattr(job.calls, "items", ())
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
        shared = sharing_key(estimator) is not None
    except Exception:  # noqa: BLE001 - whatever it is, the task by itself says it in its own way
        return None
    return _Task(job, function, estimator, X, y, keywords) if shared else None


def _cost(tasks: Sequence[_Task]) -> float:
    """Return about how long tasks take, in multiplications."""
    values = tasks[0].estimator.get_params(deep=False)
    widths = [tasks[0].X.shape[1], *np.atleast_1d(values["hidden_layer_sizes"])]
    products = sum(float(a) * float(b) for a, b in pairwise(widths))
    return products * len(tasks) * len(tasks[0].keywords["train"]) * values["max_iter"]


def _fit_and_score(tasks: Sequence[_Task], stopped: Callable[[], bool]) -> None:
    """Fit candidates to one fold together, and score each."""
    if stopped():
        return
    first, began = tasks[0], time.perf_counter()
    train, weight = first.keywords["train"], first.sample_weight
    weight = None if weight is None else np.asarray(weight)[train]
    with config_context(**getattr(first.function, "config", {})):
        fits = fit_together([task.estimator for task in tasks], first.X[train], first.y[train], weight, stopped=stopped)
    seconds = (time.perf_counter() - began) / len(tasks)
    for task, fit in zip(tasks, fits, strict=True):
        task.job.run(partial(_score, task, fit, seconds))


def _score(task: _Task, fit: Fit, seconds: float) -> list[Any]:
    """Have a candidate scored, as joblib's tasks hand it back."""

    def result(*_: Any, **__: Any) -> Any:
        return fit.result()

    return [task.score(result, seconds)]
