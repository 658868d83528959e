"""Threads that work in step: all do the same on different data, and wait for each other where they have to.

NumPy lets go of the interpreter while it computes, so that threads really run side by side. They wait on locks, asleep,
and leave the processor to whoever else needs it.
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


class TeamBrokenError(RuntimeError):
    """Another thread of the team has failed or is not there, so that there is nobody to wait for."""


class Team:
    """Some threads, the caller's being the first.

    Parameters
    ----------
    size : int
        How many.

    Examples
    --------
    >>> import numpy as np
    >>> squares = np.zeros(2)
    >>> def work(k: int) -> None:
    ...     squares[k] = k**2
    >>> with Team(2) as team:
    ...     team.run(work)
    >>> squares
    array([0., 1.])
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._work: Callable[[int], None] | None = None
        self._error: BaseException | None = None
        self._process = os.getpid()
        self._go = [_closed() for _ in range(1, size)]
        self._done = [_closed() for _ in range(1, size)]
        # Two sets of locks, used in turn: a thread may come to the next meeting before another has left this one.
        self._met = [[[_closed() for _ in range(size)] for _ in range(size)] for _ in range(2)]
        self._meetings = [0] * size
        # NumPy's care for overflows goes with the context, which a thread does not inherit by itself.
        self._threads = [Thread(target=copy_context().run, args=(self._serve, k), daemon=True) for k in range(1, size)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, work: Callable[[int], None]) -> None:
        """Have every thread do ``work(k)``, k being its number, and return when all are done.

        It may call ``meet(k)``, as often as all others do. What one thread raises is raised here, and the team is then
        good for nothing more. So is it in a child that was forked, which has none of its threads.
        """
        if os.getpid() != self._process:
            raise TeamBrokenError("this process was forked in the middle of the work, and has none of its threads")
        self._work = work
        try:
            for lock in self._go:
                lock.release()
            work(0)
        except TeamBrokenError:
            pass  # the error of the thread that failed is raised below
        except BaseException as error:
            self._break(0, error)
            raise
        for lock in self._done:
            lock.acquire()
        if self._error is not None:
            raise self._error

    def meet(self, k: int) -> None:
        """Wait, as thread ``k``, until all threads have come here."""
        locks = self._met[self._meetings[k] % 2]
        self._meetings[k] += 1
        for other, lock in enumerate(locks[k]):
            if other != k:
                lock.release()
        for other in range(self.size):
            if other != k:
                locks[other][k].acquire()
        if self._error is not None:
            raise TeamBrokenError

    def close(self) -> None:
        """Send the threads home, and wait until they are: whatever they were at, they write nothing after that."""
        self._work = None
        self._error = self._error or TeamBrokenError()  # for threads that would wait for one that was interrupted
        for lock in chain(self._go, *self._met[0], *self._met[1]):
            with suppress(RuntimeError):  # it is open
                lock.release()
        for thread in self._threads:
            thread.join()

    def _serve(self, k: int) -> None:
        """Work whenever there is work, as thread ``k``."""
        while True:
            self._go[k - 1].acquire()
            work = self._work
            if work is None:
                return
            try:
                work(k)
            except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
                self._break(k, error)
            self._done[k - 1].release()

    def _break(self, k: int, error: BaseException) -> None:
        """Let nobody wait for thread ``k``, which has failed."""
        if not isinstance(error, TeamBrokenError):
            self._error = self._error or error
        for locks in self._met:
            for other, lock in enumerate(locks[k]):
                if other != k and lock.locked():
                    lock.release()


def _closed() -> LockType:
    """Return a lock that somebody else will open."""
    lock = allocate_lock()
    lock.acquire()
    return lock
