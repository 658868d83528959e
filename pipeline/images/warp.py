"""Images read between their pixels, at any places: one warp, and the affine maps that say where."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.image_shape import Shape

Array = NDArray[Any]

PIECE = 2**16
"""Pixels that are warped at once: few calls to NumPy, and what they write is still in the cache when it is read."""


class Warp:
    """Y = (1 - r) ((1 - s) X[i, j] + s X[i, j + 1]) + r ((1 - s) X[i + 1, j] + s X[i + 1, j + 1]).

    That is Y(x) = X(u(x)), read between the pixels, with i, j = floor(u) and r, s = u - floor(u).

    Outside of an image the background is read, so that over the last pixel an image fades into it. The channels of a
    coloured image are read alike, each as an image of its own.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of an image, or (height, width, 3) of a coloured one.
    size : int
        Images at once, at the most.
    dtype : dtype
        Of the result.
    background : float
        What is read outside, in every channel.
    """

    def __init__(self, shape: Shape, size: int, dtype: DTypeLike, background: float = 0.0) -> None:
        h, w = shape[:2]
        n_pixels = h * w
        self.size, self._n_channels = size, math.prod(shape[2:])
        self._padded: Array = np.full((size, h + 2, w + 2), background, dtype)
        self._origin = np.arange(size)[:, None] * self._padded[0].size + (w + 3)  # where each image's X[0, 0] stands
        self._border = np.array([h, w], dtype)[:, None, None]
        self._u: Array = np.empty((2, size, n_pixels), dtype)
        self._floor: Array = np.empty_like(self._u)
        self._corner = np.empty((2, size, n_pixels), np.int32)
        self._index = np.empty((size, n_pixels), np.intp)
        self._pixels: Array = np.empty((4, size, n_pixels), dtype)

    def coordinates(self, n: int) -> Array:
        """Return the buffer for the rows and the columns to read ``n`` images at, (2, n, n_pixels)."""
        return self._u[:, :n]

    def __call__(self, X: NDArray[Any], u: Array, out: Array) -> None:
        """Read ``n`` images X (n, n_features) at ``u``, which is written over, into ``out`` (n, n_features)."""
        np.clip(u, -1, self._border, out=u)  # the frame and all beyond it are the same
        index = self._locate(u)
        for channel in range(self._n_channels):
            self._read(X[:, channel :: self._n_channels], index, u, out[:, channel :: self._n_channels])

    def _read(self, X: NDArray[Any], index: NDArray[np.intp], rs: Array, out: Array) -> None:
        """Read one channel of images, (n, n_pixels), where X[i, j] stands at ``index``."""
        n, (h, w), (r, s) = len(X), self._padded.shape[1:], rs
        self._padded[:n, 1:-1, 1:-1] = X.reshape(n, h - 2, w - 2)
        # A pixel that is past the end of the buffer has no weight: the index may wrap around.
        above, above_right, below, below_right = (
            np.take(self._padded.reshape(-1)[step:], index, mode="wrap", out=pixels[:n])
            for step, pixels in zip((0, 1, w, w + 1), self._pixels, strict=True)
        )
        upper, lower = _interpolated(above, above_right, s), _interpolated(below, below_right, s)
        np.copyto(out, _interpolated(upper, lower, r))

    def _locate(self, u: Array) -> NDArray[np.intp]:
        """Return where X[i, j] stands in the padded images, and leave r and s in ``u``."""
        n = u.shape[1]
        corner, index = self._corner[:, :n], self._index[:n]
        floor = np.floor(u, out=self._floor[:, :n])
        u -= floor
        np.copyto(corner, floor, casting="unsafe")
        rows, columns = corner
        rows *= self._padded.shape[2]
        rows += columns
        return np.add(rows, self._origin[:n], out=index)


def _interpolated(first: Array, second: Array, weight: Array) -> Array:
    """Return first + weight (second - first), in the place of ``second``."""
    second -= first
    second *= weight
    second += first
    return second


def warp(X: NDArray[Any], rows: Array, columns: Array, background: float = 0.0) -> Array:
    """Read images between their pixels; see ``Warp``.

    Parameters
    ----------
    X : ndarray of shape (n_images, height, width)
        The images.
    rows, columns : ndarray of shape (n_images, height, width), float
        Where each pixel of the result is read, counted from 0.
    background : float
        What is read outside.

    Returns
    -------
    ndarray of shape (n_images, height, width)
        Of the coordinates' type.

    Examples
    --------
    >>> X, here = np.array([[[0.0, 8.0]]]), np.zeros((1, 1, 2))
    >>> warp(X, here, here + 0.25)
    array([[[2., 2.]]])
    """
    n, h, w = X.shape
    u = np.stack([rows, columns]).reshape(2, n, h * w)
    out: Array = np.empty((n, h * w), u.dtype)
    Warp((h, w), n, u.dtype, background)(X.reshape(n, h * w), u, out)
    return out.reshape(X.shape)


def affine_maps(angle: Array, shear: Array, scale: Array, flip: NDArray[np.bool_]) -> Array:
    """Return A = R H S F; see ``pipeline.images.deform.Deform``.

    Parameters
    ----------
    angle, shear : ndarray of shape (n,)
        Of R and of H, in radians.
    scale : ndarray of shape (2, n)
        What images grow by, down and across: s and s'.
    flip : ndarray of shape (n,), bool
        Whether left is right.

    Returns
    -------
    ndarray of shape (n, 2, 2)
        One matrix for each image; row before column.

    Examples
    --------
    >>> one = np.ones(1)
    >>> affine_maps(0 * one, 0 * one, np.array([[1.0], [2.0]]), one > 0)
    array([[[ 1. ,  0. ],
            [ 0. , -0.5]]])
    """
    one, zero = np.ones_like(angle), np.zeros_like(angle)
    cos, sin = np.cos(angle), np.sin(angle)
    R = np.array([[cos, -sin], [sin, cos]])
    H = np.array([[one, zero], [np.tan(shear), one]])
    SF = np.array([1 / scale[0], np.where(flip, -1, 1) / scale[1]])
    return np.einsum("abn,bcn,cn->nac", R, H, SF) + 0.0  # no zero is negative
