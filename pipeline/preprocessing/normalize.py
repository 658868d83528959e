"""Pixels brought to a scale that suits a network; made alike before, where that is asked for."""

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from pipeline.image_shape import Shape, image_shape
from pipeline.images.ink import ink_size_of
from pipeline.images.pixels import INTEGERS, PixelRangeWarning, as_uint8, contradiction, full_scale, pieces
from pipeline.images.statistics import ImageStatistics
from pipeline.parameters import check_parameters, renamed_parameters
from pipeline.text import shown

if TYPE_CHECKING:
    from pipeline.images.photo import Photo

_RENAMED = {"deslant": "deskew"}
"""What parameters were called before, in states too."""


@renamed_parameters(**_RENAMED)
class Normalize(CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Bring pixels to a scale that suits a network: ``X * scale_ + shift_``.

    One scale and one shift serve every pixel, so an image stays an image. uint8 and float32 give float32, float64
    gives float64, and any other numbers are read as float32.

    Which value is full brightness `fit` learns from the largest one that it is shown, whatever its type: 1, 16, 255,
    or that of 9 bits, of 10 and so on. So the same images on 0..1, 0..16 and 0..255 come to the same. `transform`
    warns of pixels on another scale, 15 times too dark or more than twice too bright (``PixelRangeWarning``).

    Before that, ``deskew`` and ``ink_width`` make images alike, as one warp: see ``pipeline.images.deskew``. Images
    must then be grey squares, and pixels whole numbers on 0..255, which they stay. An image without ink is left alone.

    Parameters
    ----------
    method : {"unit", "standard"}, default="unit"
        "unit" takes 0 to 0 and full brightness to 1, "standard" takes the pixels that were learned from to mean 0 and
        deviation 1.
    deskew : bool, default=False
        Whether to shear every image, by 45 degrees at the most, so that its ink leans neither left nor right.
    ink_width : int, default=None
        Pixels that the ink of every image is scaled to across, and put in the middle. None leaves it as it is.

    Attributes
    ----------
    scale_, shift_ : float
        The factor, and what is added after it.
    mean_, std_ : float
        Mean and standard deviation of all the pixels that were learned from, in pixel units; with "standard" alone.
    full_scale_ : float
        The value of full brightness: 255, if the images were on 0..255.
    input_statistics_ : ImageStatistics
        What the images that were learned from look like, for ``unlike_training``.
    ink_size_ : int or None
        Pixels along the longer side of the ink, where all images are ink of one size in the middle of a black field, as
        MNIST's are; None where they are not. One that was restored from a state of an earlier version has none.
    background_ : {"black", "white"}
        What the background of the pictures was that `Preprocess` has learned from; where it was white, grey ones were
        inverted.
    photo_ : Photo or None
        What turns photographs into images like those that were learned from, where these are such ink.
    n_features_in_ : int
        Number of pixels of an image.
    image_shape_ : tuple of int
        Height and width of an image, and 3 after them where it is coloured; where `Preprocess` has learned it from
        files of images.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had them.

    Examples
    --------
    >>> X = np.array([[0, 255], [0, 255]], dtype=np.uint8)
    >>> Normalize().fit_transform(X)
    array([[0., 1.],
           [0., 1.]], dtype=float32)
    >>> Normalize("standard").fit_transform(X)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    image_shape_: Shape
    ink_size_: int | None
    background_: Literal["black", "white"]

    def __init__(
        self,
        method: Literal["unit", "standard"] = "unit",
        deskew: bool = False,
        ink_width: Annotated[int, ">= 2"] | None = None,
    ) -> None:
        self.method, self.deskew, self.ink_width = method, deskew, ink_width

    @with_callbacks
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the scale and the shift.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels)
            Pixels. Whole numbers on 0..255 are summed in integers, in pieces of bounded memory: the result is the same
            on every machine.
        y : ignored
            Here because scikit-learn hands it over.

        Returns
        -------
        Normalize
            Itself.

        Raises
        ------
        ParameterError
            Where the method is none of the two, or the ink is to be wider than the images.
        ValueError
            Where X is empty, or not finite numbers in two dimensions, or no images that can be aligned.
        """
        check_parameters(self)
        pixels = as_uint8(validate_data(self, X, dtype=_KINDS))
        self._check_size()
        if hasattr(self, "image_shape_"):
            del self.image_shape_  # of the images that were learned from before
        tasks = FitTasks(self, 0, {"X": pixels, "y": y})
        if self.method == "standard":
            self.mean_, self.std_ = self._moments(pixels)
        self.full_scale_ = full_scale(pixels)
        self._set_scale()
        self.input_statistics_ = ImageStatistics.of(pixels)
        self.ink_size_, self.background_ = ink_size_of(pixels), "black"
        tasks.end()
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Return the pixels on the new scale, in a new array.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels)
            As `fit` takes it; it is never written to.

        Returns
        -------
        ndarray of shape (n_samples, n_pixels), float32 or float64
            ``X * scale_ + shift_``, of X aligned where that was asked for.
        """
        check_is_fitted(self)
        pixels = as_uint8(validate_data(self, X, reset=False, dtype=_KINDS))
        wrong = contradiction(pixels, self.full_scale_)
        if wrong:
            warnings.warn(wrong, PixelRangeWarning, stacklevel=2)
        pixels = self._align(pixels)
        scaled = np.multiply(pixels, self.scale_, dtype=np.result_type(pixels.dtype, np.float32))
        return np.add(scaled, self.shift_, out=scaled)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the pixels from before `transform`, as floats; images that were aligned stay so.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels)
            As `transform` returns it.

        Returns
        -------
        ndarray of shape (n_samples, n_pixels), float32 or float64
            ``(X - shift_) / scale_``.
        """
        check_is_fitted(self)
        pixels = check_array(X, dtype=[np.float32, np.float64]) - self.shift_
        return np.divide(pixels, self.scale_, out=pixels)

    @property
    def photo_(self) -> "Photo | None":
        """What turns photographs into images like those that were learned from, where these are ink as MNIST's."""
        from pipeline.images.photo import Photo  # noqa: PLC0415 - what it finds is not what a stage learns from

        size = self.ink_size_
        return None if size is None else Photo(size=math.isqrt(self.n_features_in_), ink_size=size).fit()

    def _fitted_attributes(self) -> dict[str, Any]:
        """Return what a copy needs to transform as of now, for a callback that asks: all of it is copied anyway."""
        return {}

    def get_state(self) -> dict[str, Any]:
        """Return what was learned, in values that JSON has; `from_state` takes it.

        Examples
        --------
        >>> state = Normalize().fit(np.zeros((1, 4))).get_state()
        >>> state["method"], state["scale"], state["shift"]
        ('unit', 0.00392156862745098, 0.0)
        """
        check_is_fitted(self)
        state: dict[str, Any] = {
            "method": self.method,
            "n_features": self.n_features_in_,
            "scale": self.scale_,
            "shift": self.shift_,
        }
        if self.method == "standard":
            state |= {"mean": self.mean_, "std": self.std_}
        if self.deskew:
            state["deskew"] = True
        if self.ink_width is not None:
            state["ink_width"] = int(self.ink_width)
        if hasattr(self, "image_shape_"):
            state["image_shape"] = list(self.image_shape_)
        if self.full_scale_ != DEFAULT_SCALE:
            state["full_scale"] = self.full_scale_
        if hasattr(self, "input_statistics_"):  # a state of an earlier version has none
            state["images"] = self.input_statistics_.get_state()
        if hasattr(self, "ink_size_"):
            state["pictures"] = {"ink_size": self.ink_size_, "background": self.background_}
        if hasattr(self, "feature_names_in_"):
            state["feature_names"] = [str(name) for name in self.feature_names_in_]
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Make a fitted normaliser from what `get_state` returned.

        Raises
        ------
        ValueError
            Where that is not what `get_state` returns, down to a scale that does not follow from mean and deviation.
        """
        try:
            state = {_RENAMED.get(name, name): value for name, value in state.items()}
            made = cls(state["method"], state.get("deskew", False), state.get("ink_width"))
            check_parameters(made)
            made._restore(state)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise ValueError(f"not the state of a {cls.__name__}: {shown(repr(state))}") from None
        return made

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state; raise unless it is the very one that this object would then give."""
        self.n_features_in_ = int(state["n_features"])
        self.full_scale_ = float(state.get("full_scale", DEFAULT_SCALE))
        if "images" in state:
            self.input_statistics_ = ImageStatistics.from_state(state["images"])
        if self.method == "standard":
            self.mean_, self.std_ = float(state["mean"]), float(state["std"])
        if "image_shape" in state:
            self.image_shape_ = image_shape(tuple(map(int, state["image_shape"])), self.n_features_in_)
        if "pictures" in state:
            self._restore_pictures(**state["pictures"])
        if "feature_names" in state:
            self.feature_names_in_ = np.array(state["feature_names"], dtype=object)
            if self.feature_names_in_.shape != (self.n_features_in_,):
                raise ValueError
        self._check_size()
        self._set_scale()
        sound = self.n_features_in_ > 0 and self.scale_ > 0 and math.isfinite(self.scale_ + self.shift_)
        if not sound or self.get_state() != state:
            raise ValueError

    def _restore_pictures(self, *, ink_size: int | None, background: Literal["black", "white"]) -> None:
        """Take over how pictures become images."""
        side = math.isqrt(self.n_features_in_)
        if ink_size is not None and not (side**2 == self.n_features_in_ and 2 <= int(ink_size) < side):
            raise ValueError
        if background not in ("black", "white"):
            raise ValueError
        self.ink_size_, self.background_ = None if ink_size is None else int(ink_size), background

    @property
    def _aligns(self) -> bool:
        """Whether the parameters ask for images that are made alike."""
        return bool(self.deskew) or self.ink_width is not None

    def _check_size(self) -> None:
        """Raise where images are to be aligned and cannot be, for their size."""
        if self._aligns:
            from pipeline.images.deskew import side_of  # noqa: PLC0415 - for start-up time: few ask for it

            side_of(self.n_features_in_, self.ink_width)

    def _align(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return images aligned as the parameters ask; the very same array if they ask for nothing."""
        if not self._aligns:
            return pixels
        from pipeline.images.deskew import align  # noqa: PLC0415 - the same

        return align(pixels, deskew=bool(self.deskew), ink_width=self.ink_width)

    def _moments(self, pixels: NDArray[Any]) -> tuple[float, float]:
        """Return mean and standard deviation of all pixels, aligned as the parameters ask."""
        if pixels.dtype == np.uint8:
            return _integer_moments(self._align(pixels[rows]) for rows in pieces(pixels))
        return _moments(self._align(pixels))

    def _set_scale(self) -> Self:
        """Turn the method, and with "standard" the mean and deviation, into the scale and the shift."""
        if self.method == "unit":
            self.scale_, self.shift_ = 1 / self.full_scale_, 0.0
        else:
            # Where all pixels are alike the deviation is 0, and there is nothing to scale.
            self.scale_ = 1 / (self.std_ or 1.0)
            self.shift_ = -self.mean_ * self.scale_
        return self

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


DEFAULT_SCALE = 255.0
"""What full brightness is in a state that says nothing of it, as those of earlier versions."""

_KINDS = [np.float32, np.float64, *INTEGERS]  # any other type becomes the first


def _moments(X: NDArray[Any]) -> tuple[float, float]:
    """Return the mean and the standard deviation of all entries."""
    if X.dtype == np.uint8:  # floats that were aligned
        return _integer_moments([X])
    if X.min() == X.max():  # rounding must not make a deviation where there is none
        return float(X.flat[0]), 0.0
    return float(X.mean(dtype=np.float64)), float(X.std(dtype=np.float64))


def _integer_moments(parts: Iterable[NDArray[np.uint8]]) -> tuple[float, float]:
    """Return mean and standard deviation from whole sums, in which nothing is rounded whatever the order."""
    n = total = squares = 0
    for part in parts:
        for rows in pieces(part):
            piece = part[rows].astype(np.uint32)
            n += piece.size
            total += int(piece.sum(dtype=np.uint64))
            squares += int(np.square(piece).sum(dtype=np.uint64))
    return total / n, math.sqrt(n * squares - total**2) / n
