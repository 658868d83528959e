"""What a person hands over for prediction: files, folders, ZIP archives, patterns and the standard input.

Hands on the single files of all of them, and what each holds, told by its content: a picture as its bytes, or images as
rows of pixels.
"""

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from pipeline.data.class_names import natural_key
from pipeline.data.idx import peek
from pipeline.data.images import ImageError, as_rows, read_images, read_stream, standard_input
from pipeline.data.npz import NpzError, NpzReader
from pipeline.data.own.csv_table import TableError, read_rows
from pipeline.data.own.picture import PictureError
from pipeline.data.own.tree import MAX_BYTES, Entry, TreeError, holds_arrays, names_in, opened_tree, read_file
from pipeline.data.signatures import (
    ARCHIVE,
    HEAD,
    archive_of_model,
    describe_kind,
    is_other_than_images,
    is_picture,
    is_text,
)
from pipeline.files import temporary_folder
from pipeline.image_shape import Shape

STANDARD_INPUT = "-"

EXPECTED = "a picture, a CSV of pixels, an IDX or a .npy file"


class NoPictureError(ImageError):
    """A file in a folder or an archive is no picture; the message says what it is."""


@dataclass(frozen=True)
class Input:
    """A single file.

    Attributes
    ----------
    name : str
        As a person would call it: the path, also of what lies in a folder or an archive.
    entry : Entry or None
        What reads it in a folder or an archive, where it must be a picture; None for a file that was named itself.
    """

    name: str
    entry: Entry | None = None

    def __str__(self) -> str:
        return "standard input" if self.name == STANDARD_INPUT else self.name


@contextmanager
def opened_inputs(arguments: Iterable[str]) -> Iterator[list[Input]]:
    """Hand over the files that arguments stand for; archives among them are open as long.

    Parameters
    ----------
    arguments : iterable of str
        Files; folders and ZIP archives, which stand for the files in them, hidden ones left out, in natural order;
        patterns such as ``"*.png"``, where no file is called so; and ``-``.

    Raises
    ------
    FileNotFoundError
        Where there is no such file, or none that fits a pattern.
    ImageError
        Where a folder or an archive is empty.
    """
    with ExitStack() as stack:
        yield [one for argument in arguments for path in _matches(argument) for one in _files(path, stack)]


def is_several(argument: str) -> bool:
    """Tell whether an argument may stand for several files: a folder, an archive of files, a pattern."""
    path = Path(argument)
    return argument != STANDARD_INPUT and (path.is_dir() or _is_archive_of_files(path) or _is_pattern(argument))


def _is_pattern(argument: str) -> bool:
    return glob.has_magic(argument) and not os.path.lexists(argument)


def _matches(argument: str) -> list[str]:
    """Return what a pattern stands for, or the argument."""
    if not _is_pattern(argument):
        return [argument]
    found = sorted(glob.glob(argument, recursive=True), key=natural_key)  # noqa: PTH207 - absolute ones, too
    if not found:
        raise FileNotFoundError(f"{argument} fits no file")
    return found


def _files(path: str, stack: ExitStack) -> list[Input]:
    """Return the files that a path stands for."""
    if path == STANDARD_INPUT or not (Path(path).is_dir() or _is_archive_of_files(Path(path))):
        if path != STANDARD_INPUT and not Path(path).exists():
            raise FileNotFoundError(f"{path} is not there")
        return [Input(path)]
    if kind := archive_of_model(names_in(Path(path))):
        raise ImageError(f"{path} is {kind}; expected {EXPECTED}")
    try:
        tree = stack.enter_context(opened_tree(Path(path)))
    except TreeError as error:
        raise ImageError(f"{path}: {error}") from None
    if not tree.files:
        raise ImageError(f"{path} is empty; expected {'a folder' if Path(path).is_dir() else 'an archive'} of pictures")
    files = sorted(tree.files, key=lambda one: tuple(map(natural_key, one.path)))
    return [Input(os.path.join(path, *one.path), one) for one in files]  # noqa: PTH118 - as it was given: ./ stays


def _is_archive_of_files(path: Path) -> bool:
    """Tell whether a path is a ZIP archive, and none of arrays."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ARCHIVE)) == ARCHIVE and not holds_arrays(names_in(path))


def read_input(one: Input, n_pixels: int, shape: Shape | None = None) -> bytes | NDArray[Any]:
    """Read one file.

    Parameters
    ----------
    one : Input
        Which.
    n_pixels : int
        Pixels per image that the model takes.
    shape : tuple of int, optional
        Height and width of the images that the model was trained on, where that is known.

    Returns
    -------
    bytes or ndarray of shape (n_images, n_pixels)
        The file of a picture, as it is; or images as rows of pixels.

    Raises
    ------
    NoPictureError
        Where it lies in a folder or an archive and is no picture.
    ValueError, OSError
        Naming the file, where it cannot be read, or holds anything else.
    """
    try:
        if one.entry is not None:
            return _picture_of(one, one.entry)
        if one.name == STANDARD_INPUT:
            return _from_stream(standard_input(), str(one), n_pixels, shape)
        path = Path(one.name)
        with path.open("rb") as file:
            if not path.is_file():  # a pipe, that can be read once
                return _from_stream(file, str(one), n_pixels, shape)
            head = file.read(HEAD)
        return _from_file(path, head, n_pixels, shape)
    except (PictureError, TableError, NpzError) as error:
        raise ImageError(f"{one}: {error}") from error


def _picture_of(one: Input, entry: Entry) -> bytes:
    """Return the bytes of a picture in a folder or an archive."""
    content = entry.read()
    if not is_picture(content[:HEAD]):
        raise NoPictureError(f"{one} is left out: it is {describe_kind(content[:HEAD])}")
    return content


def _from_file(path: Path, head: bytes, n_pixels: int, shape: Shape | None) -> bytes | NDArray[Any]:
    """Read a file that was named itself, by what it begins with."""
    if is_picture(head):
        return read_file(path)
    _check_known(head, str(path))
    if is_text(head):
        return read_rows(path, n_pixels)
    if head.startswith(ARCHIVE):
        return _only_array(path, n_pixels, shape)
    return read_images(path, n_pixels, shape)


def _from_stream(file: BinaryIO, name: str, n_pixels: int, shape: Shape | None) -> bytes | NDArray[Any]:
    """Read what can be read once, by what it begins with."""
    head, opened = peek(file)
    if is_picture(head):
        content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise PictureError(f"it has more than {MAX_BYTES} bytes, and no more are read")
        return content
    _check_known(head, name)
    if is_text(head):
        with temporary_folder() as folder:
            return read_rows(_copied(opened, folder / "table"), n_pixels)
    return read_stream(opened, n_pixels, name, shape)


def _copied(file: BinaryIO, path: Path) -> Path:
    """Copy what is left of a stream, within a bound, to a file."""
    left = _MOST_TEXT
    with path.open("wb") as copy:
        while piece := file.read(2**20):
            left -= len(piece)
            if left < 0:
                raise TableError(f"it has more than {_MOST_TEXT} bytes, and no more are read")
            copy.write(piece)
    return path


_MOST_TEXT = 2**32
"""Bytes of a table from a stream: of a gibibyte of pixels, as text."""


def _check_known(head: bytes, name: str) -> None:
    """Raise for what is known to be something else than an array."""
    if is_other_than_images(head):
        kind = describe_kind(head)
        advice = "; save it as PNG or JPEG" if kind.endswith(" image") else ""
        raise ImageError(f"{name} is {kind}; expected {EXPECTED}{advice}")


def _only_array(path: Path, n_pixels: int, shape: Shape | None) -> NDArray[Any]:
    """Read the one array of an archive of NumPy's."""
    if kind := archive_of_model(names_in(path)):
        raise ImageError(f"{path} is {kind}; expected {EXPECTED}")
    with path.open("rb") as file:
        archive = NpzReader(file, MAX_BYTES * 8)
        if len(archive.names) != 1:
            return read_images(path, n_pixels, shape)  # which says that it cannot know which one is meant
        [name] = archive.names
        array = archive.read(name, ["b", "u", "i", "f"], [(None,) * n for n in range(1, 5)])
    return as_rows(array, n_pixels, str(path), shape)
