"""Losses, which training minimizes, and their gradient at the last layer.

A loss takes the last affine layer's output Z and the targets Y, both (n_samples, n_outputs). It holds the output's
activation as well, since the two together have the simple gradient P - Y.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import as_call

Array = NDArray[Any]
EPS = {char: float(np.finfo(char).eps) for char in "efdg"}
"""Machine epsilon of each dtype, which keeps a logarithm from 0."""


class Loss:
    """The mean of the samples' losses, weighted where weights are given."""

    activation: ClassVar[str]

    def __repr__(self) -> str:
        return as_call(self)

    @property
    def unsmoothed(self) -> "Loss":
        """The loss without label smoothing: of a wrapper, what it wraps."""
        return self

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return P, the output's activation of Z."""
        raise NotImplementedError

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return the loss of each sample, (n_samples,), from P."""
        raise NotImplementedError

    def correct(self, P: Array, Y: Array) -> Array:
        """Return whether each sample is predicted correctly, (n_samples,)."""
        raise NotImplementedError

    def value(self, P: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Return the loss of predictions P."""
        losses = self.sample_losses(P, Y)
        total = float(np.add.reduce(losses) if sample_weight is None else np.dot(sample_weight, losses))
        return total / total_weight(sample_weight, len(Y))

    def forward_backward(self, Z: Array, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Leave the predictions in ``P``, and dZ, the gradient of the loss, in the place of Z."""
        self.predictions(Z, out=P)
        self.gradient(P, Y, weight, total=total, out=Z)

    def gradient(
        self,
        P: Array,
        Y: Array,
        sample_weight: Array | None = None,
        *,
        total: float | None = None,
        out: Array | None = None,
    ) -> Array:
        """Return dZ = (P - Y) / n, or w (P - Y) / sum(w) with weights.

        ``total`` is n, or sum(w), of the whole batch, where these are only some of its samples.
        """
        total = total_weight(sample_weight, len(Y)) if total is None else total
        dZ = np.subtract(P, Y, out=out)
        dZ *= 1 / total if sample_weight is None else (sample_weight / total)[:, np.newaxis]
        return dZ


class SoftmaxCrossEntropy(Loss):
    """P = softmax(Z), p_k = exp(z_k) / sum_j exp(z_j); the loss of a sample is -sum_k y_k log p_k.

    dZ = (P - Y) / n. For one label among several classes.

    Examples
    --------
    >>> SoftmaxCrossEntropy().predictions(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """

    activation = "softmax"

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return softmax(Z), by way of Z less its largest value, so that exp cannot overflow."""
        P = np.subtract(Z, np.maximum.reduce(Z, axis=1, keepdims=True), out=out)
        np.exp(P, out=P)
        P /= np.add.reduce(P, axis=1, keepdims=True)
        return P

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return -sum_k y_k log p_k, p being at least the machine epsilon of its dtype."""
        logs = np.log(np.maximum(P, EPS[P.dtype.char]))
        logs *= Y
        return -np.add.reduce(logs, axis=1)

    def correct(self, P: Array, Y: Array) -> Array:
        """Return whether the most probable class is the true one."""
        return np.asarray(P.argmax(axis=1) == Y.argmax(axis=1))


class SigmoidCrossEntropy(Loss):
    """P = 1 / (1 + exp(-Z)); the loss of a sample is -sum_k (y_k log p_k + (1 - y_k) log(1 - p_k)).

    dZ = (P - Y) / n. For two classes (one output), or several labels at once (one output each).
    """

    activation = "logistic"

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return 1 / (1 + exp(-Z)), or exp(Z) / (1 + exp(Z)) below 0, so that both tails are exact."""
        E = np.exp(-np.abs(Z))
        return np.divide(np.where(Z < 0, E, 1), 1 + E, out=out, dtype=Z.dtype)

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return the cross-entropy summed over the outputs, p being at least the machine epsilon away from 0 and 1."""
        eps = EPS[P.dtype.char]
        P = np.clip(P, eps, 1 - eps)
        return -np.add.reduce(Y * np.log(P) + (1 - Y) * np.log1p(-P), axis=1)

    def correct(self, P: Array, Y: Array) -> Array:
        """Return whether every output is on the right side of a half."""
        return np.asarray(((P > 0.5) == (Y > 0.5)).all(axis=1))


LOSSES: dict[str, type[Loss]] = {loss.activation: loss for loss in (SoftmaxCrossEntropy, SigmoidCrossEntropy)}


class SquaredError(Loss):
    """P = Z; the loss of a sample is half the mean over its outputs of (p_k - y_k)^2. dZ = (P - Y) / n."""

    activation = "identity"

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return Z."""
        if out is None:
            return Z
        out[:] = Z
        return out

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return half the mean of the squared residuals."""
        return np.square(P - Y).mean(axis=1) / 2

    def correct(self, P: Array, Y: Array) -> Array:
        """Return that nothing is right or wrong."""
        del Y
        return np.zeros(len(P), bool)


def total_weight(sample_weight: Array | None, n_samples: int) -> float:
    """Return the sum of the weights, or the number of samples; 1 where all weights are 0, so that the loss is 0."""
    return n_samples if sample_weight is None else float(sample_weight.sum()) or 1.0
