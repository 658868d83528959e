"""From pixels and labels to what a network learns from: numbers of a kind size, and one column for each label.

``Normalize`` and ``OneHot`` are transformers by themselves. ``Preprocess`` is the stage: it learns from the training
file alone, and hands on arrays that can be memory-mapped.
"""

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, assert_all_finite, check_array, column_or_1d, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from pipeline.data.idx import read_part
from pipeline.data.npy import NpyError, read_matrix, write_npy, write_pieces
from pipeline.data.parts import check_parts
from pipeline.files import write_new
from pipeline.image_statistics import ImageStatistics
from pipeline.parameters import check_parameters
from pipeline.pixels import INTEGERS, PixelRangeWarning, as_uint8, contradiction, full_scale
from pipeline.stages.base import Progress, Stage
from pipeline.text import shown

PIECE = 2**22  # pixels that are worked on at once: some 16 MB in float32, however large the data set is


class Normalize(CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Bring pixels to a scale that suits a network: ``X * scale_ + shift_``.

    One scale and one shift serve every pixel, so an image stays an image. uint8 and float32 give float32, float64
    gives float64, and any other numbers are read as float32.

    Which value is full brightness `fit` learns from the largest one that it is shown, whatever its type: 1, 16, 255,
    or that of 9 bits, of 10 and so on. So the same images on 0..1, 0..16 and 0..255 come to the same. `transform`
    warns of pixels on another scale, 15 times too dark or more than twice too bright (``PixelRangeWarning``).

    Before that, ``deslant`` and ``ink_width`` make images alike, as one warp: ``pipeline.straighten`` says how. Images
    must then be square, and pixels whole numbers on 0..255, which they stay. An image without ink is left alone.

    Parameters
    ----------
    method : {"unit", "standard"}, default="unit"
        "unit" takes 0 to 0 and full brightness to 1, "standard" takes the pixels that were learned from to mean 0 and
        deviation 1.
    deslant : bool, default=False
        Whether to slant every image back, by 45 degrees at the most, so that its ink leans neither left nor right.
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
    n_features_in_ : int
        Number of pixels of an image.
    image_shape_ : tuple of int
        Height and width of an image, where `Preprocess` has learned it from files of images.
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

    image_shape_: tuple[int, int]

    def __init__(
        self,
        method: Literal["unit", "standard"] = "unit",
        deslant: bool = False,
        ink_width: Annotated[int, ">= 2"] | None = None,
    ) -> None:
        self.method, self.deslant, self.ink_width = method, deslant, ink_width

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
            Where X is empty, or not finite numbers in two dimensions, or no images that can be straightened.
        """
        check_parameters(self)
        pixels = as_uint8(validate_data(self, X, dtype=_KINDS))
        self._check_size()
        if hasattr(self, "image_shape_"):
            del self.image_shape_  # of the images that were learned from before
        tasks = FitTasks(self, 0, {"X": pixels, "y": y})
        if self.method == "standard":
            self.mean_, self.std_ = _moments(self._straighten(pixels))
        self.full_scale_ = full_scale(pixels)
        self._set_scale()
        self.input_statistics_ = ImageStatistics.of(pixels)
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
            ``X * scale_ + shift_``, of X straightened where that was asked for.
        """
        check_is_fitted(self)
        pixels = as_uint8(validate_data(self, X, reset=False, dtype=_KINDS))
        wrong = contradiction(pixels, self.full_scale_)
        if wrong:
            warnings.warn(wrong, PixelRangeWarning, stacklevel=2)
        pixels = self._straighten(pixels)
        scaled = np.multiply(pixels, self.scale_, dtype=np.result_type(pixels.dtype, np.float32))
        return np.add(scaled, self.shift_, out=scaled)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the pixels from before `transform`, as floats; images that were straightened stay so.

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
        if self.deslant:
            state["deslant"] = True
        if self.ink_width is not None:
            state["ink_width"] = int(self.ink_width)
        if hasattr(self, "image_shape_"):
            state["image_shape"] = list(self.image_shape_)
        if self.full_scale_ != DEFAULT_SCALE:
            state["full_scale"] = self.full_scale_
        if hasattr(self, "input_statistics_"):  # a state of an earlier version has none
            state["images"] = self.input_statistics_.get_state()
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
            made = cls(state["method"], state.get("deslant", False), state.get("ink_width"))
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
            height, width = map(int, state["image_shape"])
            self.image_shape_ = height, width
            if height * width != self.n_features_in_:
                raise ValueError
        if "feature_names" in state:
            self.feature_names_in_ = np.array(state["feature_names"], dtype=object)
            if self.feature_names_in_.shape != (self.n_features_in_,):
                raise ValueError
        self._check_size()
        self._set_scale()
        sound = self.n_features_in_ > 0 and self.scale_ > 0 and math.isfinite(self.scale_ + self.shift_)
        if not sound or self.get_state() != state:
            raise ValueError

    @property
    def _straightens(self) -> bool:
        """Whether the parameters ask for images that are made alike."""
        return bool(self.deslant) or self.ink_width is not None

    def _check_size(self) -> None:
        """Raise where images are to be straightened and cannot be, for their size."""
        if self._straightens:
            from pipeline.straighten import side_of  # noqa: PLC0415 - for start-up time: few ask for it

            side_of(self.n_features_in_, self.ink_width)

    def _straighten(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return images straightened as the parameters ask; the very same array if they ask for nothing."""
        if not self._straightens:
            return pixels
        from pipeline.straighten import straighten  # noqa: PLC0415 - the same

        return straighten(pixels, deslant=bool(self.deslant), ink_width=self.ink_width)

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
    if X.dtype == np.uint8:
        return _integer_moments(X)
    if X.min() == X.max():  # rounding must not make a deviation where there is none
        return float(X.flat[0]), 0.0
    return float(X.mean(dtype=np.float64)), float(X.std(dtype=np.float64))


def _integer_moments(X: NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and standard deviation from whole sums, in which nothing is rounded whatever the order."""
    total = squares = 0
    for rows in _pieces(X):
        piece = X[rows].astype(np.uint32)
        total += int(piece.sum(dtype=np.uint64))
        squares += int(np.square(piece).sum(dtype=np.uint64))
    return total / X.size, math.sqrt(X.size * squares - total**2) / X.size


def _pieces(X: NDArray[Any]) -> Iterator[slice]:
    """Yield slices of the rows of X, each of bounded size."""
    yield from gen_batches(len(X), max(1, PIECE // X.shape[1]))


class OneHot(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]  # scikit-learn ships no types
    """Give each class a column: 1 in the column of the row's label, 0 elsewhere.

    It takes labels, as scikit-learn's ``LabelBinarizer`` does, and so it is no step of a ``Pipeline``. Two classes
    have two columns.

    Parameters
    ----------
    classes : "auto" or list, default="auto"
        The labels in the order of their columns; "auto" takes those of y, sorted.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The label of each column.

    Examples
    --------
    >>> one_hot = OneHot().fit(["no", "yes", "no"])
    >>> one_hot.transform(["yes", "no"])
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    >>> one_hot.inverse_transform([[0.2, 0.8]])
    array(['yes'], dtype='<U3')
    """

    def __init__(self, classes: Literal["auto"] | tuple[Any, ...] = "auto") -> None:
        self.classes = classes

    def fit(self, y: ArrayLike) -> Self:
        """Learn which column stands for which label.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels: numbers or words.

        Returns
        -------
        OneHot
            Itself.

        Raises
        ------
        ValueError
            Where y is empty, has a label that `classes` lacks, or `classes` names one twice.
        """
        check_parameters(self)
        labels = _labels(y)
        if not len(labels):
            raise ValueError("y must have labels; got none")
        self.classes_ = np.unique(labels) if isinstance(self.classes, str) else np.asarray(self.classes)
        if len(np.unique(self.classes_)) < len(self.classes_):
            raise ValueError(f"classes must name each label once; got {self.classes!r}")
        self._columns(labels)
        return self

    def fit_transform(self, y: ArrayLike) -> NDArray[np.float32]:
        """Learn from labels, and transform them."""
        return self.fit(y).transform(y)

    def transform(self, y: ArrayLike) -> NDArray[np.float32]:
        """Turn labels into rows with a single 1.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Zeros and ones.

        Raises
        ------
        ValueError
            For a label that has no column.
        """
        check_is_fitted(self)
        columns = self._columns(_labels(y))
        Y = np.zeros((len(columns), len(self.classes_)), dtype=np.float32)
        Y[np.arange(len(columns)), columns] = 1
        return Y

    def inverse_transform(self, Y: ArrayLike) -> NDArray[Any]:
        """Turn rows back into labels.

        Parameters
        ----------
        Y : array-like of shape (n_samples, n_classes)
            One-hot rows, or probabilities.

        Returns
        -------
        ndarray of shape (n_samples,)
            The label of each row's largest entry.

        Raises
        ------
        ValueError
            Where there is not one column for each class.
        """
        check_is_fitted(self)
        rows = check_array(Y, dtype=[np.float32, np.float64])
        if rows.shape[1] != len(self.classes_):
            raise ValueError(f"Y must have {len(self.classes_)} columns, one for each class; got {rows.shape[1]}")
        return self.classes_[rows.argmax(axis=1)]

    def _columns(self, y: NDArray[Any]) -> list[int]:
        """Return the column of each label; a dictionary takes the classes in any order, and words as well."""
        column = {label: number for number, label in enumerate(self.classes_.tolist())}
        labels = y.tolist()
        unknown = set(labels) - set(column)
        if unknown:
            raise ValueError(f"no column for the labels {_some(unknown)}; there are {_some(column)}")
        return [column[label] for label in labels]

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that this takes labels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def _labels(y: ArrayLike) -> NDArray[Any]:
    """Return labels as an array of one dimension without gaps."""
    labels: NDArray[Any] = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    return labels


def _some(labels: Any) -> str:
    """Name labels, and not more than a line holds."""
    words = sorted(map(repr, labels))
    return ", ".join(words[:12]) + (", ..." if len(words) > 12 else "")


class Preprocess(Stage, Normalize):
    """Normalise the images of both files by what the training file says, and write the labels one-hot.

    As a step of a ``Pipeline`` it is `Normalize`, and touches X alone; `run` writes Y as well.
    """

    reads: ClassVar[tuple[str, ...]] = ("raw",)
    writes: ClassVar[str] = "prepared"

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Write ``{train,test}_{X,Y}.npy`` and ``normalize.json``."""
        parts = {part: read_part(artifacts / "raw", part) for part in ("train", "test")}
        (images, labels), (others, _) = parts["train"], parts["test"]
        self._check_shape(*images.shape[1:])
        check_parts(parts)
        one_hot = OneHot(classes=tuple(range(int(labels.max()) + 1))).fit(labels)
        self.fit(_rows_of(images))
        height, width = images.shape[1:]
        self.image_shape_ = height, width
        if height != width:  # of rows alone, `fit` takes images for square ones
            self.input_statistics_ = ImageStatistics.of(_rows_of(images), (height, width))
        for part, (pictures, truth) in parts.items():
            write_npy(folder / f"{part}_Y.npy", one_hot.transform(truth))
            self._write_pixels(folder / f"{part}_X.npy", _rows_of(pictures), progress)
        state = json.dumps(self.get_state(), indent=2, sort_keys=True) + "\n"
        write_new(folder / "normalize.json", state)
        return {
            "train": len(images),
            "test": len(others),
            "pixels": self.n_features_in_,
            "classes": len(one_hot.classes_),
        }

    def _check_shape(self, height: int, width: int) -> None:
        """Raise where images are to be straightened and are not square; as rows, those of 4x9 could pass for 6x6."""
        if self._straightens and height != width:
            raise ValueError(f"deslant and ink_width take square images; got {height}x{width}")

    def _write_pixels(self, path: Path, pixels: NDArray[np.uint8], progress: Progress) -> None:
        """Normalise rows of pixels into a file, piece by piece."""
        progress.begin(f"normalise {path.stem}", len(pixels), "images")
        try:
            write_pieces(path, self._normalized(pixels, progress), pixels.shape, np.float32)
        finally:
            progress.end()

    def _normalized(self, pixels: NDArray[np.uint8], progress: Progress) -> Iterator[NDArray[Any]]:
        """Yield rows of pixels as they are prepared, in pieces of bounded size."""
        for rows in _pieces(pixels):
            yield self.transform(pixels[rows])
            progress.advance(rows.stop - rows.start)


def read_labels(prepared: Path, part: Literal["train", "test"]) -> NDArray[np.int64]:
    """Read the labels of a part back from the one-hot rows that `Preprocess` wrote.

    Parameters
    ----------
    prepared : Path
        The folder of the artifact.
    part : {"train", "test"}
        Which of the official files.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Where it does not hold one-hot rows.
    """
    path = prepared / f"{part}_Y.npy"
    Y = read_matrix(path)
    if not 1 <= Y.shape[1] <= _MOST_CLASSES:
        raise NpyError(f"{path} has {Y.shape[1]} columns; expected one for each label, and labels are 0 to 255")
    labels: NDArray[np.int64] = Y.argmax(axis=1)
    hot = np.take_along_axis(Y, labels[:, np.newaxis], axis=1)
    if not len(Y) or np.count_nonzero(Y) > len(Y) or not (hot == 1).all():
        raise NpyError(f"{path} does not hold one-hot rows, of which each has one 1 and else zeros")
    return labels


_MOST_CLASSES = 256
"""Labels of the files that are preprocessed are bytes."""


def read_pixels(prepared: Path, part: Literal["train", "test"]) -> NDArray[np.floating[Any]]:
    """Map the pixels of a part that `Preprocess` wrote, and see that they are numbers.

    Parameters
    ----------
    prepared : Path
        The folder of the artifact.
    part : {"train", "test"}
        Which of the official files.

    Returns
    -------
    ndarray of shape (n_samples, n_pixels), float32
        One row at least; float64, where a person has put such a file there.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Where it holds anything else.
    """
    path = prepared / f"{part}_X.npy"
    X = read_matrix(path)
    if not X.size:
        raise NpyError(f"{path} holds no pixel: its shape is {X.shape}")
    if not all(np.isfinite(X[rows]).all() for rows in _pieces(X)):
        raise NpyError(f"{path} holds pixels that are no finite numbers")
    return X


def _rows_of(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as rows of pixels, without a copy."""
    n_images, height, width = images.shape
    return images.reshape(n_images, height * width)
