"""Quantiles of columns that may be as large as floats are, or have no value at all."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def half_quantiles(X: ArrayLike, levels: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half of each quantile of each column, (n_levels, n_features), missing values disregarded.

    Halves, because the difference of two of them is a float whatever the columns hold. A column without a value has
    NaN.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Numbers; NaN where one is missing.
    levels : sequence of float
        Which quantiles, on 0..1.

    Examples
    --------
    >>> half_quantiles([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]], [0, 0.5, 1])
    array([[0.5, nan],
           [1. , nan],
           [1.5, nan]])
    """
    halves = np.asarray(X, dtype=np.float64) / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        quantiles: NDArray[np.float64] = np.nanquantile(halves, levels, axis=0)
    return quantiles
