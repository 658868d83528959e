"""Arrays of a person's own in one file: NumPy's archives, and EMNIST's files of MATLAB.

Hands on the four files, the names of the classes beside them, and lines that say what was read and what was not.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.data.idx import MAX_BYTES, IdxError
from pipeline.data.idx_names import Member, opened
from pipeline.data.mat import MatError, read_mat
from pipeline.data.npz import NpzError, NpzReader
from pipeline.data.own import emnist
from pipeline.data.own.arrays import ArrayError, NamedArray, Samples, choose, read_samples
from pipeline.data.own.tree import assign_validation
from pipeline.data.sources.base import Files, SourceError, Transfer
from pipeline.data.sources.pictures import Found, Pictures, digests_of
from pipeline.text import LINE, listed, shown


@dataclass(frozen=True)
class Arrays(Pictures):
    """An archive of arrays (``.npz``) by the names of Keras, MedMNIST or scikit-learn's examples; see `choose`.

    It is read as it is: size and background are for pictures.
    """

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has what it has
        """Read images and labels of all parts, number the classes, and draw a test part where there is none."""
        try:
            with Path(self.path).open("rb") as content:
                archive = NpzReader(content, MAX_BYTES)
                chosen, extra = choose(archive.names)
                parts = {part: (_named(archive, one), _named(archive, other)) for part, (one, other) in chosen.items()}
                samples, notes = read_samples(parts, self.reading.rules.colour)
        except (NpzError, ArrayError) as error:
            raise SourceError(str(error)) from error
        if extra:
            notes.append(f"not read: {listed(extra)}")
        self._hand_on(samples, notes, folder, transfer)

    def _hand_on(
        self,
        samples: Samples,
        notes: list[str],
        folder: Path,
        transfer: Transfer,
        classes: tuple[str, ...] | None = None,
    ) -> None:
        """Write the four files, a validation part where it belongs."""
        renamed, more = assign_validation(set(samples.parts))
        for note in [*more, *notes]:
            transfer.progress.say(note)
        is_test = np.array([renamed.get(part, part) == "test" for part in samples.parts])
        found = Found(samples.images, samples.places, samples.labels, is_test, digests_of(samples.images), classes)
        self._hand_over(found, bool(is_test.any()), None, folder, transfer)


@dataclass(frozen=True)
class MatFile(Arrays):
    """A file of MATLAB as EMNIST has them: a struct ``dataset`` with images and labels to train and to test."""

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has what it has
        """Read images and labels of both parts, upright, and call the classes as the file says."""
        try:
            with self.content() as content:
                found = read_mat(content, emnist.MAT_ARRAYS, MAX_BYTES)
            samples, notes = read_samples(emnist.parts_of_mat(found), self.reading.rules.colour)
            labels, classes = emnist.name_labels(samples.labels, found.arrays.get(emnist.MAT_MAPPING))
        except (MatError, ArrayError, IdxError) as error:
            raise SourceError(str(error)) from error
        self._hand_on(replace(samples, labels=labels), notes, folder, transfer, classes)

    @contextmanager
    def content(self) -> Iterator[BinaryIO]:
        """Open the file for reading."""
        with Path(self.path).open("rb") as content:
            yield content


@dataclass(frozen=True)
class MatArchive(MatFile):
    """A ZIP archive of such files, as EMNIST's ``matlab.zip`` is.

    Attributes
    ----------
    name : str
        Of the file that is meant, with its end or without, where there are several.
    """

    name: str = ""

    def __str__(self) -> str:
        return f"file {Path(self.path, self.name)}"

    @contextmanager
    def content(self) -> Iterator[BinaryIO]:
        """Open the one file for reading."""
        with zipfile.ZipFile(self.path) as archive:
            names = {one.name.removesuffix(".mat"): one for one in _mats_of(archive)}
            wanted = self.name.removesuffix(".mat")
            if (wanted or len(names) > 1) and wanted not in names:
                some = listed([f"{self.path}/{name}" for name in names], limit=LINE)
                raise SourceError(f"its data sets are {some}; name one of them")
            with opened(names.get(wanted) or next(iter(names.values()))) as content:
                yield content


def holds_mats(names: Sequence[str]) -> bool:
    """Tell by the names in an archive whether it is one of files of MATLAB, and of no others."""
    files = (name for name in names if not name.endswith("/") and "__MACOSX/" not in name)
    return bool(names) and all(name.endswith(".mat") for name in files)


def _mats_of(archive: zipfile.ZipFile) -> list[Member]:
    """Return the files of an archive that are called as MATLAB's are."""
    return [
        Member(archive, info)
        for info in archive.infolist()
        if info.filename.endswith(".mat") and "__MACOSX/" not in info.filename
    ]


def _named(archive: NpzReader, name: str) -> NamedArray:
    """Return an array of an archive, of which no more than the header is read so far."""
    header = archive.header(name)
    if not header.shape:
        raise ArrayError(f"{shown(name, 50)} holds a single value; expected are images, or a label for each")
    return NamedArray(name, header.dtype, header.shape, partial(archive.blocks, name))
