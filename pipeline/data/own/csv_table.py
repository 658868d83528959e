"""A CSV of a person's own: images as rows of pixels beside a label, or names of files of pictures beside a label.

Which of the two it is, its first line says. Rows of pixels are read some at a time, so that a large table takes little
more memory than its images do as bytes.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path, PureWindowsPath
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipeline.data.class_names import natural_key
from pipeline.data.idx import MAX_BYTES
from pipeline.data.own.tree import PARTS, PICTURES, Entry, Plan, TreeError, assign_validation, read_file
from pipeline.image_shape import coloured_square, image_shape, square
from pipeline.text import shown

LABELS = ("label", "class", "target", "y")
"""What a column of labels may be called."""

_FILES = ("file", "filename", "file_name", "image", "path")
_MAX_LINE = 2**20
_ROWS = 1000
"""Rows that are turned into numbers at once."""


class TableError(ValueError):
    """A CSV does not hold images and labels; the message says in which line, and what is expected."""


@dataclass(frozen=True)
class PixelTable:
    """Images and their labels as text, from a CSV of pixels."""

    images: NDArray[np.uint8]
    labels: list[str]


def _lines(file: io.TextIOBase) -> Iterator[str]:
    """Yield the lines that are not empty, each of bounded length."""
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise TableError(f"it has a line of more than {_MAX_LINE} letters, and is no CSV of images")
        if line.strip():
            yield line


Table = Path | zipfile.Path
"""Where a CSV is: in a folder, or in an archive that is open."""


def _opened(path: Table) -> io.TextIOBase:
    return cast("io.TextIOBase", path.open("r", encoding="utf-8-sig", errors="strict", newline=None))


def _header(path: Table) -> tuple[list[str], str]:
    """Return the fields of the first line, in small letters, and what stands between them."""
    try:
        with _opened(path) as file:
            first = next(_lines(file), "")
    except UnicodeDecodeError:
        raise TableError("it is no text in UTF-8") from None
    between = max(",;\t", key=first.count)
    return [name.strip().strip('"').lower() for name in first.split(between)], between


def names_files(path: Table) -> bool:
    """Tell whether a CSV names files of pictures, by its first line.

    Raises
    ------
    TableError
        Where its first line can be neither of the two kinds.
    """
    header, _ = _header(path)
    if any(name in _FILES for name in header) and any(name in LABELS for name in header):
        return True
    fits = square(len(header) - 1) or coloured_square(len(header) - 1)
    if len(header) < 2 or not fits or (len(header) == 2 and not _are_numbers(header[1:])):
        raise TableError(
            "its first line is neither label and pixels of a square image (label,pixel0,pixel1,...) nor names of "
            f"columns with file and label among them ({_spellings()}); it has {len(header)} columns: "
            f"{shown(', '.join(header), 80)}{_advice(header)}"
        )
    return False


def _spellings() -> str:
    return f"or {', '.join(_FILES[1:])} and {', '.join(LABELS[1:])}"


def _advice(header: Sequence[str]) -> str:
    """Say what is wrong with a first line, where that can be told."""
    n_columns = len(header)
    if (
        n_columns > 2
        and not any(name in LABELS for name in header)
        and (square(n_columns) or coloured_square(n_columns))
    ):
        return "; these are pixels without labels, which nothing is learned from"
    if header[0] == "" and any(name in LABELS for name in header):
        return "; the first has no name: pandas writes none such with to_csv(index=False)"
    if header[-1] == "":
        return "; the last has no name: lines must not end with what stands between columns"
    if any(Path(name).suffix in PICTURES for name in header):
        return "; a first line with the names of the columns is missing"
    return ""


def lacks_labels(path: Table, like: Table) -> bool:
    """Tell whether a CSV has the columns of another but for its labels, as Kaggle's files for testing have."""
    return [name for name in _header(like)[0] if name not in LABELS] == _header(path)[0]


def read_pixels(path: Table) -> PixelTable:
    """Read rows of a label and the pixels of a square image, as Kaggle has them; the label may stand first or last.

    A row of three times as many numbers is a coloured image, pixel by pixel.

    Parameters
    ----------
    path : Path or zipfile.Path
        A file of which `names_files` is false. Without names of columns, the label stands first.

    Returns
    -------
    PixelTable

    Raises
    ------
    TableError
        Naming the line, where a row is of another length, or a pixel no integer from 0 to 255.
    """
    header, between = _header(path)
    named = not _are_numbers(header[1:])
    last = named and _is_last(header)
    items, labels = _read(path, between, len(header), named=named, last=last)
    shape = image_shape(None, len(header) - 1)
    return PixelTable(np.frombuffer(items, np.uint8).reshape(-1, *shape), labels)


def read_rows(path: Path, n_pixels: int) -> NDArray[np.uint8]:
    """Read rows of pixels for prediction: without labels, as Kaggle's test file is, or with one that is left aside.

    Parameters
    ----------
    path : Path
        The file.
    n_pixels : int
        Pixels of an image, in the order of the columns.

    Returns
    -------
    ndarray of shape (n_images, n_pixels), uint8

    Raises
    ------
    TableError
        Where the first line has another number of columns, and as `read_pixels` raises it.
    """
    header, between = _header(path)
    if len(header) not in (n_pixels, n_pixels + 1):
        n_columns = f"{len(header)} {'column' if len(header) == 1 else 'columns'}"
        raise TableError(f"it is a text, and no CSV of images of {n_pixels} pixels: its first line has {n_columns}")
    has_labels = len(header) > n_pixels
    named = not _are_numbers(header[1:] or header)
    last = _is_last(header) if has_labels and named else False
    before = "" if has_labels else f"0{between}"  # a label, where there is none
    items, _ = _read(path, between, n_pixels + 1, named=named, last=last, before=before)
    return np.frombuffer(items, np.uint8).reshape(-1, n_pixels)


def _read(
    path: Table, between: str, n_columns: int, *, named: bool, last: bool, before: str = ""
) -> tuple[bytearray, list[str]]:
    """Return the pixels of all rows, and their labels; ``before`` is put before each line."""
    items, labels = bytearray(), list[str]()
    try:
        with _opened(path) as file:
            rows = islice(_lines(file), int(named), None)
            while some := [before + line for line in islice(rows, _ROWS)]:
                block, found = _numbers(some, between, n_columns, first=len(labels) + 1 + named, last=last)
                items += block.tobytes()
                labels += found
                if len(items) > MAX_BYTES:
                    raise TableError(f"its images take more than {MAX_BYTES} bytes, which is all that is held")
    except UnicodeDecodeError:
        raise TableError("it is no text in UTF-8") from None
    if not labels:
        raise TableError("it has no row")
    return items, labels


def _is_last(header: Sequence[str]) -> bool:
    """Tell whether the label stands last; it must stand there, or first."""
    if header[-1] not in LABELS and header[0] not in LABELS:
        raise TableError(
            f"its first and last columns are {shown(repr(header[0]), 50)} and {shown(repr(header[-1]), 50)}; one must "
            f"be called label, or {', '.join(LABELS[1:])}"
        )
    return header[-1] in LABELS


def _are_numbers(fields: Sequence[str]) -> bool:
    """Tell whether all are numbers, and so no names of columns."""
    return all(field.lstrip("+-").replace(".", "", 1).isdecimal() for field in fields)


def _numbers(
    lines: Sequence[str], between: str, n_columns: int, *, first: int, last: bool
) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the pixels of some lines, and their labels; ``first`` is the number of the first line."""
    labels, pixels = [], []
    for number, line in enumerate(lines, start=first):
        plain = _without_quotes(line, between) if '"' in line else line.strip("\r\n")
        left, _, right = plain.rpartition(between) if last else plain.partition(between)
        label, rest = (right, left) if last else (left, right)
        if rest.count(between) != n_columns - 2:
            raise TableError(f"row {number} has {rest.count(between) + 2} columns; expected are {n_columns}")
        labels.append(_plain_label(label.replace(_QUOTED, between), number))
        pixels.append(rest)
    try:
        values = np.loadtxt(pixels, delimiter=between, ndmin=2, comments=None)
    except ValueError:
        raise TableError(_no_number(pixels, between, first)) from None
    wrong = ~((values >= 0) & (values <= 255) & (values == np.rint(values)))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise TableError(_wrong_pixel(first + row, f"{values[row, column]:g}"))
    return values.astype(np.uint8), labels


_QUOTED = "\0"
"""What stands for a mark between columns that is quoted, and so part of a label."""


def _without_quotes(line: str, between: str) -> str:
    """Return a line with the quotes around its fields taken away."""
    fields = next(csv.reader([line.strip("\r\n")], delimiter=between, skipinitialspace=True))
    return between.join(field.replace(between, _QUOTED) for field in fields)


def _no_number(pixels: Sequence[str], between: str, first: int) -> str:
    """Say which of some rows of pixels has one that is no number."""
    for number, row in enumerate(pixels, start=first):
        for field in row.split(between):
            try:
                float(field)
            except ValueError:
                return _wrong_pixel(number, shown(repr(field.strip()), 30))
    return f"rows {first} to {first + len(pixels) - 1}: a pixel is no number"


def _wrong_pixel(number: int, pixel: str) -> str:
    return f"row {number} has the pixel {pixel}; pixels must be integers from 0 to 255"


def _plain_label(text: str, number: int) -> str:
    """Return a label without blanks around it; ``7.0`` as tables of numbers have it is ``7``."""
    label = text.strip()
    if not label:
        raise TableError(f"row {number} has no label")
    whole, dot, zeros = label.partition(".")
    return whole if dot and whole.isdecimal() and not zeros.strip("0") else label


def plan_files(path: Path) -> tuple[Plan, dict[str, str]]:
    """Say which file is of which class and part by a CSV of ``file,label[,group][,split]``.

    Parameters
    ----------
    path : Path
        The CSV; the files are found from its folder on, and nowhere else.

    Returns
    -------
    plan : Plan
        In the order of the rows; training rows first.
    groups : dict of str
        The group of each file, such as its writer; empty, where there is no such column.

    Raises
    ------
    TableError, TreeError
        Naming the row, where it has no label, or a split that is none; or where one file has two labels.
    """
    header, between = _header(path)
    columns = {
        "file": next(name for name in header if name in _FILES),
        "label": next(name for name in header if name in LABELS),
    }
    groups: dict[str, str] = {}
    labels: dict[str, str] = {}
    rows: list[tuple[str, str, Entry]] = []
    skipped: list[tuple[str, str]] = []
    with _opened(path) as file:  # a text that is no UTF-8 further down is a ValueError with its own words
        text = chain([between.join(header) + "\n"], islice(_lines(file), 1, None))
        for number, row in enumerate(csv.DictReader(text, delimiter=between, skipinitialspace=True), start=2):
            if None in row:
                raise TableError(f"row {number} has more columns than the first line, which has {len(header)}")
            name, label = ((row[columns[one]] or "").strip() for one in ("file", "label"))
            if not name or not label:
                raise TableError(f"row {number} has no {'label' if name else 'file'}")
            inside = Path(name.replace("\\", "/"))  # as Windows has it; and a/./b is a/b
            name = inside.as_posix()
            if name in labels:
                if labels[name] != label:
                    raise TableError(
                        f"row {number} has the label {shown(repr(label), 50)} for {shown(name, 80)}, and an earlier "
                        f"one {shown(repr(labels[name]), 50)}"
                    )
                skipped.append((name, f"row {number} names it again"))
                continue
            labels[name] = label
            if inside.is_absolute() or ".." in inside.parts or PureWindowsPath(name).drive:
                skipped.append((name, "its name leads out of the folder"))
                continue
            rows.append((_part(row, number), label, Entry((name,), partial(read_file, path.parent / inside))))
            if row.get("group"):
                groups[name] = row["group"]
    if groups and any(str(entry) not in groups for _, _, entry in rows):
        raise TableError("it has a group in some rows and none in others")
    renamed, notes = assign_validation({part for part, _, _ in rows})
    files = sorted(
        ((renamed.get(part, part), label, entry) for part, label, entry in rows),
        key=lambda one: (one[0] != "train", natural_key(one[1])),
    )
    if not files:
        raise TreeError("it names no file")
    return Plan(files, any(part == "test" for part, _, _ in files), set(), skipped, notes), groups


def _part(row: dict[str, str], number: int) -> str:
    """Return the part that a row is of."""
    split = (row.get("split") or "train").strip()
    if split.casefold() not in PARTS:
        raise TableError(f"row {number} has the split {shown(repr(split), 50)}; it must be train, test or validation")
    return PARTS[split.casefold()]
