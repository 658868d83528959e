"""What transformers of a table's numbers have in common: the rows that they take, and what they tell scikit-learn."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data


class NumberTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """A transformer of numbers, some of which may be missing, whose float32 stays float32."""

    def _checked(self, X: ArrayLike, y: ArrayLike | None = None, *, reset: bool) -> Any:
        """Return the rows, of float32 or float64; with y, both, and y of one dimension or two.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN where one is missing.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            What is learned from, if anything.
        reset : bool
            Whether `fit` is calling, which learns how many features there are.
        """
        targets = {} if y is None else {"y": y, "multi_output": True}
        return validate_data(
            self, X, **targets, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
        )

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that NaN is taken, and that float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
