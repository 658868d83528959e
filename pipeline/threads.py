"""How many threads a fit may use, and what BLAS may do meanwhile.

BLAS's own threads wait for each other awake. Where a neighbour needs the processor, that costs many times what they
gain; so a fit has threads of its own that wait asleep, with one of BLAS's for each.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def usable_threads() -> int:
    """Return how many threads to use where nobody says: as many as BLAS is set to use.

    That is the number of cores, unless the environment says less, as joblib's does to its processes. Beside the main
    thread it is one: whoever runs several fits in threads has shared out the cores already.
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    return max((int(library.num_threads) for library in _blas().lib_controllers), default=1)


@contextmanager
def bounded_blas(n_threads: int) -> Iterator[None]:
    """Let BLAS use so many threads at the most.

    The bound is the process's, not the thread's: of several fits at once, the first in sets it, and the last out
    takes it away, whichever threads they run in.
    """
    with _lock:
        _bounds.append(n_threads)
        if len(_bounds) == 1:
            _before.extend(library.num_threads for library in _blas().lib_controllers)
            _set_threads([n_threads] * len(_before))
    try:
        yield
    finally:
        with _lock:
            _bounds.pop()
            if not _bounds:
                _set_threads(_before)
                _before.clear()


def _set_threads(numbers: list[int]) -> None:
    """Set how many threads each BLAS library uses.

    From version 3.8 on, threadpoolctl takes orders for OpenBLAS from the first thread that gave one, and silently
    ignores all others, so that a bound set beside the main thread would bind nothing. Here a lock keeps threads from
    setting different ones; so whoever had the say gives it up, and afterwards anyone may take it.
    """
    for library, number in zip(_blas().lib_controllers, numbers, strict=True):
        _let_any_thread_set(library)
        library.set_num_threads(number)
        _let_any_thread_set(library)


def _let_any_thread_set(library: Any) -> None:
    """Have the next thread that sets a library's threads obeyed; other libraries, and older versions, obey all."""
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread(force=True)


_lock = threading.Lock()
_bounds: list[int] = []
"""The bound that every fit under way asked for; the first one's is in force."""
_before: list[int] = []
"""How many threads each BLAS library used before."""


@cache
def _blas() -> Any:
    """Find the BLAS libraries; they are loaded by now, and looking for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
