"""Read named arrays from one of NumPy's archives (``.npz``), whatever else it holds, and no more than was asked for.

Of an archive, its directory is read within a bound. A member is read if its type and shape are those demanded, and it
has exactly the bytes that these take; nothing is unpacked to find that out but the member's own header.
"""

import math
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.data.npy import NpyError, NpyHeader, read_header
from pipeline.text import shown

_READ = 2**17
"""Bytes that are read at once, and that the directory of an archive may have."""


class NpzError(ValueError):
    """An archive does not hold what it should; the message says in what, and leaves it to the caller to name it."""


class NpzReader:
    """An archive of arrays, opened for reading.

    Parameters
    ----------
    file : binary file
        The archive, which can seek.
    max_bytes : int
        How much all arrays that are read may take together.

    Attributes
    ----------
    names : list of str
        Of the arrays in it.

    Raises
    ------
    NpzError
        Where it is no archive, is damaged, or names a member twice.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, a=np.arange(3))
    >>> archive = NpzReader(file, 100)
    >>> archive.names, archive.read("a", ["int64"], [(3,)])
    (['a'], array([0, 1, 2]))
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._left = max_bytes
        bounded: Any = _Bounded(file)  # it reads and seeks, as is enough
        try:
            self._archive = zipfile.ZipFile(bounded)
        except NpzError:
            raise
        except Exception as error:  # there is no telling what zipfile finds wrong first
            raise NpzError(_DAMAGED) from error
        self.names = [name.removesuffix(".npy") for name in self._archive.namelist()]
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise NpzError(f"it holds {shown(twice[0], 50)!r} twice")

    def read(self, name: str, dtypes: Collection[str], shapes: Collection[tuple[int | None, ...]]) -> NDArray[Any]:
        """Read one array.

        Parameters
        ----------
        name : str
            Its name, one of ``names``.
        dtypes : collection of str
            The types that it may be of: ``"float32"``, or a letter for a kind, ``"U"``.
        shapes : collection of tuple
            The shapes that it may be of; None is any length.

        Raises
        ------
        NpzError
            Where it is of another type or shape, is damaged, or would take more bytes than are left.
        """
        with self._opened(name) as (member, header):
            self._check(name, header, dtypes, shapes)
            return _read_items(member, header)

    def header(self, name: str) -> NpyHeader:
        """Return what an array says of itself, once it is proved to have as many bytes.

        Raises
        ------
        NpzError
            Where it is damaged, or of Python objects.
        """
        with self._opened(name) as (_, header):
            return header

    def blocks(self, name: str, n_bytes: int = 2**22) -> Iterator[NDArray[Any]]:
        """Yield an array of one axis or more some rows at a time, so that it is never held as a whole.

        One whose first axis is the fastest has no rows before its end; it is held, and counts as one that was read.

        Parameters
        ----------
        name : str
            Its name, one of ``names``.
        n_bytes : int
            How much a block has at the most, but for a row that is longer.

        Raises
        ------
        NpzError
            Where it is damaged, or would take more bytes than are left.
        """
        with self._opened(name) as (member, header):
            n_rows = header.shape[0]
            step = max(1, n_bytes * n_rows // max(1, header.n_bytes))
            if header.fortran_order:
                self._check(name, header, [header.dtype.name], [header.shape])
                array = _read_items(member, header)
            for start in range(0, n_rows, step):
                stop = min(start + step, n_rows)
                if header.fortran_order:
                    yield array[start:stop]
                else:
                    yield _read_items(member, header._replace(shape=(stop - start, *header.shape[1:])))

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[Any, NpyHeader]]:
        """Hand over a member from behind its header; all that is wrong with it is one kind of error."""
        try:
            with self._archive.open(self._member(name)) as member:
                yield member, self._header(name, member)
        except NpzError:
            raise
        except NpyError as error:
            raise NpzError(f"{shown(name, 50)} cannot be read: {error}") from error
        except Exception as error:  # of zipfile, zlib, or a seek to where no file has bytes
            raise NpzError(_DAMAGED) from error

    def _member(self, name: str) -> zipfile.ZipInfo:
        """Return a member that is stored or deflated, as NumPy does."""
        member = self._archive.getinfo(f"{name}.npy")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NpzError(f"{shown(name, 50)} is compressed in a way that NumPy never writes")
        return member

    def _header(self, name: str, member: Any) -> NpyHeader:
        """Read a member's own header, and see that as many bytes follow as it announces."""
        header = read_header(member)
        there = self._archive.getinfo(f"{name}.npy").file_size - header.n_bytes_before
        if there != header.n_bytes:
            raise NpzError(f"{name} announces {shown(header.n_bytes, 50)} bytes and has {there}")
        return header

    def _check(
        self, name: str, header: NpyHeader, dtypes: Collection[str], shapes: Collection[tuple[int | None, ...]]
    ) -> None:
        """Raise unless an array is one of those demanded, and takes no more bytes than are left."""
        shape, dtype = header.shape, header.dtype
        fits = any(
            len(one) == len(shape) and all(n in (None, m) for n, m in zip(one, shape, strict=True)) for one in shapes
        )
        if not fits or not {dtype.name, dtype.kind} & set(dtypes):
            wanted = " or ".join(map(str, shapes))
            raise NpzError(
                f"{name} holds {shown(dtype, 50)} of shape {shown(shape, 50)}; expected {', '.join(dtypes)} of "
                f"shape {shown(wanted, 50)}"
            )
        if header.n_bytes > self._left:
            raise NpzError(f"{name} would take {header.n_bytes} bytes, and {self._left} are allowed for")
        self._left -= header.n_bytes


_DAMAGED = "its archive is damaged or cut short"


def _read_items(member: Any, header: NpyHeader) -> NDArray[Any]:
    """Read the items, to the last byte and its check sum."""
    flat = np.empty(math.prod(header.shape), header.dtype)
    buffer = flat.view(np.uint8) if header.n_bytes else flat[:0].view(np.uint8)
    filled = 0
    while filled < header.n_bytes:
        piece = member.read(min(_READ, header.n_bytes - filled))
        if not piece:
            raise NpzError(_DAMAGED)
        buffer[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    return flat.reshape(header.shape, order="F" if header.fortran_order else "C")


class _Bounded:
    """A file of which no more than ``_READ`` bytes are read at once: what asks for more was told so by the file."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable, self._file = file.seek, file.tell, file.seekable, file

    def read(self, size: int = -1) -> bytes:
        """Read some bytes, or all that are left.

        Raises
        ------
        NpzError
            For more than the bound.
        """
        piece = self._file.read(size if 0 <= size <= _READ else _READ + 1)
        if len(piece) > _READ:
            raise NpzError(f"the list of its members is longer than {_READ} bytes")
        return piece
