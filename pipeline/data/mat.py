"""Read numeric arrays from MATLAB's files of version 5, by name, and no more than was asked for.

Hands on arrays with dotted names: ``dataset.train.images`` is a field of a struct in a struct. What is not asked for is
passed over. Nothing that a file announces is believed: memory is taken as bytes come, within a bound.
The format: elements of a tag with type and length, one in the other; a matrix is its class, its lengths, its name and
its items, the first axis the fastest (MathWorks, MAT-File Format, version 5). Version 7.3 is HDF5, and is refused.
"""

import io
import math
import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.data.signatures import MAT_5, MAT_7_3, Chunks
from pipeline.text import shown

_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""The types of items, by their number in a tag."""

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_CLASSES = [
    "?",
    "cell",
    "struct",
    "object",
    "char",
    "sparse",
    "double",
    "single",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
]
"""The classes of arrays, by their number."""
_STRUCT, _FIRST_NUMERIC = 2, 6
_COMPLEX = 0x0800
_HEADER, _CHUNK = 128, 2**17
_MOST_BYTES = 2**16
"""Of what tells of an array: its lengths, its name, the names of its fields."""
_MOST_UNPACKED = 2**32
"""Of all compressed elements together, those that are passed over as well."""

_MOST_OTHERS, _DEPTH = 20, 8


class MatError(ValueError):
    """A file is no MAT-file that can be read; the message says in what, and leaves it to the caller to name it."""


@dataclass
class MatArrays:
    """What a file holds.

    Attributes
    ----------
    arrays : dict of ndarray
        Those asked for that are there, by their dotted names; the first axis is the fastest.
    others : list of str
        Some of the others, each with its class and shape.
    """

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def read_mat(file: BinaryIO, wanted: Collection[str], max_bytes: int) -> MatArrays:
    """Read arrays of real numbers from a MAT-file of version 5.

    Parameters
    ----------
    file : binary file
        The file from its start.
    wanted : collection of str
        Dotted names of arrays.
    max_bytes : int
        How much all of them may take together.

    Returns
    -------
    MatArrays

    Raises
    ------
    MatError
        Where it is no such file, is damaged, or what is wanted would take more bytes.

    Examples
    --------
    >>> from scipy.io import savemat
    >>> file = io.BytesIO()
    >>> savemat(file, {"own": {"y": np.array([[3], [1]], np.uint8)}, "z": 1.5})
    >>> _ = file.seek(0)
    >>> found = read_mat(file, ["own.y"], 100)
    >>> found.arrays, found.others
    ({'own.y': array([[3],
           [1]], dtype=uint8)}, ['z (double 1x1)'])
    """
    head = file.read(_HEADER)
    order = _order(head)
    reader = _Reader(wanted, max_bytes, order)
    while tag := file.read(8):
        if len(tag) < 8:
            raise MatError(_CUT)
        kind, n_bytes = struct.unpack(f"{order}II", tag)
        element = _Element(file, n_bytes, order)
        if kind == _COMPRESSED:
            _read_compressed(element, reader)
        elif kind == _MATRIX:
            reader.read_matrix(element, None, 0)
        element.skip()
    return reader.found


_CUT = "it is damaged or cut short"


def _order(head: bytes) -> Literal["<", ">"]:
    """Return the order of bytes that a file's header tells of."""
    if head.startswith(MAT_7_3):
        raise MatError(f"it is {HDF5}")
    if not head.startswith(MAT_5):
        raise MatError("it is no MAT-file of version 5")
    if head[124:] == b"\x00\x01IM":
        return "<"
    if head[124:] == b"\x01\x00MI":
        return ">"
    raise MatError(_CUT)


HDF5 = (
    "a MAT-file of version 7.3, which is HDF5 and is not read; save it from MATLAB with save(..., '-v7'), or from "
    "Python as an archive of arrays: np.savez('own.npz', X=images, y=labels)"
)
"""What is to be said of one."""


class _Element:
    """A stretch of a file that is as long as its tag says; no byte behind it is read."""

    def __init__(self, file: "BinaryIO | _Element", n_bytes: int, order: Literal["<", ">"]) -> None:
        self._file, self.left, self.order = file, n_bytes, order

    def read(self, n_bytes: int) -> bytes:
        """Read so many bytes, which must be there."""
        if n_bytes > self.left:
            raise MatError(_CUT)
        content = self._file.read(n_bytes)
        if len(content) < n_bytes:
            raise MatError(_CUT)
        self.left -= n_bytes
        return content

    def pieces(self, n_bytes: int) -> Iterator[bytes]:
        """Yield so many bytes, some at a time."""
        while n_bytes:
            piece = self.read(min(n_bytes, _CHUNK))
            n_bytes -= len(piece)
            yield piece

    def skip(self) -> None:
        """Pass over all that is left."""
        for _ in self.pieces(self.left):
            pass

    @contextmanager
    def inner(self) -> "Iterator[tuple[int, _Element]]":
        """Hand over the type of the next element, and what reads it; what is left of it is passed over.

        Four bytes may stand in the tag itself; others are filled up to eight.
        """
        (word,) = struct.unpack(f"{self.order}I", self.read(4))
        if word >> 16:
            content = io.BytesIO(self.read(4))
            if word >> 16 > 4:
                raise MatError(_CUT)
            yield word & 0xFFFF, _Element(content, word >> 16, self.order)
            return
        (n_bytes,) = struct.unpack(f"{self.order}I", self.read(4))
        if n_bytes > self.left:
            raise MatError(_CUT)
        element = _Element(self, n_bytes, self.order)
        yield word, element
        element.skip()
        self.read(min(-n_bytes % 8, self.left))

    def small(self, kind: int) -> bytes:
        """Read the next element, which must be of a type and a few bytes."""
        with self.inner() as (found, element):
            if found != kind or element.left > _MOST_BYTES:
                raise MatError(_CUT)
            return element.read(element.left)


def _read_compressed(element: _Element, reader: "_Reader") -> None:
    """Read what is compressed in an element, piece by piece, to its end."""
    try:
        inner = io.BufferedReader(Chunks(_unpacked(element)))
        tag = inner.read(8)
        if len(tag) < 8:
            raise MatError(_CUT)
        kind, n_bytes = struct.unpack(f"{element.order}II", tag)
        reader.count_unpacked(n_bytes)
        matrix = _Element(inner, n_bytes, element.order)
        if kind == _MATRIX:
            reader.read_matrix(matrix, None, 0)
        matrix.skip()
        inner.read(1)  # which reads on to the check sum, and so checks it
    except zlib.error:
        raise MatError(_CUT) from None


def _unpacked(element: _Element) -> Iterator[bytes]:
    """Yield what is compressed in an element, of bounded size at once."""
    unpacker = zlib.decompressobj()
    for piece in element.pieces(element.left):
        rest = piece
        while rest and not unpacker.eof:
            if content := unpacker.decompress(rest, _CHUNK):
                yield content
            rest = unpacker.unconsumed_tail
    while content := unpacker.decompress(unpacker.unconsumed_tail, _CHUNK):
        yield content
    if not unpacker.eof:
        raise MatError(_CUT)


class _Reader:
    """What is read of a file, and within which bounds."""

    def __init__(self, wanted: Collection[str], max_bytes: int, order: Literal["<", ">"]) -> None:
        self.found = MatArrays()
        self._wanted, self._left, self._order = wanted, max_bytes, order
        self._unpacked = 0

    def count_unpacked(self, n_bytes: int) -> None:
        """Raise where all that is compressed unfolds to more than is read."""
        self._unpacked += n_bytes
        if self._unpacked > _MOST_UNPACKED:
            raise MatError(f"it unfolds to more than {_MOST_UNPACKED} bytes")

    def read_matrix(self, element: _Element, name: str | None, depth: int) -> None:
        """Read a matrix if it is wanted, its fields if it is a struct that has such, and else say that it is there."""
        if not element.left:  # an empty matrix without a word
            return
        (flags, _) = struct.unpack(f"{self._order}II", _exactly(element.small(_UINT32), 8))
        shape = _shape(element.small(_INT32), self._order)
        own = element.small(_INT8)
        name = name or _text(own)
        kind = flags & 0xFF
        if kind == _STRUCT and math.prod(shape) == 1 and any(one.startswith(f"{name}.") for one in self._wanted):
            self._read_fields(element, name, depth + 1)
        elif name in self._wanted and _FIRST_NUMERIC <= kind < len(_CLASSES) and not flags & _COMPLEX:
            self.found.arrays[name] = self._read_items(element, name, shape)
        elif len(self.found.others) < _MOST_OTHERS:
            known = _CLASSES[kind] if kind < len(_CLASSES) else _CLASSES[0]
            self.found.others.append(f"{shown(name, 50)} ({known} {shown('x'.join(map(str, shape)), 50)})")
        element.skip()

    def _read_fields(self, element: _Element, name: str, depth: int) -> None:
        """Read the fields of a struct."""
        if depth > _DEPTH:
            raise MatError(f"{shown(name, 50)} is nested too deeply")
        (width,) = struct.unpack(f"{self._order}i", _exactly(element.small(_INT32), 4))
        names = element.small(_INT8)
        if width < 1 or len(names) % width:
            raise MatError(_CUT)
        for start in range(0, len(names), width):
            with element.inner() as (kind, matrix):
                if kind != _MATRIX:
                    raise MatError(_CUT)
                self.read_matrix(matrix, f"{name}.{_text(names[start : start + width])}", depth)

    def _read_items(self, element: _Element, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Read the items of an array, in the type that they are stored in, which may be smaller than their class."""
        items = bytearray()
        with element.inner() as (code, stored):
            if code not in _TYPES:
                raise MatError(f"{name} has items of a type that cannot be read")
            dtype = np.dtype(_TYPES[code]).newbyteorder(self._order)
            n_bytes = math.prod(shape) * dtype.itemsize
            if stored.left != n_bytes:
                raise MatError(f"{name} announces {shown(n_bytes, 50)} bytes and has {stored.left}")
            if n_bytes > self._left:
                raise MatError(f"{name} would take {n_bytes} bytes, and {self._left} are allowed for")
            self._left -= n_bytes
            for piece in stored.pieces(n_bytes):
                items += piece
        try:
            return np.ndarray(shape, dtype, items, order="F")
        except ValueError:  # a length of zero allows others that NumPy cannot count
            raise MatError(f"{name} has the shape {shape}, which is more than NumPy can hold") from None


def _exactly(content: bytes, n_bytes: int) -> bytes:
    if len(content) != n_bytes:
        raise MatError(_CUT)
    return content


def _shape(content: bytes, order: Literal["<", ">"]) -> tuple[int, ...]:
    """Return the lengths of axes, two at least and no more than NumPy has."""
    lengths = struct.unpack(f"{order}{len(content) // 4}i", content[: len(content) // 4 * 4])
    if not 2 <= len(lengths) <= 32 or min(lengths) < 0:
        raise MatError(_CUT)
    return lengths


def _text(name: bytes) -> str:
    """Return a name, which ends before the first byte of zero."""
    return name.partition(b"\0")[0].decode("ascii", "backslashreplace")
