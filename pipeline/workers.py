"""Where independent work runs: in processes of this machine, or on the workers of a Dask cluster.

What both are is hidden here, and joblib does the work: whatever uses joblib runs there, too. Of a worker that dies in
the middle of its work, the work is done again by another.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, cpu_count, delayed, parallel_config

from pipeline.parameters import ParameterError
from pipeline.program import end_with

MOST_DEATHS = 5
"""How often processes may die before it is taken for the fault of the work."""

NO_DISTRIBUTED = "a Dask cluster needs the extra `cluster`: `pip install 'digits-pipeline[cluster]'`"


class Workers:
    """Processes, or a Dask cluster's workers.

    Parameters
    ----------
    n_jobs : int or None, default=None
        How many processes work at once; None is one for each core. A cluster has its own number.
    scheduler : str or None, default=None
        The address of a Dask scheduler, ``tcp://127.0.0.1:8786``; None takes processes.

    Examples
    --------
    >>> with Workers(1).sharing(10) as workers:
    ...     sorted(workers.run(pow, [2, 3]))
    [(0, 100), (1, 1000)]
    """

    def __init__(self, n_jobs: int | None = None, scheduler: str | None = None) -> None:
        self.n_jobs = n_jobs or cpu_count()
        self.scheduler = scheduler
        self._shared: Any = None

    @contextmanager
    def sharing(self, *shared: Any) -> Iterator["Workers"]:
        """Hand data to every worker, once, and have joblib work there meanwhile.

        Parameters
        ----------
        *shared : objects
            The first is what the functions of ``run`` take as their first argument.

        Yields
        ------
        Workers
            This object.

        Raises
        ------
        ModuleNotFoundError
            Where a cluster is asked for and the extra ``cluster`` is not installed.
        ParameterError
            Where no scheduler answers at the address.
        """
        self._shared = shared[0] if shared else None
        try:
            if self.scheduler is None:
                # Processes that end when this one does, rather than work on by themselves.
                with parallel_config("loky", n_jobs=self.n_jobs, initializer=end_with, initargs=(os.getpid(),)):
                    yield self
            else:
                with _connected(self.scheduler) as client, parallel_config("dask", client=client, scatter=shared):
                    self.n_jobs = sum(client.ncores().values())
                    yield self
        finally:
            self._shared = None

    def run(self, function: Callable[[Any, Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Call a function with the shared data and each task, and yield its place and its result as each is done.

        Raises
        ------
        Exception
            Whatever the function raises; `BrokenExecutor` where processes die again and again.
        """
        left = dict(enumerate(tasks))
        deaths = 0
        while left:
            calls = [delayed(_numbered)(function, number, self._shared, task) for number, task in left.items()]
            try:
                for number, result in self._parallel()(calls):
                    del left[number]
                    yield number, result
            except BrokenExecutor:
                deaths += 1
                if deaths == MOST_DEATHS:
                    raise

    def _parallel(self) -> Parallel:
        """Return what works; one process alone is this one, where nothing can die by itself."""
        n_jobs = self.n_jobs if self.scheduler is None else -1
        return Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")


def _numbered(function: Callable[[Any, Any], Any], number: int, shared: Any, task: Any) -> tuple[int, Any]:
    """Return the number of a task with its result."""
    return number, function(shared, task)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Yield a client of a Dask scheduler."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NO_DISTRIBUTED) from error
    try:
        client = Client(address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]  # it has no types
    except (OSError, ValueError, TypeError) as error:
        raise ParameterError(f"--scheduler must be the address of a Dask scheduler; got {address}: {error}") from error
    with client:
        yield client
