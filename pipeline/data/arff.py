"""Read tables of images in ARFF, dense or sparse, in pieces of bounded size, and believe nothing of the header.

What the columns are is known from elsewhere. NumPy reads the rows, so that a value which is no number is an error, and
so is a row of another length.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

_MAX_LINE = 2**18
_MAX_LINES_OF_HEADER = 2**17
_MAX_PIECE = 2**22
_MAX_BYTES = 2**29
_MAX_CLASSES = 256
_MAX_LABEL = 100


class ArffError(ValueError):
    """A file is not the table that it should be; the message says in what."""


class Column(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    role : {"pixel", "label", "other"}
        What it is for.
    missing : str, default="0"
        What stands in a sparse row that does not name this column.
    """

    role: Literal["pixel", "label", "other"]
    missing: str = "0"


def read_arff(
    path: Path, columns: Sequence[Column], *, is_sparse: bool = False, max_bytes: int = _MAX_BYTES
) -> tuple[NDArray[Any], NDArray[np.str_], NDArray[np.uint8]]:
    """Read a table of pixels and a column of labels.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of Column
        All of the table, in order; one of them has the labels.
    is_sparse : bool, default=False
        Whether a row names, in braces, the columns that are not zero.
    max_bytes : int, default=2**29
        Most bytes that the table may take in memory.

    Returns
    -------
    pixels : ndarray of shape (n_samples, n_pixels)
        uint8 where all are whole numbers on 0..255, else float64.
    names : ndarray of shape (n_classes,), str
        The different labels, as they stand in the file.
    labels : ndarray of shape (n_samples,), uint8
        Which of the names each row has.

    Raises
    ------
    ArffError
        Where it is no such table, or too large.
    """
    names: dict[str, int] = {}
    pieces, labels, n_bytes = [], [], 0
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for lines in _pieces(_rows(file), len(columns)):
            table = _parse([_dense(line, columns) for line in lines] if is_sparse else lines, columns, names)
            labels.append(table[:, [column.role == "label" for column in columns]].astype(np.uint8).ravel())
            pieces.append(_compact(table[:, [column.role == "pixel" for column in columns]]))
            n_bytes += pieces[-1].nbytes
            if n_bytes > max_bytes:
                raise ArffError(f"the table takes more than {max_bytes} bytes")
    if not pieces:
        raise ArffError("the table has no row")
    if max(piece.itemsize for piece in pieces) * sum(piece.size for piece in pieces) > max_bytes:
        raise ArffError(f"the table takes more than {max_bytes} bytes")
    return np.concatenate(pieces), np.array(list(names)), np.concatenate(labels)


def _rows(file: TextIO) -> Iterator[str]:
    """Yield the lines after the header, but for comments and empty ones."""
    lines = _lines(file)
    for number, line in enumerate(lines):
        if line.strip().lower() == "@data":
            break
        if number > _MAX_LINES_OF_HEADER:
            raise ArffError(f"there is no @data within {_MAX_LINES_OF_HEADER} lines")
    else:
        raise ArffError("there is no @data")
    yield from (line for line in lines if line and not line.startswith("%"))


def _lines(file: TextIO) -> Iterator[str]:
    """Yield lines without what surrounds them, none of them longer than any row of images."""
    while line := file.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise ArffError(f"a line has more than {_MAX_LINE} letters")
        yield line.strip()


def _pieces(rows: Iterator[str], n_columns: int) -> Iterator[list[str]]:
    """Yield rows in lists of bounded size, also where a short row stands for many values."""
    piece: list[str] = []
    n_letters, most = 0, min(1000, 1 + _MAX_PIECE // (2 * n_columns))
    for row in rows:
        piece.append(row)
        n_letters += len(row)
        if n_letters >= _MAX_PIECE or len(piece) == most:
            yield piece
            piece, n_letters = [], 0
    if piece:
        yield piece


def _dense(row: str, columns: Sequence[Column]) -> str:
    """Turn a sparse row, ``{1 255, 784 seven}``, into a dense one."""
    if not (row.startswith("{") and row.endswith("}")):
        raise ArffError(f"a row is not sparse: {row[:40]!r}")
    cells = [column.missing for column in columns]
    for entry in row[1:-1].split(","):
        number, _, value = entry.strip().partition(" ")
        if not number:
            continue
        if not (number.isdecimal() and number.isascii() and len(number) < 10 and int(number) < len(cells)):
            raise ArffError(f"a row has a value for the column {number[:40]!r}; the table has {len(cells)}")
        cells[int(number)] = value.strip()
    return ",".join(cells)


def _parse(rows: list[str], columns: Sequence[Column], names: dict[str, int]) -> NDArray[np.float64]:
    """Return rows as numbers: for a label its place among ``names``, which grows."""

    def code(text: str) -> int:  # NumPy would put other words in the place of an error's
        name = text.strip().strip("\"'")
        if name in {"", "?"} or len(name) > _MAX_LABEL:
            return -1
        return names.setdefault(name, len(names)) if name in names or len(names) <= _MAX_CLASSES else _MAX_CLASSES

    converters: dict[str, Callable[[str], int]] = {"label": code, "other": lambda _: 0}
    texts: dict[int | str, Callable[[str], Any]] = {
        i: converters[column.role] for i, column in enumerate(columns) if column.role != "pixel"
    }
    table = np.loadtxt(rows, delimiter=",", comments=None, quotechar="'", converters=texts, ndmin=2)
    if table.shape[1] != len(columns):
        raise ArffError(f"the rows have {table.shape[1]} values; the table has {len(columns)} columns")
    labels = table[:, [column.role == "label" for column in columns]]
    if labels.min() < 0:
        raise ArffError(f"a row has no label of 1 to {_MAX_LABEL} letters")
    if labels.max() >= _MAX_CLASSES:
        raise ArffError(f"there are more than {_MAX_CLASSES} different labels")
    return table


def _compact(table: NDArray[np.float64]) -> NDArray[Any]:
    """Return numbers as bytes, if all of them are."""
    with np.errstate(invalid="ignore"):
        small = table.astype(np.uint8)
    return small if np.array_equal(small, table) else table
