"""Dropout: in training, units are set to 0 at random, so that none relies on particular others."""

import numpy as np

from pipeline.network.layers.base import Array, Layer


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

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Drop units in training; return X otherwise."""
        if not training:
            return X
        if self.rng is None:
            raise ValueError("a Dropout layer draws from its network's generator: put it into a Network first")
        keep = self.rng.random(X.shape, dtype=np.float32) >= self.rate
        self.mask = keep * X.dtype.type(1 / (1 - self.rate))
        return np.multiply(X, self.mask, out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Pass on the gradient of the units that were kept."""
        return np.multiply(dY, self.mask, out=out)
