"""A barrier that threads wait at inside compiled loops, without the interpreter: on its own locks, asleep.

To be woken takes tens of microseconds. So a thread tells the others that it has arrived, does what it can without
them, and waits for them then.
"""

import ctypes
from itertools import product
from typing import Any

import numpy as np
from llvmlite import binding
from numba import types

from pipeline.network.compiled.jit import compiled

N_SETS = 2
"""Sets of locks, used in turn: a thread may reach the next barrier before another has left this one."""

_python = ctypes.pythonapi
_python.PyThread_allocate_lock.argtypes, _python.PyThread_allocate_lock.restype = [], ctypes.c_void_p
_python.PyThread_free_lock.argtypes, _python.PyThread_free_lock.restype = [ctypes.c_void_p], None
_python.PyThread_acquire_lock.argtypes = [ctypes.c_void_p, ctypes.c_int]
_python.PyThread_release_lock.argtypes, _python.PyThread_release_lock.restype = [ctypes.c_void_p], None
for _name, _function in (("acquire", _python.PyThread_acquire_lock), ("release", _python.PyThread_release_lock)):
    # Compiled code on disk refers to the functions by name, not by where they lie in this process.
    binding.add_symbol(f"digits_{_name}_lock", ctypes.cast(_function, ctypes.c_void_p).value)

_acquire = types.ExternalFunction("digits_acquire_lock", types.int32(types.intp, types.int32))
_release = types.ExternalFunction("digits_release_lock", types.void(types.intp))


@compiled
def arrive(locks: Any, k: int) -> None:
    """Tell the other threads that thread ``k`` has reached a point, and go on.

    Parameters
    ----------
    locks : ndarray of shape (n_threads, n_threads), intp
        A set of a ``Barrier``'s: in line k those that thread k releases, one for each other thread.
    """
    for other in range(len(locks)):
        if other != k:
            _release(locks[k, other])


@compiled
def wait(locks: Any, broken: Any, k: int) -> Any:
    """Wait, as thread ``k``, until all others have reached the point, and return whether none has failed.

    Parameters
    ----------
    locks : ndarray of shape (n_threads, n_threads), intp
        Those of ``arrive``.
    broken : ndarray of shape (1,), int64
        Whether a thread has failed.
    """
    for other in range(len(locks)):
        if other != k:
            _acquire(locks[other, k], 1)
    return broken[0] == 0


class Barrier:
    """Locks for the threads that share an update.

    Parameters
    ----------
    size : int
        How many threads.

    Attributes
    ----------
    locks : ndarray of shape (2, size, size), intp
        The locks' addresses, two sets of them.
    broken : ndarray of shape (1,), int64
        Whether a thread has failed, so that no other may wait for it.
    """

    def __init__(self, size: int) -> None:
        self.locks = np.zeros((N_SETS, size, size), np.intp)
        self.broken = np.zeros(1, np.int64)
        for index in product(range(N_SETS), range(size), range(size)):
            self.locks[index] = _python.PyThread_allocate_lock()
            _python.PyThread_acquire_lock(int(self.locks[index]), 0)

    def release(self, k: int) -> None:
        """Release all threads that wait for thread ``k``, which has failed."""
        self.broken[0] = 1
        for lock in self.locks[:, k].ravel():
            _python.PyThread_release_lock(int(lock))

    def __del__(self) -> None:
        for lock in self.locks.ravel():
            _python.PyThread_free_lock(int(lock))
