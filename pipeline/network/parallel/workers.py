"""Threads in lockstep: all run the same function on different data, and wait for each other at barriers.

NumPy releases the interpreter's lock while it computes, so that threads really run side by side. They wait on locks,
asleep, and leave the processor to others.
"""

import os
from _thread import LockType, allocate_lock
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from itertools import chain
from threading import Thread
from types import TracebackType
from typing import Self


class WorkersBrokenError(RuntimeError):
    """Another worker has failed or does not exist, so that waiting for it would never end."""


class Workers:
    """A pool of threads, the caller's being the first.

    Parameters
    ----------
    size : int
        How many.

    Attributes
    ----------
    on_failure : list of callable
        Called with the number of a thread that has failed, so that no other waits for it at some other barrier.

    Examples
    --------
    >>> import numpy as np
    >>> squares = np.zeros(2)
    >>> def work(k: int) -> None:
    ...     squares[k] = k**2
    >>> with Workers(2) as workers:
    ...     workers.run(work)
    >>> squares
    array([0., 1.])
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.on_failure: list[Callable[[int], None]] = []
        self._work: Callable[[int], None] | None = None
        self._error: BaseException | None = None
        self._process = os.getpid()
        self._start = [_acquired() for _ in range(1, size)]
        self._done = [_acquired() for _ in range(1, size)]
        # Two sets of locks, used in turn: a thread may reach the next barrier before another has left this one.
        self._arrived = [[[_acquired() for _ in range(size)] for _ in range(size)] for _ in range(2)]
        self._n_barriers = [0] * size
        # NumPy's error state belongs to the context, which a thread does not inherit by itself.
        self._threads = [Thread(target=copy_context().run, args=(self._serve, k), daemon=True) for k in range(1, size)]
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except BaseException:  # a person's interruption, before all of it was done
            self.close()
            raise

    def run(self, work: Callable[[int], None]) -> None:
        """Have every thread do ``work(k)``, k being its number, and return when all are done.

        It may call ``barrier(k)``, as often as all others do. What one thread raises is raised here, and the workers
        cannot be used any more. Nor can they in a forked child process, which has none of the threads.
        """
        if os.getpid() != self._process:
            raise WorkersBrokenError("this process was forked in the middle of the work, and has none of its threads")
        self._work = work
        try:
            if not self._begun:
                self._begin()
            for lock in self._start:
                lock.release()
            work(0)
        except WorkersBrokenError:
            pass  # the error of the thread that failed is raised below
        except BaseException as error:
            self._break(0, error)
            raise
        for lock in self._done:
            lock.acquire()
        if self._error is not None:
            raise self._error

    def barrier(self, k: int) -> None:
        """Wait, as thread ``k``, until all threads have reached this point."""
        locks = self._arrived[self._n_barriers[k] % 2]
        self._n_barriers[k] += 1
        for other, lock in enumerate(locks[k]):
            if other != k:
                lock.release()
        for other in range(self.size):
            if other != k:
                locks[other][k].acquire()
        if self._error is not None:
            raise WorkersBrokenError

    def close(self) -> None:
        """End the threads, and wait until they have ended: they write nothing after that."""
        self._work = None
        self._error = self._error or WorkersBrokenError()  # for threads that would wait for one that was interrupted
        for lock in chain(self._start, *self._arrived[0], *self._arrived[1]):
            with suppress(RuntimeError):  # it is released already
                lock.release()
        for k in range(self.size):
            self._tell_of_failure(k)
        for thread in self._threads:
            if thread.is_alive():  # else it never began, or ends as soon as it begins
                thread.join()

    def _begin(self) -> None:
        """Start the threads: when there is work, as an interruption before that would leave them without an end."""
        self._begun = True
        for thread in self._threads:
            thread.start()

    def _serve(self, k: int) -> None:
        """Work whenever there is work, as thread ``k``."""
        while True:
            self._start[k - 1].acquire()
            work = self._work
            if work is None:
                return
            try:
                work(k)
            except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
                self._break(k, error)
            self._done[k - 1].release()

    def _break(self, k: int, error: BaseException) -> None:
        """Release all threads that wait for thread ``k``, which has failed."""
        if not isinstance(error, WorkersBrokenError):
            self._error = self._error or error
        for locks in self._arrived:
            for other, lock in enumerate(locks[k]):
                if other != k and lock.locked():
                    lock.release()
        self._tell_of_failure(k)

    def _tell_of_failure(self, k: int) -> None:
        for tell in self.on_failure:
            tell(k)


def _acquired() -> LockType:
    """Return a lock that another thread will release."""
    lock = allocate_lock()
    lock.acquire()
    return lock
