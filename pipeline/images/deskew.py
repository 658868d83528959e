"""Images made alike before a network sees them: deskewed until they lean to neither side, their ink of one width.

``align`` does both as one warp, so that an image is read between its pixels once. Networks that see images aligned in
different ways are not alike in their mistakes, which an ensemble of them can use.

LeCun et al. 1998, "Gradient-based learning applied to document recognition" (deskewed by moments); Ciresan, Meier,
Gambardella and Schmidhuber, ICDAR 2011, pages 1135-1139 (ink of different widths); Meier, Ciresan, Gambardella and
Schmidhuber, ICDAR 2011, pages 1250-1254 (both).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.images.warp import PIECE, Warp
from pipeline.parameters import ParameterError

Array = NDArray[Any]

INK = 25
"""Pixels above it are ink: a tenth of 255, so that the grey fringe of a stroke makes it no wider."""

MAX_SKEW = 1.0
"""Columns per row that an image is sheared by at the most, 45 degrees: what leans more is a lying stroke."""


def align(X: NDArray[Any], *, deskew: bool = False, ink_width: int | None = None) -> NDArray[Any]:
    """Return square images deskewed, or with ink of one width, or both.

    Parameters
    ----------
    X : ndarray of shape (n_images, n_pixels), uint8 or float
        Whole numbers, 0..255.
    deskew : bool
        Whether to deskew images: to shear each until its ink leans to neither side.
    ink_width : int, optional
        Columns from the first with ink to the last, 2 at least; what lies beyond them becomes 0.

    Returns
    -------
    ndarray of shape (n_images, n_pixels)
        Of X's type, rounded to whole numbers again, and so the same on every machine.

    Raises
    ------
    ParameterError
        For an ink width that is more than the images', or less than 2.
    ValueError
        For images that are not square, and for pixels that are no whole numbers on 0..255.

    Examples
    --------
    >>> X = np.array([[0, 0, 0, 200], [0, 0, 200, 0], [0, 200, 0, 0], [200, 0, 0, 0]], dtype=np.uint8)
    >>> align(X.reshape(1, 16), deskew=True).reshape(4, 4)
    array([[  0, 100, 100,   0],
           [  0, 100, 100,   0],
           [  0, 100, 100,   0],
           [  0, 100, 100,   0]], dtype=uint8)
    >>> align(X.reshape(1, 16), ink_width=2).reshape(4, 4)
    array([[  0,   0, 200,   0],
           [  0,   0,   0,   0],
           [  0,   0,   0,   0],
           [  0, 200,   0,   0]], dtype=uint8)
    """
    side, pixels = side_of(X.shape[1], ink_width), _as_uint8(X)
    read = Warp((side, side), max(1, min(len(X), PIECE // X.shape[1])), np.float64)
    aligned = np.empty_like(pixels)
    for start in range(0, len(X), read.size):
        rows = slice(start, start + read.size)
        images = pixels[rows].reshape(-1, side, side)
        u = read.coordinates(len(images))
        u.reshape(2, *images.shape)[:] = sampling_grid(images, deskew=deskew, ink_width=ink_width)
        between = np.empty((len(images), X.shape[1]))
        read(pixels[rows], u, between)
        aligned[rows] = np.rint(between, out=between)
    return aligned.astype(X.dtype, copy=False)


def side_of(n_pixels: int, ink_width: int | None = None) -> int:
    """Return the side of square images of so many pixels.

    Raises
    ------
    ParameterError
        For an ink width that is more than that, or less than 2.
    ValueError
        Where they make no square.

    Examples
    --------
    >>> side_of(784, ink_width=20)
    28
    """
    side = math.isqrt(n_pixels)
    if side**2 != n_pixels:
        raise ValueError(f"deskew and ink_width take square images; {n_pixels} pixels make no square")
    if ink_width is not None and not 2 <= ink_width <= side:
        raise ParameterError(
            f"ink_width must be 2 at least, and at most {side}, as the images are wide; got {ink_width}"
        )
    return side


def sampling_grid(images: NDArray[np.uint8], *, deskew: bool, ink_width: int | None) -> Array:
    """Return where to read every pixel of the aligned images.

    An image without ink is read where it is.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width), uint8
        The images.
    deskew, ink_width
        As `align` takes them.

    Returns
    -------
    ndarray of shape (2, n_images, height, width), float64
        Rows and columns, counted from 0; -inf where there is nothing to read.
    """
    _, height, width = images.shape
    ink = images > INK
    inked = ink.any(axis=(1, 2), keepdims=True)
    shift = np.where(inked, skews(images), 0) if deskew else np.zeros((len(images), height, 1))
    columns = np.arange(width, dtype=np.float64)
    across = columns + np.zeros_like(shift[:, :1])
    if ink_width is not None:
        first, last = _extent(ink | ~inked, columns - shift)
        across = np.where(inked, _stretched(first, last, width, ink_width), across)
    rows = np.broadcast_to(np.arange(height)[:, None], images.shape)
    return np.stack([rows, across + shift])


def skews(images: NDArray[np.uint8]) -> Array:
    """Return how far each row is to the right because an image leans: k r, k = sum(I r c) / sum(I r r).

    I are the pixels, and r, c are rows and columns less their centre of mass; k is at most `MAX_SKEW`, either way. An
    image with nothing in it, or in one row alone, has no skew to be seen, and k is 0.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width), uint8
        The images.

    Returns
    -------
    ndarray of shape (n_images, height, 1), float64
        In columns. It is the same on every machine: it comes from sums of whole numbers below 2**53, which are exact in
        any order, by single operations.

    Examples
    --------
    >>> skews(255 * np.eye(3, dtype=np.uint8)[None]).ravel()
    array([-1.,  0.,  1.])
    """
    n, height, width = images.shape
    r, c = np.indices((height, width), dtype=np.float64).reshape(2, -1)
    sums = images.reshape(n, -1).astype(np.float64) @ np.stack([np.ones_like(r), r, c, r * r, r * c], axis=1)
    mass, by_r, by_c, by_rr, by_rc = sums.T
    spread = mass * by_rr - by_r**2
    k = np.divide(mass * by_rc - by_r * by_c, spread, out=np.zeros(n), where=spread > 0)
    centre = np.divide(by_r, mass, out=np.zeros(n), where=mass > 0)
    return (np.clip(k, -MAX_SKEW, MAX_SKEW)[:, None] * (np.arange(height) - centre[:, None]))[:, :, None]


def _extent(ink: NDArray[np.bool_], columns: Array) -> tuple[Array, Array]:
    """Return the first and the last column with ink, (n_images, 1, 1) each, of images whose pixels are in ``columns``.

    Ink that is sheared beyond the border counts as well: it has not been cut off yet.
    """
    first = np.where(ink, columns, np.inf).min(axis=(1, 2), keepdims=True)
    last = np.where(ink, columns, -np.inf).max(axis=(1, 2), keepdims=True)
    return first, last


def _stretched(first: Array, last: Array, width: int, ink_width: int) -> Array:
    """Return the columns to read ``ink_width`` columns in the middle from, the outermost at ``first`` and ``last``."""
    across = np.full((len(first), 1, width), -np.inf)
    left = (width - ink_width) // 2
    inside = across[:, :, left : left + ink_width]
    inside[:] = first + (last - first) * (np.arange(ink_width) / (ink_width - 1))
    return across


def _as_uint8(X: NDArray[Any]) -> NDArray[np.uint8]:
    """Return pixels as uint8; no copy if that is what they are."""
    if X.dtype == np.uint8:
        return X
    wrong = X[~((X >= 0) & (X <= 255) & (np.floor(X) == X))]
    if len(wrong):
        raise ValueError(f"deskew and ink_width take pixels that are whole numbers on 0..255; got {wrong[0]:g}")
    return X.astype(np.uint8)
