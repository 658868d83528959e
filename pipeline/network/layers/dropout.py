"""Dropout: in training, units are set to 0 at random, so that none relies on particular others."""

import numpy as np

from pipeline.network.layers.base import Array, Cache, Layer


class Dropout(Layer):
    """In training, Y = X M / (1 - rate), M being 0 with probability ``rate`` and 1 otherwise; else Y = X.

    dX = dY M / (1 - rate). Srivastava et al. 2014, JMLR 15; scaled in training, so that prediction needs no change.

    Parameters
    ----------
    rate : float
        Probability that a unit is dropped, in [0, 1).

    Raises
    ------
    ValueError
        For another rate.
    """

    stochastic = True
    training_only = True

    def __init__(self, rate: float) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be a number >= 0 and < 1; got {rate!r}")
        self.rate = rate

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"

    def draw(self, X: Array, cache: Cache, rng: np.random.Generator) -> None:
        """Leave the mask M / (1 - rate)."""
        keep = rng.random(X.shape, dtype=np.float32) >= self.rate
        np.multiply(keep, X.dtype.type(1 / (1 - self.rate)), out=cache.array("mask", X.shape, X.dtype))

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Drop units in training; return X otherwise."""
        return X if cache is None else np.multiply(X, cache.mask, out=out)

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Pass on the gradient of the units that were kept."""
        return np.multiply(dY, cache.mask, out=out)
