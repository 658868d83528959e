"""Columns of a table on one scale, whatever outliers they have: ``RobustSmoothClip``."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from pipeline.parameters import check_parameters
from pipeline.tabular.base import NumberTransformer
from pipeline.tabular.quantiles import half_quantiles


class RobustSmoothClip(NumberTransformer):
    """Center each feature by its median, scale it by its interquartile range, and clip it smoothly.

    ``z = (x - center_) / scale_``, then ``z / sqrt(1 + (z / limit)^2)``: nearly z where that is small, and between
    -limit and limit however far out x is. Holzmüller et al. 2024, "Better by default", arXiv 2407.04491.

    Where the interquartile range is 0, as that of a feature with many zeros may be, half of the whole range stands in
    for it; a constant feature becomes 0. Missing values (NaN) are disregarded in `fit` and stay missing, as by
    scikit-learn's scalers; a feature of which `fit` has seen no value is 0 wherever it has one later.

    Parameters
    ----------
    limit : float, default=3.0
        What no value reaches, on either side of 0.
    dtype : {"float32", "float64"} or None, default=None
        Of what `transform` returns. None leaves float32 and float64 as they are, and makes float64 of the rest.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,), float64
        The medians.
    scale_ : ndarray of shape (n_features,), float64
        The interquartile ranges, or half of the range where those are 0; infinite for constants.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had them.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [1e9]])
    >>> RobustSmoothClip().fit_transform(X).round(3).ravel()
    array([-0.949, -0.493,  0.   ,  0.493,  3.   ])
    """

    def __init__(
        self, limit: Annotated[float, "> 0"] = 3.0, dtype: Literal["float32", "float64"] | None = None
    ) -> None:
        self.limit, self.dtype = limit, dtype

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the medians and the ranges.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN where one is missing.
        y : ignored
            Here because scikit-learn hands it over.

        Returns
        -------
        RobustSmoothClip
            Itself.

        Raises
        ------
        ParameterError
            For a limit or a dtype that is not allowed.
        ValueError
            Where X is empty, or not numbers in two dimensions, or infinite.
        """
        del y
        check_parameters(self)
        rows = self._checked(X, reset=True)
        least, lower, median, upper, most = half_quantiles(rows, [0, 0.25, 0.5, 0.75, 1])
        half = np.where(upper > lower, upper - lower, (most - least) / 2)
        half[~(half > 0)] = np.inf  # constants, and what has no value
        self.center_, self._half_scale = 2 * np.nan_to_num(median), half
        return self

    @property
    def scale_(self) -> NDArray[np.float64]:
        """What features are divided by; twice what is kept, since that may be too large for a float."""
        check_is_fitted(self)
        with np.errstate(over="ignore"):
            return 2 * self._half_scale

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the features on their new scale, in a new array.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN where one is missing.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 or float64
            Numbers between -limit and limit, and NaN where X has it.
        """
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        with np.errstate(over="ignore"):  # what is too large is clipped at once
            Z = (rows / 2.0 - self.center_ / 2) / self._half_scale
        np.clip(Z, -_MOST, _MOST, out=Z)
        Z /= np.hypot(1, Z / self.limit)
        return Z.astype(self.dtype or rows.dtype, copy=False)

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn whether float32 stays float32."""
        tags = super().__sklearn_tags__()
        if self.dtype is not None:
            tags.transformer_tags.preserves_dtype = []
        return tags


_MOST = np.finfo(np.float64).max / 4
"""So large that clipping it smoothly comes to the limit, and that its square need not be a float."""
