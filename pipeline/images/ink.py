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
    lengths, off = _measured(images)
    size = int(np.median(lengths))
    alike = (abs(lengths - size) <= 1) & (off <= OFF) & (lengths > 0)
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
    lengths, off = _measured(image[None])
    return bool(abs(lengths[0] - ink_size) <= 1 and off[0] <= OFF)


def _measured(images: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the length of every image's ink, 0 for none, and how far its centre of mass lies off the middle pixel."""
    n, side = len(images), images.shape[1]
    ink = images != 0
    lengths = np.zeros(n, np.intp)
    off = np.zeros(n)
    mass = images.sum(axis=(1, 2), dtype=np.float64)
    for axis in (1, 2):
        inked = ink.any(axis=3 - axis)
        first, last = inked.argmax(axis=1), side - inked[:, ::-1].argmax(axis=1)
        lengths = np.maximum(lengths, np.where(inked.any(axis=1), last - first, 0))
        along = images.sum(axis=3 - axis, dtype=np.float64) @ np.arange(side)
        off = np.maximum(off, abs(np.divide(along, mass, out=np.full(n, np.inf), where=mass != 0) - side // 2))
    return lengths, off
