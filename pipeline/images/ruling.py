"""Ruled lines and frames taken off a page: what runs straight from one side to the other is no writing.

Lines and squares are found by the turn at which most rows are full from end to end. Strokes that cross a line are
darker than it, and stay. A frame is such a page in small, as forms have one for each digit.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]

FULL = 0.75
"""The share of a row that is ink, from which on the row is a ruled line."""

TURNS = (10.0, 0.5, 0.05)
"""Degrees that lines are turned by at the most, and the steps in which the turn is searched for, first and then."""

SAMPLES = 128
"""Columns that lines are searched for in; in a quarter of them first."""


SIDE, BAND = 0.95, 0.06
"""The share of each side of a frame that is ink, in a band of so much of its shorter side."""

HOLLOW = 0.5
"""The share of its box that a frame leaves free at least."""

SMALLEST = 16
"""Pixels along a side of a frame, and of what stands in one, at the least."""


def without_frames(density: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """Return ink without frames around writing, and without empty ones of their size.

    Parameters
    ----------
    density : ndarray of shape (height, width), float32
        Ink, 0 for paper.
    least : float
        Ink from which on it is no noise.

    Examples
    --------
    >>> page = np.zeros((60, 60), np.float32)
    >>> page[5:55, 5:55] = 0.8
    >>> page[8:52, 8:52] = 0
    >>> (without_frames(page, 0.1) == page).all()
    np.True_
    >>> page[20:40, 28:32] = 0.8
    >>> np.flatnonzero(without_frames(page, 0.1)[30]).tolist()
    [28, 29, 30, 31]
    """
    pieces, _ = ndimage.label(density > least, np.ones((3, 3)))
    boxes = {number: box for number, box in enumerate(ndimage.find_objects(pieces), 1) if max(_sides(box)) >= SMALLEST}
    frames = [box for number, box in boxes.items() if _is_frame(pieces[box] == number)]
    filled = [min(_sides(box)) for box in frames if any(_holds(box, other) for other in boxes.values())]
    if not filled:
        return density
    cleared = density.copy()
    for box in frames:
        if min(_sides(box)) > min(filled) / 2:
            cleared[box] = without_ruling(cleared[box], least)
    return cleared


_Box = tuple[slice, slice]


def _sides(box: _Box) -> tuple[int, int]:
    """Return the height and the width of a box."""
    rows, columns = box
    return rows.stop - rows.start, columns.stop - columns.start


def _holds(frame: _Box, other: _Box) -> bool:
    """Tell whether a box lies inside of another, and not along it."""
    return frame != other and all(
        outer.start < inner.start and inner.stop < outer.stop for outer, inner in zip(frame, other, strict=True)
    )


def _is_frame(ink: NDArray[np.bool_]) -> bool:
    """Tell whether a piece of ink runs along all four sides of its box, and leaves the most of it free."""
    if min(ink.shape) < SMALLEST or ink.mean() > 1 - HOLLOW:
        return False
    band = max(2, round(BAND * min(ink.shape)))
    sides = ink[:band].any(axis=0), ink[-band:].any(axis=0), ink[:, :band].any(axis=1), ink[:, -band:].any(axis=1)
    return all(side.mean() > SIDE for side in sides)


def without_ruling(density: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """Return ink without ruled lines, neither across nor down.

    Parameters
    ----------
    density : ndarray of shape (height, width), float32
        Ink, 0 for paper.
    least : float
        Ink from which on it is no noise.

    Examples
    --------
    >>> page = np.zeros((40, 60), np.float32)
    >>> page[20], page[10:30, 10:13] = 0.3, 0.8
    >>> [round(float(one), 1) for one in without_ruling(page, 0.1)[20, 8:14]]
    [0.0, 0.0, 0.8, 0.8, 0.8, 0.0]
    """
    return _without_lines(_without_lines(density, least).T, least).T


def _without_lines(density: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """Return ink without lines that run from left to right."""
    height, width = density.shape
    if min(height, width) < 16:
        return density
    columns = np.unique(np.linspace(0, width - 1, SAMPLES).round().astype(int))
    inked = (ndimage.gaussian_filter1d(density, 1.0, axis=1)[:, columns] > least).astype(np.float32)
    turn = _turn(inked, columns)
    if turn is None:
        return density
    rows = _rows(height, np.arange(width), turn)
    full = _coverage(inked, columns, turn) > FULL
    lines = np.flatnonzero(ndimage.binary_dilation(full, iterations=2))
    at = rows[lines], np.broadcast_to(np.arange(width), (len(lines), width))
    seen = density[at]
    levels = np.zeros(height, np.float32)
    levels[lines] = np.median(seen, axis=1)
    level = np.maximum(ndimage.maximum_filter1d(levels, 5)[lines, None], 1e-6)  # a row may be a line's in part
    cleared: NDArray[np.float32] = density.copy()
    cleared[at] = np.maximum(seen - level * np.clip(2.2 - seen / level, 0, 1), np.minimum(seen, 0))
    return cleared


def _turn(inked: Array, columns: Array) -> float | None:
    """Return by how many degrees lines fall; None where there are none."""
    most, coarse, fine = TURNS
    blurred = math.ceil(columns[-1] * math.radians(coarse) / 2)
    few = slice(None, None, 4)
    wide = ndimage.maximum_filter1d(inked[:, few], blurred + 1, axis=0)
    turns = np.arange(-most, most + coarse / 2, coarse)
    first, there = _best(wide, columns[few], turns)
    if not there:
        return None
    turn, there = _best(inked, columns, first + np.arange(-coarse, coarse + fine / 2, fine))
    return turn if there else None


def _best(inked: Array, columns: Array, turns: Array) -> tuple[float, bool]:
    """Return the turn at which the most ink stands on full rows, and whether any does."""
    scores = [_score(_coverage(inked, columns, turn)) for turn in turns]
    best = int(np.argmax(scores))
    return float(turns[best]), scores[best] > 0


def _score(coverage: Array) -> float:
    """Return how much ink stands on rows that are full."""
    return float(np.square(coverage[coverage > FULL]).sum())


def _coverage(inked: Array, columns: Array, turn: float) -> Array:
    """Return the share of ink on each row of a page that is turned."""
    return inked[_rows(len(inked), columns, turn), np.arange(len(columns))].mean(axis=1)


def _rows(height: int, columns: Array, turn: float) -> NDArray[np.intp]:
    """Return the row that each row of a turned page has at some columns."""
    down = np.rint(math.tan(math.radians(turn)) * (columns - columns[-1] / 2)).astype(np.intp)
    return (np.arange(height)[:, None] + down).clip(0, height - 1)
