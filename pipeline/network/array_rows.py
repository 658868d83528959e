"""Some rows of an array that may be larger than memory, as if they were an array of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

PIECE = 2**22
"""Numbers that are looked at together."""


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Some rows of an array, and what they are multiplied by; nothing of it is copied before it is asked for.

    Attributes
    ----------
    values : ndarray of shape (n, width)
        The array; most often a file that is mapped.
    rows : ndarray of int, default=None
        The numbers of the rows; None is all of them.
    scale : float, default=None
        What bytes are multiplied by, in float32; None leaves the numbers as they are.

    Examples
    --------
    >>> some = ArrayRows(np.arange(12, dtype=np.uint8).reshape(4, 3), np.array([0, 3]), scale=0.5)
    >>> some.shape, some.dtype, some.max()
    ((2, 3), dtype('float32'), np.float32(5.5))
    >>> some[1:]
    array([[4.5, 5. , 5.5]], dtype=float32)
    """

    values: Array
    rows: Array | None = None
    scale: float | None = None

    ndim = 2

    def __len__(self) -> int:
        return len(self.values) if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows there are, and numbers in each."""
        return len(self), self.values.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of what is handed over."""
        return self.values.dtype if self.scale is None else np.dtype(np.float32)

    def __getitem__(self, some: Any) -> Array:
        """Return some of the rows, by a slice or by their numbers."""
        return self._scaled(self._unscaled(some))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Return all rows, in memory."""
        return np.array(self[:], dtype, copy=copy)

    def min(self) -> Any:
        """Return the smallest number."""
        return self._scaled(min(self._of_pieces(np.min, 0)))

    def max(self) -> Any:
        """Return the largest number."""
        return self._scaled(max(self._of_pieces(np.max, 255)))

    def _unscaled(self, some: Any) -> Array:
        found: Array = self.values[some if self.rows is None else self.rows[some]]
        return found

    def _scaled(self, values: Any) -> Any:
        return values if self.scale is None else np.multiply(values, np.float32(self.scale), dtype=np.float32)

    def _of_pieces(self, what: Any, last: int) -> Iterator[Any]:
        """Yield something of the numbers, piece by piece, until it is all that it can be of bytes."""
        step = max(1, PIECE // self.values.shape[1])
        for start in range(0, len(self), step):
            yield (found := what(self._unscaled(slice(start, start + step))))
            if self.values.dtype == np.uint8 and found == last:
                return
