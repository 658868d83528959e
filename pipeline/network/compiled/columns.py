"""Inputs whose columns are sorted by how often they are not 0, so that networks multiply what is 0 as little as may be.

Those that often are not 0 are multiplied as they are; those that mostly are, as an image's frame, number by number; and
those that always are not at all.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Samples, chunk_size
from pipeline.network.compiled.gemm import add_times
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.row_sums import padded, sum_rows
from pipeline.network.compiled.rows import row

Array = NDArray[Any]
DENSE = 0.25
"""The fraction of a column's numbers that are not 0, from which on BLAS multiplies it faster."""
PIECE = 16
"""Columns that BLAS multiplies at once: fewer of them take as long."""
AT_ONCE = 512
"""Samples whose products with several W are made at once."""


class Columns(NamedTuple):
    """Samples as loops read them.

    Attributes
    ----------
    dense : ndarray of shape (n_samples, n_dense)
        The columns that are multiplied as they are.
    data, indices, indptr : ndarray
        The others that are not always 0, in CSR format.
    """

    dense: Array
    data: Array
    indices: Array
    indptr: Array


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
            count_nonzero(X, counts)
        often = np.argsort(-counts, kind="stable")[: int((counts > DENSE * n).sum())]
        dense = np.zeros(n_in, bool)
        dense[often[: len(often) // PIECE * PIECE or len(often)]] = True
        sparse = (counts > 0) & ~dense
        self.order = np.concatenate([every[dense], every[sparse], every[counts == 0]])
        n_places = int(counts[sparse].sum()) + 1  # one more, which is passed over
        X_dense, indptr = np.empty((n, int(dense.sum())), dtype), np.zeros(n + 1, np.int64)
        data, indices = np.empty(n_places, dtype), np.empty(n_places, np.int32)
        for rows, X in _chunks(samples, n_in):
            split(X, every[dense], every[sparse], X_dense[rows], data, indices, indptr[rows.start : rows.stop + 1])
        self.columns = Columns(X_dense, data, indices, indptr)

    def products(self, weights: Sequence[Array]) -> Iterator[tuple[slice, list[Array]]]:
        """Yield some samples at a time, and their products with several W, which may be overwritten."""
        edges = np.cumsum([0, *(W.shape[1] for W in weights)])
        spans = [slice(*edge) for edge in pairwise(edges)]
        wide = np.zeros((len(self.order), padded(edges[-1])), self.columns.dense.dtype)
        for W, span in zip(weights, spans, strict=True):
            wide[:, span] = W[self.order]
        dense, data, indices, indptr = self.columns
        for start in range(0, len(dense), AT_ONCE):
            X = dense[start : start + AT_ONCE]
            Z = np.empty((len(X), wide.shape[1]), wide.dtype)
            multiply(X, data, indices, indptr, start, wide, edges[-1], Z)
            yield slice(start, start + len(Z)), [Z[:, span] for span in spans]


def _chunks(samples: Samples, n_in: int) -> Iterator[tuple[slice, Array]]:
    """Yield rows and inputs of all samples, in chunks that fit in memory."""
    size = chunk_size(n_in)
    for start in range(0, len(samples), size):
        rows = slice(start, min(start + size, len(samples)))
        yield rows, np.ascontiguousarray(samples.inputs(rows))


@compiled
def multiply(X: Any, data: Any, indices: Any, indptr: Any, begin: int, W: Any, used: int, Z: Any) -> None:
    """Leave the product of some samples with W in Z; the rows of W are in the order of the columns.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_dense)
        Their dense columns.
    data, indices, indptr : ndarray
        The others, of these samples from row ``begin`` on.
    W, Z : ndarray of shape (n_in, width), (n_samples, width)
        Of the columns, the first ``used`` are needed.
    """
    n_dense = X.shape[1]
    sum_rows(data, indices, indptr, begin, W, n_dense, Z)
    if n_dense > 0:
        add_times(X, W[:n_dense, :used], Z[:, :used])


@compiled
def count_nonzero(X: Any, counts: Any) -> None:
    """Add to ``counts``, of shape (n_columns,), how many numbers of each column of X are not 0."""
    zero = X.dtype.type(0)
    for i in range(X.shape[0]):
        x = row(X, i)
        for k in range(x.size):
            counts[k] += x[k] != zero


@compiled
def split(X: Any, dense: Any, sparse: Any, X_dense: Any, data: Any, indices: Any, indptr: Any) -> None:
    """Leave some columns of X in ``X_dense``, and what is not 0 in others behind what ``indptr[0]`` says is there.

    ``data`` and ``indices`` have a place to spare, as each number is written before it is known to be none.
    """
    zero, at = X.dtype.type(0), indptr[0]
    for i in range(X.shape[0]):
        x, out = row(X, i), row(X_dense, i)
        for k in range(dense.size):
            out[k] = x[dense[k]]
        for k in range(sparse.size):
            data[at], indices[at] = x[sparse[k]], k
            at += x[sparse[k]] != zero
        indptr[i + 1] = at
