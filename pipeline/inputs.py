"""What an estimator is given, checked and turned into what the network takes."""

import sys
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d, validate_data

from pipeline.network.batches import take_rows

Array = NDArray[Any]


def as_generator(random_state: int | np.random.Generator | np.random.RandomState | None) -> np.random.Generator:
    """Return the one generator that all random numbers are drawn from; a RandomState hands over one integer."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(random_state)


def checked_samples(estimator: Any, X: ArrayLike, *, dtype: Any, reset: bool = False) -> Any:
    """Return X (n_samples, n_features) as a dense array, or as a sparse one that rows can be taken from.

    Raises
    ------
    ValueError
        As ``validate_data`` does: for another number of features than in ``fit``, NaN, too few dimensions and so on.
    """
    return _in_rows(validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=dtype, reset=reset))


def checked_samples_and_labels(
    estimator: Any, X: ArrayLike, y: ArrayLike, *, dtype: Any, reset: bool = False
) -> tuple[Any, Any]:
    """Return X as ``checked_samples`` does, and y of as many rows, (n_samples,) or (n_samples, n_outputs)."""
    checked: tuple[Any, Any] = validate_data(
        estimator, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, reset=reset
    )
    rows, labels = checked
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = column_or_1d(labels, warn=True)
    return _in_rows(rows), labels


def checked_weight(sample_weight: ArrayLike, n_samples: int, dtype: DTypeLike) -> Array:
    """Return weights (n_samples,) in the network's precision; one number is everybody's.

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


def dense(X: Any) -> Array:
    """Return rows as a dense array."""
    return np.asarray(X.toarray() if scipy.sparse.issparse(X) else X)


def taker(X: Any) -> Any:
    """Return the function that gathers rows of X into a dense batch."""
    return _take_sparse if scipy.sparse.issparse(X) else take_rows


def inside_a_search() -> bool:
    """Tell whether a search or a cross-validation of scikit-learn is calling, by the modules on the call stack."""
    frame: Any = sys._getframe()  # noqa: SLF001 - the interpreter's documented way to its own stack
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection"):
            return True
        frame = frame.f_back
    return False


def _in_rows(X: Any) -> Any:
    return X.tocsr() if scipy.sparse.issparse(X) else X


def _take_sparse(X: Any, rows: Array | slice, out: Array) -> Array:
    """Gather rows of a sparse array as a dense batch."""
    return np.asarray(X[rows].toarray(out=out))
