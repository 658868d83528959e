"""What an estimator is given, checked and turned into what the network takes.

``InputValidator`` checks everything that ``fit`` is given, in one call for training and one for validation data.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d, validate_data

from pipeline.images.pixels import INTEGERS, as_uint8
from pipeline.mlp.class_weights import ClassWeight, ClassWeights
from pipeline.mlp.labels import check_classes, check_no_missing
from pipeline.mlp.searches import inside_a_search
from pipeline.mlp.targets import RegressionTargets, TargetEncoder, Targets
from pipeline.network.array_rows import ArrayRows
from pipeline.network.batches import Rows, Samples, take_rows
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]
SPARSE = 1 / 8
"""The fraction of numbers that are stored up to which a sparse array is multiplied as it is. From about a fifth on,
BLAS is faster with a batch that was made dense."""


def as_generator(random_state: int | np.random.Generator | np.random.RandomState | None) -> np.random.Generator:
    """Return the one generator that all random numbers are drawn from; a RandomState hands over one integer."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(random_state)


class InputValidator:
    """Checks what one call of an estimator is given, and returns samples as its network takes them.

    What targets must be is told by ``LabelValidator`` and ``NumberValidator``.

    Parameters
    ----------
    estimator : estimator
        Whose features are set by the first call, or checked where training is resumed.
    pixel_scale : float or None
        As ``MLPClassifier`` takes it.
    targets : Targets, optional
        The targets that training is resumed with; None learns them.
    dtype : dtype, optional
        The precision that training is resumed in; None takes that of the samples.

    Attributes
    ----------
    targets : Targets
        What the targets of training are, once they are known.
    resuming : bool
        Whether they were known before.
    """

    def __init__(
        self, estimator: Any, *, pixel_scale: float | None, targets: Targets | None = None, dtype: Any = None
    ) -> None:
        self.estimator, self.pixel_scale, self.dtype = estimator, pixel_scale, dtype
        self.resuming = targets is not None
        self.targets: Any = targets

    def training(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Samples:
        """Return training samples.

        Parameters
        ----------
        X, y, sample_weight
            As in ``fit``.

        Raises
        ------
        ValueError
            For samples, targets or weights that are not allowed.
        """
        rows, targets = self._rows_and_targets(X, y, reset=not self.resuming)
        self._learn(targets)
        if self.dtype is None:
            self.dtype = precision(rows)
        return self._samples(rows, targets, sample_weight)

    def validation(
        self, n_samples: int, X_val: ArrayLike | None, y_val: ArrayLike | None, sample_weight_val: ArrayLike | None
    ) -> Samples | None:
        """Return validation samples, or None where none are given; they are like the training samples.

        Parameters
        ----------
        n_samples : int
            Training samples.
        X_val, y_val, sample_weight_val
            As in ``fit``.

        Raises
        ------
        ValueError
            Where one comes without the other, they are no validation data, or one is not allowed.
        """
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val was given without X_val and y_val")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val go together; got one without the other")
        rows, targets = self._rows_and_targets(X_val, y_val, reset=False)
        if rows.shape[0] == n_samples and inside_a_search():
            raise ValueError(
                f"X_val has as many rows as X, {n_samples}, inside a search or a cross-validation: it was sliced "
                "with X, and is no validation data any more. Use cv= for the search, and early_stopping with "
                "validation_fraction in the estimator"
            )
        self.targets.check_validation(targets)
        return self._samples(rows, targets, sample_weight_val)

    def _rows_and_targets(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[Any, Any]:
        """Return samples and targets checked, in the precision of training."""
        raise NotImplementedError

    def _learn(self, y: Array) -> None:
        """Learn what the targets of training are, or check them against what they were."""
        raise NotImplementedError

    def _weight(self, y: Array, sample_weight: ArrayLike | None) -> Array | None:
        """Return the samples' weights, or None where they have none."""
        return None if sample_weight is None else checked_weight(sample_weight, len(y), self.dtype)

    def _samples(self, X: Any, y: Array, sample_weight: ArrayLike | None) -> Samples:
        """Return samples with the network's targets, and weights where they have some."""
        Y = self.targets.encode(y, self.dtype)
        weight = self._weight(y, sample_weight)
        if isinstance(X, ArrayRows):
            take = take_rows if X.scale is None else TakePixels(np.float32(X.scale))
            return Samples(X.values, Y, weight, take, index=X.rows)
        return Samples(X, Y, weight, taker(X, self.pixel_scale), sparse_taker(X, self.pixel_scale))


class LabelValidator(InputValidator):
    """Checks what a classifier is given; its targets are a ``TargetEncoder``.

    Parameters
    ----------
    estimator, pixel_scale, targets, dtype
        As for every ``InputValidator``.
    class_weight : dict, "balanced", list of dict or None
        As ``MLPClassifier`` takes it.
    classes : array-like of shape (n_classes,), default=None
        All labels that there will be.
    all_classes : bool, default=False
        Whether resumed training must have all labels that it began with.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        class_weight: ClassWeight | None = None,
        classes: ArrayLike | None = None,
        all_classes: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(estimator, **options)
        self.class_weight, self.classes, self.all_classes = class_weight, classes, all_classes
        self.class_weights: ClassWeights | None = None

    def _rows_and_targets(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[Any, Any]:
        allowed = types(self.pixel_scale, self.dtype)
        return checked_samples_and_labels(self.estimator, X, y, dtype=allowed, reset=reset)

    def _learn(self, y: Array) -> None:
        if self.classes is not None:
            check_classes(self.classes)
        if not self.resuming:
            self.targets = TargetEncoder.learn(y, self.classes)
        if self.classes is not None:
            self.targets.check_announced(self.classes)
        if self.resuming or self.classes is not None:
            self.targets.check_known(y, all_of_them=self.all_classes)
        if self.class_weight is not None:
            codes = self.targets.codes(y)
            self.class_weights = ClassWeights.learn(self.class_weight, self.targets.classes, codes)

    def _weight(self, y: Array, sample_weight: ArrayLike | None) -> Array | None:
        weight = super()._weight(y, sample_weight)
        if self.class_weights is None:
            return weight
        by_class = self.class_weights.of(self.targets.codes(y)).astype(self.dtype)
        return by_class if weight is None else weight * by_class


class NumberValidator(InputValidator):
    """Checks what a regressor is given; its targets are ``RegressionTargets``.

    Parameters
    ----------
    estimator, pixel_scale, targets, dtype
        As for every ``InputValidator``.
    n_quantiles : int or None, default=None
        How many quantiles of each target are predicted; None where it is one number.
    non_negative : bool, default=False
        Whether targets may not be below 0, as for Poisson's deviance.
    """

    def __init__(
        self, estimator: Any, *, n_quantiles: int | None = None, non_negative: bool = False, **options: Any
    ) -> None:
        super().__init__(estimator, **options)
        self.n_quantiles, self.non_negative = n_quantiles, non_negative

    def _rows_and_targets(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[Any, Any]:
        allowed = types(self.pixel_scale, self.dtype)
        rows, numbers = checked_samples_and_labels(self.estimator, X, y, dtype=allowed, reset=reset, numeric=True)
        if self.non_negative and (numbers < 0).any():
            raise ValueError(f"y must be >= 0 for loss='poisson'; its least number is {numbers.min()}")
        return rows, numbers

    def _learn(self, y: Array) -> None:
        learned = RegressionTargets.learn(y, self.n_quantiles)
        if self.resuming:
            self.targets.check_same(learned)
        self.targets = learned


def checked_samples(estimator: Any, X: ArrayLike, *, dtype: Any, reset: bool = False) -> Any:
    """Return X (n_samples, n_features) as a dense array, or as a sparse one that rows can be taken from.

    An array that is plainly right is handed back at once: for a single image, scikit-learn's care takes longer than
    the network does.

    Raises
    ------
    ValueError
        As ``validate_data`` does: for another number of features than in ``fit``, NaN, too few dimensions and so on.
    """
    if not reset and _plainly_right(estimator, X, dtype):
        return _scaled(X, estimator)
    checked = validate_data(estimator, _typed(X, estimator), accept_sparse=["csr", "csc"], dtype=dtype, reset=reset)
    return _scaled(_in_rows(checked), estimator)


def _plainly_right(estimator: Any, X: Any, dtypes: list[Any]) -> bool:
    """Tell whether X is an array of the right type and width, without names to compare, and finite."""
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in dtypes or hasattr(estimator, "feature_names_in_"):
        return False
    if not len(X) or X.shape[1] != estimator.n_features_in_:
        return False
    with np.errstate(all="ignore"):  # too large a sum is left to scikit-learn's slower look
        return X.dtype == np.uint8 or math.isfinite(np.add.reduce(X, axis=None))


def checked_samples_and_labels(
    estimator: Any, X: ArrayLike, y: ArrayLike, *, dtype: Any, reset: bool = False, numeric: bool = False
) -> tuple[Any, Any]:
    """Return X as ``checked_samples`` does, and y of as many rows, (n_samples,) or (n_samples, n_outputs).

    Raises
    ------
    ValueError
        As ``validate_data`` does, for a missing label of whatever kind, and with ``numeric`` for y that is no numbers.
    """
    check_no_missing(y, "target" if numeric else "label")
    given = numbers(y) if numeric else y
    if isinstance(X, ArrayRows) and X.dtype in dtype:
        rows, labels = X, _labels_of_rows(estimator, X, given, reset=reset)
    else:
        checked: tuple[Any, Any] = validate_data(
            estimator,
            _typed(X, estimator),
            given,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=dtype,
            reset=reset,
        )
        rows, labels = _scaled(_in_rows(checked[0]), estimator), checked[1]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = column_or_1d(labels, warn=True)
    return rows, labels


def _labels_of_rows(estimator: Any, X: ArrayRows, y: ArrayLike, *, reset: bool) -> Array:
    """Check rows that are not to be copied as ``validate_data`` would, and return their labels checked."""
    validate_data(estimator, X[:1], dtype=X.dtype, reset=reset)
    assert_all_finite(X.values, input_name="X")
    labels: Array = validate_data(estimator, y=y, multi_output=True, reset=False)
    check_consistent_length(X, labels)
    return labels


def numbers(y: ArrayLike) -> Any:
    """Return targets of a regression as an array of numbers.

    Raises
    ------
    TypeError
        For a sparse matrix, which multilabel targets alone may be.
    ValueError
        For text, dates and whatever else is no number.
    """
    if scipy.sparse.issparse(y):
        raise TypeError("y must be a dense array of numbers; got a sparse one, which y.toarray() makes dense")
    if y is None:
        return y  # which scikit-learn has its own words for
    given = np.asarray(y)
    if given.dtype.kind not in "biufcO":
        raise ValueError(f"y must be numbers; got {given.dtype} such as {given.ravel()[:1].tolist()}")
    if given.dtype != object:
        return y
    try:
        return given.astype(np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"y must be numbers: {error}") from error


def _typed(X: Any, estimator: Any) -> Any:
    """Return a list as an array, where it matters whether its numbers are whole."""
    return np.asarray(X) if isinstance(X, list | tuple) and _pixel_scale(estimator) is not None else X


def _scaled(X: Any, estimator: Any) -> Any:
    """Return whole numbers as pixels: on 0..255 as uint8, which batches scale; others scaled now, in float32."""
    scale = _pixel_scale(estimator)
    if scale is None or X.dtype.kind not in "iu":
        return X
    pixels = as_uint8(X)
    return pixels if pixels.dtype == np.uint8 else pixels * np.float32(scale)


def _pixel_scale(estimator: Any) -> float | None:
    """Return what an estimator scales pixels by; None for one that has no such parameter."""
    return getattr(estimator, "pixel_scale", None)


def checked_weight(sample_weight: ArrayLike, n_samples: int, dtype: DTypeLike) -> Array:
    """Return weights (n_samples,) in the network's precision; one number is for all samples.

    Raises
    ------
    ValueError
        For weights of another shape, or all 0.
    """
    if np.isscalar(sample_weight):
        sample_weight = np.full(n_samples, sample_weight)
    weight: Array = check_array(sample_weight, ensure_2d=False, dtype=dtype, input_name="sample_weight")
    if weight.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}!")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def types(pixel_scale: float | None, precision: Any = None) -> list[Any]:
    """Return the types that samples may stay in: the precision, if training has begun in one, and pixels."""
    floats = [np.float64, np.float32] if precision is None else [precision]
    return floats if pixel_scale is None else [*floats, *INTEGERS]


def precision(X: Any) -> Any:
    """Return the type that samples are worked on in; pixels, in float32."""
    return np.dtype(np.float32) if X.dtype == np.uint8 else X.dtype


def dense(X: Any, pixel_scale: float | None = None) -> Array:
    """Return rows as a dense array, pixels scaled if there is a scale."""
    rows: Array = X if isinstance(X, np.ndarray) else X.toarray()
    if pixel_scale is None or rows.dtype != np.uint8:
        return rows
    return np.multiply(rows, np.float32(pixel_scale), dtype=np.float32)


def is_copied(X: Any) -> bool:
    """Tell whether ``dense`` makes new rows of X, and does not hand back those that there are."""
    return not isinstance(X, np.ndarray) or X.dtype == np.uint8


def taker(X: Any, pixel_scale: float | None = None) -> Any:
    """Return the function that gathers rows of X into a dense batch."""
    if X.dtype == np.uint8:
        return TakePixels(np.float32(pixel_scale))
    return take_sparse if scipy.sparse.issparse(X) else take_rows


def sparse_taker(X: Any, pixel_scale: float | None = None) -> "TakeAsItIs | None":
    """Return the function that gathers rows of X without making them dense, or None where dense ones are faster."""
    if not scipy.sparse.issparse(X) or X.nnz > SPARSE * X.shape[0] * X.shape[1]:
        return None
    return TakeAsItIs(None if X.dtype != np.uint8 or pixel_scale is None else np.float32(pixel_scale))


class Views(list[Array]):
    """Arrays that are parts of a network's parameters: to put another in the place of one is to write into it."""

    def __setitem__(self, place: Any, value: Any) -> None:
        """Write into one array, or into several.

        Raises
        ------
        ValueError
            For another shape, or another number of arrays.
        """
        if isinstance(place, slice):
            for view, one in zip(self[place], value, strict=True):
                view[...] = one
        else:
            self[place][...] = value


def _in_rows(X: Any) -> Any:
    return X.tocsr() if scipy.sparse.issparse(X) else X


def take_sparse(X: Any, rows: Rows, out: Array) -> Array:
    """Gather rows of a sparse array as a dense batch."""
    return np.asarray(X[rows].toarray(out=out))


@dataclass(frozen=True)
class TakePixels:
    """Gathers rows of pixels, and scales them: a quarter of the memory that the same rows take in float32.

    Attributes
    ----------
    scale : float32
        What each pixel is multiplied by.
    """

    scale: np.float32

    def __call__(self, X: Any, rows: Rows, out: Array) -> Array:
        """Write the rows into ``out``."""
        return np.multiply(dense(X[rows]), self.scale, out=out)


@dataclass(frozen=True)
class TakeAsItIs:
    """Gathers rows of a sparse array, sparse, and scales them where they are pixels.

    Attributes
    ----------
    scale : float32 or None
        What each number is multiplied by.
    """

    scale: np.float32 | None = None

    def __call__(self, X: Any, rows: Rows) -> "SparseBatch":
        """Return the rows; where they are all, those of X, and no copy."""
        whole = isinstance(rows, slice) and rows.indices(X.shape[0]) == (0, X.shape[0], 1)
        some = scipy.sparse.csr_array(X if whole else X[rows])
        if self.scale is not None:
            scaled = np.multiply(some.data, self.scale, dtype=np.float32)
            some = scipy.sparse.csr_array((scaled, some.indices, some.indptr), shape=some.shape)
        return SparseBatch(some)


class SparseBatch(SparseRows):
    """Rows of a sparse array, multiplied by SciPy.

    Parameters
    ----------
    rows : csr_array of shape (n_samples, n_in)
        The rows, of the network's dtype.

    Examples
    --------
    >>> batch = SparseBatch(scipy.sparse.csr_array(np.array([[0.0, 2.0, 0.0], [0.0, 1.0, 3.0]])))
    >>> batch.times(np.ones((3, 1)))
    array([[2.],
           [4.]])
    >>> dW = np.empty((3, 1))
    >>> batch.transposed_times(np.ones((2, 1)), slice(None), out=dW)
    >>> dW
    array([[0.],
           [3.],
           [3.]])
    """

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self.shape, self.csr = rows.shape, (rows.data, rows.indices, rows.indptr)

    def __getitem__(self, samples: slice) -> "SparseBatch":
        """Return some samples in a row; all of them, where they are all."""
        return self if len(range(len(self))[samples]) == len(self) else SparseBatch(self.rows[samples])

    def times(self, W: Array, *, out: Array | None = None) -> Array:
        """Return X W; of a W that is part of a wider one, SciPy would copy all rows, and not only those that count."""
        if W.flags.c_contiguous:
            product: Array = self.rows @ W
        else:
            columns, narrow, _ = self._narrow
            product = narrow @ W[columns]
        if out is None:
            return product
        out[:] = product
        return out

    def transposed_times(self, dY: Array, inputs: slice, *, out: Array) -> None:
        """Leave X^T dY in ``out``, which is 0 wherever no sample has a number."""
        columns, _, transposed = self._narrow
        start, stop, _ = inputs.indices(self.shape[1])
        first, last = np.searchsorted(columns, (start, stop))
        out[:] = 0
        out[columns[first:last] - start] = transposed[first:last] @ dY

    @cached_property
    def _narrow(self) -> tuple[Array, Any, Any]:
        """Find the columns in which there are numbers, and the rows without the others, plain and transposed."""
        filled = np.zeros(self.shape[1], bool)
        filled[self.rows.indices] = True
        columns = np.flatnonzero(filled)
        place = np.cumsum(filled) - 1
        narrow = scipy.sparse.csr_array(
            (self.rows.data, place[self.rows.indices], self.rows.indptr), shape=(len(self), len(columns))
        )
        return columns, narrow, narrow.T.tocsr()
