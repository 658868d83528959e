"""Whether images are ink of one size in the middle of a black field, as MNIST's are, and how large the ink is in them.

What was learned from such images takes photographs that are brought to the same form; else pictures are read plainly.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 1000
"""Images that a training set is measured by, evenly spaced in it."""

MOST = 0.9
"""The share of images that must have the form; all of MNIST's have it."""

SEEN = 0.15
"""The share of an image's brightest pixel from which on a pixel is ink: soft edges, as scaling leaves them, are not."""

SOFT = 4
"""Pixels that the soft edges add at the most; beyond them the field is 0."""

MARGIN = 2
"""Pixels by which ink is shorter than its field at the least; what fills the field is no ink on paper."""

OFF = 2.5
"""Pixels that the centre of mass lies off the middle at the most. MNIST's lies off by 0.5, that of letters which were
centred by their box by more."""


def ink_size_of(X: Any) -> int | None:
    """Return how long the longer side of the ink is in images that have the form of MNIST's.

    Parameters
    ----------
    X : ndarray of shape (n_images, n_pixels)
        Square images.

    Returns
    -------
    int or None
        In pixels, as most images have it; None where they have another form.

    Examples
    --------
    >>> images = np.zeros((3, 8, 8), np.uint8)
    >>> images[:, 2:7, 3:5] = 255
    >>> ink_size_of(images.reshape(3, 64)), ink_size_of(255 - images.reshape(3, 64))
    (5, None)
    """
    side = round(X.shape[1] ** 0.5)
    if side**2 != X.shape[1] or side < 2 * MARGIN:
        return None
    images = np.asarray(X[:: -(-len(X) // SAMPLE)]).reshape(-1, side, side)
    lengths, full = (_lengths(images, level) for level in (SEEN, 0))
    size = int(np.median(lengths))
    alike = (abs(lengths - size) <= 1) & (full <= size + SOFT) & (_off(images) <= OFF)
    return size if 2 <= size <= side - MARGIN and alike.mean() >= MOST else None


def is_prepared(image: NDArray[Any], ink_size: int) -> bool:
    """Tell whether one image has the form already, so that nothing is to be done to it.

    Parameters
    ----------
    image : ndarray of shape (side, side)
        Ink bright on 0.
    ink_size : int
        As `ink_size_of` returns it.

    Examples
    --------
    >>> image = np.zeros((8, 8), np.uint8)
    >>> image[2:7, 3:5] = 255
    >>> is_prepared(image, 5), is_prepared(255 - image, 5), is_prepared(image, 3)
    (True, False, False)
    """
    length, full = (_lengths(image[None], level)[0] for level in (SEEN, 0))
    alike = abs(length - ink_size) <= 1 or abs(full - ink_size) <= 1  # MNIST's are as long to the last grey pixel
    return bool(alike and full <= ink_size + SOFT and _off(image[None])[0] <= OFF)


def _lengths(images: NDArray[Any], level: float) -> NDArray[np.intp]:
    """Return the length of every image's ink, which is brighter than a share of its brightest pixel; 0 for none."""
    ink = images > level * images.max(axis=(1, 2), keepdims=True)
    lengths = np.zeros(len(images), np.intp)
    for axis in (1, 2):
        inked = ink.any(axis=axis)
        first, last = inked.argmax(axis=1), images.shape[1] - inked[:, ::-1].argmax(axis=1)
        lengths = np.maximum(lengths, np.where(inked.any(axis=1), last - first, 0))
    return lengths


def _off(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far every image's centre of mass lies off its middle pixel, along the worse axis."""
    n, side = len(images), images.shape[1]
    mass, off = images.sum(axis=(1, 2), dtype=np.float64), np.zeros(n)
    for axis in (1, 2):
        along = images.sum(axis=axis, dtype=np.float64) @ np.arange(side)
        off = np.maximum(off, abs(np.divide(along, mass, out=np.full(n, np.inf), where=mass != 0) - side // 2))
    return off
