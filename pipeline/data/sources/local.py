"""Sources that need no network: a folder of IDX files, the user's cache, and the digits inside scikit-learn."""

import os
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.class_names import write_class_names
from pipeline.data.idx import (
    FILES,
    MAX_BYTES,
    check_images,
    copy_idx,
    images_name,
    is_raw,
    open_items,
    read_idx,
    read_labels,
    read_part,
    write_idx,
)
from pipeline.data.idx_names import IdxFile, beside, find_members, find_parts, opened, readable, role_of
from pipeline.data.own import emnist
from pipeline.data.parts import check_parts
from pipeline.data.sources.arrays import fixed_fifth, to_images, to_labels, write_parts
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.files import UnwritableError, find_foreign, link_file, replacing_folder
from pipeline.image_shape import Colour, as_colour, colour_of, is_shape

_ATTEMPTS = 3


@dataclass(frozen=True)
class Folder(Source):
    """A folder that holds the files, raw or compressed, under the official names or what `find_parts` takes for them.

    Attributes
    ----------
    path : path
        The folder.
    colour : {"grey", "rgb"}
        What images become that are not so already.
    prefix : str
        What the names of the files begin with, where one data set of several is meant.
    """

    path: str | os.PathLike[str]
    colour: Colour = "grey"
    prefix: str = ""
    kind = "folder"
    remote = False

    def __str__(self) -> str:
        return f"folder {Path(self.path, self.prefix)}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it holds these or none
        """Copy the files, unpacked and with labels of one byte; errors are about the files of this folder."""
        if not Path(self.path).is_dir():
            raise SourceError("it is not there")
        _copy(find_parts(self.path, self.prefix), self.colour, folder, transfer)


@dataclass(frozen=True)
class IdxArchive(Folder):
    """A ZIP archive of such files, of which nothing else is unpacked."""

    def __str__(self) -> str:
        return f"file {Path(self.path, self.prefix)}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it holds these or none
        """Copy the files out of the archive, unpacked and with labels of one byte."""
        with zipfile.ZipFile(self.path) as archive:
            _copy(find_members(archive, self.prefix), self.colour, folder, transfer)


def _copy(found: Mapping[str, tuple[IdxFile, IdxFile]], colour: Colour, folder: Path, transfer: Transfer) -> None:
    """Write the four files; those of EMNIST upright, with the names of the classes beside them."""
    role = role_of(found["train"][0].name)
    is_emnist = role is not None and emnist.is_emnist(role.prefix)
    mapping = _mapping(found["train"][0], role.prefix) if role and is_emnist else None
    names = {part: (str(images), str(labels)) for part, (images, labels) in found.items()}
    class_names = None
    for part, (images, labels) in found.items():
        _copy_images(images, folder, FILES[part][0], colour, is_emnist=is_emnist, link=transfer.link)
        with readable(labels) as source:
            numbers = read_labels(source)
        if mapping:
            numbers, class_names = emnist.number_labels(numbers, mapping, names[part][1])
        write_idx(folder / FILES[part][1], numbers)
    check_parts({part: read_part(folder, part, names=names[part]) for part in FILES}, names)
    write_class_names(folder, class_names)
    if is_emnist:
        called = f"; its classes are called {', '.join(class_names)}" if class_names else ""
        transfer.progress.say(f"EMNIST's images are turned upright, rows and columns swapped{called}")


def _mapping(images: IdxFile, prefix: str) -> dict[int, str] | None:
    """Return what labels of EMNIST stand for: by the file beside the images where it is there, else as is known."""
    name = emnist.mapping_name(prefix)
    for file in beside(images):
        if file.name.casefold() == name:
            with opened(file) as content:
                return emnist.read_mapping(content, str(file))
    return emnist.known_mapping(prefix)


def _copy_images(
    file: IdxFile, folder: Path, name: str, colour: Colour, *, is_emnist: bool, link: bool = False
) -> None:
    """Copy a file of images, unpacked, upright, and in the colour that is asked for; or link one that is so already."""
    target = folder / images_name(name, 4 if colour == "rgb" else 3)
    with readable(file) as source, open_items(source) as (header, _):
        shape = header.shape[1:]
    with readable(file) as source:
        if not is_shape(shape) or colour_of(shape) == colour:
            if is_emnist:
                emnist.copy_upright(source, target)
            elif not (link and isinstance(source, Path) and _linked(source, target)):
                copy_idx(source, target, max_bytes=_most_bytes(file))
            return
        images = read_idx(source)
    check_images(images, str(file))
    upright = images.transpose(0, 2, 1) if is_emnist and images.ndim == 3 else images
    write_idx(target, as_colour(upright, colour))


def _most_bytes(file: IdxFile) -> int:
    """Return how many bytes a file of images may unfold to: few that lie there small, and a large one in proportion."""
    return max(MAX_BYTES, UNFOLDED * file.stat().st_size) if isinstance(file, Path) else MAX_BYTES


UNFOLDED = 32
"""How many times its own size a large file may unfold to; images of digits unfold to five times theirs."""


def _linked(source: Path, target: Path) -> bool:
    """Give a raw file of images a second name, once it is proved whole; False where that cannot be."""
    return is_raw(source) and read_idx(source).dtype == np.uint8 and link_file(source, target)


@dataclass(frozen=True)
class Cache(Source):
    """The folder of the user's own in which a data set is kept, once a remote source has brought it.

    Attributes
    ----------
    path : Path
        The folder of this data set alone, for several have files of the same names.
    """

    path: Path
    kind = "cache"
    remote = False

    def __str__(self) -> str:
        return f"cache {self.path}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - nothing to wait for
        """Copy the files as they are, all of one filling."""
        for _ in range(_ATTEMPTS):
            if not all((self.path / name).is_file() for name in files):
                raise SourceError("it has not been filled yet")
            with suppress(FileNotFoundError):  # it is just being replaced
                before = self.path.stat()
                for name in files:
                    shutil.copyfile(self.path / name, folder / name)
                if os.path.samestat(before, self.path.stat()):
                    return
        raise SourceError("it is being filled anew while it is read")

    def keep(self, files: Files, folder: Path) -> None:
        """Take the files of a folder into the cache, all at once: what it held before is replaced or stays, whole.

        Raises
        ------
        OSError
            Where the cache cannot be written to, or has files of another origin.
        """
        if foreign := find_foreign(self.path, tuple(files)):
            raise UnwritableError(f"{foreign} is none of its files, and would be deleted; move it elsewhere")
        with replacing_folder(self.path, tuple(files)) as made:
            for name in files:
                shutil.copyfile(folder / name, made / name)


@dataclass(frozen=True)
class ScikitLearnDigits(Source):
    """The 1797 digits of 8x8 pixels that ship inside scikit-learn, stretched from 0..16 to 0..255."""

    kind = "embedded"
    remote = False

    def __str__(self) -> str:
        return "scikit-learn's own copy"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - nothing to wait for
        """Write the files; a fixed fifth of each class is the test part."""
        from sklearn.datasets import load_digits  # noqa: PLC0415 - for start-up time

        table, column = load_digits(return_X_y=True)
        labels = to_labels(column)
        write_parts(folder, to_images(table), labels, fixed_fifth(labels))
