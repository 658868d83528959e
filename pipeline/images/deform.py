"""Images made a little different while a network learns from them: shifted, turned, scaled, slanted, mirrored, bent.

``Deform`` says how strongly. What it hands on, a ``Deformer``, draws where every pixel of every image is to be read,
and reads them all in one warp, between the pixels: one matrix product says where, and the rest is a few calls a batch.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.configurable import Configurable
from pipeline.parameters import ParameterError, check_parameters

Array = NDArray[Any]

PIECE = 2**16
"""Pixels that are warped at once: few calls to NumPy, and what they write is still in the cache when it is read."""

VARIANCE_KEPT = 0.999
"""Share of an elastic field's variance that is drawn; the rest are waves that the blur has all but wiped out."""


@dataclass(kw_only=True)
class Deform(Configurable):
    """Y(x) = X(u(x)), u(x) = c + A (x - c) + t + d(x), for every pixel x = (row, column) of an image with centre c.

    A = R H S F, one for every image, so that the picture is turned, then slanted, then scaled, then mirrored::

        R = | cos a  -sin a |   H = |   1    0 |   S = | 1 / s      0  |   F = | 1      0 |
            | sin a   cos a |       | tan b  1 |       |   0    1 / s' |       | 0  +-  1 |

    d = elastic (G N G'), for rows and for columns: noise N, blurred by a Gaussian G whose weights add up to 1, with no
    noise beyond the border. N is normal, with the variance 1/3 of the uniform noise in [-1, 1] that is the custom: what
    is blurred is a sum of many anyhow, and then only the waves that survive the blur have to be drawn.

    Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks applied to visual document
    analysis"; Ciresan et al. 2010, arXiv 1003.0358. What ``elastic`` comes to depends on the blur, so compare
    ``pixels_moved``.

    Parameters
    ----------
    rotation : float, default=0
        Degrees that an image is turned by at the most, either way: a is uniform.
    scale : float, default=0
        Share that an image grows or shrinks by at the most: s for rows and s' for columns are uniform in 1 +- scale.
    shear : float, default=0
        Degrees that an image is slanted by at the most, either way: b is uniform.
    translation : float, default=0
        Pixels that an image is shifted by at the most, down or up and right or left: both of t are uniform.
    whole_pixels : bool, default=False
        Whether to shift by whole pixels alone, each number from -translation to translation as often; nothing is
        blurred by that.
    flip : bool, default=False
        Whether to mirror every second image or so, left and right.
    elastic : float, default=0
        Strength of the elastic field in pixels, before the blur.
    smoothness : float, default=4.5
        Standard deviation in pixels of the Gaussian that blurs the elastic field.
    group : int, default=1
        Images one after the other that share an elastic field.
    shape : (int, int), default=None
        Height and width of an image. None is a square.
    background : "auto" or float, default="auto"
        What is read outside of an image. "auto" is what a network's training images have there, as they are prepared:
        the median of their outermost pixels. Where no network learns, it is 0.

    Examples
    --------
    >>> X = np.arange(1.0, 10.0).reshape(1, 9)
    >>> Deform(translation=1, whole_pixels=True).apply(X, np.random.default_rng(2)).reshape(3, 3)
    array([[0., 4., 5.],
           [0., 7., 8.],
           [0., 0., 0.]])
    """

    rotation: Annotated[float, ">= 0", "<= 180"] = 0
    scale: Annotated[float, ">= 0", "< 1"] = 0
    shear: Annotated[float, ">= 0", "< 90"] = 0
    translation: Annotated[float, ">= 0", "< inf"] = 0
    whole_pixels: bool = False
    flip: bool = False
    elastic: Annotated[float, ">= 0", "< inf"] = 0
    smoothness: Annotated[float, "> 0", "< inf"] = 4.5
    group: Annotated[int, ">= 1"] = 1
    shape: tuple[Annotated[int, ">= 1"], ...] | None = None
    background: Literal["auto"] | Annotated[float, "> -inf", "< inf"] = "auto"

    def check(self) -> None:
        """Check the parameters, each by itself and one by another.

        Raises
        ------
        ParameterError
            For a parameter with a value that is not allowed.
        """
        check_parameters(self)
        if self.whole_pixels and self.translation != int(self.translation):
            raise ParameterError(f"translation must be whole where whole_pixels is true; got {self.translation!r}")

    @property
    def outside(self) -> float:
        """What is read outside of an image, as a number."""
        return 0.0 if isinstance(self.background, str) else float(self.background)

    def seen(self, X: Array) -> "Deform":
        """Return what deforms images like these, (n_images, n_pixels), with their background where that is left open.

        Raises
        ------
        ValueError
            Where the pixels are not those of the shape.

        Examples
        --------
        >>> Deform(rotation=9).seen(np.full((5, 9), -0.4)).background
        -0.4
        """
        if not isinstance(self.background, str):
            return self
        border = np.ones(image_shape(self.shape, X.shape[1]), bool)
        border[1:-1, 1:-1] = False
        return replace(self, background=float(np.median(X[:, border.ravel()])))

    def apply(self, X: NDArray[Any], rng: np.random.Generator, out: Array | None = None) -> Array:
        """Return images deformed, each in its own way.

        To deform batch after batch, ``prepare`` once.

        Parameters
        ----------
        X : ndarray of shape (n_images, n_pixels), float32, float64 or uint8
            The images.
        rng : numpy.random.Generator
            Draws the deformations. What it draws depends on the number of images and on the parameters alone.
        out : ndarray of shape (n_images, n_pixels), optional
            Written to; it may be X itself.

        Returns
        -------
        ndarray of shape (n_images, n_pixels)
            Of X's type; float32, on the scale of X, if that is uint8.

        Raises
        ------
        ParameterError
            For a parameter with a value that is not allowed.
        ValueError
            Where X is none of these, or its pixels are not those of the shape.
        """
        X = np.asarray(X)
        dtype = np.dtype(np.float32 if X.dtype == np.uint8 else X.dtype)
        if X.ndim != 2 or dtype not in {np.dtype(np.float32), np.dtype(np.float64)}:
            raise ValueError(f"images must be a table of float32, float64 or uint8; got {X.dtype}, shape {X.shape}")
        return self.prepare(X.shape[1], dtype).apply(X, rng, out)

    def prepare(self, n_pixels: int, dtype: DTypeLike = np.float32) -> "Deformer":
        """Check the parameters, and return what deforms images of this many pixels, to be used by one thread.

        Raises
        ------
        ParameterError
            For a parameter with a value that is not allowed.
        ValueError
            Where the pixels are not those of the shape.
        """
        self.check()
        return Deformer(self, image_shape(self.shape, n_pixels), dtype)

    def pixels_moved(self, shape: tuple[int, int] = (28, 28)) -> float:
        """Return how far the elastic field moves a pixel: root of the mean square, in pixels, both axes together.

        Examples
        --------
        >>> round(Deform(elastic=34, smoothness=4.5).pixels_moved(), 2)
        1.58
        """
        check_parameters(self)
        field = self.elastic * elastic_waves(shape, self.smoothness)
        return math.sqrt(2 * np.sum(field**2) / math.prod(shape))


class Deformer:
    """Draws deformations, and applies them to images of one shape and type; for one thread, as it has its own buffers.

    All coordinates are one product: what is drawn for an image, times the same waves for all. The waves are 1, row and
    column, counted from the centre, and those of the elastic field.

    Parameters
    ----------
    deform : Deform
        How strongly; its parameters have been checked.
    shape : (int, int)
        Height and width of an image.
    dtype : dtype
        Of what is returned: float32 or float64.
    """

    def __init__(self, deform: Deform, shape: tuple[int, int], dtype: DTypeLike = np.float32) -> None:
        self.deform, self.shape = deform, shape
        self.centre = (np.array(shape) - 1) / 2
        grid = np.indices(shape) - self.centre[:, None, None]
        waves: list[Array] = [np.ones((1, *shape)), grid]
        if deform.elastic:
            waves.append(deform.elastic * elastic_waves(shape, deform.smoothness))
        self.waves = np.concatenate(waves).reshape(-1, math.prod(shape)).astype(dtype)
        self._warp = Warp(shape, max(1, PIECE // math.prod(shape)), dtype, deform.outside)

    def apply(self, X: NDArray[Any], rng: np.random.Generator, out: Array | None = None) -> Array:
        """Return images deformed, each in its own way: ``warp`` after ``draw``, and their arguments."""
        return self.warp(X, self.draw(len(X), rng), out)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw the deformations of ``n`` images.

        Whatever is switched on or off, the affine maps take the same numbers.

        Returns
        -------
        ndarray of shape (2, n, n_waves)
            For rows and for columns, how much of each wave goes into an image's coordinates: c + t, A, and the elastic
            field's. A share of the images takes its share of this, ``[:, rows]``.
        """
        moves = np.empty((2, n, len(self.waves)), self.waves.dtype)
        A, t = self._draw_affine(n, rng)
        moves[:, :, 0] = (self.centre + t).T
        moves[:, :, 1:3] = A.transpose(1, 0, 2)
        if self.deform.elastic:
            of_image = np.arange(n) // self.deform.group
            n_fields = -(-n // self.deform.group)
            noise = rng.standard_normal((2, n_fields, len(self.waves) - 3), dtype=np.float32)
            moves[:, :, 3:] = noise if n_fields == n else noise[:, of_image]
        return moves

    def _draw_affine(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw matrices of shape (n, 2, 2) and shifts of shape (n, 2)."""
        deform, share = self.deform, rng.random((n, 7))
        angle, slant, *growth = (2 * share[:, :4] - 1).T
        mirrored = share[:, 4] < 0.5 if deform.flip else np.zeros(n, bool)
        A = affine_maps(
            np.radians(deform.rotation * angle),
            np.radians(deform.shear * slant),
            1 + deform.scale * np.stack(growth),
            mirrored,
        )
        if deform.whole_pixels:
            return A, np.floor(share[:, 5:] * (2 * deform.translation + 1)) - deform.translation
        return A, deform.translation * (2 * share[:, 5:] - 1)

    def warp(self, X: NDArray[Any], moves: Array, out: Array | None = None) -> Array:
        """Deform images as was drawn.

        Parameters
        ----------
        X : ndarray of shape (n_images, n_pixels)
            The images.
        moves : ndarray of shape (2, n_images, n_waves)
            As ``draw`` returns them.
        out : ndarray of shape (n_images, n_pixels), optional
            Written to; it may be X itself.

        Returns
        -------
        ndarray of shape (n_images, n_pixels)
            The deformed images, ``out`` if that was given.

        Raises
        ------
        ValueError
            Where the arrays have other shapes.
        TypeError
            Where ``out`` holds no floats.
        """
        n, n_pixels = moves.shape[1], self.waves.shape[1]
        out = np.empty((n, n_pixels), self.waves.dtype) if out is None else out
        if not X.shape == out.shape == (n, n_pixels):
            raise ValueError(f"images and out must be of shape {n, n_pixels}; got {X.shape} and {out.shape}")
        for start in range(0, n, self._warp.size):
            piece = slice(start, start + self._warp.size)
            u = self._warp.coordinates(len(X[piece]))
            np.matmul(moves[:, piece], self.waves, out=u)
            self._warp(X[piece], u, out[piece])
        return out


class Warp:
    """Y = (1 - r) ((1 - s) X[i, j] + s X[i, j + 1]) + r ((1 - s) X[i + 1, j] + s X[i + 1, j + 1]).

    That is Y(x) = X(u(x)), read between the pixels, with i, j = floor(u) and r, s = u - floor(u).

    Outside of an image the background is read, so that over the last pixel an image fades into it.

    Parameters
    ----------
    shape : (int, int)
        Height and width of an image.
    size : int
        Images at once, at the most.
    dtype : dtype
        Of the result.
    background : float
        What is read outside.
    """

    def __init__(self, shape: tuple[int, int], size: int, dtype: DTypeLike, background: float = 0.0) -> None:
        (h, w), n_pixels = shape, math.prod(shape)
        self.size = size
        self._framed: Array = np.full((size, h + 2, w + 2), background, dtype)
        self._first = np.arange(size)[:, None] * self._framed[0].size + (w + 3)  # where each image's X[0, 0] stands
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
        """Read ``n`` images X (n, n_pixels) at ``u``, which is written over, into ``out`` (n, n_pixels)."""
        n, (h, w) = len(X), self._framed.shape[1:]
        self._framed[:n, 1:-1, 1:-1] = X.reshape(n, h - 2, w - 2)
        np.clip(u, -1, self._border, out=u)  # the frame and all beyond it are the same
        index, (r, s) = self._locate(u), u
        # A pixel that is past the end of the buffer has no weight: the index may wrap around.
        above, above_right, below, below_right = (
            np.take(self._framed.reshape(-1)[step:], index, mode="wrap", out=pixels[:n])
            for step, pixels in zip((0, 1, w, w + 1), self._pixels, strict=True)
        )
        upper, lower = _between(above, above_right, s), _between(below, below_right, s)
        np.copyto(out, _between(upper, lower, r))

    def _locate(self, u: Array) -> NDArray[np.intp]:
        """Return where X[i, j] stands in the framed images, and leave r and s in ``u``."""
        n = u.shape[1]
        corner, index = self._corner[:, :n], self._index[:n]
        floor = np.floor(u, out=self._floor[:, :n])
        u -= floor
        np.copyto(corner, floor, casting="unsafe")
        rows, columns = corner
        rows *= self._framed.shape[2]
        rows += columns
        return np.add(rows, self._first[:n], out=index)


def _between(first: Array, second: Array, share: Array) -> Array:
    """Return first + share (second - first), in the place of ``second``."""
    second -= first
    second *= share
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


def affine_maps(angle: Array, slant: Array, growth: Array, mirrored: NDArray[np.bool_]) -> Array:
    """Return A = R H S F; see ``Deform``.

    Parameters
    ----------
    angle, slant : ndarray of shape (n,)
        Of R and of H, in radians.
    growth : ndarray of shape (2, n)
        What images grow by, down and across: s and s'.
    mirrored : ndarray of shape (n,), bool
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
    H = np.array([[one, zero], [np.tan(slant), one]])
    SF = np.array([1 / growth[0], np.where(mirrored, -1, 1) / growth[1]])
    return np.einsum("abn,bcn,cn->nac", R, H, SF) + 0.0  # no zero is negative


def blur(length: int, sigma: float) -> Array:
    """Return the matrix G (length, length) of a Gaussian blur with zeros beyond both ends.

    G[i, j] = g(i - j) / sum_k g(k), g(k) = exp(-k^2 / (2 sigma^2)), the sum being over all integers.

    Examples
    --------
    >>> blur(2, 0.5).round(3)
    array([[0.787, 0.106],
           [0.106, 0.787]])
    """
    reach = math.ceil(10 * sigma)

    def g(k: NDArray[np.intp]) -> Array:
        return np.exp(-(k**2) / (2 * sigma**2))

    i = np.arange(length)
    return g(i[:, None] - i) / g(np.arange(-reach, reach + 1)).sum()


def elastic_waves(shape: tuple[int, int], smoothness: float, variance_kept: float = VARIANCE_KEPT) -> Array:
    """Return the waves that noise of variance 1/3 is made of after a blur, from the strongest down.

    With G = U S V', G N G' = U S (V' N V) S U', and V' N V is noise like N: so the field is a sum of normal numbers of
    variance 1/3, one for each pair k, l, times S_k S_l U_k U_l'. Few of the S are not next to nothing.

    Parameters
    ----------
    shape : (int, int)
        Height and width of a field.
    smoothness : float
        Standard deviation of the blur, in pixels.
    variance_kept : float
        Share of the field's variance that the waves make up at least.

    Returns
    -------
    ndarray of shape (n_waves, height, width)
        To be multiplied by standard normal numbers and added up.

    Examples
    --------
    >>> elastic_waves((28, 28), 4.5).shape
    (28, 28, 28)
    >>> elastic_waves((28, 28), 2.0).shape
    (120, 28, 28)
    """
    (U, S), (V, T) = (_singular(blur(length, smoothness)) for length in shape)
    strength = np.outer(S, T).ravel()
    order = np.argsort(-strength, kind="stable")
    kept = np.cumsum(strength[order] ** 2) / np.sum(strength**2)
    k, l = np.unravel_index(order[: 1 + np.searchsorted(kept, variance_kept)], shape)  # noqa: E741 - l comes after k
    return np.einsum("k,ik,jk->kij", math.sqrt(1 / 3) * S[k] * T[l], U[:, k], V[:, l])


def _singular(G: Array) -> tuple[Array, Array]:
    """Return left singular vectors and singular values; a vector begins above 0, on every machine."""
    U, S, _ = np.linalg.svd(G)
    return U * np.where(U[0] < 0, -1, 1), S


def image_shape(shape: tuple[int, ...] | None, n_pixels: int) -> tuple[int, int]:
    """Return height and width of images of so many pixels.

    Raises
    ------
    ValueError
        Where they are not those of the shape, or there is none and they make no square.

    Examples
    --------
    >>> image_shape(None, 784)
    (28, 28)
    """
    side = math.isqrt(n_pixels)
    h_w = (side, side) if shape is None else tuple(shape)
    if len(h_w) != 2 or math.prod(h_w) != n_pixels:
        given = "a square" if shape is None else f"shape {h_w}"
        raise ValueError(f"shape must be the height and width of images of {n_pixels} pixels; they are not {given}")
    return h_w
