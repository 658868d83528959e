"""Images made a little different while a network learns: shifted, rotated, scaled, sheared, mirrored, bent.

``Deform`` says how strongly. What it hands on, a ``Deformer``, draws where every pixel of every image is to be read,
and reads them all in one warp, between the pixels: one matrix product says where, and the rest is a few calls a batch.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.image_shape import Shape, describe, image_shape
from pipeline.images.elastic import elastic_basis
from pipeline.images.warp import PIECE, Warp, affine_maps
from pipeline.network.configurable import Configurable
from pipeline.parameters import ParameterError, check_parameters

Array = NDArray[Any]


@dataclass(kw_only=True)
class Deform(Configurable):
    """Y(x) = X(u(x)), u(x) = c + A (x - c) + t + d(x), for every pixel x = (row, column) of an image with centre c.

    The channels of a coloured image are deformed alike. A = R H S F, one for every image, so that the picture is
    rotated, then sheared, then scaled, then mirrored::

        R = | cos a  -sin a |   H = |   1    0 |   S = | 1 / s      0  |   F = | 1      0 |
            | sin a   cos a |       | tan b  1 |       |   0    1 / s' |       | 0  +-  1 |

    d = elastic (G N G'), for rows and for columns: noise N, blurred by a Gaussian G whose weights add up to 1, with no
    noise beyond the border. N is normal, with the variance 1/3 of the uniform noise in [-1, 1] that is the custom: what
    is blurred is a sum of many anyhow, and then only the basis fields that survive the blur have to be drawn.

    Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks applied to visual document
    analysis"; Ciresan et al. 2010, arXiv 1003.0358. What ``elastic`` comes to depends on the blur, so compare
    ``rms_displacement``.

    Parameters
    ----------
    rotation : float, default=0
        Degrees that an image is rotated by at the most, either way: a is uniform.
    scale : float, default=0
        Share that an image grows or shrinks by at the most: s for rows and s' for columns are uniform in 1 +- scale.
    shear : float, default=0
        Degrees that an image is sheared by at the most, either way: b is uniform.
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
    shape : (int, int) or (int, int, 3), default=None
        Height and width of an image, and 3 after them where it is coloured. None is a square, grey or coloured, as the
        number of pixels says.
    background : "auto" or float, default="auto"
        What is read outside of an image. "auto" is what a network's training images have there, as they are prepared:
        the median of their outermost pixels, one for all channels. Where no network learns, it is 0.

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

    def with_background_of(self, X: Array) -> "Deform":
        """Return what deforms images like these, (n_images, n_pixels), with their background where that is left open.

        Raises
        ------
        ValueError
            Where the pixels are not those of the shape.

        Examples
        --------
        >>> Deform(rotation=9).with_background_of(np.full((5, 9), -0.4)).background
        -0.4
        """
        if not isinstance(self.background, str):
            return self
        border: NDArray[np.bool_] = np.ones(image_shape(self.shape, X.shape[1]), bool)
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

    def check_shape(self, shape: Shape) -> None:
        """See that images are deformed as what they are: without a shape, grey ones of 3x4 would pass for coloured 2x2.

        Raises
        ------
        ParameterError
            Where they would be taken for images of another shape.
        """
        taken = image_shape(self.shape, math.prod(shape))
        if taken != shape:
            raise ParameterError(
                f"augmentation.shape must be {list(shape)}, as the images are; got {self.shape!r}, which takes them "
                f"for images of {describe(taken)}"
            )

    def rms_displacement(self, shape: tuple[int, int] = (28, 28)) -> float:
        """Return how far the elastic field moves a pixel: root of the mean square, in pixels, both axes together.

        Examples
        --------
        >>> round(Deform(elastic=34, smoothness=4.5).rms_displacement(), 2)
        1.58
        """
        check_parameters(self)
        field = self.elastic * elastic_basis(shape, self.smoothness)
        return math.sqrt(2 * np.sum(field**2) / math.prod(shape))

    def __getattr__(self, name: str) -> Any:
        """Find `rms_displacement` under its old name, for a release."""
        if name != "pixels_moved":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        warnings.warn(
            "Deform: pixels_moved is called rms_displacement now; the old name will go in the next release",
            FutureWarning,
            stacklevel=2,
        )
        return self.rms_displacement


class Deformer:
    """Draws deformations, and applies them to images of one shape and type; for one thread, as it has its own buffers.

    All coordinates are one product: coefficients drawn for an image, times the same basis fields for all. These are 1,
    row and column, counted from the centre, and those of the elastic field.

    Parameters
    ----------
    deform : Deform
        How strongly; its parameters have been checked.
    shape : tuple of int
        (height, width) of an image, or (height, width, 3) of a coloured one.
    dtype : dtype
        Of what is returned: float32 or float64.
    """

    def __init__(self, deform: Deform, shape: Shape, dtype: DTypeLike = np.float32) -> None:
        self.deform, self.shape = deform, shape
        field = shape[:2]
        self.centre = (np.array(field) - 1) / 2
        grid = np.indices(field) - self.centre[:, None, None]
        basis: list[Array] = [np.ones((1, *field)), grid]
        if deform.elastic:
            basis.append(deform.elastic * elastic_basis(field, deform.smoothness))
        self.basis = np.concatenate(basis).reshape(-1, math.prod(field)).astype(dtype)
        self._warp = Warp(shape, max(1, PIECE // math.prod(field)), dtype, deform.outside)
        self._read: Callable[[NDArray[Any], Array, Array], object] = self._warp

    def read_by(self, loop: Callable[..., object]) -> None:
        """Have images read between their pixels by another function, compiled for instance, than by ``Warp``.

        Parameters
        ----------
        loop : callable
            Called as ``loop(X, rows, columns, height, width, background, out)``, rows and columns being the
            coordinates, of shape (n_images, height width), which it may write over.
        """
        (height, width), background = self.shape[:2], self.deform.outside

        def read(X: NDArray[Any], u: Array, out: Array) -> None:
            loop(X, u[0], u[1], height, width, background, out)

        self._read = read

    def apply(self, X: NDArray[Any], rng: np.random.Generator, out: Array | None = None) -> Array:
        """Return images deformed, each in its own way: ``warp`` after ``draw``, and their arguments."""
        return self.warp(X, self.draw(len(X), rng), out)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw the deformations of ``n`` images.

        Whatever is switched on or off, the affine maps take the same numbers.

        Returns
        -------
        ndarray of shape (2, n, n_basis)
            For rows and for columns, how much of each basis field goes into an image's coordinates: c + t, A, and
            those of the elastic field. A shard of the images takes its part of this, ``[:, rows]``.
        """
        coefficients = np.empty((2, n, len(self.basis)), self.basis.dtype)
        A, t = self._draw_affine(n, rng)
        coefficients[:, :, 0] = (self.centre + t).T
        coefficients[:, :, 1:3] = A.transpose(1, 0, 2)
        if self.deform.elastic:
            of_image = np.arange(n) // self.deform.group
            n_fields = -(-n // self.deform.group)
            noise = rng.standard_normal((2, n_fields, len(self.basis) - 3), dtype=np.float32)
            coefficients[:, :, 3:] = noise if n_fields == n else noise[:, of_image]
        return coefficients

    def _draw_affine(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw matrices of shape (n, 2, 2) and shifts of shape (n, 2)."""
        deform, uniform = self.deform, rng.random((n, 7))
        angle, shear, *scale = (2 * uniform[:, :4] - 1).T
        flip = uniform[:, 4] < 0.5 if deform.flip else np.zeros(n, bool)
        A = affine_maps(
            np.radians(deform.rotation * angle),
            np.radians(deform.shear * shear),
            1 + deform.scale * np.stack(scale),
            flip,
        )
        if deform.whole_pixels:
            return A, np.floor(uniform[:, 5:] * (2 * deform.translation + 1)) - deform.translation
        return A, deform.translation * (2 * uniform[:, 5:] - 1)

    def warp(self, X: NDArray[Any], coefficients: Array, out: Array | None = None) -> Array:
        """Deform images as was drawn.

        Parameters
        ----------
        X : ndarray of shape (n_images, n_pixels)
            The images.
        coefficients : ndarray of shape (2, n_images, n_basis)
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
        n, n_pixels = coefficients.shape[1], math.prod(self.shape)
        out = np.empty((n, n_pixels), self.basis.dtype) if out is None else out
        if not X.shape == out.shape == (n, n_pixels):
            raise ValueError(f"images and out must be of shape {n, n_pixels}; got {X.shape} and {out.shape}")
        for start in range(0, n, self._warp.size):
            piece = slice(start, start + self._warp.size)
            u = self._warp.coordinates(len(X[piece]))
            np.matmul(coefficients[:, piece], self.basis, out=u)
            self._read(X[piece], u, out[piece])
        return out
