"""Read NumPy's own files, and say of one that is damaged or foreign which it is.

Hands on arrays that are mapped, not copied; and numbers of rows, once they are proved to suit the data.
"""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"
"""The first bytes of every such file."""


class NpyError(ValueError):
    """A file is not the ``.npy`` file that it should be; the message says which, and in what."""


def is_npy(path: str | os.PathLike[str]) -> bool:
    """Tell by its first bytes whether a file is one of NumPy's."""
    with Path(path).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_npy(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Map a ``.npy`` file, read-only; one that holds Python objects, or ends early, is refused.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Naming the file and what is wrong with it.
    """
    if not is_npy(path):
        raise NpyError(f"{path} is no readable .npy file: it does not begin as one")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy counts the bytes of an absurd shape
            return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError, OverflowError) as error:
        raise NpyError(f"{path} is no readable .npy file: {error}") from None


def read_rows(path: str | os.PathLike[str], n_samples: int) -> NDArray[np.integer[Any]]:
    """Read numbers of rows, and see that there are such rows.

    Parameters
    ----------
    path : path
        A ``.npy`` file.
    n_samples : int
        How many rows there are.

    Returns
    -------
    ndarray of shape (n_rows,)
        Integers on 0..n_samples-1.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Where it holds anything else, or was made for other data.
    """
    rows = np.array(read_npy(path))
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise NpyError(f"{path} holds {rows.dtype} of shape {rows.shape}; expected numbers of rows")
    if len(rows) and not 0 <= rows.min() <= rows.max() < n_samples:
        raise NpyError(f"{path} has rows {rows.min()} to {rows.max()} of other data; there are {n_samples} rows here")
    return rows
