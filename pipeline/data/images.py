"""Images that a person hands over for prediction: an IDX or a NumPy file, made into rows of pixels for a model.

What does not fit the model is refused with the size that was given and the size that is expected. What is mapped takes
no memory; of a compressed file and of a pipe, a copy without a name is, which ends with the program.
"""

import math
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.data.idx import MAX_BYTES, open_items, peek, read_idx
from pipeline.data.idx_names import role_of
from pipeline.data.npy import MAGIC, NpyError, read_header, read_npy
from pipeline.data.own.emnist import is_emnist
from pipeline.data.signatures import GZIP, HEAD, ZIP
from pipeline.image_shape import CHANNELS, Shape, colour_of, describe
from pipeline.text import shown


class ImageError(ValueError):
    """A file does not hold images that the model can take; the message says what it holds, and what is expected."""


def read_images(path: str | os.PathLike[str], n_pixels: int, shape: Shape | None = None) -> NDArray[Any]:
    """Read one image or many from a file.

    Parameters
    ----------
    path : path
        An IDX file, raw or gzip, or a ``.npy`` file; which one is told by its content, not by its name. Images in one
        that is called as EMNIST's are turned upright, as `fetch` does it. ``-`` is the standard input; a pipe, such as
        ``/dev/stdin``, is read to its end.
    n_pixels : int
        Numbers per image that the model takes: pixels, or three for each pixel of a coloured image.
    shape : tuple of int, optional
        Height and width of the images that the model was trained on, and 3 after them where these were coloured; where
        that is known.

    Returns
    -------
    ndarray of shape (n_images, n_pixels)
        A row for each image, numbers of the type that the file has; mapped, so that they take no memory.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    IdxError, NpyError, ImageError
        Where it is no such file, unfolds to more than `MAX_BYTES`, or its images are not of this size or no finite
        numbers.
    """
    path = Path(path)
    if str(path) == "-":
        return read_stream(standard_input(), n_pixels, "standard input", shape)
    if not path.exists() or path.is_dir():
        raise FileNotFoundError(f"{path} is not there, or is no file")
    images = _mapped(path)
    role = role_of(path.name)
    if role and is_emnist(role.prefix) and images.ndim == 3:
        images = _by_rows(images.transpose(0, 2, 1))
    return as_rows(images, n_pixels, str(path), shape)


def read_stream(file: BinaryIO, n_pixels: int, source: str, shape: Shape | None = None) -> NDArray[Any]:
    """Read one image or many from an open file, to its end; see `read_images`.

    Parameters
    ----------
    file : binary file
        It need not be able to seek.
    n_pixels : int
        Pixels per image that the model takes.
    source : str
        What to call it in an error.
    shape : tuple of int, optional
        As `read_images` takes it.
    """
    return as_rows(_keep_stream(file, source), n_pixels, source, shape)


def standard_input() -> BinaryIO:
    """Return the standard input as bytes.

    Raises
    ------
    ImageError
        Where there is none, as with ``<&-`` in a shell, or in a service.
    """
    if sys.stdin is None:
        raise ImageError("standard input is closed; expected images there")
    return sys.stdin.buffer


def _mapped(path: Path) -> NDArray[Any]:
    """Map a file, or what it unfolds to; a pipe can be read once, from its beginning to its end."""
    if not path.is_file():
        with path.open("rb") as file:
            return _keep_stream(file, str(path))
    with path.open("rb") as file:
        head = file.read(HEAD)
        _refuse_archive(head, str(path))
        if head.startswith(MAGIC):
            return _by_rows(read_npy(path))
        file.seek(0)
        if not head.startswith(GZIP):
            return read_idx(path)
        return _keep_stream(file, str(path))


def _refuse_archive(head: bytes, source: str) -> None:
    """Raise for an archive of arrays: which one is meant cannot be told."""
    if head.startswith(ZIP):
        raise ImageError(
            f"{source}: a .npz file, or another ZIP archive, may hold several arrays; expected an IDX or a .npy file "
            "with one: np.save('images.npy', np.load('archive.npz')['name'])"
        )


def _keep_stream(file: BinaryIO, source: str) -> NDArray[Any]:
    """Map what cannot be mapped as it is: a copy without a name, of no more bytes than are announced and allowed."""
    head, opened = peek(file)
    _refuse_archive(head, source)
    if head.startswith(MAGIC):
        try:
            return _keep_npy(opened)
        except NpyError as error:
            raise NpyError(f"{source} is no readable .npy file: {error}") from None
    with open_items(opened, name=source) as (announced, pieces):
        native = announced.dtype.newbyteorder("=")
        ours = (np.frombuffer(piece, announced.dtype).astype(native).tobytes() for piece in pieces)
        return _keep(ours, native, announced.shape)


def _keep_npy(file: BinaryIO) -> NDArray[Any]:
    """Map a copy of a ``.npy`` file."""
    header = read_header(file)
    items = _items(file, header.n_bytes)
    if header.fortran_order:
        return _by_rows(_keep(items, header.dtype, header.shape[::-1]).T)
    return _keep(items, header.dtype, header.shape)


def _by_rows(images: NDArray[Any]) -> NDArray[Any]:
    """Map an array as it is, or where its first axis is the fastest, a copy in the order of its rows."""
    if images.flags.c_contiguous:
        return images
    return _keep((rows.tobytes() for rows in _some_at_a_time(images)), images.dtype, images.shape)


def _keep(pieces: Iterable[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Write the items of an array to a file that ends with this program, and map them."""
    with tempfile.TemporaryFile() as copy:
        copy.writelines(pieces)
        copy.flush()
        if not copy.tell():  # nothing, which cannot be mapped
            return np.empty(shape, dtype)
        return np.memmap(copy, dtype, "r", shape=shape)


def _items(file: BinaryIO, n_bytes: int) -> Iterator[bytes]:
    """Read the items of a ``.npy`` file, which must be as many as are announced."""
    if n_bytes > MAX_BYTES:
        raise NpyError(f"it announces {shown(n_bytes, 50)} bytes of items; at most {MAX_BYTES} are read")
    left = n_bytes
    while left:
        piece = file.read(min(left, _CHUNK))
        if not piece:
            raise NpyError(f"it announces {n_bytes} bytes of items and holds {n_bytes - left}")
        left -= len(piece)
        yield piece
    if file.read(1):
        raise NpyError(f"it goes on after the {n_bytes} bytes of items that it announces")


_CHUNK = 2**20


def _some_at_a_time(images: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield rows of an array, of bounded size together."""
    rows = np.atleast_1d(images)
    step = max(1, _CHUNK * len(rows) // max(1, rows.nbytes))
    return (rows[start : start + step] for start in range(0, len(rows), step))


def as_rows(images: NDArray[Any], n_pixels: int, source: str = "images", shape: Shape | None = None) -> NDArray[Any]:
    """Return images as rows of pixels, without a copy unless channels stand before pixels.

    Parameters
    ----------
    images : ndarray of numbers
        Of shape (height, width), (n_images, height, width), (n_images, n_pixels) or (n_pixels,). An axis of length 1
        for the one channel of a grey image may stand after height and width, or before them; so may one of length 3 of
        coloured images, where the model takes such; before them, where ``shape`` is known.
    n_pixels : int
        As `read_images` takes it.
    source : str
        What to call them in an error.
    shape : tuple of int, optional
        As `read_images` takes it.

    Returns
    -------
    ndarray of shape (n_images, n_pixels)

    Raises
    ------
    ImageError
        Where they are of another size, no finite numbers, or there are none; and where there are two ways to read them.

    Examples
    --------
    >>> as_rows(np.zeros((28, 28), np.uint8), 784).shape
    (1, 784)
    >>> as_rows(np.zeros((5, 28, 28, 1)), 784).shape
    (5, 784)
    """
    _check_numbers(images, source)
    coloured = _coloured(images, n_pixels, shape)
    if coloured is not None and coloured.size:
        return coloured.reshape(-1, n_pixels)
    pictures = _without_channel(images, n_pixels)
    if pictures.ndim not in (2, 3) or pictures.size == 0:
        raise ImageError(f"{source}: expected images of {_expected(n_pixels, shape)}; got shape {images.shape}")
    if pictures.shape == (n_pixels, n_pixels) and n_pixels > 1:
        raise ImageError(
            f"{source}: shape {images.shape} may be {n_pixels} images of {n_pixels} pixels, or one image of "
            f"{n_pixels}x{n_pixels}, which the model does not take; give images as (n, height, width)"
        )
    if pictures.ndim == 2 and pictures.shape[1] == n_pixels:
        return pictures
    height, width = pictures.shape[-2:]
    if shape and (height, width) != shape:
        trained = "in colour, as" if colour_of(shape) == "rgb" else "as"
        raise ImageError(
            f"{source}: expected images of {shape[0]}x{shape[1]} pixels, {trained} the model was trained on; got "
            f"{describe(pictures.shape[-2:])}{' in grey' if colour_of(shape) == 'rgb' else ''}"
        )
    if height * width != n_pixels:
        raise ImageError(f"{source}: expected images of {n_pixels} pixels each; got shape {images.shape}")
    return pictures.reshape(-1, n_pixels)


def _coloured(images: NDArray[Any], n_pixels: int, shape: Shape | None) -> NDArray[Any] | None:
    """Return coloured images as (n_images, height, width, 3); None where they are none that the model takes."""
    many = images[None] if images.ndim == 3 else images
    if many.ndim == 4 and (shape is None or colour_of(shape) == "rgb"):
        if many.shape[3] == CHANNELS and (
            many.shape[1:] == shape or (shape is None and math.prod(many.shape[1:]) == n_pixels)
        ):
            return many
        if many.shape[1] == CHANNELS and (*many.shape[2:], CHANNELS) == shape:
            return np.moveaxis(many, 1, 3)
    return None


def _expected(n_pixels: int, shape: Shape | None) -> str:
    """Return the shapes that arrays may have, as a model takes them."""
    if shape and colour_of(shape) == "rgb":
        height, width = shape[:2]
        return f"shape {shape}, (n, {height}, {width}, 3) or (n, {n_pixels}), coloured as the model was trained on"
    grey = ", grey as the model was trained on" if shape else ""
    return f"shape (height, width), (n, height, width) or (n, {n_pixels}){grey}"


def _check_numbers(images: NDArray[Any], source: str) -> None:
    """Raise unless all are finite numbers."""
    if images.dtype.kind not in "buif":
        raise ImageError(f"{source}: pixels must be numbers; got {images.dtype}")
    if images.dtype.kind == "f" and not all(np.isfinite(piece).all() for piece in _some_at_a_time(images)):
        raise ImageError(f"{source}: pixels must be finite numbers; got NaN or infinity")


def _without_channel(images: NDArray[Any], n_pixels: int) -> NDArray[Any]:
    """Return grey images without the axis of their one channel, and a row of pixels as a row."""
    if images.shape == (n_pixels,):
        return images[None]
    if images.ndim == 4 and 1 in (images.shape[1], images.shape[3]):
        return images[..., 0] if images.shape[3] == 1 else images[:, 0]
    if images.ndim == 3 and images.shape[2] == 1 and images.shape[0] * images.shape[1] == n_pixels:
        return images[None, :, :, 0]
    return images
