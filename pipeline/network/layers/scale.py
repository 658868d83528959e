"""A learned factor for each unit: in front of the first affine layer, how much each input counts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers.base import Cache, Layer

Array = NDArray[Any]


class Scale(Layer):
    """Y = X s, unit by unit.

    ds = the sum of X dY over the samples;  dX = dY s. In front of the first affine layer Holzmueller et al. 2024, arXiv
    2407.04491, with a rate of its own: inputs that tell nothing fade out sooner than by their weights.

    Parameters
    ----------
    n_units : int
        Width of the input and of the output.

    Attributes
    ----------
    s : ndarray of shape (n_units,)
        The factors, 1 at first.

    Examples
    --------
    >>> layer = Scale(2)
    >>> layer.bind({"s": np.array([1.0, 3.0])}, {"s": np.zeros(2)})
    >>> cache = Cache()
    >>> layer.forward(np.array([[5.0, 6.0]]), cache=cache)
    array([[ 5., 18.]])
    >>> layer.backward(np.array([[1.0, 1.0]]), cache)
    array([[1., 3.]])
    >>> layer.ds
    array([5., 6.])
    """

    elementwise = False  # what it takes and the gradient from above must stay until ds is made
    sums_samples = True
    unitwise = True
    s: Array
    ds: Array

    def __init__(self, n_units: int) -> None:
        self.n_units = n_units

    def __repr__(self) -> str:
        return f"Scale({self.n_units})"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of s."""
        return {"s": (self.n_units,)}

    def initialize(self, rng: np.random.Generator) -> None:
        """Begin with 1; nothing is drawn."""
        del rng
        self.s[:] = 1

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return X s."""
        if cache is not None:
            cache.X = X
        return np.multiply(X, self.s, out=out)

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Leave ds, and return dX."""
        self.backward_parameters(cache.X, dY, ds=self.ds)
        return self.backward_input(dY, cache, out=out)

    def backward_input(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dX = dY s."""
        del cache  # as all layers have it
        return np.multiply(dY, self.s, out=out)

    def backward_parameters(self, X: Array, dY: Array, *, ds: Array) -> None:
        """Leave the sum of X dY over the samples in ``ds``."""
        np.einsum("ij,ij->j", X, dY, out=ds)
