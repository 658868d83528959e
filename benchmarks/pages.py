"""Pictures of pages with digits of a data set on them, drawn by a seed: clean, or as a camera would have them.

A page knows what stands on it, line by line, so that whatever reads it can be held to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.looks import CLEAN, INK, Look, photographed

Image = NDArray[Any]

SIDE = 28
"""Pixels along a side of an image; distances below are in heights of ink."""

GAP = (0.3, 1.0)
"""Paper between the ink of neighbours on a line, in heights of ink: the default spacing."""

LINE_GAP = (0.4, 1.0)
"""Paper between the lowest ink of a line and the highest of the next one, in heights of ink."""

MARGIN = (0.3, 1.2)
"""Paper around all ink, in heights of ink."""

JITTER = 0.15
"""How far a digit stands above or below its line, in heights of ink."""


@dataclass(frozen=True)
class Page:
    """A picture, and what stands on it.

    Attributes
    ----------
    picture : ndarray of shape (height, width), uint8
        The page as it was photographed.
    lines : list of list of int
        For each line from top to bottom, the rows of its digits in the data set, from left to right.
    """

    picture: NDArray[np.uint8]
    lines: list[list[int]]

    @property
    def digits(self) -> list[int]:
        """All digits in the order of reading."""
        return [row for line in self.lines for row in line]


def draw(images: Image, lines: Sequence[Sequence[int]], rng: np.random.Generator, look: Look = CLEAN) -> Page:
    """Draw a page.

    Parameters
    ----------
    images : ndarray of shape (n_images, 784), uint8
        The digits of a data set, ink bright on 0.
    lines : sequence of sequence of int
        Which rows stand on which line.
    rng : Generator
        Draws all that is random: size, places, turn, light, noise.
    look : Look
        How the page is photographed.

    Examples
    --------
    >>> images = np.zeros((1, 784), np.uint8)
    >>> images[:, 28 * 4 + 10 : 28 * 24 + 10 : 28] = 255
    >>> page = draw(images, [[0, 0]], np.random.default_rng(0))
    >>> page.picture.dtype, int(page.picture.min()), int(page.picture.max()), page.digits
    (dtype('uint8'), 0, 255, [0, 0])
    """
    enlarged = rng.uniform(*look.enlarged)
    ink = _turned(_laid_out(images, lines, rng, enlarged), rng.uniform(-look.rotation, look.rotation))
    return Page(photographed(ink, rng, look, INK * enlarged), [list(line) for line in lines])


def draw_many(
    images: Image, n_pages: int, seed: int, look: Look = CLEAN, n_digits: tuple[int, int] = (3, 12)
) -> list[Page]:
    """Draw pages of digits at random in one to three lines; each has a seed of its own."""
    return [one_of_many(images, number, seed, look, n_digits) for number in range(n_pages)]


def one_of_many(images: Image, number: int, seed: int, look: Look = CLEAN, n_digits: tuple[int, int] = (3, 12)) -> Page:
    """Draw the page with a number among many."""
    rng = np.random.default_rng([seed, number])
    rows = rng.choice(len(images), rng.integers(n_digits[0], n_digits[1], endpoint=True), replace=False)
    n_lines = int(rng.integers(1, 3, endpoint=True))
    cuts = np.sort(rng.choice(np.arange(1, len(rows)), n_lines - 1, replace=False))
    return draw(images, [part.tolist() for part in np.split(rows, cuts)], rng, look)


def one_digit(images: Image, row: int, seed: int, look: Look = CLEAN) -> Page:
    """Draw the page of a single digit."""
    return draw(images, [[row]], np.random.default_rng([seed, row]), look)


def _laid_out(images: Image, lines: Sequence[Sequence[int]], rng: np.random.Generator, enlarged: float) -> Image:
    """Return the ink of a page, 0..1: digits side by side, lines below each other, paper around."""
    height = INK * enlarged
    strips = [_line([_enlarged(images[row], enlarged) for row in line], rng, height) for line in lines]
    strips = [np.pad(one, ((0, 0), (_paper(rng, MARGIN, height), 0))) for one in strips]
    width = max(one.shape[1] for one in strips)
    rows = [np.zeros((_paper(rng, MARGIN, height), width), np.float32)]
    for number, strip in enumerate(strips):
        if number:
            rows.append(np.zeros((_paper(rng, LINE_GAP, height), width), np.float32))
        rows.append(np.pad(strip, ((0, 0), (0, width - strip.shape[1]))))
    ends = [_paper(rng, MARGIN, height) for _ in range(2)]
    return np.pad(np.concatenate(rows), ((0, ends[0]), (0, ends[1])))


def _line(digits: Sequence[Image], rng: np.random.Generator, height: float) -> Image:
    """Return a strip with digits from left to right, cut to its ink above and below."""
    jitter = round(JITTER * height)
    tall = max(len(digit) for digit in digits) + 2 * jitter
    parts = []
    for number, digit in enumerate(digits):
        if number:
            parts.append(np.zeros((tall, _paper(rng, GAP, height)), np.float32))
        top = (tall - len(digit)) // 2 + int(rng.integers(-jitter, jitter, endpoint=True))
        parts.append(np.pad(digit, ((top, tall - len(digit) - top), (0, 0))))
    strip = np.concatenate(parts, axis=1)
    inked = np.flatnonzero(strip.any(axis=1))
    return strip[inked[0] : inked[-1] + 1]


def _paper(rng: np.random.Generator, bounds: tuple[float, float], height: float) -> int:
    """Draw how many pixels of paper there are, between bounds in heights of ink."""
    return round(float(rng.uniform(*bounds)) * height)


def _enlarged(image: Image, factor: float) -> Image:
    """Return a digit enlarged, cut to its ink."""
    from PIL import Image as Pillow  # noqa: PLC0415 - an extra

    side = round(SIDE * factor)
    framed = np.pad(image.reshape(SIDE, SIDE).astype(np.float32) / 255, 2)  # room for the kernel
    wide = round(side * (SIDE + 4) / SIDE)
    large = np.asarray(Pillow.fromarray(framed).resize((wide, wide), Pillow.Resampling.BICUBIC)).clip(0, 1)
    inked = large > 0.5 / 255
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _turned(ink: Image, degrees: float) -> Image:
    """Return the ink turned, on a page that is large enough for it."""
    from PIL import Image as Pillow  # noqa: PLC0415 - an extra

    if not degrees:
        return ink
    return np.asarray(Pillow.fromarray(ink).rotate(degrees, Pillow.Resampling.BICUBIC, expand=True)).clip(0, 1)
