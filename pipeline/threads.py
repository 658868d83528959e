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
    takes it away.
    """
    with _lock:
        if not _bounds:
            _bounds.append(_blas().limit(limits=n_threads))
        _bounds.append(None)
    try:
        yield
    finally:
        with _lock:
            _bounds.pop()
            if len(_bounds) == 1:
                _bounds.pop().restore_original_limits()


_lock = threading.Lock()
_bounds: list[Any] = []
"""The bound that is in force, and a None for every fit that needs it."""


@cache
def _blas() -> Any:
    """Find the BLAS libraries; they are loaded by now, and looking for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
