"""Sources that need no network: a folder of IDX files, the user's cache, and the digits inside scikit-learn."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.idx import (
    FILES,
    check_images,
    copy_idx,
    images_name,
    open_items,
    read_idx,
    read_labels,
    read_part,
    write_idx,
)
from pipeline.data.idx_names import find_parts
from pipeline.data.parts import check_parts
from pipeline.data.sources.arrays import fixed_fifth, to_images, to_labels, write_parts
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.files import UnwritableError, find_foreign, replacing_folder
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
    """

    path: str | os.PathLike[str]
    colour: Colour = "grey"
    kind = "folder"
    remote = False

    def __str__(self) -> str:
        return f"folder {self.path}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it holds these or none
        """Copy the files, unpacked and with labels of one byte; errors are about the files of this folder."""
        if not Path(self.path).is_dir():
            raise SourceError("it is not there")
        found = find_parts(self.path)
        names = {part: (str(images), str(labels)) for part, (images, labels) in found.items()}
        for part, (images, labels) in found.items():
            _copy_images(images, folder, FILES[part][0], self.colour)
            write_idx(folder / FILES[part][1], read_labels(labels))
        check_parts({part: read_part(folder, part, names=names[part]) for part in FILES}, names)
        if any("emnist" in images.name.lower() for images, _ in found.values()):
            transfer.progress.say(
                "EMNIST's files have rows and columns of every image swapped; they are taken as they are"
            )


def _copy_images(source: Path, folder: Path, name: str, colour: Colour) -> None:
    """Copy a file of images, unpacked, and in the colour that is asked for."""
    target = folder / images_name(name, 4 if colour == "rgb" else 3)
    with open_items(source) as (header, _):
        shape = header.shape[1:]
    if not is_shape(shape) or colour_of(shape) == colour:
        copy_idx(source, target)
        return
    images = read_idx(source)
    check_images(images, str(source))
    write_idx(target, as_colour(images, colour))


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
