"""Read and write named arrays in files of safetensors, the form in which others exchange the weights of networks.

A file is the length of a header in eight bytes, the header in JSON, and the arrays one after the other; nothing in it
can run. What it announces is held against the bytes that there are, and against a bound, before these are read. The
library ``safetensors`` proves what was read and takes it apart, and writes; it is an extra, imported when it is needed.
"""

import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.strict_json import JsonError, parse_json
from pipeline.text import shown

MAX_HEADER = 2**25
"""Bytes of a header that are read; the library itself takes three times as much."""

METADATA = "__metadata__"
"""What the header calls the words that are of no array."""

MISSING = (
    "files of safetensors are read and written by the library of that name, which is not installed: "
    'pip install "digits-pipeline[safetensors]" brings it'
)


class SafetensorsError(ValueError):
    """A file does not hold what it should; the message says in what, and leaves it to the caller to name it."""


class SafetensorsReader:
    """A file of named arrays, opened for reading; of its arrays none is read yet.

    Parameters
    ----------
    file : binary file
        The file, which can seek.
    max_bytes : int
        How much it may have altogether.

    Attributes
    ----------
    names : list of str
        Of the arrays in it.
    metadata : dict of str to str
        What else its header says.

    Raises
    ------
    SafetensorsError
        Where it is no such file, or has more bytes than that.
    ImportError
        Where the library is not installed.

    Examples
    --------
    >>> import io
    >>> file = SafetensorsReader(io.BytesIO(to_safetensors({"a": np.zeros(2)}, {"b": "c"})), 1000)
    >>> file.names, file.metadata, file.read()
    (['a'], {'b': 'c'}, {'a': array([0., 0.])})
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file, self._size = file, file.seek(0, os.SEEK_END)
        header = _read_header(file, self._size)
        if self._size > max_bytes:
            raise SafetensorsError(f"it has {self._size} bytes, and {max_bytes} are allowed for")
        self.metadata = header.pop(METADATA, {})
        if not isinstance(self.metadata, dict) or not all(isinstance(word, str) for word in self.metadata.values()):
            raise SafetensorsError(f"its {METADATA} are no words by name")
        self.names = list(header)
        self._library = _library()

    def read(self) -> dict[str, NDArray[Any]]:
        """Read all arrays, of a type each that both NumPy and the form have.

        Raises
        ------
        SafetensorsError
            Where the header does not fit the bytes behind it.
        ImportError
            Where the library is not installed.
        """
        self._file.seek(0)
        try:
            found = self._library.deserialize(self._file.read(self._size))
        except self._library.SafetensorError as error:
            raise SafetensorsError(f"its header does not fit its arrays: {shown(error)}") from error
        return {name: _array(name, **described) for name, described in found}


def to_safetensors(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a file of arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By name.
    metadata : mapping of str to str
        One word at the most: the library writes several in an order that changes.

    Raises
    ------
    ImportError
        Where the library is not installed.
    """
    _library()
    from safetensors.numpy import save  # noqa: PLC0415 - an extra

    together = {name: np.asarray(array, order="C") for name, array in arrays.items()}  # it writes memory as it lies
    return save(together, metadata=dict(metadata))


def _library() -> Any:
    """Return the library."""
    try:
        import safetensors  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(MISSING) from error
    return safetensors


def _read_header(file: BinaryIO, size: int) -> dict[str, Any]:
    """Read the header alone, which must be one mapping, each name of which is there once."""
    file.seek(0)
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise SafetensorsError(f"its header has {length} bytes; at most {MAX_HEADER} are read")
    if len(start) + length > size:
        raise SafetensorsError("it is cut short within its header")
    try:
        header = parse_json(file.read(length), unique=True)
    except JsonError as error:
        raise SafetensorsError(f"its header cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise SafetensorsError("its header is no mapping")
    return header


_TYPES = {
    **{f"F{8 * size}": np.dtype(f"f{size}") for size in (2, 4, 8)},
    **{f"I{8 * size}": np.dtype(f"i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"u{size}") for size in (1, 2, 4, 8)},
    "BOOL": np.dtype(bool),
}
"""The types that both NumPy and the form have, by their names there."""


def _array(name: str, dtype: str, shape: list[int], data: bytearray) -> NDArray[Any]:
    """Return an array of what the library has found."""
    if dtype not in _TYPES:
        raise SafetensorsError(f"{shown(name, 50)} is of the type {dtype}, which NumPy does not have")
    flat = np.frombuffer(data, _TYPES[dtype].newbyteorder("<")).astype(_TYPES[dtype], copy=False)
    try:
        return flat.reshape(shape)
    except (ValueError, OverflowError):  # a length of zero allows others that NumPy cannot count
        raise SafetensorsError(f"{shown(name, 50)} has the shape {shown(shape, 50)}, which NumPy cannot hold") from None
