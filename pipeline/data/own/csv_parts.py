"""CSVs of pixels beside each other, one for each part: ``train.csv`` and ``test.csv``, as they are downloaded.

Hands on which file of a folder or a ZIP archive is which part, and their images and labels put together.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.own.csv_table import PixelTable, Table, TableError, lacks_labels, names_files, read_pixels
from pipeline.data.own.tree import METHODS, PARTS, assign_validation, is_archive, is_hidden
from pipeline.image_shape import describe
from pipeline.text import shown

_NAME = re.compile(rf"(?:.*[-_. ])?({'|'.join(PARTS)})\.csv", re.IGNORECASE)
_BESIDE = (".csv", ".tsv", ".txt", ".md", ".pdf", ".json")
"""What may lie in an archive beside tables: a description, an example of what is to be handed in."""


@dataclass(frozen=True)
class Rows:
    """The rows of all parts.

    Attributes
    ----------
    images : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3), uint8
    labels : list of str
    places : list of str
        Where each row is from.
    is_test : ndarray of shape (n_samples,), bool
    notes : list of str
        What else is to be said.
    """

    images: NDArray[np.uint8]
    labels: list[str]
    places: list[str]
    is_test: NDArray[np.bool_]
    notes: list[str]


def part_of(name: str) -> str | None:
    """Return the part that a CSV is, by its name.

    Examples
    --------
    >>> part_of("train.csv"), part_of("sign_mnist_Test.csv"), part_of("sample_submission.csv")
    ('train', 'test', None)
    """
    found = _NAME.fullmatch(name)
    return PARTS[found[1].casefold()] if found else None


def holds_parts(path: Path) -> bool:
    """Tell whether a folder, or a ZIP archive, has a CSV to train from, and is none of pictures."""
    try:
        with _listed(path) as tables:
            return any(part_of(table.name) == "train" for table in tables)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


@contextmanager
def _listed(path: Path) -> Iterator[list[Table]]:
    """Hand over the CSVs of a folder or of an archive, which is open as long; none, where it has pictures too."""
    if path.is_dir():
        yield [one for one in sorted(path.iterdir()) if one.suffix.lower() == ".csv" and one.is_file()]
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in sorted(archive.namelist()) if not _is_left_out(name)]
        alone = all(name.lower().endswith(_BESIDE) for name in names)
        yield [zipfile.Path(archive, name) for name in names if alone and name.lower().endswith(".csv")]


def _is_left_out(name: str) -> bool:
    return name.endswith("/") or any(is_hidden(one) for one in re.split(r"[/\\]", name))


def read_parts(path: Path) -> Rows:
    """Read the CSVs of all parts in a folder or an archive, or a single one that has no parts.

    A CSV for testing without labels, as Kaggle's are, is no test part.

    Raises
    ------
    TableError
        Naming the file, where one cannot be read, or two are the same part, or images differ in size.
    """
    if path.is_file() and not is_archive(path):
        return _put_together({"": read_pixels(path)}, {"": ""}, [])
    with _listed(path) as listed:
        tables: dict[str, Table] = {}
        for table in listed:
            if part := part_of(table.name):
                if part in tables:
                    raise TableError(f"{tables[part].name} and {table.name} are one part; put both into one file")
                tables[part] = table
        tables = dict(sorted(tables.items(), key=lambda one: one[0] != "train"))
        for table in tables.values():
            _check_member(table)
        unlabelled = [part for part in tables if part != "train" and lacks_labels(tables[part], tables["train"])]
        notes = [f"{shown(tables.pop(part).name, 80)} has no labels, and is no test part" for part in unlabelled]
        read = {part: _read(table) for part, table in tables.items()}
        return _put_together(read, {part: f"{shown(table.name, 80)} " for part, table in tables.items()}, notes)


def _check_member(table: Table) -> None:
    """Raise for a table that is encrypted, or compressed in a way whose header can ask for any memory."""
    if isinstance(table, zipfile.Path):
        info = table.root.getinfo(table.at)
        if info.compress_type not in METHODS or info.flag_bits & 1:
            raise TableError(f"{shown(table.name, 80)} is encrypted, or compressed in another way than by deflate")


def _read(table: Table) -> PixelTable:
    """Read one of several tables; an error names it."""
    name = shown(table.name, 80)
    try:
        if not names_files(table):
            return read_pixels(table)
    except TableError as error:
        raise TableError(f"{name}: {error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise TableError(f"{name} is damaged in the archive: {shown(error)}") from None
    raise TableError(f"{name} names files of pictures; give its own path as dataset")


def _put_together(read: Mapping[str, PixelTable], names: Mapping[str, str], notes: list[str]) -> Rows:
    """Return the rows of tables by their parts; ``names`` says what stands before the number of a row."""
    renamed, more = assign_validation(read)
    first, *others = read
    for part in others:
        if read[part].images.shape[1:] != read[first].images.shape[1:]:
            one, other = (f"{names[name]}has {describe(read[name].images.shape[1:])} pixels" for name in (first, part))
            raise TableError(f"images differ in size: {one} and {other}")
    return Rows(
        np.concatenate([table.images for table in read.values()]),
        [label for table in read.values() for label in table.labels],
        [f"{names[part]}row {1 + row}" for part, table in read.items() for row in range(len(table.labels))],
        np.concatenate([np.full(len(table.labels), renamed.get(part, part) == "test") for part, table in read.items()]),
        notes + more,
    )
