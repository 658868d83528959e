"""Tests of inputs whose columns are sorted."""

import numpy as np
import pytest

pytest.importorskip("numba")

from pipeline.network.batches import Samples
from pipeline.network.compiled import columns
from pipeline.network.compiled.columns import SplitColumns


def test_columns_are_split_by_how_often_they_are_not_0():
    """Dense columns come first, then sparse ones row by row, then those that are always 0; nothing is lost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 12)) * (rng.random((50, 12)) < np.array([1, 0, 0.1, 0.9] * 3))
    split = SplitColumns(Samples(X, np.zeros((50, 1))), 12)
    assert set(split.order[:6]) == {0, 3, 4, 7, 8, 11}
    assert set(split.order[-3:]) == {1, 5, 9}
    dense, data, indices, indptr = split.columns
    sparse = np.zeros((50, 3))
    for i in range(50):
        some = slice(indptr[i], indptr[i + 1])
        sparse[i, indices[some]] = data[some]
    np.testing.assert_array_equal(np.hstack([dense, sparse, np.zeros((50, 3))]), X[:, split.order])


def test_dense_columns_are_whole_pieces():
    """Where there are more than 16 dense columns, those that are least so are left to the sparse ones."""
    X = np.zeros((40, 30))
    for k in range(20):
        X[: 40 - k, k] = 1  # of which the last have the fewest numbers, more than a quarter
    split = SplitColumns(Samples(X, np.zeros((40, 1))), 30)
    assert split.order[:16].tolist() == list(range(16))
    assert split.order[16:20].tolist() == [16, 17, 18, 19]
    assert split.columns.dense.shape == (40, 16)
    assert np.unique(split.columns.indices[: split.columns.indptr[-1]]).tolist() == [0, 1, 2, 3]  # of the sparse ones


def test_products_with_several_matrices(monkeypatch):
    """Samples are multiplied some at a time, by matrices of any width, and come to what NumPy comes to."""
    monkeypatch.setattr(columns, "AT_ONCE", 16)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(40, 30)) * (rng.random((40, 30)) < np.linspace(0, 1, 30))).astype(np.float32)
    weights = [rng.normal(size=(30, width)).astype(np.float32) for width in (1, 70, 5)]
    split = SplitColumns(Samples(X, np.zeros((40, 1), np.float32)), 30)
    made = list(split.products(weights))
    assert [rows for rows, _ in made] == [slice(0, 16), slice(16, 32), slice(32, 40)]
    for rows, products in made:
        for Z, W in zip(products, weights, strict=True):
            np.testing.assert_allclose(Z, X[rows] @ W, rtol=1e-4, atol=1e-4)
