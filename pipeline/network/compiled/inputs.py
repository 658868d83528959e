"""What comes before the first layer, as loops: rows gathered, images deformed, inputs perturbed, sparse products."""

from typing import Any

import numpy as np

from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.rows import row


@compiled
def gather(X: Any, rows: Any, scale: float, out: Any) -> None:
    """Leave some rows of X, converted to the type of ``out`` and times ``scale``, in ``out``."""
    factor = out.dtype.type(scale)
    for i in range(rows.size):
        at = rows[i]
        for j in range(X.shape[1]):
            out[i, j] = out.dtype.type(X[at, j]) * factor


@compiled
def _locate(u: Any, length: int, corner: Any) -> None:
    """Leave floor(u) in ``corner`` and u - floor(u) in ``u``; the frame around an image and all beyond it are the same.

    A coordinate that is NaN has a pixel like any other, and stays NaN.
    """
    low, high = u.dtype.type(-1), u.dtype.type(length)
    for at in range(u.size):
        within = u[at] if u[at] > low else low
        within = within if within < high else high
        floor = np.floor(within)
        corner[at] = np.int32(floor)
        u[at] = within - floor if u[at] == u[at] else u[at]


@compiled
def warp(X: Any, rows: Any, columns: Any, height: int, width: int, background: float, out: Any) -> None:
    """Leave images X, read between their pixels at ``rows`` and ``columns``, in ``out``, which may be X itself.

    The coordinates, (n_images, height width) and of the type of ``out``, are written over.
    """
    n_pixels, across = height * width, width + 2
    n_channels = X.shape[1] // n_pixels
    # Read with a weight of 0 are the row below the frame, and the pixel after it.
    page = np.full((height + 3) * across + 1, out.dtype.type(background))
    corners, at = np.empty((2, n_pixels), np.int32), np.empty(n_pixels, np.uint32)
    pixels = np.empty((4, n_pixels), out.dtype)
    for i in range(X.shape[0]):
        r, s = rows[i], columns[i]
        _locate(r, height, corners[0])
        _locate(s, width, corners[1])
        for k in range(n_pixels):
            at[k] = (corners[0, k] + 1) * across + corners[1, k] + 1
        for channel in range(n_channels):
            for line in range(height):
                for column in range(width):
                    page[(line + 1) * across + column + 1] = X[i, (line * width + column) * n_channels + channel]
            # Reading here and there is a loop of its own, so that the next one becomes vector code.
            for k in range(n_pixels):
                pixels[0, k], pixels[1, k] = page[at[k]], page[at[k] + 1]
                pixels[2, k], pixels[3, k] = page[at[k] + across], page[at[k] + across + 1]
            for k in range(n_pixels):
                upper = pixels[0, k] + s[k] * (pixels[1, k] - pixels[0, k])
                lower = pixels[2, k] + s[k] * (pixels[3, k] - pixels[2, k])
                out[i, k * n_channels + channel] = upper + r[k] * (lower - upper)


@compiled
def sparse_times(data: Any, indices: Any, indptr: Any, W: Any, out: Any) -> None:
    """Leave X W in ``out`` for X in CSR format; what is 0 is not touched."""
    for i in range(out.shape[0]):
        y = row(out, i)
        for j in range(out.shape[1]):
            y[j] = 0
        for at in range(indptr[i], indptr[i + 1]):
            x, w = out.dtype.type(data[at]), row(W, indices[at])
            for j in range(out.shape[1]):
                y[j] += x * w[j]


@compiled
def sparse_transposed_times(data: Any, indices: Any, indptr: Any, dY: Any, first: int, out: Any) -> None:
    """Leave rows of X^T dY in ``out``, from row ``first`` on, as many as there are, for X in CSR format."""
    last = first + out.shape[0]
    for i in range(out.shape[0]):
        dw = row(out, i)
        for j in range(out.shape[1]):
            dw[j] = 0
    for i in range(dY.shape[0]):
        dy = row(dY, i)
        for at in range(indptr[i], indptr[i + 1]):
            if first <= indices[at] < last:
                x, dw = out.dtype.type(data[at]), row(out, indices[at] - first)
                for j in range(out.shape[1]):
                    dw[j] += x * dy[j]


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
