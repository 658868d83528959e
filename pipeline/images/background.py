"""The paper behind the ink of a photographed page, and with it the ink alone: light removed, polarity found, grey kept.

Paper is what most of a page is. A smooth surface is fitted to it that ink does not move, then followed from place to
place, so that neither a lamp on one side nor a soft shade counts as ink.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]

BLOCKS = 64
"""Blocks along the longer side of a page, each of one brightness: what the paper is learned from."""

CONTRAST = 0.08
"""How far ink must differ from the paper, of full brightness, to be believed."""

OUTLIER = 4.0
"""Standard deviations from the paper that are no longer noise."""

ROUNDS = 8
"""Rounds of the fit; it has long settled by then."""

STEPS = 6
"""How often the paper is followed further from where it is known."""

LOCAL = 3.0
"""Blocks over which the paper's brightness is averaged, as a standard deviation."""


@dataclass(frozen=True)
class Ink:
    """What is on a page beside the paper.

    Attributes
    ----------
    density : ndarray of shape (height, width), float32
        0 for paper; for dark ink the share of light that it swallows, for light ink what it adds, of full brightness.
    polarity : {"dark", "light"}
        Whether ink is darker than paper, or lighter.
    noise : float
        Standard deviation of the density of bare paper.
    """

    density: NDArray[np.float32]
    polarity: Literal["dark", "light"]
    noise: float


def as_grey(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the brightness of a picture, 0..1: of colours as the eye weighs them.

    Parameters
    ----------
    picture : ndarray of shape (height, width) or (height, width, 3), uint8
        Grey levels, or red, green and blue.

    Examples
    --------
    >>> as_grey(np.array([[[255, 255, 255], [0, 0, 0]]], np.uint8))
    array([[1., 0.]], dtype=float32)
    """
    if picture.ndim == 2:
        return picture.astype(np.float32) / np.float32(255)
    weights = np.array([0.299, 0.587, 0.114], np.float32) / 255
    return np.asarray(picture.astype(np.float32) @ weights)


def ink_of(grey: NDArray[np.float32], polarity: Literal["auto", "dark", "light"] = "auto") -> Ink:
    """Return the ink of a page.

    Parameters
    ----------
    grey : ndarray of shape (height, width), float32
        Brightness on 0..1.
    polarity : {"auto", "dark", "light"}
        Whether ink is darker than paper or lighter; "auto" finds out: it is whichever differs more from the paper.

    Examples
    --------
    >>> page = np.full((40, 40), 0.8, np.float32) * np.linspace(1, 0.5, 40, dtype=np.float32)
    >>> page[10:30, 20:23] *= 0.25
    >>> ink = ink_of(page)
    >>> ink.polarity, abs(ink.density[20, 18:25]).round(2)
    ('dark', array([0.  , 0.  , 0.75, 0.75, 0.75, 0.  , 0.  ], dtype=float32))
    """
    step = max(1, math.ceil(max(grey.shape) / BLOCKS))
    blocks = _block_medians(grey, step)
    paper, outside = _paper(blocks)
    if polarity == "auto":
        polarity = "light" if (blocks - paper)[outside].sum() > 0 else "dark"
    behind = _enlarged(paper, step, grey.shape)
    density = grey - behind
    if polarity == "dark":
        density = -density / np.maximum(behind, np.float32(0.02))
    return Ink(density, polarity, _noise(density))


def _block_medians(grey: Array, step: int) -> Array:
    """Return the median of each block of ``step`` by ``step`` pixels, of some 36 of them."""
    offsets = np.arange(0, step, max(1, step // 6))
    places = [(np.arange(0, side, step)[:, None] + offsets).clip(max=side - 1) for side in grey.shape]
    (height, n), (width, _) = (one.shape for one in places)
    blocks = grey[np.ix_(places[0].ravel(), places[1].ravel())].reshape(height, n, width, n)
    return np.median(blocks.transpose(0, 2, 1, 3).reshape(height, width, -1), axis=2).astype(np.float64)


def _paper(blocks: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the paper's brightness in every block, and which blocks differ from it."""
    smooth = _surface(blocks)
    outside = _differs(blocks - smooth)
    local = smooth
    for _ in range(STEPS):
        known = ndimage.binary_erosion(~outside, border_value=1).astype(np.float64)
        weight = ndimage.gaussian_filter(known, LOCAL, mode="nearest") + 1e-6
        around = ndimage.gaussian_filter(known * (blocks - smooth), LOCAL, mode="nearest")
        local = smooth + around / weight
        outside = _differs(blocks - local)
    return local, outside


def _differs(residual: Array) -> NDArray[np.bool_]:
    """Tell which residuals are no noise."""
    return abs(residual) > max(OUTLIER * _spread(residual), CONTRAST / 2)


def _surface(blocks: Array) -> Array:
    """Fit a surface of the second degree by Tukey's biweight, to which what is far away does not matter at all."""
    height, width = blocks.shape
    r, c = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(r), r, c, r * r, r * c, c * c], axis=-1).reshape(-1, 6)
    values = blocks.ravel()
    fitted = np.full_like(values, np.median(values))
    for _ in range(ROUNDS):
        residual = values - fitted
        reach = max(6 * _spread(residual), CONTRAST)
        weights = np.clip(1 - (residual / reach) ** 2, 0, None) ** 2
        squares = terms.T @ (terms * weights[:, None]) + 1e-6 * np.eye(6)
        fitted = terms @ np.linalg.solve(squares, terms.T @ (weights * values))
    return fitted.reshape(height, width)


def _spread(residual: Array) -> float:
    """Return the standard deviation of what is not far away, by the median of the sizes."""
    return 1.4826 * float(np.median(abs(residual)))


def _enlarged(paper: Array, step: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the paper's brightness at every pixel, between the middles of blocks in straight lines."""
    smooth = paper.astype(np.float32)
    for axis in (0, 1):
        at = (np.arange(shape[axis], dtype=np.float32) + np.float32(0.5)) / np.float32(step) - np.float32(0.5)
        at = at.clip(0, paper.shape[axis] - 1)
        lower = np.minimum(at.astype(np.intp), max(paper.shape[axis] - 2, 0))
        upper = np.minimum(lower + 1, paper.shape[axis] - 1)
        weight = at - lower.astype(np.float32)
        weight = weight[:, None] if axis == 0 else weight
        smooth = smooth.take(lower, axis) * (1 - weight) + smooth.take(upper, axis) * weight
    return smooth


def _noise(density: Array) -> float:
    """Return the standard deviation of noise: of differences between neighbours, most of which are bare paper."""
    steps = np.diff(density[::3], axis=1)[:, ::3]
    return 1.4826 * float(np.median(abs(steps))) / math.sqrt(2) if steps.size else 0.0
