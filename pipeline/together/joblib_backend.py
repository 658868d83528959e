"""Searches whose candidates are trained together: a backend of joblib's, for scikit-learn's own search classes.

``GridSearchCV`` hands joblib one task for each candidate and fold. Here the tasks are collected before any begins,
those that can share their work are fitted as one, on threads of this process, and scikit-learn scores each as ever.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Annotated, Any

from joblib import parallel_config
from joblib.parallel import ParallelBackendBase

from pipeline.mlp.threads import bounded_blas
from pipeline.parameters import check_arguments
from pipeline.together.search_tasks import SearchTask, as_search_task
from pipeline.together.works import Work, divide

ALL_AT_ONCE = 2**16
"""Tasks that joblib hands over before it waits for the first."""


@contextmanager
def training_together(n_jobs: Annotated[int, "!= 0"] = -1) -> Iterator[None]:
    """Have scikit-learn's searches train candidates together, which takes less time.

    Within it, ``GridSearchCV``, ``RandomizedSearchCV``, the halving searches, ``cross_validate`` and its curves, and a
    search within another fit the ``MLPClassifier`` and ``MLPRegressor`` of one seed and fold side by side: they share
    their checks and, with numba, those of one shape every update's work. Candidates may differ in rate, schedule,
    penalty, solver and its numbers, and in when they stop. Each draws the random numbers that it draws alone, and comes
    to the same result to rounding. A network with dropout or ``lbfgs`` is trained by itself, and shares the checks. The
    steps of a ``Pipeline`` before a network, and what transforms its targets, are fitted once for a fold, where they
    are the same. Any other estimator is a fit by itself. All of it runs on threads of this process, so that nothing is
    copied to others.

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

    def __init__(self, outer: "TogetherBackend | None" = None, **options: Any) -> None:
        super().__init__(**options)
        self._outer, self._stop = outer, Event()

    def get_nested_backend(self) -> "tuple[TogetherBackend, int]":
        """Return what a task's own search has, which trains candidates together on the task's thread."""
        return TogetherBackend(self, nesting_level=(self.nesting_level or 0) + 1), 1

    def stopped(self) -> bool:
        """Tell whether to end at once, as this search or one that it is within was interrupted."""
        return self._stop.is_set() or (self._outer is not None and self._outer.stopped())

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
            self._stop = Event()
            _run(waiting, self._n_threads, self._stop, self.stopped)
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
        self.calls = None  # with the estimator, so that a search of many candidates keeps none of them
        self.done = True


def _run(jobs: Sequence[_Job], n_threads: int, stop: Event, stopped: Callable[[], bool]) -> None:
    """Do all tasks on some threads, until ``stopped``; an interruption ends them all, and sets ``stop``."""
    works = _works(jobs, n_threads)
    if n_threads == 1 or len(works) == 1:
        for do in works:
            do(stopped)
        return
    with bounded_blas(1), ThreadPoolExecutor(min(n_threads, len(works))) as pool:
        futures = [pool.submit(do, stopped) for do in works]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _works(jobs: Sequence[_Job], n_threads: int) -> list[Callable[[Callable[[], bool]], None]]:
    """Return what is to be done one after the other, what is not known first, as it may take long."""
    works: list[Callable[[Callable[[], bool]], None]] = []
    tasks: list[SearchTask] = []
    for number, job in enumerate(jobs):
        task = as_search_task(job.calls, number)
        if task is None:
            works.append(partial(_run_alone, job))
        else:
            tasks.append(task)
    return works + [partial(_fit_and_score, work, jobs) for work in divide(tasks, n_threads)]


def _run_alone(job: _Job, stopped: Callable[[], bool]) -> None:
    """Do a task by itself."""
    if not stopped():
        job.run(job.calls)


def _fit_and_score(work: Work, jobs: Sequence[_Job], stopped: Callable[[], bool]) -> None:
    """Fit candidates to one fold together, and score each."""
    if stopped():
        return
    for task, scored in work.scores(stopped):
        jobs[task.number].run(scored)
