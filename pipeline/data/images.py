"""Images that a person hands over for prediction: an IDX or a NumPy file, made into rows of pixels for a model.

What does not fit the model is refused with the size that was given and the size that is expected.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.idx import read_idx
from pipeline.data.npy import is_npy, read_npy


class ImageError(ValueError):
    """A file does not hold images that the model can take; the message says what it holds, and what is expected."""


def read_images(path: str | os.PathLike[str], n_pixels: int, shape: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read one image or many from a file.

    Parameters
    ----------
    path : path
        An IDX file, raw or gzip, or a ``.npy`` file; which one is told by its content, not by its name.
    n_pixels : int
        Pixels per image that the model takes.
    shape : tuple of int, optional
        Height and width of the images that the model was trained on, where that is known.

    Returns
    -------
    ndarray of shape (n_images, n_pixels), uint8
        A row for each image, 0..255.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    IdxError, NpyError, ImageError
        Where it is no such file, or its images are not of this size or not uint8.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there, or is no file")
    return as_rows(read_npy(path) if is_npy(path) else read_idx(path), n_pixels, str(path), shape)


def as_rows(
    images: NDArray[Any], n_pixels: int, source: str = "images", shape: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Return images as rows of pixels, without a copy.

    Parameters
    ----------
    images : ndarray of shape (height, width), (n_images, height, width) or (n_images, n_pixels), uint8
        Pixels, 0..255.
    n_pixels : int
        Pixels per image that the model takes.
    source : str
        What to call them in an error.
    shape : tuple of int, optional
        As `read_images` takes it.

    Returns
    -------
    ndarray of shape (n_images, n_pixels), uint8

    Raises
    ------
    ImageError
        Where they are of another size or type, or there are none.

    Examples
    --------
    >>> as_rows(np.zeros((28, 28), np.uint8), 784).shape
    (1, 784)
    """
    if images.dtype != np.uint8:
        raise ImageError(f"{source}: pixels must be uint8, 0..255; got {images.dtype}")
    if images.ndim not in (2, 3) or images.size == 0:
        raise ImageError(
            f"{source}: expected images of shape (height, width), (n, height, width) or (n, {n_pixels}); "
            f"got shape {images.shape}"
        )
    if images.ndim == 2 and images.shape[1] == n_pixels:
        return images
    height, width = images.shape[-2:]
    if shape and (height, width) != shape:
        raise ImageError(
            f"{source}: expected images of {shape[0]}x{shape[1]} pixels, as the model was trained on; got "
            f"{height}x{width}"
        )
    if height * width != n_pixels:
        raise ImageError(f"{source}: expected images of {n_pixels} pixels each; got shape {images.shape}")
    return images.reshape(-1, n_pixels)
