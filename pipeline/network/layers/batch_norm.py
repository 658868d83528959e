"""Batch normalization: every unit gets mean 0 and variance 1 over the batch, then a scale and a shift that it learns.

The running statistics that predictions are normalized by are no parameters but state. They follow the batches of
training, and can be recomputed for the weights that training ended with.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers.base import ALL, Layer

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
    >>> layer.forward(np.array([[4.0], [6.0]]), training=True).round(3).tolist()
    [[-1.0], [1.0]]
    >>> layer.mean, layer.variance
    (array([0.5]), array([1.1]))
    """

    mixes_samples = True
    state_names: ClassVar[tuple[str, ...]] = ("mean", "variance")
    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    mean: Array
    variance: Array
    centred: Array
    inverse_std: Array
    scratch: Array

    def __init__(self, n_units: int, *, rho: float = 0.9, epsilon: float = 1e-5) -> None:
        if not 0 <= rho < 1:
            raise ValueError(f"rho must be a number >= 0 and < 1; got {rho!r}")
        if not epsilon > 0:
            raise ValueError(f"epsilon must be a number > 0; got {epsilon!r}")
        self.n_units, self.rho, self.epsilon = n_units, rho, epsilon
        self.n_seen: int | None = None
        self.updates_statistics = True

    def __repr__(self) -> str:
        return f"BatchNorm({self.n_units}, rho={self.rho}, epsilon={self.epsilon})"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of gamma and beta."""
        return {"gamma": (self.n_units,), "beta": (self.n_units,)}

    @property
    def n_state(self) -> int:
        """How many numbers the layer learns beside its parameters: mean and variance."""
        return 2 * self.n_units

    def bind(self, params: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take views of the network's buffers, and make the state where there is none yet."""
        super().bind(params, grads)
        if "mean" not in vars(self):
            self.mean, self.variance = np.zeros_like(self.gamma), np.ones_like(self.gamma)

    def initialize(self, rng: np.random.Generator) -> None:
        """Begin with mean 0 and variance 1; nothing is drawn."""
        del rng
        self.gamma[:], self.beta[:], self.mean[:], self.variance[:] = 1, 0, 0, 1

    def unbound(self) -> Self:
        """Return a copy with configuration and state alone."""
        copy = super().unbound()
        vars(copy).update({name: vars(self)[name].copy() for name in self.state_names if name in vars(self)})
        return copy

    def shard(self, *, inputs: slice = ALL, outputs: slice = ALL) -> Self:
        """Return the layer for some of its outputs, which are its inputs as well; parameters and state are views."""
        del inputs
        shard = self.unbound()
        shard.n_units = len(range(self.n_units)[outputs])
        for name in ("gamma", "beta", "dgamma", "dbeta", *self.state_names):
            setattr(shard, name, getattr(self, name)[outputs])
        return shard

    def replica(self) -> Self:
        """Return a layer that normalizes by its own batches, and does not update the running statistics."""
        replica = super().replica()
        replica.updates_statistics = False
        return replica

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Return gamma X^ + beta, by the batch's own mean and variance in training."""
        if training:
            self._centre(X)
            Y = np.multiply(self.centred, self.gamma * self.inverse_std, out=out)
        else:
            Y = np.subtract(X, self.mean, out=out)
            Y *= self.gamma * self._inverse_std(self.variance)
        Y += self.beta
        return Y

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Leave dgamma and dbeta, and return dX, which is computed from them; ``backward_input`` does the same."""
        self.backward_parameters(dY)
        scale = self.gamma * self.inverse_std
        n = len(dY)
        if n == 1:
            return np.multiply(dY, scale, out=out)
        correction = np.multiply(self.centred, self.dgamma * self.inverse_std / n, out=self.scratch[:n])
        correction += self.dbeta / n
        dX = np.subtract(dY, correction, out=out)
        dX *= scale
        return dX

    def backward_parameters(self, dY: Array) -> None:
        """Leave dgamma and dbeta alone."""
        np.matmul(np.ones(len(dY), dY.dtype), dY, out=self.dbeta)
        np.einsum("ij,ij->j", dY, self.centred, out=self.dgamma)
        self.dgamma *= self.inverse_std

    def begin_recompute(self) -> None:
        """Begin to compute the running mean and variance as the mean over all batches that go forward from here.

        So they belong to the present weights alone; every batch is weighted by its number of samples.
        """
        self.n_seen = 0

    def end_recompute(self) -> None:
        """End this, and let the running mean and variance follow the batches as before."""
        self.n_seen = None

    def _centre(self, X: Array) -> None:
        """Store X - mean and 1 / sqrt(variance + epsilon), and update the running statistics."""
        n = len(X)
        self._allocate(X)
        if n == 1:
            np.subtract(X, self.mean, out=self.centred)
            self.inverse_std = self._inverse_std(self.variance)
            return
        mean = np.ones(n, X.dtype) @ X  # BLAS adds up columns in half the time of a reduction, on a slice of them too
        mean /= n
        np.subtract(X, mean, out=self.centred)
        variance = np.einsum("ij,ij->j", self.centred, self.centred)
        variance /= n
        self._update_statistics(mean, variance, n)
        self.inverse_std = self._inverse_std(variance)

    def _update_statistics(self, mean: Array, variance: Array, n: int) -> None:
        """Update the running mean and variance by a batch's, in place."""
        if not self.updates_statistics:
            return
        step = 1 - self.rho
        if self.n_seen is not None:
            self.n_seen += n
            step = n / self.n_seen
        self.mean += step * (mean - self.mean)
        self.variance += step * (n / (n - 1) * variance - self.variance)

    def _inverse_std(self, variance: Array) -> Array:
        """Return 1 / sqrt(variance + epsilon)."""
        return 1 / np.sqrt(variance + self.epsilon)

    def _allocate(self, X: Array) -> None:
        """Make buffers for a batch's X - mean, and for as much in ``backward``."""
        if "scratch" not in vars(self) or len(self.scratch) < len(X) or self.scratch.dtype != X.dtype:
            self._centred_buffer, self.scratch = np.empty(X.shape, X.dtype), np.empty(X.shape, X.dtype)
        self.centred = self._centred_buffer[: len(X)]
