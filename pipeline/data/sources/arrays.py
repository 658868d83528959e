"""From a table of grey values and a column of labels to the four files, for sources that have no such files.

Hands on pixels on 0..255, labels as small integers, and a test part that is the same on every machine.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.idx import FILES, write_idx
from pipeline.data.sources.base import SourceError
from pipeline.image_shape import coloured_square, describe, square

_WHITES = (1, 16, 255)
"""The largest value that a set of grey images may go up to: fractions, 4 bits and a bit, bytes."""


def to_images(table: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn rows of grey values into square images on 0..255.

    Parameters
    ----------
    table : ndarray of shape (n_samples, side * side)
        From 0, or from -1 where none is over 1; up to 1, 16 or 255, the least of these that none is over.

    Returns
    -------
    ndarray of shape (n_samples, side, side), uint8
        Stretched so that the least possible value is 0 and the greatest 255.

    Raises
    ------
    SourceError
        Where it is no such table.

    Examples
    --------
    >>> to_images(np.array([[0, 4, 8, 16]]))
    array([[[  0,  64],
            [128, 255]]], dtype=uint8)
    """
    values = np.asarray(table)
    if values.ndim != 2 or values.dtype.kind not in "uif" or not values.size:
        raise SourceError(f"it holds no table of numbers, but {values.dtype} of shape {values.shape}")
    shape = square(values.shape[1])
    if shape is None:
        raise SourceError(f"its rows of {values.shape[1]} values are no square images{_hint(values.shape[1])}")
    least, most = values.min(), values.max()
    white = next((white for white in _WHITES if most <= white), None)
    black = -1 if -1 <= least < 0 and white == 1 else 0
    if white is None or not least >= black:
        raise SourceError(f"its values from {least:g} to {most:g} are no grey values on 0..1, 0..16, 0..255 or -1..1")
    blocks = np.array_split(values, len(values) // 1000 + 1)  # for MNIST as float64 takes half a gigabyte
    pixels = [np.rint((block - black) * (255 / (white - black))).astype(np.uint8) for block in blocks]
    return np.concatenate(pixels).reshape(-1, *shape)


def _hint(n_values: int) -> str:
    """Say what to do where images may be coloured: a table does not say in which order its channels stand."""
    if (shape := coloured_square(n_values)) is None:
        return ""
    return (
        f"; of coloured ones of {describe(shape)}, a table does not say which value is of which channel: an archive of "
        "arrays (.npz) of your own, of shape (n, height, width, 3), does"
    )


def to_labels(column: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn a column of labels into small integers.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Integers on 0..255, as numbers or as text, are left as they are; others are numbered in sorted order.

    Returns
    -------
    ndarray of shape (n_samples,), uint8

    Raises
    ------
    SourceError
        Where there are more than 256 classes.

    Examples
    --------
    >>> to_labels(np.array(["7", "1"], dtype=object))
    array([7, 1], dtype=uint8)
    >>> to_labels(np.array(["cat", "ant", "cat"]))
    array([1, 0, 1], dtype=uint8)
    """
    classes, codes = np.unique(np.asarray(column).astype(str), return_inverse=True)
    if len(classes) > 256:
        raise SourceError(f"its {len(classes)} different labels are more than 256 classes")
    values = [_small_integer(label) for label in classes]
    known = values if None not in values and len(set(values)) == len(values) else range(len(classes))
    return np.array(known, dtype=np.uint8)[codes]


def fixed_fifth(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the rows of the test part of a set that has none: a fifth of each class, always the same.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Of all samples.

    Returns
    -------
    ndarray of intp
        Row numbers, ascending.

    Raises
    ------
    SourceError
        Where there are too few samples for each class to be in both parts.
    """
    _check_fifth(labels)
    from sklearn.model_selection import StratifiedShuffleSplit  # noqa: PLC0415 - for start-up time

    splitter = StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=0)
    _, test = next(splitter.split(labels, labels))
    return np.sort(test)


def _check_fifth(labels: NDArray[np.uint8]) -> None:
    """Raise where a fifth cannot have a sample of each class, and leave one."""
    classes, counts = np.unique(labels, return_counts=True)
    n_test = math.ceil(len(labels) / 5)
    if counts.min(initial=2) < 2 or n_test < len(classes):
        raise SourceError(
            f"it has no test part, and of its {len(labels)} images a fifth is to be one, with each of its "
            f"{len(classes)} classes on both sides: expected are 2 or more of each class and "
            f"{5 * len(classes) - 4} or more images; class {classes[counts.argmin()]} has {counts.min()}"
        )


def write_parts(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], test: NDArray[np.intp]) -> None:
    """Write the four files of a set: the rows ``test`` are its test part, the others its training part."""
    is_test = np.zeros(len(labels), dtype=bool)
    is_test[test] = True
    for part, rows in {"train": ~is_test, "test": is_test}.items():
        for name, array in zip(FILES[part], (images, labels), strict=True):
            write_idx(folder / name, array[rows])


def _small_integer(label: str) -> int | None:
    """Return the integer on 0..255 that a label is, whether it stands as ``7`` or as ``7.0``."""
    try:
        value = float(label)
    except ValueError:
        return None
    return int(value) if 0 <= value <= 255 and value.is_integer() else None
