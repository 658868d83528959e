"""What ``predict --show`` draws: pictures with what was found in them, and what the network saw beside each answer."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.answers import Answers, label_of, reading_of
from pipeline.cli.output_file import write_output_file
from pipeline.cli.preparation import Preparation, Prepared
from pipeline.cli.terminal import tell
from pipeline.plots import Seen, Sheet, predictions, to_png

MOST_FILES, MOST_IMAGES = 20, 1000
"""Files, and images of each, that are drawn: with more, nothing in the picture could be seen."""


class Drawn:
    """What is drawn of the answers: of many files the first ones, and of many images of a file.

    Parameters
    ----------
    preparation : Preparation
        How images were made, and so what they look like.
    """

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation
        self._files: list[Prepared] = []
        self._sheets: list[Sheet] = []

    def watching(self, answers: Iterable[Answers]) -> Iterator[Answers]:
        """Hand on answers, and remember what is to be drawn of them."""
        for one in answers:
            items = list(one.items)
            self._remember(one.file, items)
            yield Answers(one.file, items)

    def _remember(self, file: Prepared, items: Sequence[dict[str, Any]]) -> None:
        """Put the first images of a file on a sheet, where there are not too many sheets."""
        if not self._files or self._files[-1] is not file:
            self._files.append(file)
            if len(self._files) <= MOST_FILES:
                is_page = file.digits is not None and len(file.digits) != 1
                title = f"{file.name}: {reading_of(items)}" if is_page else file.name
                self._sheets.append(Sheet(title, file.picture, [], 0))
        if len(self._files) > MOST_FILES:
            return
        sheet = self._sheets[-1]
        found = [item for item in items if item["number"] is not None]
        sheet.n_images += len(found)
        sheet.seen.extend(self._seen(file, item) for item in found[: MOST_IMAGES - len(sheet.seen)])

    def _seen(self, file: Prepared, item: dict[str, Any]) -> Seen:
        """Return an image as the network saw it, and what it said; with a box where it is a part of a picture."""
        image = self._image(file.rows[item["number"]])
        box = None
        if file.digits is not None and item["box"] != [0, 0, *image.shape[:2]]:
            top, left, bottom, right = (side * file.scale for side in item["box"])
            box = top, left, bottom, right
        return Seen(image, label_of(item), item["confidence"], not item.get("rejected"), box)

    def _image(self, row: NDArray[Any]) -> NDArray[np.uint8]:
        """Return a row of pixels as an image on 0..255."""
        levels = row.reshape(self._preparation.shape) * (255 / self._preparation.brightness)
        return np.rint(np.clip(levels, 0, 255)).astype(np.uint8)

    def write(self, path: Path) -> None:
        """Draw, and put the picture in its place."""
        more = len(self._files) - MOST_FILES
        if more > 0:
            tell(f"{path} shows the first {MOST_FILES} files; {more} more are not in it")
        write_output_file(path, to_png(predictions(self._sheets)))
