"""What numbers are pixels: whole numbers of any type alike, and the scale that values are on.

The same values give the same answer, whatever type they come in.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse

INTEGERS = [np.uint8, np.int8, np.int16, np.int32, np.int64, np.uint16, np.uint32, np.uint64]

PIECE = 2**22
"""Pixels that are worked on at once: some 16 MB in float32, however large the data set is."""

TOO_DARK = 15
"""By what factor pixels stay below a scale that is not theirs: 16 of 255, 1 of 16."""

TOO_BRIGHT = 2
"""By what factor pixels rise above a scale that is not theirs."""


class PixelRangeWarning(UserWarning):
    """Pixels are on another scale than those that were learned from."""


def as_uint8(X: Any) -> Any:
    """Return whole numbers as uint8 if all are on 0..255, or else as float32; an array of floats as it is.

    Parameters
    ----------
    X : {ndarray, sparse matrix}
        Numbers.

    Examples
    --------
    >>> as_uint8(np.array([0, 255])).dtype, as_uint8(np.array([-1, 256])).dtype, as_uint8(np.array([0.5])).dtype
    (dtype('uint8'), dtype('float32'), dtype('float64'))
    """
    if X.dtype == np.uint8 or X.dtype.kind not in "iu":
        return X
    values = X.data if scipy.sparse.issparse(X) else X
    fits = not values.size or (values.min() >= 0 and values.max() <= 255)
    return X.astype(np.uint8 if fits else np.float32)


def full_scale(X: Any) -> float:
    """Return which value is full brightness, by the largest one: 1, 16, or that of 8 bits, of 9, of 10 and so on.

    Parameters
    ----------
    X : ndarray
        Pixels. Values below 0 count by their size; where all are 0 it is 255.

    Examples
    --------
    >>> [full_scale(np.array([largest])) for largest in (0.9, 15, 100, 255, 4000, 65535)]
    [1.0, 16.0, 255.0, 255.0, 4095.0, 65535.0]
    """
    largest = _largest(X)
    if 0 < largest <= 16:
        return 1.0 if largest <= 1 else 16.0
    return 2.0 ** max(8, math.ceil(math.log2(largest + 1))) - 1


def contradiction(X: Any, scale: float) -> str | None:
    """Say in what pixels contradict a scale that was learned, if they do.

    Parameters
    ----------
    X : ndarray
        Pixels.
    scale : float
        What `full_scale` found in those that were learned from.

    Examples
    --------
    >>> contradiction(np.array([0.0, 1.0]), 255.0)
    'X has pixels up to 1, where fit saw pixels on 0..255: is X scaled already?'
    >>> contradiction(np.array([0, 200]), 255.0)
    """
    largest = _largest(X)
    if scale / TOO_DARK < largest <= TOO_BRIGHT * scale or not largest:
        return None
    question = "is X scaled already?" if largest <= scale else "was fit given scaled images?"
    return f"X has pixels up to {largest:g}, where fit saw pixels on 0..{scale:g}: {question}"


def pieces(X: Any) -> Iterator[slice]:
    """Yield slices of the rows of X, each of `PIECE` numbers at the most, but for a row that has more.

    Examples
    --------
    >>> list(pieces(np.zeros((3, PIECE // 2))))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    n, step = len(X), max(1, PIECE // X.shape[1])
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def _largest(X: Any) -> float:
    """Return the largest value by its size."""
    return float(X.max()) if X.dtype == np.uint8 else max(float(X.max()), -float(X.min()))
