"""What the images of a training set look like, in a few figures, and in what other images differ from them.

A network answers whatever it is shown, and is sure of it. What is inverted, shifted or on another scale is told here,
before its answers are believed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pipeline.image_shape import CHANNELS, Shape, colour_of, image_shape, square

Array = NDArray[Any]

SAMPLE = 5000
"""Images that a training set is described by at the most, evenly spaced in it."""

SORTED = 100
"""Images of a chunk that grey levels are counted in, which takes longest."""

CHUNK = 2**20
"""Pixels that are looked at together: memory stays bounded."""

QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)
"""Of each figure: the extremes, which bound a few images; hundredths, which bound the median of many; the median."""

MANY = 20
"""Images from which on the median is held to the hundredths: the median of one class among ten is well inside them."""

FIGURES = ("mean", "border", "ink", "row", "column", "aspect", "levels")
COLOUR_FIGURES = ("chroma", "red_blue")
TOLERANCE = {"mean": 0.03, "border": 0.05, "ink": 0.03, "aspect": 0.05, "levels": 0.0, "chroma": 0.03, "red_blue": 0.05}
"""How far beyond its bounds a figure may lie. Of the centre, see `PIXELS`."""

ODD_ASPECT = 0.25
"""The same of the aspect, for a few images: those of training may lack the longest stroke."""

PIXELS = 1.5
"""Pixels that the centre of ink may lie beyond its bounds."""

CONTRAST = 15
"""By what factor a scale differs from another one for certain: 16 from 1, 255 from 16, 65535 from 255."""


@dataclass(frozen=True)
class ImageStatistics:
    """Figures of a training set's images.

    Attributes
    ----------
    low, high : float
        The smallest and the largest value of all pixels.
    shape : tuple of int or None
        Height and width, and 3 after them where images are coloured; None where pixels make no image, and there is
        nothing but ``low`` and ``high``.
    figures : dict of tuple of float
        Of every figure of an image, its `QUANTILES` over the images. Brightness is 0 at ``low`` and 1 at ``high``.
        ``mean`` and ``border`` are the brightness of all pixels and of the outermost ones, ``ink`` the share of pixels
        above 0.5, ``row`` and ``column`` the centre of mass (0 in the middle, 0.5 at the lower or right edge),
        ``aspect`` the logarithm of height by width of the ink, as standard deviations, ``levels`` the number of
        different values. A coloured pixel is as bright as the mean of its channels; ``chroma`` is the largest of them
        less the smallest, and ``red_blue`` red less blue, both as means of all pixels.

    Examples
    --------
    >>> digits = np.zeros((30, 5, 5), np.uint8)
    >>> digits[:, 1:4, 2] = 255
    >>> looks = ImageStatistics.of(digits.reshape(30, 25))
    >>> looks.differences(digits.reshape(30, 25))
    []
    >>> looks.differences(255 - digits.reshape(30, 25))
    ['bright border: inverted?']
    >>> looks.differences(digits.transpose(0, 2, 1).reshape(30, 25))
    ['ink wider than high: transposed?']
    """

    low: float
    high: float
    shape: Shape | None
    figures: Mapping[str, tuple[float, ...]]

    @classmethod
    def of(cls, X: Any, shape: Shape | None = None, sample: int = SAMPLE) -> Self:
        """Describe images.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_images, n_pixels)
            Finite numbers.
        shape : tuple of int, optional
            Height and width, and 3 after them where images are coloured; a grey square where it is left out.
        sample : int
            Images that figures are taken of, at the most; the range is that of all.
        """
        low, high = float(X.min()), float(X.max())
        shape = shape or square(X.shape[1])
        if shape is None or min(shape) < 3 or not low < high:
            return cls(low, high, None, {})
        figures = _figures(_spaced(X, sample), shape, low, high)
        quantiles = {name: np.nanquantile(values, QUANTILES) for name, values in figures.items() if _known(values)}
        return cls(low, high, shape, {name: tuple(map(_rounded, of)) for name, of in quantiles.items()})

    def get_state(self) -> dict[str, Any]:
        """Return it in values that JSON has; `from_state` takes it."""
        figures = {name: list(quantiles) for name, quantiles in self.figures.items()}
        return {"low": self.low, "high": self.high, "shape": self.shape and list(self.shape), "figures": figures}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Make it of what `get_state` returned.

        Raises
        ------
        ValueError
            Where that is not what `get_state` returns.
        """
        try:
            figures = {str(name): tuple(map(float, of)) for name, of in state["figures"].items()}
            shape = state["shape"] and _as_shape(state["shape"])
            made = cls(float(state["low"]), float(state["high"]), shape, figures)
            made.check()
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            made = None
        if made is None or made.get_state() != state:
            raise ValueError(f"not the statistics of images: {state!r}")
        return made

    def check(self) -> None:
        """Raise a ValueError where the figures are not those of images."""
        finite = np.isfinite([self.low, self.high, *(value for of in self.figures.values() for value in of)]).all()
        names = {*FIGURES, *(COLOUR_FIGURES if self.shape and colour_of(self.shape) == "rgb" else ())}
        known = set(self.figures) <= names and all(len(of) == len(QUANTILES) for of in self.figures.values())
        if not (finite and known and (self.shape is not None or not self.figures)):
            raise ValueError(f"not the figures of images: {self.figures}")

    def differences(self, X: Any) -> list[str]:
        """Say in what images differ from those of training: nothing, as a rule.

        Parameters
        ----------
        X : ndarray of shape (n_images, n_pixels)
            Images as the model takes them.

        Returns
        -------
        list of str
            What is plain to see, and what may be behind it.
        """
        found = self._of_range(float(X.min()), float(X.max()), X)
        if found or self.shape is None or X.shape[1] != math.prod(self.shape):
            return found
        few = len(X) < MANY
        medians = {
            name: float(np.nanmedian(values))
            for name, values in _figures(_spaced(X, SAMPLE // 5), self.shape, self.low, self.high).items()
            if name in self.figures and _known(values)
        }
        apart = {name: sign for name, value in medians.items() if (sign := self._side(name, value, few=few))}
        return self._described(apart, medians, few=few)

    def _of_range(self, low: float, high: float, X: Any) -> list[str]:
        """Say in what the values are on another scale, or all alike."""
        span, trained = self.high - self.low, f"in training {self.low:g} to {self.high:g}"
        if not span:
            return []
        if low == high:
            return ["all pixels are alike: blank?"]
        if high > self.high + span or low < self.low - span:
            return [f"values {low:g} to {high:g}, {trained}: not scaled as in training?"]
        if high - self.low > span / CONTRAST:
            return []
        if low == 0 and high == 1 and bool(((X == 0) | (X == 1)).all()):
            return [f"values 0 and 1 only: not scaled to {self.low:g}..{self.high:g}?"]
        return [f"values {low:g} to {high:g}, {trained}: scaled already?"]

    def _bounds(self, name: str, *, few: bool) -> tuple[float, float]:
        """Return what a figure lies between."""
        shape = self.shape or (1, 1)  # where there are figures there is a shape
        pixels = {"row": PIXELS / shape[0], "column": PIXELS / shape[1]}
        least, low, _, high, most = self.figures[name]
        tolerance = ODD_ASPECT if few and name == "aspect" else (TOLERANCE | pixels)[name]
        return (least if few else low) - tolerance, (most if few else high) + tolerance

    def _side(self, name: str, value: float, *, few: bool) -> int:
        """Return 0 for a figure that is as in training, or else 1 or -1: above or below."""
        low, high = self._bounds(name, few=few)
        return int(value > high) - int(value < low)

    def _described(self, apart: Mapping[str, int], medians: Mapping[str, float], *, few: bool) -> list[str]:
        """Name what may be behind figures that lie apart; what follows from an inversion is not told besides."""
        if "border" in apart:
            border = "bright border" if apart["border"] > 0 else "dark border"
            if not self._side("border", 1 - medians["border"], few=few):
                return [f"{border}: inverted?"]
            return [f"{border}: cut out of a picture, or framed?"]
        found = self._shifts(apart, medians)
        if "aspect" in apart:
            wide = "ink wider than high" if medians["aspect"] < 0 else "ink higher than wide"
            mirrored = not self._side("aspect", -medians["aspect"], few=few)
            found.append(f"{wide}: {'transposed' if mirrored else 'stretched'}?")
        ink = apart.get("ink", apart.get("mean", 0))
        if ink:
            found.append(f"{'more' if ink > 0 else 'less'} ink than in training: scaled or drawn otherwise?")
        found += self._colours(apart, medians, few=few)
        if apart.get("levels", 0) < 0 and not few:
            found.append(f"{medians['levels']:.0f} grey levels, in training {self.figures['levels'][2]:.0f}: rounded?")
        return found

    def _colours(self, apart: Mapping[str, int], medians: Mapping[str, float], *, few: bool) -> list[str]:
        """Say in what colours differ."""
        if "chroma" in apart:
            grey = medians["chroma"] == 0
            return ["grey: colours lost?" if grey else f"{'more' if apart['chroma'] > 0 else 'less'} colourful?"]
        if "red_blue" not in apart:
            return []
        swapped = not self._side("red_blue", -medians["red_blue"], few=few)
        tint = "more red" if apart["red_blue"] > 0 else "more blue"
        return [f"{tint} than in training: {'red and blue swapped' if swapped else 'tinted'}?"]

    def _shifts(self, apart: Mapping[str, int], medians: Mapping[str, float]) -> list[str]:
        """Say how far the ink is shifted, and where to."""
        words = {"row": ("up", "down"), "column": ("left", "right")}
        shifts = [
            f"{abs(medians[name] - self.figures[name][2]) * side:.0f} pixels {words[name][apart[name] > 0]}"
            for name, side in zip(words, (self.shape or (0, 0))[:2], strict=True)
            if name in apart
        ]
        return [f"shifted by {' and '.join(shifts)}?"] if shifts else []


def unlike_training(model: Any, X: Any) -> list[str]:
    """Say in what images do not look like those that a model was trained on.

    Parameters
    ----------
    model : Pipeline or estimator
        Fitted. Its first step remembers: `Normalize`, or an estimator of this package; of an ensemble, its first
        member's.
    X : array-like of shape (n_images, n_pixels)
        Images as the model takes them.

    Returns
    -------
    list of str
        What differs, and what may be behind it; nothing for images that are alike, and where nothing is remembered.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipeline import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((8,), learning_rate="cosine", max_iter=3).fit(X[:900], y[:900])
    >>> unlike_training(model, X[900:]), unlike_training(model, X[900:] / 16)
    ([], ['values 0 to 1, in training 0 to 16: scaled already?'])
    """
    one = model.estimators_[0] if hasattr(model, "named_estimators_") else model
    first = one.steps[0][1] if hasattr(one, "steps") else one
    known = getattr(first, "input_statistics_", None)
    return [] if known is None else known.differences(np.asarray(X))


def _as_shape(numbers: Sequence[Any]) -> Shape:
    """Return the shape that a state has as a list."""
    lengths = tuple(map(int, numbers))
    return image_shape(lengths, math.prod(lengths))


def _spaced(X: Any, n: int) -> Any:
    """Return every so many a row of X, ``n`` at the most."""
    return X[:: -(-X.shape[0] // n)]


def _known(values: Array) -> bool:
    """Tell whether any image has this figure."""
    return not np.isnan(values).all()


def _rounded(value: float) -> float:
    """Round to four digits, so that a sum's last bits make no difference."""
    return float(f"{value:.4g}")


def _figures(X: Any, shape: Shape, low: float, high: float) -> dict[str, Array]:
    """Return the figures of each image."""
    step = max(1, CHUNK // X.shape[1])
    chunks = [_figures_of_chunk(X[start : start + step], shape, low, high) for start in range(0, X.shape[0], step)]
    return {name: np.concatenate([one[name] for one in chunks]) for name in chunks[0]}


def _figures_of_chunk(X: Any, shape: Shape, low: float, high: float) -> dict[str, Array]:
    """Return the figures of each image; NaN for the centre of one that is empty."""
    rows: Array = X.toarray() if scipy.sparse.issparse(X) else X
    if colour_of(shape) == "grey":
        return _figures_of_grey(rows, shape[:2], low, high)
    pixels = rows.reshape(len(rows), -1, CHANNELS)
    # The sum of the channels, not their mean: of pixels in uint8 it is exact.
    brightness = pixels.sum(axis=2, dtype=np.float64)
    figures = _figures_of_grey(brightness, shape[:2], CHANNELS * low, CHANNELS * high)
    return figures | _figures_of_colours(pixels, high - low)


def _figures_of_colours(pixels: Array, span: float) -> dict[str, Array]:
    """Return the figures that only coloured images have, of pixels (n_images, n_pixels, 3)."""
    chroma = (pixels.max(axis=2) - pixels.min(axis=2)).mean(axis=1, dtype=np.float64)
    red, _, blue = pixels.mean(axis=1, dtype=np.float64).T
    return {"chroma": chroma / span, "red_blue": (red - blue) / span}


def _figures_of_grey(rows: Array, shape: tuple[int, int], low: float, high: float) -> dict[str, Array]:
    """Return the figures of the brightness of pixels (n_images, n_pixels)."""
    height, width = shape
    sums = (rows.astype(np.float64) - low) @ _weights(shape)  # of pixels in uint8 they are exact on every machine
    mass = np.where(sums[:, 0] > 0, sums[:, 0], np.nan)
    row, column = sums[:, 2] / mass, sums[:, 3] / mass
    spread = [sums[:, 4] / mass - row**2, sums[:, 5] / mass - column**2]
    tall, wide = (np.maximum(one, 0) + 1 / 12 for one in spread)  # a pixel has a width
    n_border = 2 * (height + width) - 4
    return {
        "mean": sums[:, 0] / rows.shape[1] / (high - low),
        "border": sums[:, 1] / n_border / (high - low),
        "ink": (rows > (low + high) / 2).mean(axis=1),
        "row": row / height,
        "column": column / width,
        "aspect": np.log(tall / wide) / 2,
        "levels": 1.0 + (np.diff(np.sort(_spaced(rows, SORTED), axis=1), axis=1) != 0).sum(axis=1),
    }


def _weights(shape: tuple[int, int]) -> Array:
    """Return what pixels are multiplied by, (n_pixels, 6): 1, border, r, c, r r, c c, counted from the middle."""
    height, width = shape
    border = np.ones(shape)
    border[1:-1, 1:-1] = 0
    r, c = np.indices(shape, dtype=np.float64) - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    return np.stack([np.ones(shape), border, r, c, r * r, c * c], axis=-1).reshape(-1, 6)
