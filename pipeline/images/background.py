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

from pipeline.images.ruling import without_frames, without_ruling

Array = NDArray[Any]

BLOCKS = 64
"""Blocks along the longer side of a page, each of one brightness: what the paper is learned from."""

CONTRAST = 0.08
"""How far ink must differ from the paper, of full brightness, to be believed."""

OUTLIER = 4.0
"""Standard deviations from the paper that are no longer noise."""

ROUNDS = 8
"""Rounds of the fit; it has long settled by then."""

PLAIN = (0.12, 0.03)
"""The shares of a page and of its border that may differ from a smooth surface for that to be its paper."""

BOLD = 0.3
"""The share of a page that may be ink of a bold digit, where none is at the border."""

THIN = 256
"""Pixels along the longer side of the picture in which dark and light are compared by their widths."""

DIMMEST = 0.3
"""What is darker than this share of the brightest paper is no paper, and little is ink there: a desk, its grain."""

EDGE = 4
"""Pixels over which brightness steps at the edge of a shade."""

COARSE = 512
"""Pixels along the longer side of the picture that strokes are measured in."""

FIRST = 0.35
"""The widest stroke at all, as a share of the picture's side."""

WIDTHS = 4.0
"""Paper is what is still there where ink of so many widths of a stroke is taken away."""

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
    plain = _is_plain(outside)
    if polarity == "auto" and plain:
        polarity = "light" if (blocks - paper)[outside].sum() > 0 else "dark"
    elif polarity == "auto":
        polarity = _thinner(_sampled(grey, THIN))
    behind = _enlarged(paper, step, grey.shape) if plain else _behind(grey, polarity)
    density = grey - behind
    if polarity == "dark":
        density = -density / np.maximum(behind, np.float32(DIMMEST * np.percentile(behind[::4, ::4], 90)) + 0.02)
    noise = _noise(density)
    least = max(CONTRAST, 3 * noise)
    return Ink(without_ruling(without_frames(density, least), least), polarity, noise)


def _is_plain(outside: NDArray[np.bool_]) -> bool:
    """Tell whether what differs from a smooth paper is ink alone: not much, and hardly at the picture's border."""
    border = np.concatenate([outside[0], outside[-1], outside[1:-1, 0], outside[1:-1, -1]])
    fraction, at_border = outside.mean(), border.mean()
    return bool(fraction <= BOLD if at_border == 0 else fraction <= PLAIN[0] and at_border <= PLAIN[1])


def _thinner(grey: NDArray[np.float32]) -> Literal["dark", "light"]:
    """Tell whether dark or light parts are the thinner ones, for strokes are thinner than what is between them."""
    widths = [3]
    while widths[-1] < FIRST * math.sqrt(grey.size) / 1.3:
        widths.append(math.ceil(1.3 * widths[-1]))
    filled = [
        np.stack([ndimage.grey_closing(bright, (width, width), mode="nearest") - bright for width in widths])
        for bright in (grey, -grey)
    ]
    level = max(CONTRAST, *(float(np.percentile(one[-1], 97)) for one in filled)) / 2
    dark, light = ((one > level).mean(axis=(1, 2)) for one in filled)
    if min(dark[-1], light[-1]) < max(dark[-1], light[-1]) / 200:
        return "light" if light[-1] > dark[-1] else "dark"
    means = [float(np.diff(one, prepend=0) @ np.log(widths) / one[-1]) for one in (dark, light)]
    return "light" if means[1] < means[0] else "dark"


def _sampled(grey: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Return the means of square blocks, so many along the longer side at the most."""
    step = max(1, math.ceil(max(grey.shape) / most))
    height, width = (max(1, side // step) for side in grey.shape)
    part = grey[: height * step, : width * step]
    return part.reshape(height, part.shape[0] // height, width, -1).mean(axis=(1, 3)) if part.size else grey


def _behind(grey: NDArray[np.float32], polarity: str) -> NDArray[np.float32]:
    """Return the paper's brightness at every pixel, as if there were no ink."""
    sign = np.float32(1 if polarity == "dark" else -1)
    bright = sign * ndimage.gaussian_filter(grey, min(1.0, max(grey.shape) / 300), mode="nearest")
    step = max(1, math.ceil(max(grey.shape) / COARSE))
    small = bright[step // 2 :: step, step // 2 :: step] if step > 1 else bright
    reach = FIRST * math.sqrt(small.size)
    for _ in range(ROUNDS):
        before, reach = reach, min(reach, _reach(small, reach))
        if reach > 0.9 * before:
            break
    return sign * _closed(bright, max(3, math.ceil(reach * step)))


def _closed(bright: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return brightness without whatever dark is narrower than ``reach``: light and shade stay, sharp edges too.

    A closing takes the brightest of noise for paper; the mean of what differs little from it puts that right.
    """
    framed = _continued(_continued(bright, reach).T, reach).T
    closed = ndimage.grey_closing(framed, (reach, reach), mode="nearest")[reach:-reach, reach:-reach]
    apart = bright - closed
    paper = (apart > -CONTRAST / 2).astype(np.float32)
    weight = ndimage.uniform_filter(paper, reach // 2 + 1, mode="nearest")
    return closed + ndimage.uniform_filter(apart * paper, reach // 2 + 1, mode="nearest") / np.maximum(weight, 1e-3)


def _continued(bright: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return a picture with ``n`` rows more above and below, on which edges that run out of it go straight on."""
    inside = min(n, len(bright) - 1)
    above, below = (_slope(rows[0], rows[inside]) / max(inside, 1) for rows in (bright, bright[::-1]))
    columns = np.arange(bright.shape[1])
    far = np.arange(n, 0, -1)[:, None]
    top, bottom = (
        edge[(columns + np.rint(slope * far).astype(int)).clip(0, len(edge) - 1)]
        for edge, slope in ((bright[0], above), (bright[-1], below))
    )
    return np.concatenate([top, bright, bottom[::-1]])


def _slope(outer: Array, inner: Array) -> int:
    """Return by how many pixels the edges on the outer of two rows lie away from those on the inner; 0 if in doubt."""
    outer, inner = (abs(row[EDGE:] - row[:-EDGE]) for row in (outer, inner))
    most = len(outer) // 2
    if most == 0 or max(outer.max(), inner.max()) < CONTRAST:
        return 0
    product = np.correlate(outer, inner, mode="full")[len(outer) - 1 - most : len(outer) + most]
    best = int(product.argmax())
    return best - most if product[best] > 2 * product[most] else 0


def _reach(bright: NDArray[np.float32], reach: float) -> float:
    """Return a few widths of the widest strokes among what is dark and narrower than ``reach``."""
    dark = _closed(bright, max(3, math.ceil(reach))) - bright
    strokes = dark > max(CONTRAST, float(dark.max()) / 2)
    depth = ndimage.distance_transform_cdt(np.pad(strokes, 1))[1:-1, 1:-1]
    ridge = np.sort(depth[strokes & (depth == ndimage.maximum_filter(depth, 3))]).astype(np.float64)
    if not ridge.size:
        return reach
    weights = np.cumsum(ridge**2)
    return WIDTHS * (2 * float(ridge[np.searchsorted(weights, 0.9 * weights[-1])]) - 1)


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
