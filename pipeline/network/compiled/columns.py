"""Inputs whose columns are sorted by how often they are not 0, so that networks multiply what is 0 as little as may be.

Those that often are not 0 are multiplied as they are; those that mostly are, as an image's frame, number by number; and
those that always are not at all.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Samples, chunk_size
from pipeline.network.compiled.jit import compiled

Array = NDArray[Any]
DENSE = 0.25
"""The fraction of a column's numbers that are not 0, from which on BLAS multiplies it faster."""


class Columns(NamedTuple):
    """Samples as loops read them.

    Attributes
    ----------
    dense : ndarray of shape (n_samples, n_dense)
        The columns that are multiplied as they are.
    data, indices, indptr : ndarray
        ``n_sparse`` others, in CSR format.
    """

    dense: Array
    data: Array
    indices: Array
    indptr: Array
    n_sparse: int


class SplitColumns:
    """Inputs with their columns sorted.

    Parameters
    ----------
    samples : Samples
        What is trained on.
    n_in : int
        Its columns.

    Attributes
    ----------
    order : ndarray of shape (n_in,)
        The columns in their new order: those multiplied as they are, those that are mostly 0, those that always are.
    columns : Columns
        The first, and the next.
    """

    def __init__(self, samples: Samples, n_in: int) -> None:
        n, dtype, every = len(samples), samples.Y.dtype, np.arange(n_in)
        counts = np.zeros(n_in, np.int64)
        for _, X in _chunks(samples, n_in):
            counts += np.count_nonzero(X, axis=0)
        dense, sparse = counts > DENSE * n, (counts > 0) & (counts <= DENSE * n)
        self.order = np.concatenate([every[dense], every[sparse], every[counts == 0]])
        dense_columns, columns = every[dense], np.ascontiguousarray(every[sparse])
        X_dense, indptr = np.empty((n, len(dense_columns)), dtype), np.zeros(n + 1, np.int64)
        data, indices = np.empty(counts[sparse].sum(), dtype), np.empty(counts[sparse].sum(), np.int32)
        for rows, X in _chunks(samples, n_in):
            np.take(X, dense_columns, axis=1, out=X_dense[rows], mode="clip")
            begin = indptr[rows.start]
            count_nonzero(X, columns, sizes := np.empty(len(X), np.int64))
            indptr[rows.start + 1 : rows.stop + 1] = begin + np.cumsum(sizes)
            compress(X, columns, begin, data, indices)
        self.columns = Columns(X_dense, data, indices, indptr, len(columns))


def _chunks(samples: Samples, n_in: int) -> Iterator[tuple[slice, Array]]:
    """Yield rows and inputs of all samples, in chunks that fit in memory."""
    size = chunk_size(n_in)
    for start in range(0, len(samples), size):
        rows = slice(start, min(start + size, len(samples)))
        yield rows, np.ascontiguousarray(samples.inputs(rows))


@compiled
def count_nonzero(X: Any, columns: Any, counts: Any) -> None:
    """Leave in ``counts``, of length n_samples, how many numbers of some columns of each sample are not 0."""
    zero = X.dtype.type(0)
    for i in range(X.shape[0]):
        n = 0
        for k in range(columns.size):
            n += X[i, columns[k]] != zero
        counts[i] = n


@compiled
def compress(X: Any, columns: Any, start: int, data: Any, indices: Any) -> None:
    """Leave what is not 0 in some columns of X in ``data``, from ``start`` on, and its places among them beside it."""
    zero, at = X.dtype.type(0), start
    for i in range(X.shape[0]):
        for k in range(columns.size):
            x = X[i, columns[k]]
            if x != zero:
                data[at], indices[at] = x, k
                at += 1
