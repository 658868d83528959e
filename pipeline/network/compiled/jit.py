"""How the loops are compiled: one decorator for all, with a cache on disk that nothing can break.

Compiled code is stored beside the source, or in the user's own cache folder where the installation is read-only. It is
made again when any file of this folder changes. Where it cannot be stored or read, it is compiled in memory.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from numba import config, njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

FLAGS = {"reassoc", "contract", "arcp", "nsz"}
"""What a compiler may do to sums and products. Left out is whatever assumes that no number is infinite or NaN: training
that diverges is found out by those."""

EXACT = {"contract"}
"""The same where the order of a sum's terms is what makes it exact."""

DISABLED = bool(config.DISABLE_JIT)
"""Whether nothing is compiled, and loops are interpreted, by numba's own setting."""


class Listener(NamedTuple):
    """Called before loops are compiled, which takes seconds, after each, and after all; not for those in the cache."""

    begin: Callable[[], None]
    advance: Callable[[], None]
    end: Callable[[], None]


listeners: list[Listener] = []
"""Those that hear; a loop that is compiled for another is part of that."""


def compiled(function: Callable[..., Any], *, flags: set[str] | None = None) -> Callable[..., Any]:
    """Return a function compiled for the types it is called with, one by one, without the interpreter's lock.

    Parameters
    ----------
    function : callable
        A loop over arrays.
    flags : set of str, optional
        What the compiler may do to its arithmetic, ``FLAGS`` by default.
    """
    dispatcher = njit(function, nogil=True, error_model="numpy", fastmath=FLAGS if flags is None else flags)
    if not DISABLED:
        with suppress(RuntimeError, OSError):  # there is no folder to write to
            dispatcher._cache = _Cache(function)  # noqa: SLF001 - what njit(cache=True) does, with another class
    return dispatcher


@contextmanager
def watching(begin: Callable[[], None], advance: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    """Have a listener hear, and the end as well where a compilation is interrupted."""
    listeners.append(listener := Listener(begin, advance, end))
    try:
        yield
    finally:
        listeners.remove(listener)
        if _Cache.n_begun:
            _Cache.n_begun = 0
            end()


def source_stamp() -> str:
    """Return what changes with any source file here: a function contains those that it calls, from whichever file."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return repr([(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files])


_STAMP = source_stamp()


_interrupts: list[BaseException] = []
"""Interrupts that came while LLVM called Python, which goes on as if there had been none."""


def _hear_interrupts() -> None:
    """Have interrupts that Python would only print be kept, to be raised when LLVM is done."""
    before = sys.unraisablehook
    if getattr(before, "keeps_interrupts", False):
        return

    def keep(ignored: Any) -> None:
        if isinstance(ignored.exc_value, KeyboardInterrupt | SystemExit):
            _interrupts.append(ignored.exc_value)
        else:
            before(ignored)

    keep.keeps_interrupts = True  # type: ignore[attr-defined]  # told from others by that
    sys.unraisablehook = keep


def _raise_interrupt() -> None:
    """Raise an interrupt that was kept."""
    if _interrupts:
        interrupt = _interrupts.pop()
        _interrupts.clear()
        raise interrupt


class _Cache(FunctionCache):
    """A cache that is fresh as long as all files are, and is passed over where it fails."""

    n_begun = 0

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, _STAMP)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return compiled code, or None where there is none that can be read."""
        _hear_interrupts()
        overload = None
        try:
            overload = super().load_overload(sig, target_context)
            if overload is not None and overload.signature.args != sig:
                overload = None  # another process stored its own under the same name, at the same time
        except Exception:  # noqa: BLE001 - whatever comes of a file that was cut off or written over
            with suppress(OSError):
                self.flush()  # so that it can be written anew
        _raise_interrupt()
        if overload is None:
            self._begin()
        return overload

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store compiled code, unless the disk is full or the folder has become read-only."""
        with suppress(Exception):
            super().save_overload(sig, data)
        self._end()
        _raise_interrupt()

    # numba compiles one function at a time, and within it those that it calls.

    @classmethod
    def _begin(cls) -> None:
        cls.n_begun += 1
        if cls.n_begun == 1:
            for listener in listeners:
                listener.begin()

    @classmethod
    def _end(cls) -> None:
        cls.n_begun = max(cls.n_begun - 1, 0)  # it is 0 already where another thread was interrupted
        for listener in listeners:
            listener.advance()
            if cls.n_begun == 0:
                listener.end()
