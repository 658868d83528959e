"""One picture, of any format that people have, as grey values or as colours on 0..255 by stated rules.

The rules: a turn that a camera has noted is made; of several frames the first counts; what is transparent becomes the
background. Where a size is asked for, the longer side becomes as long, smoothed, and the picture stands in the middle.
As grey, colours are weighted by ITU-R 601-2, 16 bits become 8 by rounding, and a white background and its ink are
inverted. As colours, palettes, CMYK and all others become red, green and blue; grey has three equal ones; of 16 bits a
channel the upper 8 count, as Pillow reads them; and nothing is inverted, for that would make red of cyan.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.data.signatures import HEAD, describe_kind
from pipeline.image_shape import Colour
from pipeline.text import shown

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 2**26
"""Pixels that a picture may unfold to: 64 megapixels, more than cameras make and less than fills a memory."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats that are read, in Pillow's words. Others run foreign programs, or are no pictures of this kind."""

Background = Literal["black", "white"]
"""What the background of pictures may be."""

CONTRAST: Final = "contrast"
"""The background of pages that may be either: what is transparent becomes black or white, whichever differs more from
what is not, and nothing is inverted."""


NO_PILLOW = 'pictures are read by Pillow, which is not installed: pip install "digits-pipeline[images]" brings it'


class PictureError(ValueError):
    """Bytes are no picture that can be read; the message says why, and leaves it to the caller to name the file."""


@dataclass(frozen=True)
class Rules:
    """How pictures become images of one kind.

    Attributes
    ----------
    size : int or None
        Height and width in pixels; None leaves a picture as large as it is.
    background : {"black", "white"}
        What the background of the pictures is, or `CONTRAST`. As MNIST's, that of grey images is black, and 0; that of
        coloured ones stays as it is.
    colour : {"grey", "rgb"}
        What images become.
    """

    size: int | None = None
    background: Background | Literal["contrast"] = "black"
    colour: Colour = "grey"


def read_picture(content: bytes, rules: Rules) -> NDArray[np.uint8]:
    """Turn the bytes of a picture's file into an image.

    Parameters
    ----------
    content : bytes
        The whole file.
    rules : Rules
        How.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8

    Raises
    ------
    PictureError
        With the reason, where it is no picture, is damaged, or unfolds to more than `MAX_PIXELS`.
    ModuleNotFoundError
        Where Pillow is missing.
    """
    with ignoring_warnings():
        return decode_picture(content, rules)


@contextmanager
def ignoring_warnings() -> Iterator[None]:
    """Have warnings ignored: Pillow's are on sizes that are bounded here, and on notes of cameras.

    The filters are the process's, so threads that read pictures are started inside, and do not enter this themselves.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode_picture(content: bytes, rules: Rules) -> NDArray[np.uint8]:
    """Do what `read_picture` does, for one that ignores warnings already."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - Pillow is an extra

    try:
        Image.init()  # does nothing a second time
        known = [name for name in FORMATS if name in Image.OPEN]  # a Pillow may be built without some
        with Image.open(io.BytesIO(content), formats=known) as image:
            _check_size(image.width, image.height)
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _finish(_opaque(upright, rules.background).convert(MODES[rules.colour]), rules)
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(_unknown(content)) from None
    except Image.DecompressionBombError:
        raise PictureError(f"it unfolds to more than {MAX_PIXELS} pixels") from None
    except Exception as error:  # noqa: BLE001 - whatever a decoder makes of foreign bytes, the picture cannot be read
        raise PictureError(f"it is damaged ({type(error).__name__}: {shown(error, 100)})") from None


def _unknown(content: bytes) -> str:
    """Say what bytes are that begin as no picture does, or as one and do not go on so."""
    kind = describe_kind(content[:HEAD])
    return f"it is damaged: it begins as {kind}" if kind.endswith(" image") else f"it is {kind}"


def _check_size(width: int, height: int) -> None:
    """Raise for a picture that unfolds to more than is allowed, before any of it is unfolded."""
    if width * height > MAX_PIXELS:
        raise PictureError(f"it has {height}x{width} pixels, and at most {MAX_PIXELS} are read")


MODES = {"grey": "L", "rgb": "RGB"}
"""Pillow's words for pictures of 8 bits, by the colour that is asked for."""


def _opaque(image: "Image", background: str) -> "Image":
    """Return a picture without transparency, of a mode that becomes any other."""
    from PIL import Image  # noqa: PLC0415 - Pillow is an extra

    if image.mode == "F":
        raise PictureError("its pixels are fractions; expected are integers of 1 to 16 bits")
    if image.mode.startswith("I"):
        return Image.fromarray(_of_16_bits(np.asarray(image)))
    if image.has_transparency_data:
        above = image.convert("RGBA")
        behind = _contrasting(above) if background == CONTRAST else background
        return Image.alpha_composite(Image.new("RGBA", image.size, behind), above)
    return image if image.mode in ("1", "L", "P", "RGB", "CMYK") else image.convert("RGB")


def _contrasting(above: "Image") -> Background:
    """Return which background strokes stand out from; where most is not transparent, the one that it has itself."""
    step = max(1, max(above.size) // 512)
    pixels = np.asarray(above)[::step, ::step].astype(np.float64)
    weight = pixels[..., 3] / 255
    is_bright = (pixels[..., :3].mean(axis=-1) * weight).sum() >= 127.5 * weight.sum()
    return "white" if is_bright == (weight.mean() > 0.5) else "black"


def _of_16_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return values on 0..65535 as bytes."""
    if values.min() < 0 or values.max() > 65535:
        raise PictureError("its pixels have more than 16 bits")
    return np.rint(values / 257).astype(np.uint8)


def _finish(picture: "Image", rules: Rules) -> NDArray[np.uint8]:
    """Bring a picture to size, and the background of a grey one to black."""
    pixels = np.asarray(picture if rules.size is None else _fitted(picture, rules.size, rules.background))
    return np.bitwise_not(pixels) if rules.colour == "grey" and rules.background == "white" else pixels.copy()


def _fitted(picture: "Image", size: int, background: str) -> "Image":
    """Return a picture scaled so that its longer side is ``size``, in the middle of a square of the background."""
    from PIL import Image  # noqa: PLC0415 - Pillow is an extra

    longer = max(picture.size)
    width, height = (max(1, round(side * size / longer)) for side in picture.size)
    scaled = picture.resize((width, height), Image.Resampling.LANCZOS)
    if (width, height) == (size, size):
        return scaled
    square = Image.new(picture.mode, (size, size), background)
    square.paste(scaled, ((size - width) // 2, (size - height) // 2))
    return square
