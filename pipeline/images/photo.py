"""Photographs of handwritten digits, turned into the form that MNIST's images have.

MNIST's ink fits a box of 20 by 20 pixels, antialiased, in a field of 28 by 28 whose middle pixel, (14, 14), is its
centre of mass. What cannot be told is said.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from pipeline.images.background import Ink, as_grey, ink_of
from pipeline.images.segments import INKED, Layout, Segment, layout_of
from pipeline.parameters import ParameterError, check_parameters

Array = NDArray[Any]

SEEN = 0.1
"""The share of a digit's darkest ink from which on it counts for the box."""

RIM = 0.98
"""Pixels of the field by which the box from there on is longer than MNIST's, whose ends are whole pixels; measured."""

SOFT = 1.2
"""How far beyond its pieces the soft edge of a digit's ink reaches, in pixels of the field."""

MOST = 8_000_000
"""Pixels of a picture that digits are looked for in; a larger one is reduced by a whole number first."""

MAX_SIDE = 20_000
"""Pixels along a side of a picture at the most."""


class PhotoError(ValueError):
    """A picture is none, or does not show what was asked for; the message says what it shows."""


@dataclass(frozen=True)
class Digit:
    """A digit that was found on a page.

    Attributes
    ----------
    pixels : ndarray of shape (size, size), uint8
        What a network sees: ink bright on 0, in MNIST's form.
    box : tuple of int
        Top, left, bottom and right of the ink in the picture; the last two lie one pixel beyond.
    line : int
        Which line it is on, from 0.
    doubt : str or None
        Why it may not be one digit, whole: ink that runs out of the picture, strokes that may be two digits.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    box: tuple[int, int, int, int]
    line: int
    doubt: str | None


@dataclass(frozen=True)
class Found:
    """What was found on a page.

    Attributes
    ----------
    digits : list of Digit
        From left to right, and lines from top to bottom.
    polarity : {"dark", "light"}
        Whether ink is darker than the paper, or lighter.
    turn : float
        Degrees that lines fall from left to right, as far as they tell; digits are turned back by it.
    specks : int
        Pieces of ink that are too small for a digit, and were left out.
    edges : int
        Pieces that lie along the picture's border, and were left out: the edge of a sheet, a desk, or else a stroke
        that the border has cut lengthwise.
    """

    digits: list[Digit]
    polarity: str
    turn: float
    specks: int
    edges: int


class Photo(TransformerMixin, BaseEstimator):
    """Turn pictures of handwritten digits into images like MNIST's.

    Light that differs over the page is removed, ink is found whether it is darker or lighter than the paper, and its
    grey is kept. Each digit is scaled to 20 of 28 pixels with antialiasing, and its centre of mass is brought to the
    middle. `find` reads a page with any number of digits; `transform` takes pictures of one digit each.

    Parameters
    ----------
    polarity : {"auto", "dark", "light"}, default="auto"
        Whether ink is darker than the paper, or lighter; "auto" finds out, page by page.
    size : int, default=28
        Pixels along a side of the images that are made.
    ink_size : int, default=20
        Pixels along the longer side of the ink in them.

    Examples
    --------
    >>> page = np.full((90, 160), 230, np.uint8)
    >>> page[20:70, 40:46] = page[20:70, 110:116] = 30
    >>> found = Photo().find(page)
    >>> [digit.box for digit in found.digits], found.polarity
    ([(20, 40, 70, 46), (20, 110, 70, 116)], 'dark')
    >>> Photo().fit_transform([page[:, :80], page[:, 80:]]).shape
    (2, 784)
    """

    def __init__(
        self,
        polarity: Literal["auto", "dark", "light"] = "auto",
        size: Annotated[int, ">= 4"] = 28,
        ink_size: Annotated[int, ">= 2"] = 20,
    ) -> None:
        self.polarity, self.size, self.ink_size = polarity, size, ink_size

    def fit(self, X: Any = None, y: object = None) -> Self:
        """Check the parameters; there is nothing to learn.

        Parameters
        ----------
        X, y : ignored
            Here because scikit-learn hands them over.

        Returns
        -------
        Photo
            Itself.

        Raises
        ------
        ParameterError
            Where a parameter is not allowed.
        """
        del X, y
        self._check()
        return self

    def transform(self, X: Iterable[Array]) -> NDArray[np.uint8]:
        """Return an image for each picture of one digit.

        Parameters
        ----------
        X : iterable of ndarray, uint8
            Pictures of any size, (height, width) or (height, width, 3).

        Returns
        -------
        ndarray of shape (n_pictures, size * size), uint8
            Ink bright on 0, as MNIST has it.

        Raises
        ------
        PhotoError
            For a picture that shows no digit, or several, or one that is in doubt: it says which one and what is there.
        """
        self._check()
        rows = [self._one(picture, f"picture {number}") for number, picture in enumerate(X)]
        return np.stack(rows) if rows else np.empty((0, self.size**2), np.uint8)

    def find(self, picture: Array) -> Found:
        """Find all digits of a page.

        Parameters
        ----------
        picture : ndarray of shape (height, width) or (height, width, 3), uint8
            Grey levels, or red, green and blue.

        Returns
        -------
        Found
            Digits in the order of reading; none where there is no ink. Each says itself whether it is in doubt.

        Raises
        ------
        PhotoError
            For what is no picture.
        """
        self._check()
        _check_picture(picture)
        step = math.ceil(math.sqrt(picture.shape[0] * picture.shape[1] / MOST))
        ink = ink_of(_reduced(as_grey(picture), step), self.polarity)
        layout = layout_of(ink)
        digits = [
            Digit(self._image(ink, layout, one), _box_of(one, step, picture.shape), one.line, one.doubt)
            for one in layout.segments
        ]
        return Found(digits, ink.polarity, layout.turn, layout.specks, layout.edges)

    def _check(self) -> None:
        """Raise for parameters that are not allowed."""
        check_parameters(self)
        if self.ink_size >= self.size:
            raise ParameterError(f"ink_size must be less than size, {self.size}; got {self.ink_size}")

    def _one(self, picture: Array, name: str) -> NDArray[np.uint8]:
        """Return the one digit of a picture as a row."""
        try:
            digits = self.find(picture).digits
        except PhotoError as error:
            raise PhotoError(f"{name}: {error}") from None
        if len(digits) != 1:
            shows = f"{len(digits)} digits" if digits else "no ink"
            raise PhotoError(f"{name} shows {shows}; expected one digit (find reads a page of several)")
        if digits[0].doubt:
            raise PhotoError(f"{name}: {digits[0].doubt}")
        return digits[0].pixels.ravel()

    def _image(self, ink: Ink, layout: Layout, one: Segment) -> NDArray[np.uint8]:
        """Return a digit in MNIST's form."""
        density = _alone(ink, layout, one, self.ink_size)
        if layout.turn:
            density = ndimage.rotate(density, layout.turn, order=1)
        return _as_mnist(density, one.length / self.ink_size, self.size, self.ink_size)

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that X is pictures, and that nothing is learned from them."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        tags.requires_fit = False
        return tags


def drawn_digit(ink: NDArray[np.uint8], size: int = 28, ink_size: int = 20) -> NDArray[np.uint8]:
    """Return a drawing in MNIST's form, all of whose ink is one digit; the page to draw on does the same.

    There is no paper to be told from ink here, and nothing is in doubt: of a digit in one piece, `Photo` makes the
    same image.

    Parameters
    ----------
    ink : ndarray of shape (height, width), uint8
        0 where nothing is drawn.
    size : int, default=28
        Pixels along a side of the image.
    ink_size : int, default=20
        Pixels along the longer side of the ink in it.

    Returns
    -------
    ndarray of shape (size, size), uint8
        Ink bright on 0; where there is none, 0 throughout.

    Examples
    --------
    >>> sheet = np.zeros((60, 60), np.uint8)
    >>> sheet[5:45, 12:14] = 255
    >>> image = drawn_digit(sheet)
    >>> image.shape, np.flatnonzero(image.max(axis=1) > 127)[[0, -1]]
    ((28, 28), array([ 4, 23]))
    """
    density = ink / 255
    rows, columns = (np.flatnonzero((density > INKED * density.max()).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros((size, size), np.uint8)
    length = max(int(ends[-1] - ends[0]) for ends in (rows, columns)) + 1
    reach = max(1, round(SOFT * length / ink_size))
    around = tuple(slice(max(0, ends[0] - reach), ends[-1] + 1 + reach) for ends in (rows, columns))
    return _as_mnist(np.pad(density[around], 2 + reach), length / ink_size, size, ink_size)


def _check_picture(picture: Any) -> None:
    """Raise for what is no picture."""
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        given = getattr(picture, "dtype", type(picture).__name__)
        raise PhotoError(f"a picture must be an array of uint8; got {given}")
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3) or picture.size == 0:
        raise PhotoError(f"a picture must have the shape (height, width) or (height, width, 3); got {picture.shape}")
    if max(picture.shape) > MAX_SIDE:
        raise PhotoError(f"a picture may have {MAX_SIDE:,} pixels along a side; got {picture.shape}")


def _reduced(grey: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return the means of squares of ``step`` by ``step`` pixels; rows and columns that make up none are left out."""
    if step == 1:
        return grey
    height, width = (max(side // step, 1) for side in grey.shape)
    sums = np.zeros((height, width), np.float32)
    for row in range(min(step, len(grey))):
        for column in range(min(step, grey.shape[1])):
            sums += grey[row : height * step : step, column : width * step : step]
    return np.asarray(sums / (min(step, len(grey)) * min(step, grey.shape[1])), np.float32)


def _box_of(one: Segment, step: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the box of a segment in a picture that was reduced by ``step``."""
    return one.top * step, one.left * step, min(one.bottom * step, shape[0]), min(one.right * step, shape[1])


def _alone(ink: Ink, layout: Layout, one: Segment, ink_size: int) -> Array:
    """Return the ink of one digit with its soft edge, 0 all around it and where other digits are."""
    reach = max(1, round(SOFT * one.length / ink_size))
    rows = slice(max(0, one.top - reach), one.bottom + reach)
    columns = slice(max(0, one.left - reach), one.right + reach)
    pieces = layout.pieces[rows, columns]
    mine = np.isin(pieces, one.labels)
    near = ndimage.maximum_filter(mine, 2 * reach + 1, mode="constant")
    density = np.where(near & (mine | (pieces == 0)), ink.density[rows, columns], 0)
    return np.pad(density, 2 + reach)  # space for the blur that the box is seen through


def _as_mnist(density: Array, pixel: float, size: int, ink_size: int) -> NDArray[np.uint8]:
    """Return the ink of one digit scaled and in the middle, where a pixel of the field is about ``pixel`` wide."""
    top, left, bottom, right = _box(density, pixel)
    scale = max(bottom - top, right - left) / (ink_size + RIM)
    wide = 2 * size
    down, across = (
        _kernel(n, _start(begin, end, scale, wide), scale, wide)
        for n, begin, end in zip(density.shape, (top, left), (bottom, right), strict=True)
    )
    return _in_the_middle((down @ density @ across.T).clip(0, None), size)


def _box(density: Array, pixel: float) -> tuple[float, float, float, float]:
    """Return the box of what is seen of the ink, between pixels, where a pixel of the field is ``pixel`` wide."""
    smooth = ndimage.gaussian_filter(density, 0.3 * pixel) if pixel > 1.5 else density
    level = SEEN * smooth.max()
    (top, bottom), (left, right) = (_ends(smooth.max(axis=axis), level) for axis in (1, 0))
    return top, left, bottom, right


def _ends(profile: Array, level: float) -> tuple[float, float]:
    """Return where a profile first rises above a level and last falls below it, between its pixels."""
    above = np.flatnonzero(profile > level)
    first, last = int(above[0]), int(above[-1])
    before, after = profile[first - 1], profile[last + 1]
    start = first + 0.5 - (profile[first] - level) / (profile[first] - before)
    end = last + 0.5 + (profile[last] - level) / (profile[last] - after)
    return float(start), float(end)


def _start(begin: float, end: float, scale: float, n: int) -> float:
    """Return where a field of ``n`` pixels begins, so that whole pixels of it fit around the ink, as in MNIST."""
    pixels = max(1, round((end - begin) / scale - RIM))
    return (begin + end) / 2 - ((n - pixels) // 2 + pixels / 2) * scale


def _kernel(n: int, start: float, scale: float, wide: int) -> Array:
    """Return the weights (wide, n) that ``n`` pixels are read with, in steps of ``scale`` from ``start``."""
    width = max(scale, 1.0)
    middles = start + (np.arange(wide) + 0.5) * scale
    x = (np.arange(n) + 0.5 - middles[:, None]) / width
    weights = _filter(x)
    return weights / np.maximum(_filter((np.arange(-3 * width, 3 * width + 1)) / width).sum(), 1e-9)


def _filter(x: Array) -> Array:
    """Return Keys' cubic kernel, a = -0.5."""
    x = abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _in_the_middle(field: Array, size: int) -> NDArray[np.uint8]:
    """Return the part of a field whose middle pixel is the centre of mass, its brightest pixel at 255."""
    mass = field.sum()
    middles = ((field.sum(axis=1 - axis) @ np.arange(len(field))) / mass for axis in (0, 1))
    # Of a symmetric stroke it lies on the border of two pixels, and the last bits of a sum must not choose.
    corner = [int(np.clip(np.floor(np.round(middle + 0.5, 6)) - size // 2, 0, size)) for middle in middles]
    part = field[corner[0] : corner[0] + size, corner[1] : corner[1] + size]
    return np.rint(255 * part / max(part.max(), 1e-9)).astype(np.uint8)
