"""Tests of networks that are trained as a stack."""

import numpy as np
import pytest

pytest.importorskip("numba")

from pipeline.network.batches import Samples
from pipeline.network.compiled import stack
from pipeline.network.compiled.stack import SplitColumns


def test_columns_are_split_by_how_often_they_are_not_0():
    """Dense columns come first, then sparse ones row by row, then those that are always 0; nothing is lost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 12)) * (rng.random((50, 12)) < np.array([1, 0, 0.1, 0.9] * 3))
    columns = SplitColumns(Samples(X, np.zeros((50, 1))), 12)
    assert set(columns.order[:6]) == {0, 3, 4, 7, 8, 11}
    assert set(columns.order[-3:]) == {1, 5, 9}
    sparse = np.zeros((50, columns.n_sparse))
    for i in range(50):
        some = slice(columns.indptr[i], columns.indptr[i + 1])
        sparse[i, columns.indices[some]] = columns.data[some]
    np.testing.assert_array_equal(np.hstack([columns.dense, sparse, np.zeros((50, 3))]), X[:, columns.order])


def test_samples_that_are_too_many_are_not_copied(monkeypatch):
    """Beyond a bound of memory there is no key, so that networks are trained one by one."""
    from pipeline.network import SGD, Affine, Network
    from pipeline.network.compiled.updater import CompiledUpdater

    network, optimizer = Network([Affine(4, 2)], random_state=0), SGD()
    optimizer.start(network.params)
    updater, samples = CompiledUpdater(network, optimizer), Samples(np.ones((5, 4), np.float32), np.ones((5, 2)))
    assert stack.stack_key(updater, samples) is not None
    monkeypatch.setattr(stack, "MAX_INPUTS", 19)
    assert stack.stack_key(updater, samples) is None
