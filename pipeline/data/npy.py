"""Read NumPy's own files, and say of one that is damaged or foreign which it is; write them, piece by piece.

A header is read within bounds, and by a grammar of its own; what it announces is held against the bytes that there are,
before anything of that size is asked for. Hands on arrays that are mapped, not copied; and numbers of rows, once they
are proved to suit the data.
"""

import io
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.files import new_file
from pipeline.text import shown

MAGIC = b"\x93NUMPY"
"""The first bytes of every such file."""

MAX_HEADER = 2**13
"""Bytes of a header that are read; NumPy writes 118 for nearly every array."""

_MAX_AXES = 32  # NumPy's own limit, in its older versions


class NpyError(ValueError):
    """A file is not the ``.npy`` file that it should be; the message says which, and in what."""


class NpyHeader(NamedTuple):
    """What a ``.npy`` file says of itself.

    Attributes
    ----------
    dtype : dtype
        Of the items; never of Python objects, nor of several fields.
    shape : tuple of int
        The lengths of the axes.
    fortran_order : bool
        Whether the first axis is the fastest.
    n_bytes_before : int
        Of the header itself.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    n_bytes_before: int

    @property
    def n_bytes(self) -> int:
        """How many bytes of items follow; exact, for Python's integers do not overflow."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: BinaryIO) -> NpyHeader:
    r"""Read the header of a ``.npy`` file, of which no more than `MAX_HEADER` bytes are looked at.

    Raises
    ------
    NpyError
        Saying what is wrong, without a name: the file may be part of another.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.zeros((2, 3), np.float32))
    >>> _ = file.seek(0)
    >>> read_header(file)
    NpyHeader(dtype=dtype('float32'), shape=(2, 3), fortran_order=False, n_bytes_before=128)
    """
    start = file.read(8)
    if start[:6] != MAGIC:
        raise NpyError("it does not begin as one")
    version = start[6:]
    width = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(version)
    if width is None:
        raise NpyError(f"its format version is {'.'.join(map(str, version)) or 'missing'}; 1.0 to 3.0 can be read")
    told = file.read(width)
    length = int.from_bytes(told, "little")
    if length > MAX_HEADER:
        raise NpyError(f"its header has {length} bytes; at most {MAX_HEADER} are read")
    text = file.read(length)
    if len(told) < width or len(text) < length:
        raise NpyError("it is cut short within its header")
    dtype, shape, fortran_order = _parse(text.decode("latin-1"))
    return NpyHeader(dtype, shape, fortran_order, len(start) + width + length)


def read_npy(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Map a ``.npy`` file, read-only; one that holds Python objects, or not the bytes that it announces, is refused.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Naming the file and what is wrong with it.
    """
    try:
        with Path(path).open("rb") as file:
            return _mapped(file, read_header(file))
    except NpyError as error:
        raise NpyError(f"{path} is no readable .npy file: {error}") from None


def read_matrix(path: str | os.PathLike[str]) -> NDArray[np.floating[Any]]:
    """Map a ``.npy`` file of rows and columns in float32, or in float64.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Naming the file, what it holds and what was expected.
    """
    array = read_npy(path)
    if array.ndim != 2 or array.dtype not in (np.float32, np.float64):
        raise NpyError(f"{path} holds {array.dtype} of shape {array.shape}; expected float32 in rows and columns")
    return array


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
    rows = read_npy(path)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise NpyError(f"{path} holds {rows.dtype} of shape {rows.shape}; expected numbers of rows")
    if len(rows) and not 0 <= rows.min() <= rows.max() < n_samples:
        raise NpyError(f"{path} has rows {rows.min()} to {rows.max()} of other data; there are {n_samples} rows here")
    return np.array(rows)


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Write an array to a new file, in the order of C.

    Raises
    ------
    FullDiskError
        Naming the file, where there is no space for it.
    """
    write_pieces(path, [array], array.shape, array.dtype)


def write_pieces(path: Path, pieces: Iterable[NDArray[Any]], shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Write an array to a new file as its rows come, from the first to the last: no map that a full disk could tear.

    Parameters
    ----------
    path : Path
        Where.
    pieces : iterable of ndarray
        Rows, of all pieces together as many as the shape says.
    shape : tuple of int
        Of the whole.
    dtype : dtype
        Of the whole.

    Raises
    ------
    FullDiskError
        Naming the file, where there is no space for it.
    """
    kind = np.dtype(dtype)
    header = io.BytesIO()
    about = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    with new_file(path, header.tell() + math.prod(shape) * kind.itemsize) as file:
        file.write(header.getvalue())
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, kind).reshape(-1).view(np.uint8).data)


_NAME = r"""\s*(?P<quote%d>['"])(?P<name%d>descr|fortran_order|shape)(?P=quote%d)\s*:\s*"""
_VALUE = r"""(?P<value%d>'[^'"]*'|"[^'"]*"|True|False|\([\d\s,L]*\))\s*"""
_HEADER = re.compile(r"\s*\{" + ",".join((_NAME + _VALUE).replace("%d", number) for number in "012") + r",?\s*\}\s*")
"""NumPy's header: three names with their values, in any order."""


def _parse(text: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Return type, shape and order from the text of a header."""
    match = _HEADER.fullmatch(text)
    values = {match[f"name{number}"]: match[f"value{number}"] for number in range(3)} if match else {}
    readable = len(values) == 3 and values["shape"][0] == "(" and values["fortran_order"] in _TRUTHS
    if not readable or values["descr"][0] not in "'\"":
        raise NpyError(f"its header cannot be read, or is of several fields: {shown(text, 100)}")
    return read_dtype(values["descr"][1:-1]), _shape(values["shape"]), _TRUTHS[values["fortran_order"]]


_TRUTHS = {"True": True, "False": False}


def read_dtype(code: str) -> np.dtype[Any]:
    """Return a type by NumPy's code; those that a file can hold as they are.

    Raises
    ------
    NpyError
        For another.

    Examples
    --------
    >>> read_dtype("<f4")
    dtype('float32')
    """
    if code.lstrip("<>|=") in ("O", "O8"):
        raise NpyError("it holds pickled objects, which are never opened")
    known = re.fullmatch(r"[<>|=]?([?biufcSU]\d{0,9}|[mM]8(\[\d{0,9}[A-Za-z]{1,2}\])?)", code)
    try:
        if known:
            return np.dtype(code)
    except (TypeError, ValueError, OverflowError):  # a width that there is not
        pass
    raise NpyError(f"its items are of the type {shown(code, 50)!r}, which cannot be read")


def _shape(text: str) -> tuple[int, ...]:
    """Return the lengths of the axes; those of Python 2 may have an L."""
    lengths = [length.strip().removesuffix("L") for length in text[1:-1].removesuffix(",").split(",") if length.strip()]
    if len(lengths) > _MAX_AXES or not all(re.fullmatch("[0-9]{1,18}", length) for length in lengths):
        raise NpyError(f"its shape {shown(text, 100)} cannot be read")
    return tuple(map(int, lengths))


def _mapped(file: BinaryIO, header: NpyHeader) -> NDArray[Any]:
    """Map the items, once they are proved to be there; without any, there is nothing to map."""
    there = os.fstat(file.fileno()).st_size - header.n_bytes_before
    if there != header.n_bytes:
        raise NpyError(f"it announces {shown(header.n_bytes)} bytes of items and holds {there}")
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    try:
        if not header.n_bytes:
            empty = np.empty(header.shape, header.dtype, order)
            empty.flags.writeable = False
            return empty
        return np.memmap(file, header.dtype, "r", header.n_bytes_before, header.shape, order)
    except (ValueError, OverflowError):  # a length of zero allows others that NumPy cannot count
        raise NpyError(f"its shape {header.shape} is more than NumPy can hold") from None
