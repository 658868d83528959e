"""Something that several threads need at about the same time, and that takes too much time and memory for each."""

from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What is made when it is first needed, and let go after the last use; a context manager for each use.

    Parameters
    ----------
    make : callable
        Returns it. Where that fails, the next use tries again.

    Examples
    --------
    >>> numbers = Shared(lambda: print("made") or [1, 2])
    >>> numbers.expect()
    >>> numbers.expect()
    >>> with numbers as first, numbers as second:
    ...     first is second
    made
    True
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._lock, self._uses_left = Lock(), 0
        self._values: list[T] = []

    def expect(self) -> None:
        """Have what is shared stay for one more use."""
        self._uses_left += 1

    def __enter__(self) -> T:
        with self._lock:
            if not self._values:
                if self._make is None:
                    raise RuntimeError("what is shared was let go, as no more uses were expected")
                self._values.append(self._make())
            return self._values[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._uses_left -= 1
            if self._uses_left <= 0:
                self._values.clear()
                self._make = None  # with what it was made of
