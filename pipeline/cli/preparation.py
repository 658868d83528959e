"""How what a person hands over becomes images as a model takes them: by `Photo`, or as `Fetch` reads pictures."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import ImageError
from pipeline.data.inputs import Input, read_input
from pipeline.data.own.picture import CONTRAST, NO_PILLOW, Background, PictureError, Rules, read_picture
from pipeline.html.drawing.model import byte_scale
from pipeline.image_shape import Shape, colour_of, coloured_square, describe, square
from pipeline.images.ink import is_prepared
from pipeline.images.photo import Digit, Photo, PhotoError
from pipeline.images.pixels import full_scale
from pipeline.parameters import ParameterError

Prepare = Literal["auto", "photo", "plain"]

INK = 20 / 28
"""The share of an image that MNIST's ink takes, where a model does not say what its own takes."""

LARGEST_SHOWN = 1200
"""Pixels along the longer side of a picture that is to be drawn."""


@dataclass(frozen=True)
class Prepared:
    """What one file has come to.

    Attributes
    ----------
    name : str
        The file's.
    rows : ndarray of shape (n_images, n_pixels)
        Images as the model takes them.
    digits : sequence of Digit or None
        Where they stand on a picture, in the order of reading; None for an array.
    picture : ndarray of shape (height, width) or (height, width, 3), or None
        The picture, scaled down, where it is to be drawn.
    scale : float
        By what factor it is scaled down.
    warning : str or None
        What a person should know of the picture.
    """

    name: str
    rows: NDArray[Any]
    digits: Sequence[Digit] | None = None
    picture: NDArray[np.uint8] | None = None
    scale: float = 1.0
    warning: str | None = None


@dataclass(frozen=True)
class Preparation:
    """What makes images of pictures for one model.

    Attributes
    ----------
    photo : Photo or None
        What finds ink in a picture and brings it to the form of the training images; None reads pictures plainly.
    rules : Rules
        How they are then read, as `Fetch` has read those of training.
    shape : tuple of int
        Height and width of an image, and 3 after them where it is coloured.
    brightness : float
        The value of full brightness.
    unknown : str or None
        Why there is neither, where the model does not say how its images were made and nothing was asked for.
    keep : bool
        Whether pictures are to be drawn.
    scales_bytes : bool or None
        Whether the model has learned from bytes that it scales itself, and would take fractions as they are; False
        where it has not, and would scale bytes; None where it takes both alike.
    """

    photo: Photo | None
    rules: Rules
    shape: Shape
    brightness: float
    unknown: str | None = None
    keep: bool = field(default=False)
    scales_bytes: bool | None = None

    def read(self, one: Input, n_pixels: int, shape: Shape | None) -> Prepared:
        """Read one file, and make images of it.

        Raises
        ------
        ValueError, OSError, ModuleNotFoundError
            Naming the file, where it cannot be read or does not suit the model.
        """
        content = read_input(one, n_pixels, shape)
        if not isinstance(content, bytes):
            return Prepared(one.name, content)
        try:
            return self._of_picture(one, content)
        except (PictureError, PhotoError) as error:
            raise ImageError(f"{one}: {error}") from error
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "PIL":
                raise
            raise ImageError(f"{one}: {NO_PILLOW}") from error

    def _of_picture(self, one: Input, content: bytes) -> Prepared:
        if self.unknown:
            raise ImageError(f"{one}: {self.unknown}")
        if self.photo is None:
            page, digits, edges = None, self._plain(content), 0
        else:
            page = read_picture(content, Rules(background=CONTRAST))
            digits, edges = self._found(page, self.photo)
        warning = _ALONG_THE_BORDER.format(edges) if edges else None
        rows: NDArray[Any] = np.array([digit.pixels.ravel() for digit in digits], np.uint8).reshape(
            len(digits), math.prod(self.shape)
        )
        if self.brightness != _BYTE:
            rows = rows * np.float32(self.brightness / _BYTE)
        if self.scales_bytes is not None:
            rows = np.rint(rows).astype(np.uint8) if self.scales_bytes else rows.astype(np.float32)
        if not self.keep:
            return Prepared(one.name, rows, digits, warning=warning)
        seen = read_picture(content, Rules(background=CONTRAST)) if page is None else page
        step = max(1.0, max(seen.shape) / LARGEST_SHOWN)
        return Prepared(one.name, rows, digits, _scaled_down(seen, step), 1 / step, warning)

    def _found(self, page: NDArray[np.uint8], photo: Photo) -> tuple[Sequence[Digit], int]:
        """Return the digits of a page, or an image like those of training as it is; and what the border has cost."""
        if page.shape == self.shape and is_prepared(page, photo.ink_size):
            return [_whole(page)], 0
        found = photo.find(page)
        return found.digits, found.edges

    def _plain(self, content: bytes) -> Sequence[Digit]:
        """Return a picture as one image, scaled to the size of an image where that is a square."""
        image = read_picture(content, self.rules)
        if image.shape != self.shape:
            expected, given = (describe(one[:2]) for one in (self.shape, image.shape))
            raise PictureError(f"expected a picture of {expected} pixels, as the model was trained on; got {given}")
        return [_whole(image)]


_BYTE = 255.0
_ALONG_THE_BORDER = (
    "left out what lies along the border, as the edge of a sheet does, in {} places: no stroke of a digit?"
)


def _whole(image: NDArray[np.uint8]) -> Digit:
    return Digit(image, (0, 0, *image.shape[:2]), 0, None)


def _scaled_down(picture: NDArray[np.uint8], step: float) -> NDArray[np.uint8]:
    from PIL import Image  # noqa: PLC0415 - an extra; the picture has been read by it

    size = (max(1, round(picture.shape[1] / step)), max(1, round(picture.shape[0] / step)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX)) if step > 1 else picture


def preparation_of(model: Any, prepare: Prepare, background: Background | None, *, keep: bool = False) -> Preparation:
    """Return what makes images of pictures for a model.

    Parameters
    ----------
    model : Pipeline or estimator
        Fitted.
    prepare : {"auto", "photo", "plain"}
        Whether ink is found and centred, or a picture is one image as it is; "auto" asks the model.
    background : {"black", "white"} or None
        What the background of pictures is that are read plainly; None asks the model.
    keep : bool, default=False
        Whether pictures are to be drawn.

    Raises
    ------
    ImageError
        Where `Photo` is asked for, and the model takes no square grey images.
    ParameterError
        Where a background is given that nothing would use.
    """
    step = getattr(model, "named_steps", {}).get("preprocess")
    shape = _shape_of(model, step)
    of_training: Background = getattr(step, "background_", "black")
    rules = Rules(
        size=shape[0] if shape[0] == shape[1] else None,
        background=background or of_training,
        colour=colour_of(shape),
    )
    photo = getattr(step, "photo_", None) if prepare != "plain" else None
    if prepare == "photo" and photo is None:
        photo = _usual_photo(shape)
    if photo is not None and background is not None:
        raise ParameterError(
            "background is for pictures that are taken plainly, and must be left out where ink is found in them; got "
            f"{background!r} (--prepare plain takes them plainly)"
        )
    unknown = None if prepare != "auto" or hasattr(step, "ink_size_") else _UNKNOWN
    first, brightness = _first(model), _brightness(model, step)
    has_scale = getattr(first, "pixel_scale", None) is not None
    scales_bytes = byte_scale(first, brightness) is not None if has_scale else None
    return Preparation(photo, rules, shape, brightness, unknown, keep, scales_bytes)


_UNKNOWN = (
    "the model does not say what its images were made from; --prepare photo finds ink in pictures and centres it as in "
    "MNIST, --prepare plain takes each picture as one image"
)


def _shape_of(model: Any, step: Any) -> Shape:
    """Return the shape of the images that a model takes: as it was told, or a square."""
    known: Shape | None = getattr(step, "image_shape_", None)
    n = model.n_features_in_
    return known or square(n) or coloured_square(n) or (1, n)


def _usual_photo(shape: Shape) -> Photo:
    """Return what makes images as MNIST has them, of another size where the model has."""
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 4:
        raise ImageError(f"--prepare photo makes square grey images, and the model takes {describe(shape)}")
    return Photo(size=shape[0], ink_size=round(INK * shape[0])).fit()


def _first(model: Any) -> Any:
    """Return what takes the images: the first step of a pipeline, or the network within what scales its targets."""
    first = getattr(model, "steps", [(None, model)])[0][1]
    return getattr(first, "regressor_", first)


def _brightness(model: Any, step: Any) -> float:
    """Return the value of full brightness in the images that a model takes.

    Of images that are standardized, the largest mean of a pixel is known, which is a good part of that.
    """
    if step is not None:
        return float(getattr(step, "full_scale_", _BYTE))
    first = _first(model)
    looks, means = getattr(first, "input_statistics_", None), getattr(first, "mean_", None)
    if looks is not None:
        return full_scale(np.array([looks.high]))
    return _BYTE if means is None else full_scale(np.array([np.max(means)]))


def grouped(files: Sequence[Prepared]) -> Iterator[list[Prepared]]:
    """Yield pictures that follow each other as one group, so that they are predicted together; arrays one by one."""
    group: list[Prepared] = []
    for one in files:
        if one.digits is None:
            if group:
                yield group
            yield [one]
            group = []
        else:
            group.append(one)
    if group:
        yield group
