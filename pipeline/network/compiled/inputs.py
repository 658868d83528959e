"""What comes before the first layer, as loops: rows gathered, sparse rows multiplied, inputs perturbed."""

from typing import Any

import numpy as np

from pipeline.network.compiled.jit import compiled


@compiled
def gather(X: Any, rows: Any, scale: float, out: Any) -> None:
    """Leave some rows of X, converted to the type of ``out`` and times ``scale``, in ``out``."""
    factor = out.dtype.type(scale)
    for i in range(rows.size):
        row = rows[i]
        for j in range(X.shape[1]):
            out[i, j] = out.dtype.type(X[row, j]) * factor


@compiled
def sparse_times(data: Any, indices: Any, indptr: Any, W: Any, out: Any) -> None:
    """Leave X W in ``out`` for X in CSR format; what is 0 is not touched."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0
        for at in range(indptr[i], indptr[i + 1]):
            x, row = out.dtype.type(data[at]), indices[at]
            for j in range(out.shape[1]):
                out[i, j] += x * W[row, j]


@compiled
def sparse_transposed_times(data: Any, indices: Any, indptr: Any, dY: Any, first: int, out: Any) -> None:
    """Leave rows of X^T dY in ``out``, from row ``first`` on, as many as there are, for X in CSR format."""
    last = first + out.shape[0]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0
    for i in range(dY.shape[0]):
        for at in range(indptr[i], indptr[i + 1]):
            row = indices[at]
            if first <= row < last:
                x = out.dtype.type(data[at])
                for j in range(out.shape[1]):
                    out[row - first, j] += x * dY[i, j]


@compiled
def perturb(X: Any, G: Any, length: float, out: Any) -> None:
    """Leave X + length G / |G| in ``out``, row by row; a row whose gradient is 0 stays as it is."""
    zero = G.dtype.type(0)
    for i in range(X.shape[0]):
        largest, squares = zero, zero
        for j in range(X.shape[1]):  # the largest is divided by, so that no square is too small for its type
            g = abs(G[i, j])
            largest = largest if g <= largest else g
        scale = zero if largest == zero else G.dtype.type(1) / largest
        for j in range(X.shape[1]):
            g = G[i, j] / largest if scale != zero else G[i, j]
            squares += g * g
        factor = zero if squares == zero else G.dtype.type(length / np.sqrt(np.float64(squares)))
        for j in range(X.shape[1]):
            g = G[i, j] / largest if scale != zero else G[i, j]
            out[i, j] = X[i, j] + g * factor
