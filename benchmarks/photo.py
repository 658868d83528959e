"""Digits of the test images on pages, photographed, and read by the default network; beside the plain way.

The plain way is that of most scripts: Otsu's threshold for the whole picture, the box of what is darker (or lighter,
whichever is less), stretched to the size of the network's images. Nothing was chosen by the test images.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from benchmarks.data import load_pixels
from benchmarks.looks import CLEAN, DISTURBED, HARD, Look
from benchmarks.measure import ROOT, rounded
from benchmarks.options import Options, say
from benchmarks.pages import Page, one_digit, one_of_many
from pipeline import Normalize, Photo, Train
from pipeline.cli.params_file import read_document
from pipeline.images.background import as_grey
from pipeline.parameters import read_parameters

MINUTES = 8
LOOKS = {"white paper, 10 times as large": CLEAN, "photographed, 4 to 12 times as large": DISTURBED}
LOST, WHOLE = (0.15, 1.0), 98.0
"""Points of accuracy that a page may cost, by its look; and the percentage of pages to be read whole."""
_DIGITS, _PAGES, _SEED, _QUICK = 2000, 200, 14, 10
_HARD_DIGITS, _HARD_PAGES = 100, 40

Images = NDArray[np.uint8]
Way = Callable[[Page], list[tuple[int, Images]]]
"""What finds the digits of a page: the line and the image of each, in the order of reading; none that is in doubt."""


def run(options: Options) -> dict[str, Any]:
    """Train the default network, and read pages with it in both ways."""
    say("photo: training the default network")
    model = _default_network(options)
    X, y = load_pixels(options.folder, "test")
    aims = [(name, look, _DIGITS, _PAGES, aim) for (name, look), aim in zip(LOOKS.items(), LOST, strict=True)]
    harder = [(name, look, _HARD_DIGITS, _HARD_PAGES, None) for name, look in HARD.items()]
    looks = []
    for name, look, n_digits, n_pages, aim in [*aims, *(harder[-1:] if options.quick else harder)]:
        say(f"photo: {name}")
        n, pages = (_QUICK, _QUICK) if options.quick else (n_digits, n_pages)
        told = {"look": name, "digits": n, "pages": pages, "as_it_is": rounded(100 * model.score(X[:n], y[:n]))}
        looks.append(told | {"may_lose": aim, "ways": _measured(model, X, y, look, n, pages)})
    return {"whole": WHOLE, "looks": looks}


def _default_network(options: Options) -> Any:
    """Return the network of params.yaml behind its normalization, trained on all training images."""
    parameters = read_parameters(Train, read_document(ROOT / "params.yaml")["train"], "train")
    network = Train(**parameters | ({"max_iter": 4} if options.quick else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is trained for as long as params.yaml says
        return make_pipeline(Normalize(), network).fit(*load_pixels(options.folder, "train", options.images(60_000)))


def _measured(
    model: Any, X: Images, y: NDArray[np.int64], look: Look, n: int, n_pages: int
) -> dict[str, dict[str, float]]:
    """Return percentages of each way: of single digits right, of pages read whole, of pages with every digit right."""
    pages = [*(("digit", row) for row in range(n)), *(("page", number) for number in range(n_pages))]
    pieces = [pages[start::100] for start in range(100)]
    read = [one for piece in Parallel(n_jobs=2)(delayed(_read)(X, piece, look) for piece in pieces) for one in piece]
    figures = {}
    for way in WAYS:
        answers = {"digit": [], "page": []}
        for kind, digits, found in read:
            images = found[way]
            answers[kind].append(None if images is None else bool((model.predict(images) == y[digits]).all()))
        singles, whole = answers["digit"], [one for one in answers["page"] if one is not None]
        figures[way] = {
            "right": rounded(100 * sum(map(bool, singles)) / n),
            "whole": rounded(100 * len(whole) / n_pages),
            "every": rounded(100 * sum(whole) / n_pages),
        }
    return figures


def _read(X: Images, pages: list[tuple[str, int]], look: Look) -> list[tuple[str, list[int], dict[str, Images | None]]]:
    """Draw pages of one digit or several, and find their digits in every way."""
    drawn = [
        (kind, one_digit(X, number, _SEED, look) if kind == "digit" else one_of_many(X, number, _SEED, look))
        for kind, number in pages
    ]
    return [(kind, page.digits, {name: _whole(page, way) for name, way in WAYS.items()}) for kind, page in drawn]


def _whole(page: Page, way: Way) -> Images | None:
    """Return the images of a page's digits if there are as many on every line as were found."""
    found = way(page)
    counts = [sum(line == number for line, _ in found) for number in range(len(page.lines))]
    if counts != [len(line) for line in page.lines] or len(found) != sum(counts):
        return None
    return np.stack([image for _, image in found])


def with_photo(page: Page) -> list[tuple[int, Images]]:
    """Find digits with `Photo`; a page with a digit in doubt counts as not read."""
    digits = Photo().find(page.picture).digits
    return [] if any(one.doubt for one in digits) else [(one.line, one.pixels.ravel()) for one in digits]


def plainly(page: Page) -> list[tuple[int, Images]]:
    """Find digits by one threshold, stretched to 28 by 28; less than a tenth of the largest is no digit."""
    grey = np.rint(255 * as_grey(page.picture)).astype(np.uint8)
    bright = grey > _otsu(grey)
    ink = bright if bright.mean() < 0.5 else ~bright
    pieces, _ = ndimage.label(ink, np.ones((3, 3)))
    boxes = ndimage.find_objects(pieces)
    areas = np.bincount(pieces.ravel())[1:]
    found = [box for box, area in zip(boxes, areas, strict=True) if area > areas.max(initial=0) / 10]
    lines = _plain_lines(found)
    order = sorted(range(len(found)), key=lambda number: (lines[number], found[number][1].start))
    return [(lines[number], _stretched(ink[found[number]])) for number in order]


def _plain_lines(boxes: list[Any]) -> list[int]:
    """Return the line of each box: a new one where none before reaches down to its middle."""
    lines, low, line = [0] * len(boxes), -1, -1
    for number in sorted(range(len(boxes)), key=lambda number: boxes[number][0].start):
        rows = boxes[number][0]
        if (rows.start + rows.stop) / 2 > low:
            line, low = line + 1, rows.stop
        lines[number] = line
    return lines


def _stretched(ink: NDArray[np.bool_]) -> Images:
    """Return ink as black and white, stretched to 28 by 28."""
    from PIL import Image  # noqa: PLC0415 - an extra

    small = Image.fromarray(ink.astype(np.uint8) * 255).resize((28, 28), Image.Resampling.BILINEAR)
    return np.asarray(small).ravel()


def _otsu(pixels: Images) -> int:
    """Return the threshold that parts the levels into two classes whose means lie furthest apart, by their weights.

    Examples
    --------
    >>> _otsu(np.array([[10, 10, 12], [200, 210, 200]], np.uint8))
    12
    """
    counts = np.bincount(pixels.ravel(), minlength=256).astype(np.float64)
    below = counts.cumsum()
    total = (counts * np.arange(256)).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (total / below - (total[-1] - total) / above) ** 2
    return int(np.nan_to_num(apart).argmax())


WAYS: dict[str, Way] = {"Photo": with_photo, "one threshold, stretched to 28x28": plainly}
