"""Batch normalization: every unit gets mean 0 and variance 1 over the batch, then a scale and a shift that it learns.

The running statistics that predictions are normalized by are no parameters but state. They follow the batches of
training, and can be recomputed for the weights that training ended with.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers.base import Cache, Layer

Array = NDArray[Any]


class BatchNorm(Layer):
    """Y = gamma X^ + beta, X^ = (X - mean) / sqrt(variance + epsilon), unit by unit.

    In training, mean and variance are those of the batch of n samples, the variance divided by n:
    dbeta = sum(dY);  dgamma = sum(dY X^);  dX = gamma / sqrt(variance + epsilon) (dY - dbeta / n - X^ dgamma / n).

    A prediction takes running statistics: mean <- rho mean + (1 - rho) mean of the batch, and so the variance, which
    is divided by n - 1 as PyTorch has it. A batch of one sample, which has no variance, is normalized as in prediction,
    and leaves the running statistics as they are. Ioffe and Szegedy 2015, arXiv 1502.03167.

    Parameters
    ----------
    n_units : int
        Width of the input and of the output.
    rho : float, default=0.9
        Decay of the running mean and variance at each batch, in [0, 1).
    epsilon : float, default=1e-5
        Keeps the division from 0.

    Attributes
    ----------
    gamma, beta : ndarray of shape (n_units,)
        The parameters, 1 and 0 at first.
    mean, variance : ndarray of shape (n_units,)
        The running statistics, 0 and 1 at first.

    Raises
    ------
    ValueError
        For another rho or epsilon.

    Examples
    --------
    >>> layer = BatchNorm(1)
    >>> layer.bind({"gamma": np.ones(1), "beta": np.zeros(1)}, {"gamma": np.zeros(1), "beta": np.zeros(1)})
    >>> cache = Cache()
    >>> layer.forward(np.array([[4.0], [6.0]]), cache=cache).round(3).tolist()
    [[-1.0], [1.0]]
    >>> layer.update_statistics(cache)
    >>> layer.mean, layer.variance
    (array([0.5]), array([1.1]))
    """

    mixes_samples = True
    unitwise = True
    state_names: ClassVar[tuple[str, ...]] = ("mean", "variance")
    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    mean: Array
    variance: Array

    def __init__(self, n_units: int, *, rho: float = 0.9, epsilon: float = 1e-5) -> None:
        if not 0 <= rho < 1:
            raise ValueError(f"rho must be a number >= 0 and < 1; got {rho!r}")
        if not epsilon > 0:
            raise ValueError(f"epsilon must be a number > 0; got {epsilon!r}")
        self.n_units, self.rho, self.epsilon = n_units, rho, epsilon

    def __repr__(self) -> str:
        return f"BatchNorm({self.n_units}, rho={self.rho}, epsilon={self.epsilon})"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of gamma and beta."""
        return {"gamma": (self.n_units,), "beta": (self.n_units,)}

    @property
    def n_state(self) -> int:
        """How many numbers the layer learns beside its parameters: mean and variance."""
        return 2 * self.n_units

    @property
    def n_multiplications(self) -> int:
        """How many multiplications an input takes: one for each unit, by gamma / sqrt(variance + epsilon)."""
        return self.n_units

    def bind(self, params: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take views of the network's buffers, and make the state where there is none yet."""
        super().bind(params, grads)
        if "mean" not in vars(self):
            self.mean, self.variance = np.zeros_like(self.gamma), np.ones_like(self.gamma)

    def initialize(self, rng: np.random.Generator) -> None:
        """Begin with mean 0 and variance 1; nothing is drawn."""
        del rng
        self.gamma[:], self.beta[:], self.mean[:], self.variance[:] = 1, 0, 0, 1

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return gamma X^ + beta, by the batch's own mean and variance in training."""
        if cache is None:
            Y = np.subtract(X, self.mean, out=out)
            Y *= self.gamma * self._inverse_std(self.variance)
        else:
            self._centre(X, cache)
            Y = np.multiply(cache.centred, self.gamma * cache.inverse_std, out=out)
        Y += self.beta
        return Y

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Leave dgamma and dbeta, and return dX, which is computed from them."""
        n, centred, inverse_std = len(dY), cache.centred, cache.inverse_std
        np.matmul(np.ones(n, dY.dtype), dY, out=self.dbeta)
        np.einsum("ij,ij->j", dY, centred, out=self.dgamma)
        self.dgamma *= inverse_std
        scale = self.gamma * inverse_std
        if n == 1:
            return np.multiply(dY, scale, out=out)
        correction = cache.array("correction", dY.shape, dY.dtype)
        np.multiply(centred, self.dgamma * inverse_std / n, out=correction)
        correction += self.dbeta / n
        dX = np.subtract(dY, correction, out=out)
        dX *= scale
        return dX

    def update_statistics(self, cache: Cache, step: float | None = None) -> None:
        """Move the running mean and variance towards the batch's, in place, by 1 - rho of the way or another step."""
        n = len(cache.centred)
        if n == 1:
            return
        step = 1 - self.rho if step is None else step
        self.mean += step * (cache.mean - self.mean)
        self.variance += step * (n / (n - 1) * cache.variance - self.variance)

    def _centre(self, X: Array, cache: Cache) -> None:
        """Leave X - mean and 1 / sqrt(variance + epsilon) in the cache."""
        n, centred = len(X), cache.array("centred", X.shape, X.dtype)
        if n == 1:
            mean, variance = self.mean, self.variance
            np.subtract(X, mean, out=centred)
        else:
            # BLAS adds up columns in half the time of a reduction, on a slice of them too.
            mean = np.ones(n, X.dtype) @ X
            mean /= n
            np.subtract(X, mean, out=centred)
            variance = np.einsum("ij,ij->j", centred, centred)
            variance /= n
        cache.mean, cache.variance, cache.inverse_std = mean, variance, self._inverse_std(variance)

    def _inverse_std(self, variance: Array) -> Array:
        """Return 1 / sqrt(variance + epsilon)."""
        return 1 / np.sqrt(variance + self.epsilon)
