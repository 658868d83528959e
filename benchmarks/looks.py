"""How a page looks to a camera: paper, ink, light, shadow, ruled lines, a desk around it, noise, a JPEG of all that.

Distances are in heights of ink, so that a look is the same at every size.
"""

import io
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[Any]

INK = 20
"""Pixels that the ink of a digit has at the most, of 28 in the data set."""

RULED = (0.4, 1.2)
"""Distance from a ruled line to the next one."""

DESK = (0.1, 1.0)
"""How much of the desk is seen on each side of the paper."""


@dataclass(frozen=True)
class Look:
    """How pages are photographed.

    Attributes
    ----------
    enlarged : (float, float)
        By what factor digits are larger than in the data set.
    rotation : float
        Degrees that a page is turned by at the most, either way.
    light : float
        The share of light that the darkest corner may lack.
    noise : float
        Standard deviation of a pixel's noise, in levels of 255.
    quality : int or None
        Of the JPEG that the picture has been; None for none.
    both : bool
        Whether half of the pages have light ink on dark paper.
    lamp : float
        The share of light that is missing where a lamp's cone falls off, at the far corner.
    shadow : float
        The share of light that a shadow with a hard edge takes, over a part of the page.
    ruled : int
        Families of ruled lines: 0 for none, 1 for lines, 2 for squares.
    desk : bool
        Whether a dark desk is seen around the paper.
    thinner : float
        How much thinner strokes are than in the data set, in pixels of its images.
    faint : float
        The share of its contrast that ink lacks.
    coloured : bool
        Whether ink and paper have colours.
    """

    enlarged: tuple[float, float] = (10, 10)
    rotation: float = 0
    light: float = 0
    noise: float = 0
    quality: int | None = None
    both: bool = False
    lamp: float = 0
    shadow: float = 0
    ruled: int = 0
    desk: bool = False
    thinner: float = 0
    faint: float = 0
    coloured: bool = False


CLEAN = Look()
DISTURBED = Look((4, 12), rotation=8, light=0.5, noise=8, quality=60, both=True)
CAMERA = Look((4, 12), rotation=5, light=0.3, noise=5, quality=80)
"""Dark ink on white paper, one thing at a time besides."""

HARD = {
    "a lamp that lights the far corner with 22 %": replace(CAMERA, lamp=0.78),
    "a hard shadow that takes half of the light": replace(CAMERA, shadow=0.5),
    "ruled paper": replace(CAMERA, ruled=1),
    "squared paper": replace(CAMERA, ruled=2),
    "a dark desk around the paper": replace(CAMERA, desk=True),
    "a thin and faint pencil": replace(CAMERA, thinner=0.6, faint=0.5),
    "coloured ink on coloured paper": replace(CAMERA, coloured=True),
}
"""Looks that are harder than what is aimed at, by what makes them so."""


def photographed(ink: Image, rng: np.random.Generator, look: Look, height: float) -> NDArray[np.uint8]:
    """Return the picture of ink on paper.

    Parameters
    ----------
    ink : ndarray of shape (height, width)
        0 for paper, 1 for full ink.
    rng : Generator
        Draws all that is random.
    look : Look
        How the page is photographed.
    height : float
        Of a digit's ink, in pixels.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8
        The latter where there are colours.

    Examples
    --------
    >>> photographed(np.array([[0, 0.5, 1]]), np.random.default_rng(0), CLEAN, 20.0)
    array([[255, 128,   0]], dtype=uint8)
    """
    if look == CLEAN:
        return np.rint(255 - 255 * ink).astype(np.uint8)
    bright, dark = rng.uniform(0.75, 0.95), rng.uniform(0.05, 0.25)
    paper, stroke = (dark, bright) if look.both and rng.random() < 0.5 else (bright, dark)
    seen = (paper + (stroke - paper) * _marked(ink, rng, look, height)) * _light(ink.shape, rng, look.light)
    if look.coloured:
        seen = _coloured(seen, rng, paper)
    if look.desk:
        seen = _on_a_desk(seen, rng, height)
    seen = (seen.T * _lamp_and_shadow(seen.shape[:2], rng, look).T).T
    seen = 255 * seen + rng.normal(0, look.noise, seen.shape)
    pixels = np.rint(seen).clip(0, 255).astype(np.uint8)
    return pixels if look.quality is None else _as_jpeg(pixels, look.quality)


def _marked(ink: Image, rng: np.random.Generator, look: Look, height: float) -> Image:
    """Return what is written and what was on the paper before."""
    if look.thinner:
        ink = ndimage.grey_erosion(ink, size=max(1, round(look.thinner * height / INK)))
    ink = (1 - look.faint) * ink
    for family in range(look.ruled):
        ink = np.maximum(ink, _ruled(ink.shape, rng, height, math.pi / 2 * family))
    return ink


def _ruled(shape: tuple[int, ...], rng: np.random.Generator, height: float, angle: float) -> Image:
    """Return lines over the whole page, a little aslant and fainter than ink."""
    angle += math.radians(rng.uniform(-3, 3))
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    apart = rng.uniform(*RULED) * height
    across = rows * math.cos(angle) - columns * math.sin(angle) + rng.uniform(0, apart)
    half = max(0.5, rng.uniform(0.015, 0.03) * height)
    return rng.uniform(0.2, 0.45) * np.clip(half + 0.5 - abs((across + apart / 2) % apart - apart / 2), 0, 1)


def _light(shape: tuple[int, ...], rng: np.random.Generator, lacking: float) -> Image:
    """Return the light on every pixel, 1 in one corner and falling evenly in a direction drawn at random."""
    angle = rng.uniform(0, 2 * math.pi)
    along = _along(shape, angle)
    most = abs(math.sin(angle)) + abs(math.cos(angle))
    return 1 - rng.uniform(0, lacking) * (1 + along / most) / 2


def _along(shape: tuple[int, ...], angle: float) -> Image:
    """Return how far along a direction every pixel lies, from the middle of the page, whose sides lie at 1."""
    rows, columns = np.ogrid[-1 : 1 : 1j * shape[0], -1 : 1 : 1j * shape[1]]
    return math.sin(angle) * rows + math.cos(angle) * columns


def _lamp_and_shadow(shape: tuple[int, ...], rng: np.random.Generator, look: Look) -> Image:
    """Return the light of a lamp above a corner, less what a straight edge keeps away."""
    light = np.ones(shape)
    if look.lamp:
        rows, columns = np.ogrid[-1 : 1 : 1j * shape[0], -1 : 1 : 1j * shape[1]]
        down, right = rng.uniform(-1, 1, 2)
        far = (rows - down) ** 2 + (columns - right) ** 2
        light = light * (1 - look.lamp) ** (far / far.max())
    if look.shadow:
        light = light * np.where(
            _along(shape, rng.uniform(0, 2 * math.pi)) > rng.uniform(-0.5, 0.5), 1 - look.shadow, 1
        )
    return light


def _coloured(seen: Image, rng: np.random.Generator, paper: float) -> Image:
    """Return red, green and blue of brightness: yellowish, reddish or bluish paper, and blue, red or green ink."""
    tint = np.array([[1, 0.95, 0.7], [1, 0.8, 0.8], [0.75, 0.9, 1]])[rng.integers(3)]
    pen = np.array([[0.15, 0.2, 0.75], [0.8, 0.1, 0.15], [0.1, 0.5, 0.2]])[rng.integers(3)]
    share = (1 - seen / paper).clip(0, 1)[:, :, None]
    return np.asarray(paper * tint * (1 - share) + pen * share)


def _on_a_desk(seen: Image, rng: np.random.Generator, height: float) -> Image:
    """Return paper with a dark, grained desk around it; no edge of the paper lies quite along the picture's."""
    pads = [(round(rng.uniform(*DESK) * height), round(rng.uniform(*DESK) * height)) for _ in range(2)]
    (top, bottom), (left, right) = pads
    shape = seen.shape[0] + top + bottom, seen.shape[1] + left + right
    rows, columns = np.ogrid[: 1 : 1j * shape[0], : 1 : 1j * shape[1]]
    ends = rng.uniform(0.2, 1, (4, 2))
    sides = zip(ends, (columns, columns, rows, rows), strict=True)
    over = [first + (last - first) * along for (first, last), along in sides]
    inside = (rows * shape[0] > over[0] * top) & ((1 - rows) * shape[0] > over[1] * bottom)
    inside &= (columns * shape[1] > over[2] * left) & ((1 - columns) * shape[1] > over[3] * right)
    grain = ndimage.gaussian_filter1d(rng.normal(0, 1, (shape[0], 1)), 0.03 * height, axis=0)
    desk = rng.uniform(0.15, 0.4) * (1 + 0.1 * grain / max(grain.std(), 1e-9))
    paper = np.pad(seen, (*pads, (0, 0))[: seen.ndim], mode="edge")
    return np.asarray(np.where(inside.T, paper.T, np.broadcast_to(desk, shape).T).T)


def _as_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return what is left of pixels after they have been a JPEG."""
    from PIL import Image as Pillow  # noqa: PLC0415 - an extra

    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Pillow.open(file))
