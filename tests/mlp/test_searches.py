"""A fit knows whether a search is calling, and which."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import cross_val_predict, cross_val_score

from pipeline.mlp.searches import OTHER_PROCESS, calling_search, inside_a_search

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


class Naming(Asking):
    """Notes in `fit` what is calling."""

    def fit(self, X, y=None):  # noqa: ARG002 - scikit-learn's arguments
        self.found_ = calling_search() is OTHER_PROCESS
        return self

    def predict(self, X):
        return np.full(len(X), self.found_)


@pytest.mark.parametrize(("n_jobs", "elsewhere"), [(1, 0), (2, 1)])
def test_a_search_of_another_process_is_told_from_one_of_this(n_jobs, elsewhere):
    """Whatever private function of scikit-learn's a process is sent, its fit is of the search over there."""
    assert cross_val_score(Naming(), X, cv=2, n_jobs=n_jobs).tolist() == [elsewhere] * 2
    assert cross_val_predict(Naming(), X, cv=2, n_jobs=n_jobs).tolist() == [elsewhere] * 8
    assert calling_search() is None
