"""Where independent work runs: in processes of this machine, or on the workers of a Dask cluster.

What both are is hidden here, and joblib does the work: whatever uses joblib runs there, too. Of a worker that dies in
the middle of its work, the work is done again by another.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any
from uuid import uuid4

from joblib import Parallel, cpu_count, delayed, parallel_config

from pipeline.parameters import ParameterError
from pipeline.program import end_with

MOST_DEATHS = 5
"""How often processes may die before it is taken for the fault of the work."""

PATIENCE = 10
"""Seconds to wait for a scheduler and for its first worker."""

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
    def sharing(self, shared: Any = None) -> Iterator["Workers"]:
        """Hand data to every worker, once, and have joblib work there meanwhile.

        Parameters
        ----------
        shared : object, default=None
            What the functions of ``run`` take as their first argument.

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
        try:
            if self.scheduler is None:
                self._shared = shared
                # Processes that end when this one does, rather than work on by themselves.
                with parallel_config("loky", n_jobs=self.n_jobs, initializer=end_with, initargs=(os.getpid(),)):
                    yield self
            else:
                with _connected(self.scheduler) as client, parallel_config("dask", client=client):
                    futures = [] if shared is None else _scatter(client, shared)
                    self._shared = Scattered({address: future.key for address, future in futures}) if futures else None
                    self.n_jobs = sum(client.ncores().values())
                    yield self
        finally:
            self._shared = None

    def run(
        self,
        function: Callable[[Any, Any], Any],
        tasks: Sequence[Any],
        then: Callable[[Any, Any], Iterable[Any]] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """Call a function with the shared data and each task, and yield its place and its result as each is done.

        Parameters
        ----------
        function : callable
            What is called, as ``function(shared, task)``.
        tasks : sequence
            What it is called with.
        then : callable, optional
            Called here, as ``then(task, result)``, it returns the tasks that a result makes possible. They go before
            those that have not begun, and count on from the last of ``tasks``.

        Raises
        ------
        Exception
            Whatever the function raises; `BrokenExecutor` where processes die again and again.
        """
        left = dict(enumerate(tasks))
        numbers = count(len(left))
        deaths = 0
        while left:
            waiting = deque(left.items())  # anew for every round: joblib may still look at that of a round that broke
            try:
                for number, result in self._parallel(ahead=not then)(self._calls(function, waiting)):
                    task = left.pop(number)
                    new = [(next(numbers), one) for one in then(task, result)] if then else []
                    left.update(new)
                    waiting.extendleft(reversed(new))
                    yield number, result
            except BrokenExecutor:
                deaths += 1
                if deaths == MOST_DEATHS:
                    raise

    def _calls(self, function: Callable[[Any, Any], Any], waiting: deque[tuple[int, Any]]) -> Iterator[Any]:
        """Yield the calls of what waits, until nothing does; joblib asks for one whenever a worker is free."""
        while waiting:
            number, task = waiting.popleft()
            yield delayed(_numbered)(function, number, self._shared, task)

    def _parallel(self, *, ahead: bool) -> Parallel:
        """Return what works; one process alone is this one, where nothing can die by itself.

        Calls are handed out ahead, so that no worker waits for its next one, unless some are not known yet.
        """
        n_jobs = self.n_jobs if self.scheduler is None else -1
        pre_dispatch = "2 * n_jobs" if ahead else "n_jobs"
        return Parallel(n_jobs=n_jobs, batch_size=1, pre_dispatch=pre_dispatch, return_as="generator_unordered")


def _numbered(function: Callable[[Any, Any], Any], number: int, shared: Any, task: Any) -> tuple[int, Any]:
    """Return the number of a task with its result."""
    if isinstance(shared, Scattered):
        shared = shared.get()
    return number, function(shared, task)


def _scatter(client: Any, shared: Any) -> list[tuple[str, Any]]:
    """Send data to each worker of a cluster, and return the workers' addresses with futures that keep the data there.

    Each has the data under a key of its own: of one key that many workers have, Dask's active memory manager drops all
    copies but one every two seconds (``ReduceReplicas``), and the next tasks bring them again.
    """
    client.wait_for_workers(1, timeout=PATIENCE)
    futures = []
    for address in client.ncores():
        key = f"shared-{uuid4().hex}"
        with suppress(KeyError, OSError):  # a worker that left or is paused; one that comes back fetches by itself
            futures.append((address, client.scatter({key: shared}, workers=[address])[key]))
    if not futures:
        raise TimeoutError("no worker of the Dask cluster took the data")
    return futures


@dataclass(frozen=True)
class Scattered:
    """Data that are on the workers of a cluster already.

    Parameters
    ----------
    keys : dict of str
        Under which key each worker has them, by its address.
    """

    keys: Mapping[str, str]

    def get(self) -> Any:
        """Return the data on a worker; one that joined later fetches them from another, once."""
        from distributed import get_worker  # noqa: PLC0415 - an extra

        worker = get_worker()
        try:
            return worker.data[self.keys[worker.address]]
        except KeyError:
            with _FETCHING:
                return self._fetch()

    def _fetch(self) -> Any:
        """Return another worker's data, which are kept until others are fetched."""
        from distributed import get_client  # noqa: PLC0415 - an extra

        name = min(self.keys.values())
        if name not in _FETCHED:
            client: Any = get_client()
            held = [key for key, workers in client.who_has().items() if workers and key in self.keys.values()]
            if not held:
                raise RuntimeError("all workers of the Dask cluster that had the data are gone")
            answer = client.sync(client.scheduler.gather, keys=held[:1])  # a `Future` made here is never told
            if answer["status"] != "OK":
                raise RuntimeError(f"the Dask cluster did not hand over the data: {answer}")
            _FETCHED.clear()
            _FETCHED.update({name: answer["data"][held[0]]})
        return _FETCHED[name]


_FETCHED: dict[str, Any] = {}
_FETCHING = Lock()


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Yield a client of a Dask scheduler."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NO_DISTRIBUTED) from error
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]  # it has no types
    except (OSError, ValueError, TypeError) as error:
        raise ParameterError(f"--scheduler must be the address of a Dask scheduler; got {address}: {error}") from error
    with client:
        yield client
