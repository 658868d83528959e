"""How many threads a fit may use, and what BLAS may do meanwhile.

BLAS's own threads wait for each other awake. Where a neighbour needs the processor, that costs many times what they
gain; so a fit has threads of its own that wait asleep, with one of BLAS's for each.

A fit may be interrupted anywhere: by an exception, by a signal whose handler fits another network, by a fork. So what
is done here is idempotent and reentrant.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import product
from typing import Any

from threadpoolctl import ThreadpoolController


def usable_threads() -> int:
    """Return how many threads to use by default: as many as BLAS is set to use.

    That is the number of cores, unless the environment says less, as joblib's does to its processes. Beside the main
    thread it is one: several fits in threads share the cores already.
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    return max((int(library.num_threads) for library in _blas().lib_controllers), default=1)


@contextmanager
def bounded_blas(n_threads: int) -> Iterator[None]:
    """Let BLAS use so many threads at the most.

    The bound is the process's, not the thread's: of several fits at once, the smallest bound is in force, and the last
    out takes it away, whichever threads they run in.
    """
    bound = _Bound(n_threads)
    try:
        _apply(bound)
        yield
    finally:
        try:
            _release(bound)
        finally:
            _release(bound)  # again: an interruption may have ended the first before it was done


class _Bound:
    """What one fit asked for, and in which thread."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self.thread = threading.get_ident()


class _Shared:
    """What the fits of a process have in common.

    Attributes
    ----------
    lock : RLock
        Held while BLAS is set, never while anything is computed; a signal's handler may take it from its own thread.
    bounds : dict of _Bound
        What all fits under way asked for.
    before : tuple of int or None
        How many threads each BLAS library used before the first of them; None while BLAS is as others have set it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.bounds: dict[_Bound, None] = {}
        self.before: tuple[int, ...] | None = None


_shared = _Shared()


def _apply(bound: _Bound) -> None:
    """Put a bound in force."""
    with _shared.lock:
        _shared.bounds[bound] = None
        _update_blas()


def _release(bound: _Bound) -> None:
    """Take a bound away, if it is still there."""
    with _shared.lock:
        _shared.bounds.pop(bound, None)
        _update_blas()


def _update_blas() -> None:
    """Bring BLAS into line with the bounds under way, however far an earlier call came."""
    if _shared.bounds and _shared.before is None:
        before = tuple(library.num_threads for library in _blas().lib_controllers)
        if _shared.before is None:  # else a handler has been here meanwhile, and these are numbers that it set
            _shared.before = before
    before = _shared.before or ()
    least = min([one.n_threads for one in _shared.bounds], default=None)
    _set_threads(before if least is None else [least] * len(before))
    if not _shared.bounds:
        _shared.before = None


def _set_threads(numbers: Sequence[int]) -> None:
    """Set how many threads each BLAS library uses, or none where there are no numbers."""
    for setter, number in zip(_setters(), numbers, strict=False):
        setter(number)


@cache
def _setters() -> list[Callable[[int], Any]]:
    """Return what sets the threads of each BLAS library.

    From version 3.8 on, threadpoolctl takes orders for OpenBLAS from the first thread that gave one, and silently
    ignores all others; and it holds a lock meanwhile, which a fork or a signal's handler may find closed for ever. So
    OpenBLAS's own function is called.
    """
    return [_openblas_setter(library) or library.set_num_threads for library in _blas().lib_controllers]


def _openblas_setter(library: Any) -> Callable[[int], Any] | None:
    """Return OpenBLAS's own function, under whichever name; None for a library that keeps to threads' own bounds."""
    if library.internal_api != "openblas" or library.threading_layer == "openmp":
        return None
    names = [f"{first}openblas_set_num_threads{last}" for first, last in product(("", "scipy_"), ("", "64_", "_64"))]
    return next((getattr(library.dynlib, name) for name in names if hasattr(library.dynlib, name)), None)


def _reset_after_fork() -> None:
    """Forget, in a child that was forked, the threads that it does not have: their locks and their bounds."""
    _shared.lock = threading.RLock()
    here = threading.get_ident()
    if _shared.before is not None:
        for bound in [one for one in _shared.bounds if one.thread != here]:
            del _shared.bounds[bound]
        _update_blas()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_reset_after_fork)


@cache
def _blas() -> Any:
    """Find the BLAS libraries; they are loaded by now, and looking for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
