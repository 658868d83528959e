"""Where digits stand on a page: pieces of ink that hang together, the fragments of one digit joined, in lines.

Distances are in heights of the page's digits, so the size of a picture does not matter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.images.background import CONTRAST, Ink

Array = NDArray[Any]

INKED = 0.2
"""Ink from here on, as a share of the page's darkest strokes: the grey ends of a stroke still belong to it."""

STROKE = 0.5
"""A piece that nowhere comes to this share of the darkest strokes is no stroke, but a stain."""

LEAST = 8
"""Pixels of ink in a piece; fewer are noise."""

NOISE = 5.0
"""Standard deviations of noise that ink must exceed."""

SPECK = 0.16
"""A piece that is no longer than this, in heights of a digit, is a speck where no digit is near."""

TOUCHING = 0.12
"""Pieces that are no further apart belong to one digit."""

FRAGMENT = 0.65
"""A piece that is no longer than this may be a fragment, such as the bar of a 5."""

FEW = 3
"""Fragments that one digit comes in at the most."""

TALL = 1.75
"""What is taller, two pieces joined, is two digits below each other."""

SMALL = 0.4
"""A digit is longer than this."""

BAR = 0.3
"""How far a fragment may lie from its digit."""

WIDE = 1.35
"""A piece that is wider than this, beside others, may be two digits."""

LONE = 2.0
"""By what factor a piece without others must be wider than it is high, to be two digits: flat ones are not so rare."""

TURN = (5.0, 12.0)
"""Degrees that a page is turned by: the usual, as a standard deviation, and the most."""

LINE = 0.7
"""Middles of digits that are further apart from each other, down the page, are on two lines."""


@dataclass
class Segment:
    """The ink of one digit.

    Attributes
    ----------
    labels : list of int
        Which pieces of ink it has.
    top, left, bottom, right : int
        The box around them; the ends lie one pixel beyond.
    line : int
        Which line it is on, from 0.
    doubt : str or None
        Why it may not be one digit, whole.
    """

    labels: list[int]
    top: int
    left: int
    bottom: int
    right: int
    line: int = 0
    doubt: str | None = None

    @property
    def height(self) -> int:
        """Rows of the box."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns of the box."""
        return self.right - self.left

    @property
    def length(self) -> int:
        """The longer side of the box."""
        return max(self.height, self.width)

    def joined(self, other: "Segment") -> "Segment":
        """Return both as one."""
        return Segment(
            [*self.labels, *other.labels],
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


@dataclass(frozen=True)
class Layout:
    """What stands where on a page.

    Attributes
    ----------
    segments : list of Segment
        In the order of reading.
    pieces : ndarray of shape (height, width), int
        Which piece of ink a pixel belongs to; 0 for paper.
    turn : float
        Degrees that lines fall from left to right, as far as they tell.
    specks : int
        Pieces of ink that are too small for a digit, and were left out.
    edges : int
        Pieces that lie along the border, as the edge of a sheet or a desk does, and were left out.
    """

    segments: list[Segment]
    pieces: NDArray[np.int32]
    turn: float
    specks: int
    edges: int


def layout_of(ink: Ink) -> Layout:
    """Find the digits of a page.

    Parameters
    ----------
    ink : Ink
        What is on the page.

    Examples
    --------
    >>> density = np.zeros((40, 60), np.float32)
    >>> density[10:30, 10:13] = density[10:30, 40:43] = 0.8
    >>> [(one.top, one.left, one.bottom, one.right) for one in layout_of(Ink(density, "dark", 0.0)).segments]
    [(10, 10, 30, 13), (10, 40, 30, 43)]
    """
    pieces, found = _pieces(ink)
    if not found:
        return Layout([], pieces, 0.0, 0, 0)
    found, edges = _without_edges(found, pieces)
    height = _text_height(found)
    segments, specks = _without_specks(_joined(found, pieces, height), height)
    turn = _in_order(segments, height)
    for one in segments:
        one.doubt = _doubt(one, height, len(segments), pieces.shape)
    return Layout(segments, pieces, turn, specks, edges)


def _pieces(ink: Ink) -> tuple[NDArray[np.int32], list[Segment]]:
    """Return the connected pieces of ink that have a stroke in them."""
    blur = min(1.0, max(ink.density.shape) / 300)
    smooth = ndimage.gaussian_filter(ink.density, blur, mode="nearest") if ink.noise else ink.density
    least = max(CONTRAST, NOISE * ink.noise / (4 * blur if blur > 0.5 else 1))
    strong = smooth[smooth > max(least, smooth.max() / 2)]
    if not strong.size:
        return np.zeros(ink.density.shape, np.int32), []
    full = float(np.percentile(strong, 75))
    pieces, _ = ndimage.label(smooth > max(INKED * full, least), np.ones((3, 3)))
    boxes = ndimage.find_objects(pieces)
    peaks = [smooth[box][pieces[box] == number].max() for number, box in enumerate(boxes, 1)]
    areas = np.bincount(pieces.ravel())
    return pieces, [
        Segment([number], rows.start, columns.start, rows.stop, columns.stop)
        for number, (peak, (rows, columns)) in enumerate(zip(peaks, boxes, strict=True), 1)
        if peak > STROKE * full and areas[number] >= LEAST
    ]


def _without_edges(found: list[Segment], pieces: Array) -> tuple[list[Segment], int]:
    """Leave out what lies along the picture's border, or is no digit and runs out of it: the edge of a sheet, a desk.

    It needs digits inside of the picture to be told by; without any, all stay.
    """
    inside = [one for one in found if not _runs_out(one, pieces.shape)]
    if not inside:
        return found, 0
    height = _text_height(inside)
    digits = [one for one in found if not _runs_out(one, pieces.shape) or _is_cut_digit(one, pieces, height)]
    return digits, len(found) - len(digits)


def _runs_out(one: Segment, shape: tuple[int, ...]) -> bool:
    """Tell whether a segment reaches the picture's border."""
    return one.top == 0 or one.left == 0 or one.bottom == shape[0] or one.right == shape[1]


def _is_cut_digit(one: Segment, pieces: Array, height: float) -> bool:
    """Tell whether a piece at the border has a digit's size, and runs out of the picture rather than along it."""
    box = np.isin(pieces[one.top : one.bottom, one.left : one.right], one.labels)
    ends = [
        (one.top == 0, box[0], one.height),
        (one.bottom == pieces.shape[0], box[-1], one.height),
        (one.left == 0, box[:, 0], one.width),
        (one.right == pieces.shape[1], box[:, -1], one.width),
    ]
    across = all(line.sum() <= depth for there, line, depth in ends if there)
    return across and SMALL * height < one.length < TALL * height


def _text_height(found: list[Segment]) -> float:
    """Return how tall digits are: the median of the longer pieces, or of a few, which may be fragments, the longest."""
    lengths = np.sort([one.length for one in found])
    longer = lengths[lengths >= lengths[-1] / 2]
    return float(np.median(longer) if len(longer) > FEW else longer[-1])


def _joined(found: list[Segment], pieces: Array, height: float) -> list[Segment]:
    """Join fragments to the digits that they belong to, the nearest first."""
    segments = sorted(found, key=lambda one: one.length)
    done: list[Segment] = []
    while segments:
        one = segments.pop(0)
        near = [
            (_distance(one, other, pieces), number)
            for number, other in enumerate(segments)
            if _close(one, other, height)
        ]
        distance, number = min(near, default=(np.inf, -1))
        if distance <= height * _reach(one, segments[number] if near else one, height):
            segments[number] = segments[number].joined(one)
        else:
            done.append(one)
    return done


def _reach(one: Segment, other: Segment, height: float) -> float:
    """Return how far apart two segments of one digit may be: further for a short one, and for one above the other."""
    overlap = min(one.right, other.right) - max(one.left, other.left)
    above = overlap > 0.2 * min(one.width, other.width) and one.joined(other).height <= TALL * height
    return BAR if above or one.length <= FRAGMENT * height else TOUCHING


def _close(one: Segment, other: Segment, height: float) -> bool:
    """Tell whether boxes are near enough for the ink to be, and not those of two digits side by side."""
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    across = max(one.left, other.left) - min(one.right, other.right)
    return max(down, across) <= BAR * height and not _are_neighbours(one, other, height)


def _are_neighbours(one: Segment, other: Segment, height: float) -> bool:
    """Tell whether both are as tall as digits and stand beside each other: no digit comes in two such pieces."""
    lower = min(one.height, other.height)
    beside = min(one.bottom, other.bottom) - max(one.top, other.top) > lower / 2
    return beside and lower > FRAGMENT * height


def _distance(one: Segment, other: Segment, pieces: Array) -> float:
    """Return the least distance in pixels between the ink of two segments."""
    a, b = _edge(one, pieces), _edge(other, pieces)
    return float(np.sqrt(min(((a - point) ** 2).sum(axis=1).min() for point in b)))


def _edge(one: Segment, pieces: Array) -> Array:
    """Return some 200 pixels at the edge of a segment's ink, as rows and columns."""
    box = np.isin(pieces[one.top : one.bottom, one.left : one.right], one.labels)
    points = np.argwhere(box & ~ndimage.binary_erosion(box))
    return points[:: max(1, len(points) // 200)] + np.array([one.top, one.left])


def _without_specks(segments: list[Segment], height: float) -> tuple[list[Segment], int]:
    """Return what is large enough for a digit, and how much is not."""
    large = [one for one in segments if one.length > SPECK * height]
    return large, len(segments) - len(large)


def _doubt(one: Segment, height: float, n_segments: int, shape: tuple[int, ...]) -> str | None:
    """Say why a segment may not be one whole digit."""
    if _runs_out(one, shape):
        return "ink runs out of the picture"
    if one.width > (WIDE * height if n_segments > 1 else LONE * one.height):
        return "may be two digits that touch"
    if one.length < SMALL * height:
        return "much smaller than the other digits"
    return None


def _in_order(segments: list[Segment], height: float) -> float:
    """Bring segments into the order of reading, and number their lines; return by how much these fall."""
    middles = np.array([[(one.top + one.bottom) / 2, (one.left + one.right) / 2] for one in segments]) / height
    angles = np.arange(-TURN[1], TURN[1] + 0.25, 0.5)
    costs = [_cost(middles, angle) for angle in angles]
    turn = float(angles[int(np.argmin(costs))]) if len(segments) > 2 else 0.0
    lines = _lines(middles, turn)
    across = middles @ [np.sin(np.radians(turn)), np.cos(np.radians(turn))]
    for one, line in zip(segments, lines, strict=True):
        one.line = int(line)
    order = np.lexsort([across, lines])
    segments[:] = [segments[number] for number in order]
    return turn


def _lines(middles: Array, turn: float) -> NDArray[np.intp]:
    """Return the number of each digit's line on a page that is turned."""
    down = middles @ [np.cos(np.radians(turn)), -np.sin(np.radians(turn))]
    order = np.argsort(down)
    lines = np.empty(len(down), np.intp)
    lines[order] = np.concatenate([[0], np.cumsum(np.diff(down[order]) > LINE)])
    return lines


def _cost(middles: Array, turn: float) -> float:
    """Return how badly lines fit a turn: how far digits stand off, how many lines there are, how far it is turned."""
    lines = _lines(middles, turn)
    down = middles @ [np.cos(np.radians(turn)), -np.sin(np.radians(turn))]
    off = sum(((down[lines == line] - down[lines == line].mean()) ** 2).sum() for line in range(lines.max() + 1))
    return float(off / (2 * 0.1**2) + 2 * lines.max() + (turn / TURN[0]) ** 2 / 2)
