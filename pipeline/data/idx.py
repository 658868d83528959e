"""Read and write IDX, the format of MNIST's files, and believe nothing that a file says before it is proved.

Hands on arrays; and, of a folder with the four official files, a part's images and labels that fit together.
The format: two zero bytes, one for the type of the items, one for the number of axes; a big-endian unsigned 32-bit
length for each axis; the items, big-endian, the last axis fastest (LeCun, yann.lecun.com/exdb/mnist).
"""

import gzip
import io
import math
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.signatures import GZIP, HEAD, Chunks, foreign_kind
from pipeline.files import replacing_file
from pipeline.image_shape import CHANNELS, is_shape

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""The official names: images and labels of each part. Coloured images are called ``idx4``, for their axes are four."""

MAX_BYTES = 2**30
"""How large a file may say that it is, unless the caller knows better: one gibibyte of items."""

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""The types of items, by their code in the file."""

_QMNIST_COLUMNS = 8
_MAX_AXES = 64  # NumPy's own limit, where IDX could have 255
_CHUNK = 2**20

Readable = str | os.PathLike[str] | BinaryIO


class IdxError(ValueError):
    """A file is not the IDX file that it should be; the message says which, and in what."""


class ForeignFileError(IdxError):
    """A file is something else altogether: a web page, an archive, a git-lfs pointer."""


class Header(NamedTuple):
    """What an IDX file says of itself.

    Attributes
    ----------
    dtype : dtype
        The items' type, big-endian as in the file.
    shape : tuple of int
        The lengths of the axes.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """How many bytes of items follow; exact, for Python's integers do not overflow."""
        return math.prod(self.shape) * self.dtype.itemsize

    def pack(self) -> bytes:
        r"""Return the header's bytes.

        Examples
        --------
        >>> Header(TYPES[0x08], (60000,)).pack()
        b'\x00\x00\x08\x01\x00\x00\xea`'
        """
        code = next(code for code, dtype in TYPES.items() if dtype == self.dtype)
        return struct.pack(f">BBBB{len(self.shape)}I", 0, 0, code, len(self.shape), *self.shape)


def read_idx(source: Readable, *, max_bytes: int = MAX_BYTES, name: str | None = None) -> NDArray[Any]:
    """Read an IDX file, raw or compressed with gzip, which its bytes tell and not its name.

    Parameters
    ----------
    source : path or binary file
        A path to a raw file of one-byte items is mapped, read-only and without a copy.
    max_bytes : int, default=MAX_BYTES
        Most bytes of items that may be held in memory; a mapped file holds none there.
    name : str, optional
        What to call the source in an error; its own name unless it is a copy under a name of our own.

    Returns
    -------
    ndarray
        Contiguous, in this machine's byte order; writable unless mapped.

    Raises
    ------
    IdxError
        Naming the file and what is wrong with it.

    Examples
    --------
    >>> read_idx(io.BytesIO(bytes.fromhex("00000b02 00000001 00000002 0102 fffe")))
    array([[258,  -2]], dtype=int16)
    """
    name = name or _name(source)
    with _opened(source, name) as (file, is_raw):
        header = _read_header(file, name)
        if is_raw and isinstance(source, str | os.PathLike) and header.dtype.itemsize == 1 and header.n_bytes:
            return _mapped(Path(source), header, name)
        items = bytearray()
        for chunk in _items(file, header, name, max_bytes):
            items += chunk
    array = _shaped(items, header, name)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def is_raw(path: Path) -> bool:
    """Tell whether a file is not compressed."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) != GZIP


def write_idx(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write an array as a raw IDX file, whole or not at all.

    Parameters
    ----------
    path : path
        Where; a file that is there already is replaced.
    array : ndarray of uint8, int8, int16, int32, float32 or float64, with one axis or more
        What.

    Raises
    ------
    IdxError
        For an array that the format cannot hold.
    """
    dtype = array.dtype.newbyteorder(">")
    if dtype not in TYPES.values():
        known = ", ".join(one.name for one in TYPES.values())
        raise IdxError(f"IDX has no type {array.dtype.name}; it has {known}")
    if not 1 <= array.ndim <= _MAX_AXES or max(array.shape) >= 2**32:
        raise IdxError(f"IDX holds 1 axis or more, each shorter than 2**32; got the shape {array.shape}")
    header = Header(dtype, array.shape).pack()
    with replacing_file(Path(path), len(header) + array.nbytes) as file:
        file.write(header)
        file.write(np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8).data)


def write_rows(path: str | os.PathLike[str], shape: tuple[int, ...], pieces: Iterable[NDArray[np.uint8]]) -> None:
    """Write bytes as a raw IDX file, some rows at a time, whole or not at all.

    Parameters
    ----------
    path : path
        Where; a file that is there already is replaced.
    shape : tuple of int
        How many rows there are, and the shape of each.
    pieces : iterable of ndarray of shape (n_rows, ...)
        The rows, all together as many as ``shape`` says.
    """
    header = Header(TYPES[0x08], shape)
    with replacing_file(Path(path), len(header.pack()) + header.n_bytes) as file:
        file.write(header.pack())
        written = sum(file.write(np.ascontiguousarray(piece).reshape(-1).data) for piece in pieces)
        if written != header.n_bytes:
            raise IdxError(f"{path} has the shape {shape}, and {written} bytes were written for it")


def copy_idx(source: Readable, target: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Copy an IDX file, raw or compressed, to a raw one, in pieces and not a byte past what its header announces.

    Parameters
    ----------
    source : path or binary file
        What to copy.
    target : Path
        Where to; whole or not at all.
    max_bytes : int, default=MAX_BYTES
        Most bytes of items that the header may announce.

    Raises
    ------
    IdxError
        Naming the file and what is wrong with it.
    """
    with replacing_file(target) as copy:
        copy.writelines(read_pieces(source, max_bytes=max_bytes))


def read_pieces(source: Readable, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """Yield the raw bytes of an IDX file, raw or compressed, in pieces; see `copy_idx`."""
    with open_items(source, max_bytes=max_bytes) as (header, items):
        yield header.pack()
        yield from items


@contextmanager
def open_items(
    source: Readable, *, max_bytes: int = MAX_BYTES, name: str | None = None
) -> Iterator[tuple[Header, Iterator[bytes]]]:
    """Hand over the header of an IDX file, raw or compressed, and its items in pieces; see `copy_idx`.

    A piece ends where an item ends. ``name`` is what to call the source in an error.
    """
    name = name or _name(source)
    with _opened(source, name) as (file, _):
        header = _read_header(file, name)
        yield header, _items(file, header, name, max_bytes)


def read_part(
    folder: str | os.PathLike[str],
    part: str,
    n_classes: int | None = None,
    names: tuple[str, str] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read a part's images and labels, and see that they fit together.

    Parameters
    ----------
    folder : path
        Holds the files under their official names, with ``.gz`` at the end or without.
    part : {"train", "test"}
        Which part.
    n_classes : int, optional
        How many classes there are; without it a label may be anything.
    names : (str, str), optional
        What to call the files of images and of labels in an error, where those of the folder are copies.

    Returns
    -------
    images : ndarray of shape (n_samples, height, width), or of coloured ones (n_samples, height, width, 3), uint8
        On 0..255.
    labels : ndarray of shape (n_samples,), uint8
        On 0..n_classes-1.

    Raises
    ------
    FileNotFoundError
        Where a file is missing.
    IdxError
        Where a file is damaged, or the two do not fit together.
    """
    if part not in FILES:
        raise ValueError(f"part must be 'train' or 'test'; got {part!r}")
    paths = [find_idx(folder, name) for name in FILES[part]]
    names = names or (str(paths[0]), str(paths[1]))
    images, labels = (read_idx(path, name=name) for path, name in zip(paths, names, strict=True))
    check_images(images, names[0])
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise IdxError(f"{names[1]} holds {_kind(labels)}; expected labels, uint8 of shape (n_samples,)")
    if len(images) != len(labels):
        raise IdxError(f"{names[0]} holds {len(images)} images, but {names[1]} holds {len(labels)} labels")
    if n_classes is not None and labels.max() >= n_classes:
        row = int(np.argmax(labels >= n_classes))
        raise IdxError(f"{names[1]} holds the label {labels[row]} in row {row}; labels are 0 to {n_classes - 1}")
    return images, labels


def check_images(images: NDArray[Any], name: str) -> None:
    """Raise unless an array holds images, one at least, under the name of its file."""
    if images.dtype != np.uint8 or not is_shape(images.shape[1:]):
        raise IdxError(
            f"{name} holds {_kind(images)}; expected images, uint8 of shape (n_samples, height, width), or (n_samples, "
            f"height, width, {CHANNELS}) in colour"
        )
    if not images.size:
        raise IdxError(f"{name} holds no pixel: its shape is {images.shape}")


def read_labels(source: Readable) -> NDArray[np.uint8]:
    """Read labels from an IDX file of whole numbers, or of QMNIST's eight columns, of which the first is the label.

    Parameters
    ----------
    source : path or binary file
        A file of items of shape (n_samples,) or, as int32, (n_samples, 8).

    Returns
    -------
    ndarray of shape (n_samples,), uint8

    Raises
    ------
    IdxError
        Where it holds anything else, or a label that is not on 0..255.
    """
    labels, name = read_idx(source), _name(source)
    if labels.dtype == np.int32 and labels.ndim == 2 and labels.shape[1] == _QMNIST_COLUMNS:
        labels = labels[:, 0]
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise IdxError(f"{name} holds {_kind(labels)}; expected labels, whole numbers of shape (n_samples,)")
    wrong = np.flatnonzero((labels < 0) | (labels > 255))
    if len(wrong):
        raise IdxError(f"{name} holds the label {labels[wrong[0]]} in row {wrong[0]}; labels are 0 to 255")
    return np.array(labels, dtype=np.uint8)


def images_name(name: str, n_axes: int) -> str:
    """Return the name of a file of images by how many axes it has, of its official name.

    Examples
    --------
    >>> images_name("train-images-idx3-ubyte", 4)
    'train-images-idx4-ubyte'
    """
    return name.replace("-idx3-", f"-idx{n_axes}-")


def write_part(
    folder: Path, part: str, shape: tuple[int, ...], pieces: Iterable[NDArray[np.uint8]], labels: NDArray[np.uint8]
) -> None:
    """Write images, grey or coloured, and labels of a part, under their official names; see `write_rows`."""
    images_file, labels_file = FILES[part]
    write_rows(folder / images_name(images_file, len(shape)), shape, pieces)
    write_idx(folder / labels_file, labels)


def find_idx(folder: str | os.PathLike[str], name: str) -> Path:
    """Return the path of an official file, raw if there is a raw one, else compressed; or of coloured images.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    """
    raw, compressed = Path(folder, name), Path(folder, f"{name}.gz")
    coloured = [Path(folder, images_name(path.name, 4)) for path in (raw, compressed)]
    found = next((path for path in (raw, compressed, *coloured) if path.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"{folder} holds neither {raw.name} nor {compressed.name}")
    return found


def _name(source: Readable) -> str:
    """Return what to call a source in an error."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "name", "the file"))


@contextmanager
def _opened(source: Readable, name: str) -> Iterator[tuple[BinaryIO, bool]]:
    """Hand over a source from its start, uncompressed, and whether it was so from the first."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as stored, _opened(stored, name) as opened:
            yield opened
        return
    head, file = peek(source)
    is_raw = not head.startswith(GZIP)
    try:
        if not is_raw:
            head, file = peek(gzip.GzipFile(fileobj=file))
        if kind := foreign_kind(head):
            raise ForeignFileError(f"{name} is {kind}")
        yield file, is_raw
    except EOFError:
        raise IdxError(f"{name} is cut short: its gzip stream has no end") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise IdxError(f"{name} is damaged: {error}") from None


def peek(file: BinaryIO | gzip.GzipFile) -> tuple[bytes, BinaryIO]:
    """Return a file's first bytes, and the file from there again, whether it can seek or not."""
    pieces = iter(partial(file.read, HEAD), b"")
    head = b""
    while len(head) < HEAD and (piece := next(pieces, b"")):
        head += piece
    rest = iter(partial(file.read, _CHUNK), b"")
    return head, io.BufferedReader(Chunks(chain([head] if head else [], rest)))


def _read_header(file: BinaryIO, name: str) -> Header:
    """Read a header, and see that the format has such a one."""
    magic = file.read(4)
    if not magic:
        raise IdxError(f"{name} is empty")
    if len(magic) < 4:
        raise IdxError(f"{name} is cut short within its first four bytes")
    _check_magic(magic, name)
    n_axes = magic[3]
    lengths = file.read(4 * n_axes)
    if len(lengths) < 4 * n_axes:
        raise IdxError(f"{name} is cut short within its header of {4 + 4 * n_axes} bytes")
    return Header(TYPES[magic[2]], struct.unpack(f">{n_axes}I", lengths))


def _check_magic(magic: bytes, name: str) -> None:
    """Raise unless the first four bytes are those of an IDX file that NumPy can hold."""
    if magic[2:] == b"\0\0" and magic[1] in TYPES and magic[0]:
        raise IdxError(f"{name} has its header in little-endian order; IDX is big-endian")
    if magic[:2] != b"\0\0":
        raise IdxError(f"{name} is not IDX: it begins with the bytes {magic.hex(' ')}, not with 00 00")
    if magic[2] not in TYPES:
        known = ", ".join(f"0x{code:02X}" for code in TYPES)
        raise IdxError(f"{name} has items of the type 0x{magic[2]:02X}; IDX has {known}")
    if not 1 <= magic[3] <= _MAX_AXES:
        raise IdxError(f"{name} has {magic[3]} axes; 1 to {_MAX_AXES} can be read")


def _items(file: BinaryIO, header: Header, name: str, max_bytes: int) -> Iterator[bytes]:
    """Read the items in pieces, so that no more memory is taken than bytes have come, and see that they end there."""
    if header.n_bytes > max_bytes:
        raise IdxError(f"{name} announces {header.n_bytes} bytes of items; at most {max_bytes} are read")
    left = header.n_bytes
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise _cut_short(name, header, header.n_bytes - left)
        left -= len(chunk)
        yield chunk
    if file.read(1):  # for gzip this reads on to the check sum, and so checks it
        raise _goes_on(name, header)


def _shaped(items: bytearray, header: Header, name: str) -> NDArray[Any]:
    """Give the items their type and shape."""
    try:
        return np.ndarray(header.shape, header.dtype, items)
    except ValueError:  # a length of zero allows others that NumPy cannot count
        raise IdxError(f"{name} has the shape {header.shape}, which is more than NumPy can hold") from None


def _mapped(path: Path, header: Header, name: str) -> NDArray[Any]:
    """Map a raw file's items, once its size is the one announced."""
    offset = len(header.pack())
    n_bytes = path.stat().st_size - offset
    if n_bytes < header.n_bytes:
        raise _cut_short(name, header, n_bytes)
    if n_bytes > header.n_bytes:
        raise _goes_on(name, header)
    return np.memmap(path, header.dtype, "r", offset, header.shape)


def _cut_short(name: str, header: Header, n_bytes: int) -> IdxError:
    return IdxError(f"{name} is cut short: it announces {header.n_bytes} bytes of items and holds {n_bytes}")


def _goes_on(name: str, header: Header) -> IdxError:
    return IdxError(f"{name} goes on after the {header.n_bytes} bytes of items that it announces")


def _kind(array: NDArray[Any]) -> str:
    """Say what an array is, and what it looks like where it stands in the place of the other."""
    likeness = {1: "as labels are", 3: "as images are"} if array.dtype == np.uint8 else {}
    words = f", {likeness[array.ndim]}" if array.ndim in likeness else ""
    return f"{array.dtype} of shape {array.shape}{words}"
