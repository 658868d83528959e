"""Elastic fields: blurred noise, as sums of the few basis fields that a blur leaves."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

VARIANCE = 0.999
"""Share of an elastic field's variance that is drawn; the rest are basis fields that the blur has all but wiped out."""


def blur(length: int, sigma: float) -> Array:
    """Return the matrix G (length, length) of a Gaussian blur with zeros beyond both ends.

    G[i, j] = g(i - j) / sum_k g(k), g(k) = exp(-k^2 / (2 sigma^2)), the sum being over all integers.

    Examples
    --------
    >>> blur(2, 0.5).round(3)
    array([[0.787, 0.106],
           [0.106, 0.787]])
    """
    reach = math.ceil(10 * sigma)

    def g(k: NDArray[np.intp]) -> Array:
        return np.exp(-(k**2) / (2 * sigma**2))

    i = np.arange(length)
    return g(i[:, None] - i) / g(np.arange(-reach, reach + 1)).sum()


def elastic_basis(shape: tuple[int, int], smoothness: float, variance: float = VARIANCE) -> Array:
    """Return the basis fields that noise of variance 1/3 is made of after a blur, from the strongest down.

    With G = U S V', G N G' = U S (V' N V) S U', and V' N V is noise like N: so the field is a sum of normal numbers of
    variance 1/3, one for each pair k, l, times S_k S_l U_k U_l'. Few of the S are not next to nothing.

    Parameters
    ----------
    shape : (int, int)
        Height and width of a field.
    smoothness : float
        Standard deviation of the blur, in pixels.
    variance : float
        Share of the field's variance that the basis explains at least.

    Returns
    -------
    ndarray of shape (n_basis, height, width)
        To be multiplied by standard normal numbers and added up.

    Examples
    --------
    >>> elastic_basis((28, 28), 4.5).shape
    (28, 28, 28)
    >>> elastic_basis((28, 28), 2.0).shape
    (120, 28, 28)
    """
    (U, S), (V, T) = (_singular(blur(length, smoothness)) for length in shape)
    strength = np.outer(S, T).ravel()
    order = np.argsort(-strength, kind="stable")
    explained = np.cumsum(strength[order] ** 2) / np.sum(strength**2)
    k, l = np.unravel_index(order[: 1 + np.searchsorted(explained, variance)], shape)  # noqa: E741 - l comes after k
    return np.einsum("k,ik,jk->kij", math.sqrt(1 / 3) * S[k] * T[l], U[:, k], V[:, l])


def _singular(G: Array) -> tuple[Array, Array]:
    """Return left singular vectors and singular values; a vector begins above 0, on every machine."""
    U, S, _ = np.linalg.svd(G)
    return U * np.where(U[0] < 0, -1, 1), S
