"""A fit knows whether a search is calling, and which."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import cross_val_score

from pipeline.mlp.searches import inside_a_search

X = np.zeros((8, 2))


class Asking(BaseEstimator):
    """Notes in `fit` whether a search is calling."""

    def fit(self, X, y=None):  # noqa: ARG002 - scikit-learn's arguments
        self.found_ = inside_a_search()
        return self

    def score(self, X, y=None):  # noqa: ARG002 - the same
        return float(self.found_)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_is_recognised(n_jobs):
    """A cross-validation's calls are told from a person's, in other processes as well."""
    assert Asking().fit(X).found_ is False
    assert cross_val_score(Asking(), X, cv=2, n_jobs=n_jobs).tolist() == [1, 1]
