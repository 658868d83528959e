"""What shape a picture has: height and width, and where it is coloured three channels, red, green and blue.

A picture as a row of numbers has them pixel by pixel, the channels of a pixel beside each other. All that has to know
how a row is laid out asks here.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Colour = Literal["grey", "rgb"]
"""What images may be."""

Shape = tuple[int, int] | tuple[int, int, int]
"""(height, width) of a grey image, (height, width, 3) of a coloured one."""

CHANNELS = 3
"""Numbers of a coloured pixel."""

_LUMA = np.array([19595, 38470, 7471], np.uint32)
"""ITU-R 601-2: 0.299 red, 0.587 green, 0.114 blue, of 65536; with it, grey stays grey to the byte."""


def is_shape(shape: tuple[int, ...]) -> bool:
    """Tell whether these may be the axes of an image.

    Examples
    --------
    >>> is_shape((28, 28)), is_shape((28, 28, 3)), is_shape((28, 28, 1)), is_shape((784,))
    (True, True, False, False)
    """
    return len(shape) == 2 or (len(shape) == 3 and shape[2] == CHANNELS)


def colour_of(shape: tuple[int, ...]) -> Colour:
    """Return whether images of a shape are grey or coloured.

    Examples
    --------
    >>> colour_of((28, 28)), colour_of((28, 28, 3))
    ('grey', 'rgb')
    """
    return "grey" if len(shape) == 2 else "rgb"


def describe(shape: tuple[int, ...]) -> str:
    """Return a shape in words.

    Examples
    --------
    >>> describe((28, 28)), describe((28, 28, 3))
    ('28x28', '28x28x3')
    """
    return "x".join(map(str, shape))


def square(n: int) -> tuple[int, int] | None:
    """Return the shape of square grey images of so many pixels, if there are such.

    Examples
    --------
    >>> square(784), square(785)
    ((28, 28), None)
    """
    side = math.isqrt(n)
    return (side, side) if side**2 == n else None


def coloured_square(n: int) -> tuple[int, int, int] | None:
    """Return the shape of square coloured images of so many numbers, if there are such; then no grey ones have as many.

    Three numbers are no image of one pixel.

    Examples
    --------
    >>> coloured_square(3072), coloured_square(784)
    ((32, 32, 3), None)
    """
    side = math.isqrt(n // CHANNELS)
    return (side, side, CHANNELS) if side > 1 and CHANNELS * side**2 == n else None


def image_shape(shape: tuple[int, ...] | None, n: int) -> Shape:
    """Return the shape of images of so many numbers.

    Parameters
    ----------
    shape : tuple of int or None
        (height, width) or (height, width, 3). None is a square, grey or coloured: no number is both.
    n : int
        Numbers of an image.

    Raises
    ------
    ValueError
        Where they are not those of the shape, or there is none and they make no square.

    Examples
    --------
    >>> image_shape(None, 784), image_shape(None, 192)
    ((28, 28), (8, 8, 3))
    """
    found = tuple(shape) if shape is not None else square(n) or coloured_square(n)
    if found is None or not is_shape(found) or min(found) < 1 or math.prod(found) != n:
        given = "a square, grey or coloured" if shape is None else f"shape {tuple(shape)}"
        raise ValueError(
            f"shape must be (height, width) of images of {n} pixels, or (height, width, 3) of coloured ones of {n} "
            f"numbers; they are not {given}"
        )
    height, width = found[:2]
    return (height, width) if colour_of(found) == "grey" else (height, width, CHANNELS)


def as_colour(images: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """Return images as grey or as coloured ones; what they are already is handed back as it is.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3), uint8
        Grey or coloured ones.
    colour : {"grey", "rgb"}
        Colours become grey by ITU-R 601-2, rounded; what is grey gets three equal channels.

    Returns
    -------
    ndarray of uint8

    Examples
    --------
    >>> red = np.array([[[[255, 0, 0]]]], np.uint8)
    >>> as_colour(red, "grey").tolist(), as_colour(red[..., 0], "rgb").tolist()
    ([[[76]]], [[[[255, 255, 255]]]])
    """
    if is_coloured(images) == (colour == "rgb"):
        return images
    if colour == "rgb":
        return np.repeat(images[..., np.newaxis], CHANNELS, axis=-1)
    grey = np.empty(images.shape[:-1], np.uint8)
    for index, image in enumerate(images):  # one by one: as 32 bits, all of them would take four times their memory
        grey[index] = (image @ _LUMA + 2**15) >> 16
    return grey


def is_coloured(images: NDArray[Any]) -> bool:
    """Tell whether an array of images (n_images, height, width) has a fourth axis, of three channels."""
    return images.ndim == 4 and images.shape[-1] == CHANNELS
