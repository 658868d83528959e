"""Named arrays of a person's own, as images on 0..255 and labels: which array is what, its name says.

Hands on one array of images with their labels and parts, made of blocks of rows, so that what is read as floats never
lies in memory as such. The names are those of Keras, MedMNIST and scikit-learn's examples.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.idx import MAX_BYTES
from pipeline.data.own.tree import PARTS
from pipeline.image_shape import CHANNELS, Colour, Shape, as_colour, describe, square
from pipeline.text import listed, shown

_KINDS = {
    **dict.fromkeys(("x", "image", "images", "data"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}
_EXPECTED = (
    "x_train, y_train, x_test, y_test; train_images, train_labels and so on with val and test; or X and y, images and "
    "labels, data and target"
)
_DIM = 16
"""The largest pixel of bytes that are no bytes, most likely, but 4 bits or fractions."""


class ArrayError(ValueError):
    """Arrays are no images and labels; the message names the array, says what it holds, and what is expected."""


@dataclass(frozen=True)
class NamedArray:
    """An array that can be read some rows at a time, more than once.

    Attributes
    ----------
    name : str
        Its name, for errors.
    dtype : dtype
        Of its items.
    shape : tuple of int
        Its shape.
    blocks : callable
        Returns its rows, in blocks of bounded size.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    blocks: Callable[[], Iterable[NDArray[Any]]]

    def __str__(self) -> str:
        return f"{shown(self.name, 50)} {shown(self.dtype, 50)} of shape {shown(self.shape, 50)}"


@dataclass(frozen=True)
class Samples:
    """Images with a label and a place each.

    Attributes
    ----------
    images : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3), uint8
        One part after the other.
    labels : list of str
        As text, whole numbers as they are written.
    places : list of str
        The array and row that each is from.
    parts : list of str
        The part of each: ``"train"``, ``"test"`` or ``"validation"``.
    """

    images: NDArray[np.uint8]
    labels: list[str]
    places: list[str]
    parts: list[str]


def role_of(name: str) -> tuple[str, str] | None:
    """Tell from an array's name its part and kind; no part is ``""``, and None is what neither is said of.

    Examples
    --------
    >>> role_of("x_train"), role_of("test_labels"), role_of("X"), role_of("weights")
    (('train', 'images'), ('test', 'labels'), ('', 'images'), None)
    """
    pieces = re.split(r"[-_. ]", name.casefold())
    parts = [PARTS[one] for one in pieces if one in PARTS]
    kinds = [_KINDS[one] for one in pieces if one in _KINDS]
    if len(kinds) != 1 or len(parts) > 1 or len(parts) + len(kinds) < len(pieces):
        return None
    return (parts[0] if parts else ""), kinds[0]


def choose(names: Sequence[str]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Say which arrays are images and labels of which part, by their names.

    Parameters
    ----------
    names : sequence of str
        Of all arrays.

    Returns
    -------
    parts : dict of (str, str)
        The names of images and labels; of ``"train"`` alone, where no part is named.
    extra : list of str
        The names of all others. Where parts are named, arrays without one are such.

    Raises
    ------
    ArrayError
        Where images or labels of a part are missing, or two arrays are the same of one.

    Examples
    --------
    >>> choose(["X", "y", "weights"])
    ({'train': ('X', 'y')}, ['weights'])
    """
    roles: dict[tuple[str, str], list[str]] = {}
    for name in names:
        role = role_of(name)
        if role is not None:
            roles.setdefault(role, []).append(name)
    named = {part for part, _ in roles if part}
    roles = {(part or "train", kind): found for (part, kind), found in roles.items() if bool(part) == bool(named)}
    parts = {part: (_only(roles, part, "images", names), _only(roles, part, "labels", names)) for part, _ in roles}
    if "train" not in parts:
        raise ArrayError(f"it has no training part: it holds {listed(names) or 'no array'}; expected are {_EXPECTED}")
    chosen = {name for pair in parts.values() for name in pair}
    return parts, [name for name in names if name not in chosen]


def _only(roles: Mapping[tuple[str, str], list[str]], part: str, kind: str, names: Sequence[str]) -> str:
    """Return the one array that is the images or the labels of a part."""
    found = roles.get((part, kind), [])
    if not found:
        raise ArrayError(
            f"it has no {kind} of the {part} part: it holds {listed(names) or 'no array'}; expected are {_EXPECTED}"
        )
    if len(found) > 1:
        raise ArrayError(f"{listed(found)} are both {kind} of the {part} part; keep one of them")
    return found[0]


def read_samples(
    parts: Mapping[str, tuple[NamedArray, NamedArray]], colour: Colour = "grey"
) -> tuple[Samples, list[str]]:
    """Read images and labels of all parts.

    Pixels of uint8 stay as they are. Of all others, where none is over 1 they are fractions of white and times 255,
    rounded; else they must be whole numbers from 0 to 255. What is not of the colour that is asked for becomes so, as
    `as_colour` does it.

    Parameters
    ----------
    parts : mapping of (NamedArray, NamedArray)
        Images of shape (n, height, width), (n, height, width, 1 or 3), (n, 1 or 3, height, width) or, of squares,
        (n, pixels) of grey ones; and as many labels, of shape (n,) or (n, 1): whole numbers, or text.
    colour : {"grey", "rgb"}, default="grey"
        What the images become.

    Returns
    -------
    samples : Samples
    notes : list of str
        What is to be said of them.

    Raises
    ------
    ArrayError
        Naming the array and what is wrong with it.
    """
    sizes = {images.name: _check(images, labels)[:2] for images, labels in parts.values()}
    (first, size), *others = sizes.items()
    for name, other in others:
        if other != size:
            raise ArrayError(
                f"{name} has images of {describe(other)} pixels; expected {describe(size)}, as {first} has"
            )
    pictures = [images for images, _ in parts.values()]
    n_samples = sum(images.shape[0] for images in pictures)
    shape = (n_samples, *size) if colour == "grey" else (n_samples, *size, CHANNELS)
    if prod(shape) > MAX_BYTES:
        described = f"{n_samples} images of {describe(shape[1:])} pixels"
        raise ArrayError(f"its {described} take more than the {MAX_BYTES} bytes held")
    is_fraction = _are_fractions([images for images in pictures if images.dtype != np.uint8])
    out = np.empty(shape, np.uint8)
    _fill(out, pictures, colour, is_fraction=is_fraction)
    labels = [label for _, column in parts.values() for label in _read_labels(column)]
    places = [f"{images.name}[{row}]" for images in pictures for row in range(images.shape[0])]
    rows = [part for part, (images, _) in parts.items() for _ in range(images.shape[0])]
    return Samples(out, labels, places, rows), _notes(out)


def _notes(images: NDArray[np.uint8]) -> list[str]:
    """Say what people may not have meant."""
    most = int(images.max())
    warning = (
        f"warning: no pixel is over {most}, and 255 is white: the images are as good as black. Give fractions from 0 "
        "to 1, or pixels that are stretched to 0..255"
    )
    return [warning] if most <= _DIM else []


def _check(images: NamedArray, labels: NamedArray) -> Shape:
    """Return the shape of images; raise unless there are some, and as many labels."""
    size = _shape(images)
    if images.dtype.kind not in "buif":
        raise ArrayError(f"{images}: expected are numbers")
    if not images.shape[0] or not all(size):
        raise ArrayError(f"{images} holds no pixel")
    if len(labels.shape) not in (1, 2) or (len(labels.shape) == 2 and labels.shape[1] != 1):
        advice = "; of one-hot labels, np.argmax(labels, axis=1) makes such" if len(labels.shape) == 2 else ""
        raise ArrayError(f"{labels}: expected is a label for each image, of shape (n,) or (n, 1){advice}")
    if labels.dtype.kind not in "buifUS":
        raise ArrayError(f"{labels}: expected are whole numbers, or text")
    if labels.shape[0] * labels.dtype.itemsize > MAX_BYTES:
        raise ArrayError(f"{labels} takes more than the {MAX_BYTES} bytes held")
    if images.shape[0] != labels.shape[0]:
        raise ArrayError(
            f"{images.name} holds {images.shape[0]} images, but {labels.name} holds {labels.shape[0]} labels"
        )
    return size


def _shape(images: NamedArray) -> Shape:
    """Return the shape of one image, without an axis of one channel."""
    shape = images.shape
    if len(shape) == 2 and (flat := square(shape[1])):
        return flat
    if len(shape) == 3:
        return shape[1], shape[2]
    if len(shape) == 4 and (shape[3] in _CHANNELS or shape[1] in _CHANNELS):
        (height, width), n_channels = (shape[1:3], shape[3]) if shape[3] in _CHANNELS else (shape[2:], shape[1])
        return (height, width) if n_channels == 1 else (height, width, CHANNELS)
    raise ArrayError(
        f"{images}: expected are images of shape (n, height, width), with 1 or 3 channels behind or before height and "
        "width, or (n, pixels) of grey squares"
    )


_CHANNELS = (1, CHANNELS)
"""How many channels images may have."""


def _are_fractions(arrays: Sequence[NamedArray]) -> bool:
    """Tell whether all pixels are on 0..1; raise unless they are, or are whole numbers on 0..255."""
    odd: str | None = None
    most = 0.0
    for array in arrays:
        for row, block in _rows(array):
            _check_range(array, row, block)
            most = max(most, float(block.max()))
            if odd is None and (block != np.rint(block)).any():
                odd = _where(array, row, block, block != np.rint(block))
    if most > 1 and odd:
        raise ArrayError(
            f"{odd}, and pixels up to {most:g} are there; expected are whole numbers from 0 to 255, or fractions from "
            "0 to 1"
        )
    return most <= 1


def _check_range(array: NamedArray, row: int, block: NDArray[Any]) -> None:
    """Raise unless all numbers of some rows are on 0..255."""
    wrong = ~((block >= 0) & (block <= 255))
    if wrong.any():
        raise ArrayError(
            f"{_where(array, row, block, wrong)}; expected are whole numbers from 0 to 255, or fractions from 0 to 1"
        )


def _where(array: NamedArray, row: int, block: NDArray[Any], wrong: NDArray[np.bool_]) -> str:
    """Say where the first wrong pixel of some rows is, and which."""
    at = tuple(np.argwhere(wrong)[0])
    return f"{array.name} has the pixel {block[at]:g} in row {row + at[0]}"


def _rows(array: NamedArray) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield blocks with the number of their first row; bools are the numbers 0 and 1."""
    row = 0
    for block in array.blocks():
        yield row, block.astype(np.uint8) if block.dtype == bool else block
        row += len(block)


def _fill(out: NDArray[np.uint8], arrays: Sequence[NamedArray], colour: Colour, *, is_fraction: bool) -> None:
    """Read images as bytes into an array, one after the other."""
    start = 0
    for array in arrays:
        for row, block in _rows(array):
            pixels = block
            if is_fraction and array.dtype != np.uint8:
                pixels = np.rint(block.astype(np.float64) * 255)
            images = _channels_last(pixels.astype(np.uint8), array)
            out[start + row : start + row + len(block)] = as_colour(images, colour)
        start += array.shape[0]


def _channels_last(block: NDArray[np.uint8], array: NamedArray) -> NDArray[np.uint8]:
    """Return rows as images, with three channels behind height and width where there are such."""
    if block.ndim == 4 and block.shape[3] not in _CHANNELS:
        block = np.moveaxis(block, 1, 3)
    return block.reshape(-1, *_shape(array))


def _read_labels(column: NamedArray) -> list[str]:
    """Return labels as text."""
    values = np.concatenate([np.asarray(block).reshape(-1) for block in column.blocks()])
    if values.dtype.kind == "f":
        _check_whole(column, values)
    known, codes = np.unique(values, return_inverse=True)
    texts = [_text(column, values, value) for value in known]
    return [texts[code] for code in codes.tolist()]


def _check_whole(column: NamedArray, values: NDArray[Any]) -> None:
    """Raise unless floats are whole numbers that a float can tell apart."""
    wrong = np.flatnonzero(~(np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2**53)))
    if len(wrong):
        raise ArrayError(
            f"{column.name} has the label {values[wrong[0]]:g} in row {wrong[0]}; expected are whole numbers, or text"
        )


def _text(column: NamedArray, values: NDArray[Any], value: Any) -> str:
    """Return one label as text."""
    row = int(np.flatnonzero(values == value)[0])
    if values.dtype.kind in "buif":
        if value < 0:
            raise ArrayError(f"{column.name} has the label {value:g} in row {row}; expected are whole numbers from 0")
        return str(int(value))
    try:
        text = (value.decode("utf-8") if isinstance(value, bytes) else str(value)).strip()
    except UnicodeDecodeError:
        raise ArrayError(f"{column.name} has a label in row {row} that is no text in UTF-8") from None
    if not text:
        raise ArrayError(f"{column.name} has no label in row {row}; expected are whole numbers, or text")
    return text
