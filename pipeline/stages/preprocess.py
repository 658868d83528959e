"""The stage that turns pixels and labels into what a network learns from.

It learns from the training file alone, and hands on arrays that can be memory-mapped.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import (
    NORMALIZER,
    PREPARED,
    RAW,
    bytes_name,
    images_path,
    labels_name,
    pixels_name,
    read_class_names,
    read_images,
)
from pipeline.data.class_names import write_class_names
from pipeline.data.idx import is_raw, write_rows
from pipeline.data.npy import write_pieces
from pipeline.data.parts import check_parts
from pipeline.files import link_file
from pipeline.image_shape import Shape, colour_of, describe, image_shape, square
from pipeline.images.pixels import pieces
from pipeline.images.statistics import ImageStatistics
from pipeline.parameters import ParameterError, renamed_parameters
from pipeline.preprocessing.normalize import Normalize
from pipeline.preprocessing.one_hot import OneHot
from pipeline.progress import Progress
from pipeline.provenance import read_record
from pipeline.stages.base import Stage
from pipeline.strict_json import write_json


@renamed_parameters(deslant="deskew")
class Preprocess(Stage, Normalize):
    """Normalise the images of both files by what the training file says, and write the labels one-hot.

    As a step of a ``Pipeline`` it is `Normalize`, and touches X alone; `run` writes Y as well.

    Parameters
    ----------
    method : {"unit", "standard"}, default="unit"
        "unit" takes 0 to 0 and full brightness to 1, "standard" takes the pixels that were learned from to mean 0 and
        deviation 1.
    deskew : bool, default=False
        Whether to shear every image, by 45 degrees at the most, so that its ink leans neither left nor right.
    ink_width : int, default=None
        Pixels that the ink of every image is scaled to across, and put in the middle. None leaves it as it is.
    stored_as : {"float32", "uint8"}, default="float32"
        What the stage writes pixels as. uint8 takes a quarter of the disk, or nothing where the images stay as they
        are, for data larger than memory: training scales them, batch by batch, to the same numbers. It is for the
        method unit alone.
    """

    reads: ClassVar[tuple[str, ...]] = (RAW,)
    writes: ClassVar[str] = PREPARED

    def __init__(
        self,
        method: Literal["unit", "standard"] = "unit",
        deskew: bool = False,
        ink_width: Annotated[int, ">= 2"] | None = None,
        stored_as: Literal["float32", "uint8"] = "float32",
    ) -> None:
        super().__init__(method, deskew, ink_width)
        self.stored_as = stored_as

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Write ``{train,test}_{X,Y}.npy`` and ``normalize.json``; pixels as bytes are ``{train,test}_X.idx``."""
        if self.stored_as == "uint8" and self.method != "unit":
            raise ParameterError(f"stored_as must be float32 where method is {self.method}; got 'uint8'")
        parts = {part: read_images(artifacts, part) for part in ("train", "test")}
        (images, labels), (others, _) = parts["train"], parts["test"]
        shape = image_shape(images.shape[1:], images[0].size)
        self._check_shape(shape)
        check_parts(parts)
        write_class_names(folder, read_class_names(artifacts))
        one_hot = OneHot(classes=tuple(range(int(labels.max()) + 1))).fit(np.unique(labels))
        self.fit(_rows_of(images))
        self.image_shape_ = shape
        if shape != square(self.n_features_in_):  # of rows alone, `fit` takes images for square grey ones
            self.input_statistics_ = ImageStatistics.of(_rows_of(images), shape)
            self.ink_size_ = None
        self.background_ = _background(artifacts)
        for part, (X, y) in parts.items():
            Y = (one_hot.transform(y[start : start + _LABELS]) for start in range(0, len(y), _LABELS))
            write_pieces(folder / labels_name(part), Y, (len(y), len(one_hot.classes_)), np.float32)
            if self.stored_as == "uint8":
                self._write_bytes(images_path(artifacts, part), folder / bytes_name(part), X, progress)
            else:
                self._write_pixels(folder / pixels_name(part), _rows_of(X), progress)
        write_json(folder / NORMALIZER, self.get_state(), sort_keys=True)
        return {
            "train": len(images),
            "test": len(others),
            "pixels": self.n_features_in_,
            "classes": len(one_hot.classes_),
        }

    def _check_shape(self, shape: Shape) -> None:
        """Raise where images are to be aligned and are no grey squares; as rows, those of 4x9 could pass for 6x6."""
        if self._aligns and shape != square(math.prod(shape)):
            hint = "; fetch.colour: grey makes them so" if colour_of(shape) == "rgb" else ""
            raise ValueError(f"deskew and ink_width take square grey images; got {describe(shape)}{hint}")

    def _write_pixels(self, path: Path, pixels: NDArray[np.uint8], progress: Progress) -> None:
        """Normalise rows of pixels into a file, piece by piece."""
        progress.begin(f"normalise {path.stem}", len(pixels), "images")
        try:
            write_pieces(path, self._normalized(pixels, progress), pixels.shape, np.float32)
        finally:
            progress.end()

    def _write_bytes(self, raw: Path, path: Path, images: NDArray[np.uint8], progress: Progress) -> None:
        """Write images as bytes; those that stay as they are share the raw file's place on the disk, where they can."""
        if not self._aligns and is_raw(raw) and link_file(raw, path):
            return
        progress.begin(f"write {path.stem}", len(images), "images")
        try:
            write_rows(path, images.shape, self._aligned(images, progress))
        finally:
            progress.end()

    def _aligned(self, images: NDArray[np.uint8], progress: Progress) -> Iterator[NDArray[np.uint8]]:
        """Yield images made alike as the parameters ask, in pieces of bounded size."""
        pixels = _rows_of(images)
        for rows in pieces(pixels):
            yield self._align(pixels[rows])
            progress.advance(rows.stop - rows.start)

    def _normalized(self, pixels: NDArray[np.uint8], progress: Progress) -> Iterator[NDArray[Any]]:
        """Yield rows of pixels as they are prepared, in pieces of bounded size."""
        for rows in pieces(pixels):
            yield self.transform(pixels[rows])
            progress.advance(rows.stop - rows.start)


_LABELS = 2**16
"""Labels that are encoded at once."""


def _background(artifacts: Path) -> Literal["black", "white"]:
    """Return what the background of the pictures was that `Fetch` has read; images of other kinds are as they are."""
    record = read_record(artifacts / RAW)
    return "white" if record is not None and record.parameters.get("background") == "white" else "black"


def _rows_of(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as rows of pixels, without a copy."""
    return images.reshape(len(images), -1)
