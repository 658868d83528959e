"""EMNIST: images that lie with rows and columns swapped, and labels that stand for letters.

Its files have no sign but their names: ``emnist-letters-train-images-idx3-ubyte.gz``. Hands on images upright, labels
from 0 without a gap, and the names of the classes in their order (Cohen, Afshar, Tapson, van Schaik: EMNIST, 2017).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.data.class_names import MOST_CLASSES
from pipeline.data.idx import IdxError, Readable, open_items
from pipeline.data.mat import MatArrays
from pipeline.data.own.arrays import ArrayError, NamedArray
from pipeline.files import replacing_file
from pipeline.image_shape import square
from pipeline.text import shown

_BALANCED = digits + ascii_uppercase + "abdefghnqrt"
"""Fifteen letters look alike in both cases: their classes are called by the capital one."""

SPLITS: dict[str, dict[int, str]] = {
    "byclass": dict(enumerate(digits + ascii_uppercase + ascii_uppercase.lower())),
    "bymerge": dict(enumerate(_BALANCED)),
    "balanced": dict(enumerate(_BALANCED)),
    "letters": dict(enumerate(ascii_uppercase, start=1)),  # of both cases
    "digits": dict(enumerate(digits)),
    "mnist": dict(enumerate(digits)),
}
"""The characters that labels stand for, by the names of EMNIST's data sets."""

_PREFIX = re.compile(r"(?:.*[-_. ])?emnist[-_. ](?:(?P<split>[a-z]+)[-_. ])?", re.IGNORECASE)
_MAX_MAPPING = 2**16
_BLOCK = 1000


def is_emnist(prefix: str) -> bool:
    """Tell whether files whose names begin so are of EMNIST.

    Examples
    --------
    >>> is_emnist("emnist-letters-"), is_emnist("my-emnist-"), is_emnist("")
    (True, True, False)
    """
    return _PREFIX.fullmatch(prefix) is not None


def known_mapping(prefix: str) -> dict[int, str] | None:
    """Return the characters that labels stand for in the data set whose files' names begin so; None for no known one.

    Examples
    --------
    >>> known_mapping("emnist-letters-")[1]
    'A'
    """
    found = _PREFIX.fullmatch(prefix)
    return SPLITS.get((found["split"] or "").lower()) if found else None


def mapping_name(prefix: str) -> str:
    """Return the name of the file that says what labels stand for.

    Examples
    --------
    >>> mapping_name("emnist-letters-")
    'emnist-letters-mapping.txt'
    """
    return f"{prefix}mapping.txt"


def parse_mapping(text: str, name: str) -> dict[int, str]:
    r"""Return the characters that labels stand for: in each line a label and the code of a character, or of two.

    Parameters
    ----------
    text : str
        What the file holds.
    name : str
        What to call it in an error.

    Raises
    ------
    IdxError
        Naming the line that is none such.

    Examples
    --------
    >>> parse_mapping("1 65 97\n2 66 98\n", "mapping.txt")
    {1: 'A', 2: 'B'}
    """
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return mapping_of(rows, name)


def mapping_of(rows: Iterable[Iterable[object]], name: str) -> dict[int, str]:
    """Return the characters that labels stand for, from rows of a label and the code of a character, or of two."""
    mapping: dict[int, str] = {}
    for number, row in enumerate(rows, start=1):
        label, *codes = (_whole(one) for one in row)
        good = label is not None and label < MOST_CLASSES and label not in mapping and codes and codes[0] is not None
        if not good or label is None or not chr(codes[0] or 0).isprintable():
            raise IdxError(
                f"{name} has in line {number} {shown(' '.join(map(str, row)), 50)!r}; expected are a label that no "
                "other line has, from 0 to 255, and the code of a character"
            )
        mapping[label] = chr(codes[0] or 0)
    if len(set(mapping.values())) < max(2, len(mapping)):
        raise IdxError(f"{name} must name two classes or more, and all by different characters")
    return mapping


def _whole(value: object) -> int | None:
    """Return a whole number that may be the code of a character, or None."""
    text = str(value).removesuffix(".0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else None


def read_mapping(file: BinaryIO, name: str) -> dict[int, str]:
    """Read a file of bounded length that says what labels stand for; see `parse_mapping`."""
    content = file.read(_MAX_MAPPING + 1)
    if len(content) > _MAX_MAPPING or not content.isascii():
        raise IdxError(f"{name} is no text of a label and the code of a character in each line")
    return parse_mapping(content.decode("ascii"), name)


def number_labels(
    labels: NDArray[np.uint8], mapping: Mapping[int, str], name: str
) -> tuple[NDArray[np.uint8], tuple[str, ...] | None]:
    """Return labels from 0 without a gap, and the names of the classes; digits alone are their own labels.

    Raises
    ------
    IdxError
        Naming the file, where a label stands for no character.

    Examples
    --------
    >>> number_labels(np.array([2, 1], np.uint8), {1: "A", 2: "B"}, "labels")
    (array([1, 0], dtype=uint8), ('A', 'B'))
    """
    wrong = np.flatnonzero(~np.isin(labels, list(mapping)))
    if len(wrong):
        known = f"{min(mapping)} to {max(mapping)}"
        raise IdxError(f"{name} has the label {labels[wrong[0]]} in row {wrong[0]}; expected are {known}, as mapped")
    names = tuple(mapping[label] for label in sorted(mapping))
    is_digits = set(names) <= set(digits)
    values = [int(one) for one in names] if is_digits else range(len(names))
    table = np.zeros(MOST_CLASSES, np.uint8)
    table[sorted(mapping)] = values
    return table[labels], (None if is_digits else names)


MAT_MAPPING = "dataset.mapping"
_MAT_PARTS = {part: (f"dataset.{part}.images", f"dataset.{part}.labels") for part in ("train", "test")}
MAT_ARRAYS = (*(name for pair in _MAT_PARTS.values() for name in pair), MAT_MAPPING)
"""The arrays of EMNIST's files of MATLAB."""


def parts_of_mat(found: MatArrays) -> dict[str, tuple[NamedArray, NamedArray]]:
    """Return images, upright, and labels of both parts of a file of MATLAB.

    There each row is an image, pixel by pixel down its columns.

    Raises
    ------
    ArrayError
        Where an array is missing, with what there is; or where images are no rows of squares.
    """
    missing = [name for name in MAT_ARRAYS[:-1] if name not in found.arrays]
    if missing:
        there = [*found.arrays, *found.others]
        raise ArrayError(
            f"it has no {missing[0]}; expected are EMNIST's arrays, {', '.join(MAT_ARRAYS)}. It holds "
            f"{', '.join(there) or 'nothing'}. Other arrays can be read from an archive of NumPy's: "
            "np.savez('own.npz', X=images, y=labels)"
        )
    return {
        part: (_upright(images, found.arrays[images]), _named(labels, found.arrays[labels]))
        for part, (images, labels) in _MAT_PARTS.items()
    }


def _upright(name: str, array: NDArray[Any]) -> NamedArray:
    """Return rows of pixels as images."""
    side = square(array.shape[1]) if array.ndim == 2 else None
    if side is None:
        raise ArrayError(f"{_named(name, array)}: expected are images of shape (n, pixels) of squares")
    return _named(name, array.T.reshape(*side, len(array)).transpose(2, 1, 0))


def _named(name: str, array: NDArray[Any]) -> NamedArray:
    """Return an array that is held as one that is read in blocks."""
    return NamedArray(
        name, array.dtype, array.shape, lambda: (array[at : at + _BLOCK] for at in range(0, len(array), _BLOCK))
    )


def name_labels(labels: Sequence[str], rows: NDArray[Any] | None) -> tuple[list[str], tuple[str, ...] | None]:
    """Return what labels stand for by a mapping of MATLAB's file, and the classes in the order of their labels.

    Parameters
    ----------
    labels : sequence of str
        Whole numbers.
    rows : ndarray of shape (n_classes, 2 or 3) or None
        A label and the code of a character, or of two; without it, labels are their own names.

    Returns
    -------
    names : list of str
        Of each label.
    classes : tuple of str or None
        None where they are digits alone, or labels.

    Raises
    ------
    IdxError
        Where the mapping is none, or has not a label.
    """
    if rows is None:
        return list(labels), None
    if rows.ndim != 2 or rows.shape[1] not in (2, 3) or len(rows) > MOST_CLASSES:
        raise IdxError(f"{_named(MAT_MAPPING, rows)}: expected are rows of a label and one or two codes of characters")
    mapping = {str(label): name for label, name in sorted(mapping_of(rows.tolist(), MAT_MAPPING).items())}
    unknown = set(labels) - mapping.keys()
    if unknown:
        raise IdxError(f"{MAT_MAPPING} has no character for the label {min(unknown, key=int)}")
    classes = tuple(mapping.values())
    return [mapping[label] for label in labels], (None if set(classes) <= set(digits) else classes)


def copy_upright(source: Readable, target: Path) -> None:
    """Copy a file of images to a raw one, rows and columns swapped back, some images at a time.

    What is no file of images is copied as it is, for its reader to refuse it.

    Raises
    ------
    IdxError
        Naming the file and what is wrong with it.
    """
    with open_items(source) as (header, items), replacing_file(target) as copy:
        if len(header.shape) != 3 or header.dtype != np.uint8 or not header.n_bytes:
            copy.write(header.pack())
            copy.writelines(items)
            return
        n_samples, n_columns, n_rows = header.shape
        copy.write(header._replace(shape=(n_samples, n_rows, n_columns)).pack())
        for images in _some_images(items, (n_columns, n_rows)):
            copy.write(np.ascontiguousarray(images.transpose(0, 2, 1)).data)


def _some_images(items: Iterator[bytes], shape: tuple[int, int]) -> Iterator[NDArray[Any]]:
    """Yield whole images from pieces that end anywhere."""
    rest = bytearray()
    size = shape[0] * shape[1]
    for piece in items:
        rest += piece
        n_bytes = len(rest) // size * size
        if n_bytes:
            yield np.frombuffer(bytes(rest[:n_bytes]), np.uint8).reshape(-1, *shape)
            del rest[:n_bytes]
