"""Losses, which training minimizes, and their gradient at the last layer.

A loss takes the last affine layer's output Z and the targets Y, both (n_samples, n_outputs). It holds the output's
activation as well, since the two together have a simple gradient, most often P - Y.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import as_call
from pipeline.network.scores import R2, Accuracy, PinballD2, Score, pinball

Array = NDArray[Any]
EPS = {char: float(np.finfo(char).eps) for char in "efdg"}
"""Machine epsilon of each dtype, which keeps a logarithm from 0."""
TINY = {char: max(float(np.finfo(char).tiny), float(np.finfo("d").tiny)) for char in "efdg"}
"""The smallest normal number of each dtype that is a float as well."""


class Loss:
    """The mean of the samples' losses, weighted where weights are given."""

    activation: ClassVar[str]
    """The output's, by scikit-learn's name: ``out_activation_``."""

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
        """Return whether each sample is predicted correctly, (n_samples,), if it is a loss of classes."""
        raise NotImplementedError

    def new_score(self) -> Score:
        """Return what the score of predictions is computed by, without any yet: their accuracy."""
        return Accuracy(self.correct)

    def check_width(self, n_outputs: int) -> None:
        """Raise a ValueError for a number of outputs that there cannot be."""

    def value(self, P: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Return the loss of predictions P."""
        losses = self.sample_losses(P, Y)
        total = float(np.add.reduce(losses) if sample_weight is None else np.dot(sample_weight, losses))
        return total / total_weight(sample_weight, len(Y))

    def objective(self, P: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Return the function whose gradient ``gradient`` is: the loss, where not said."""
        return self.value(P, Y, sample_weight)

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
        """Return dZ, each sample's derivative divided by n, or with weights times w / sum(w).

        ``total`` is n, or sum(w), of the whole batch, where these are only some of its samples.
        """
        total = total_weight(sample_weight, len(Y)) if total is None else total
        dZ = self.derivative(P, Y, out)
        dZ *= 1 / total if sample_weight is None else (sample_weight / total)[:, np.newaxis]
        return dZ

    def derivative(self, P: Array, Y: Array, out: Array | None = None) -> Array:
        """Return the derivative of each sample's loss by its Z, (n_samples, n_outputs): P - Y, where not said."""
        return np.subtract(P, Y, out=out)


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


class RegressionLoss(Loss):
    """A loss of numbers. P = Z, where not said; the score is R^2."""

    activation = "identity"

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return Z."""
        if out is None:
            return Z.copy()
        if out is not Z:
            out[:] = Z
        return out

    def new_score(self) -> Score:
        """Return what R^2 is computed by."""
        return R2()


class SquaredError(RegressionLoss):
    """P = Z; the loss of a sample is half the mean over its outputs of (p_k - y_k)^2, and dZ = (P - Y) / n.

    It is least where each p is the mean of y. Legendre 1805; Gauss 1809.

    Loss and gradient are scikit-learn's. Of several outputs, the gradient is that of their sum: ``objective``.

    Examples
    --------
    >>> loss = SquaredError()
    >>> loss.value(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    1.25
    """

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return half the mean of the squares."""
        errors = P - Y
        errors *= errors
        return np.add.reduce(errors, axis=1) * (0.5 / P.shape[1])

    def objective(self, P: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Return half the sum over the outputs, which is what training makes small.

        scikit-learn reports the mean, stops by it, and hands it to L-BFGS beside the gradient of the sum. With another
        value here, weights would not be the same.
        """
        return self.value(P, Y, sample_weight) * P.shape[1]


class PoissonDeviance(RegressionLoss):
    """P = exp(Z); the loss of a sample is sum_k (y_k log(y_k / p_k) - y_k + p_k), and dZ = (P - Y) / n.

    Half the deviance of a Poisson distribution, for counts and other y >= 0, 0 log 0 being 0. It is least where each p
    is the mean of y. Nelder and Wedderburn 1972, Journal of the Royal Statistical Society A 135.

    Examples
    --------
    >>> loss = PoissonDeviance()
    >>> loss.predictions(np.array([[0.0, -1000.0]]))
    array([[1., 0.]])
    >>> loss.value(np.array([[2.0]]), np.array([[0.0]]))
    2.0
    """

    activation = "exp"

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return exp(Z), which is infinite where that is beyond the dtype's numbers."""
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(Z, out=out)

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return half the deviance, y / p being within the dtype's numbers, so that an infinite p alone is infinite."""
        tiny = TINY[P.dtype.char]
        with np.errstate(over="ignore"):
            ratio = np.clip(Y / np.maximum(P, tiny), tiny, 1 / tiny)
        return np.add.reduce(Y * np.log(ratio) - Y + P, axis=1)


class AbsoluteError(RegressionLoss):
    """P = Z; the loss of a sample is sum_k |y_k - p_k|, and dZ = sign(P - Y) / n, 0 where they are equal.

    It is least where each p is the median of y. Boscovich 1757; Laplace 1793.
    """

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return the sum of the absolute errors."""
        return np.add.reduce(np.abs(P - Y), axis=1)

    def derivative(self, P: Array, Y: Array, out: Array | None = None) -> Array:
        """Return sign(P - Y)."""
        errors = np.subtract(P, Y, out=out)
        return np.sign(errors, out=errors)


class Huber(RegressionLoss):
    """P = Z; the loss of a sample is the sum of e^2 / 2 where |e| <= delta, else of delta (|e| - delta / 2); e = P - Y.

    dZ = e / n, limited to delta / n and -delta / n: squared error for what is near, absolute error for outliers. Huber
    1964, The Annals of Mathematical Statistics 35.

    Parameters
    ----------
    delta : float, default=1.0
        The largest error that counts by its square, above 0, in the units of the targets.

    Raises
    ------
    ValueError
        For another delta.

    Examples
    --------
    >>> Huber(delta=2).value(np.array([[1.0, 5.0]]), np.zeros((1, 2)))
    8.5
    """

    def __init__(self, delta: float = 1.0) -> None:
        if not 0 < delta < np.inf:
            raise ValueError(f"delta must be a number > 0; got {delta!r}")
        self.delta = float(delta)

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return the sum of m (|e| - m / 2), m being |e| or at the most delta, which is both of its formulas."""
        errors = np.abs(P - Y)
        limited = np.minimum(errors, self.delta)
        return np.add.reduce(limited * (errors - 0.5 * limited), axis=1)

    def derivative(self, P: Array, Y: Array, out: Array | None = None) -> Array:
        """Return P - Y, limited."""
        errors = np.subtract(P, Y, out=out)
        return np.clip(errors, -self.delta, self.delta, out=errors)


class Pinball(RegressionLoss):
    """P = Z; the loss of a sample is the sum of max(q (y - p), (q - 1) (y - p)) over targets and their quantiles.

    dZ = (1 - q) / n where p > y, -q / n where p < y, and 0 where they are equal. It is least where each p is the
    quantile q of y; for q = 0.5 it is half the absolute error. The score is D^2. Koenker and Bassett 1978, Econometrica
    46.

    The outputs are all quantiles of the first target, then all of the second, and so on: (n_samples, n_targets *
    n_quantiles). The targets Y have the same shape, each repeated for its quantiles, as by ``np.repeat(Y, n_quantiles,
    axis=1)``. Nothing keeps the quantiles of a sample from crossing.

    Parameters
    ----------
    quantiles : float or sequence of float, default=(0.5,)
        The quantiles of every target, between 0 and 1.

    Raises
    ------
    ValueError
        For others, or for none.

    Examples
    --------
    >>> loss = Pinball((0.1, 0.9))
    >>> loss
    Pinball(quantiles=(0.1, 0.9))
    >>> round(loss.value(np.array([[1.0, 1.0]]), np.array([[3.0, 3.0]])), 4)
    2.0
    """

    def __init__(self, quantiles: float | Sequence[float] = (0.5,)) -> None:
        self.quantiles = tuple(float(q) for q in np.atleast_1d(quantiles))
        if not self.quantiles or not all(0 < q < 1 for q in self.quantiles):
            raise ValueError(f"quantiles must be numbers > 0 and < 1; got {quantiles!r}")

    def check_width(self, n_outputs: int) -> None:
        """Raise a ValueError for a number of outputs that is no multiple of that of the quantiles."""
        if n_outputs % len(self.quantiles):
            raise ValueError(f"{self} needs {len(self.quantiles)} outputs for each target; got {n_outputs} outputs")

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return the sum of the pinball losses."""
        return np.add.reduce(pinball(Y - P, self._of_outputs(P)), axis=1)

    def derivative(self, P: Array, Y: Array, out: Array | None = None) -> Array:
        """Return s / 2 + |s| (1 / 2 - q), s being the sign of P - Y: 1 - q, -q or 0."""
        slopes = np.subtract(P, Y, out=out)
        np.sign(slopes, out=slopes)
        away = np.abs(slopes)
        slopes *= 0.5
        slopes += away * (0.5 - self._of_outputs(P))
        return slopes

    def new_score(self) -> Score:
        """Return what D^2 is computed by."""
        return PinballD2(self.quantiles)

    def _of_outputs(self, P: Array) -> Array:
        """Return the quantile of each output, (n_outputs,)."""
        return np.tile(np.array(self.quantiles, P.dtype), P.shape[1] // len(self.quantiles))


LOSSES: dict[str, type[Loss]] = {loss.activation: loss for loss in (SoftmaxCrossEntropy, SigmoidCrossEntropy)}
"""The losses of classes, by the output's activation."""
REGRESSION_LOSSES: dict[str, type[RegressionLoss]] = {
    "squared_error": SquaredError,
    "poisson": PoissonDeviance,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Pinball,
}
"""The losses of numbers, by the names that ``MLPRegressor`` has for them."""


def total_weight(sample_weight: Array | None, n_samples: int) -> float:
    """Return the sum of the weights, or the number of samples; 1 where all weights are 0, so that the loss is 0."""
    return n_samples if sample_weight is None else float(sample_weight.sum()) or 1.0
