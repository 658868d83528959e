"""The stage that turns pixels and labels into what a network learns from.

It learns from the training file alone, and hands on arrays that can be memory-mapped.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import NORMALIZER, PREPARED, RAW, labels_name, pixels_name, read_class_names, read_images
from pipeline.data.class_names import write_class_names
from pipeline.data.npy import write_npy, write_pieces
from pipeline.data.parts import check_parts
from pipeline.image_shape import Shape, colour_of, describe, image_shape, square
from pipeline.images.pixels import pieces
from pipeline.images.statistics import ImageStatistics
from pipeline.preprocessing.normalize import Normalize
from pipeline.preprocessing.one_hot import OneHot
from pipeline.progress import Progress
from pipeline.provenance import read_record
from pipeline.stages.base import Stage
from pipeline.strict_json import write_json


class Preprocess(Stage, Normalize):
    """Normalise the images of both files by what the training file says, and write the labels one-hot.

    As a step of a ``Pipeline`` it is `Normalize`, and touches X alone; `run` writes Y as well.
    """

    reads: ClassVar[tuple[str, ...]] = (RAW,)
    writes: ClassVar[str] = PREPARED

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Write ``{train,test}_{X,Y}.npy`` and ``normalize.json``."""
        parts = {part: read_images(artifacts, part) for part in ("train", "test")}
        (images, labels), (others, _) = parts["train"], parts["test"]
        shape = image_shape(images.shape[1:], images[0].size)
        self._check_shape(shape)
        check_parts(parts)
        write_class_names(folder, read_class_names(artifacts))
        one_hot = OneHot(classes=tuple(range(int(labels.max()) + 1))).fit(labels)
        self.fit(_rows_of(images))
        self.image_shape_ = shape
        if shape != square(self.n_features_in_):  # of rows alone, `fit` takes images for square grey ones
            self.input_statistics_ = ImageStatistics.of(_rows_of(images), shape)
            self.ink_size_ = None
        self.background_ = _background(artifacts)
        for part, (X, y) in parts.items():
            write_npy(folder / labels_name(part), one_hot.transform(y))
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

    def _normalized(self, pixels: NDArray[np.uint8], progress: Progress) -> Iterator[NDArray[Any]]:
        """Yield rows of pixels as they are prepared, in pieces of bounded size."""
        for rows in pieces(pixels):
            yield self.transform(pixels[rows])
            progress.advance(rows.stop - rows.start)


def _background(artifacts: Path) -> Literal["black", "white"]:
    """Return what the background of the pictures was that `Fetch` has read; images of other kinds are as they are."""
    record = read_record(artifacts / RAW)
    return "white" if record is not None and record.parameters.get("background") == "white" else "black"


def _rows_of(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as rows of pixels, without a copy."""
    return images.reshape(len(images), -1)
