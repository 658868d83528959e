"""Regularization beside the layers: a penalty in the loss, a limit on the weights, smoothed labels."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers import ALL, Affine
from pipeline.network.losses import Loss, RegressionLoss
from pipeline.network.shards import Hook, ParameterShard

Array = NDArray[Any]
BLOCK = 2**18
"""Weights whose gradient is computed at once, so that no second array of all of them is needed."""


class L2(Hook):
    """alpha / 2 * sum(W^2) / n, over all weights but no bias, n being the samples in the batch (or their weight).

    Its gradient is alpha W / n. Krogh and Hertz 1991, NeurIPS; divided as scikit-learn divides it.

    Parameters
    ----------
    alpha : float
        Strength, at least 0.
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def __repr__(self) -> str:
        return f"L2({self.alpha})"

    def after_gradient(self, shard: ParameterShard, total: float) -> float:
        """Add the penalty's gradient to that of a shard, and return the penalty of its weights."""
        penalty = 0.0
        for part in shard.parts:
            W = part.layer.W[part.inputs]
            for start in range(0, len(W), step := max(1, BLOCK // part.layer.n_out)):
                part.dW[start : start + step] += W[start : start + step] * (self.alpha / total)
            penalty += 0.5 * self.alpha * float(np.vdot(W, W)) / total
        return penalty


class MaxNorm(Hook):
    """w <- w min(1, limit / |w|), w being the weights that come into one unit, a column of W; after every update.

    Hinton et al. 2012, arXiv 1207.0580; Srivastava et al. 2014, JMLR 15.

    Parameters
    ----------
    limit : float
        The largest norm of a column, above 0.

    Raises
    ------
    ValueError
        For another limit.

    Examples
    --------
    >>> layer = Affine(2, 2)
    >>> layer.W = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> MaxNorm(1).apply(layer)
    >>> layer.W
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    reads_others: ClassVar[bool] = True  # a column of W goes through all shards

    def __init__(self, limit: float) -> None:
        if not limit > 0:
            raise ValueError(f"limit must be a number > 0; got {limit!r}")
        self.limit = limit

    def __repr__(self) -> str:
        return f"MaxNorm({self.limit})"

    def after_update(self, shard: ParameterShard) -> None:
        """Scale what is too long among the shard's units."""
        for layer, units in shard.units:
            self.apply(layer, units)

    def apply(self, layer: Affine, units: slice = ALL) -> None:
        """Scale the columns of some units that are too long, in place; nothing else is written."""
        W = layer.W[:, units]
        norms = np.sqrt(np.einsum("ij,ij->j", W, W))
        if W.size and norms.max() > self.limit:
            # Where nothing is too long this is limit / limit, 1 to the last bit.
            W *= self.limit / np.maximum(norms, self.limit)


class LabelSmoothing(Loss):
    """The loss of (1 - epsilon) Y + epsilon / K in place of the targets Y, K being the number of classes.

    dZ = (P - (1 - epsilon) Y - epsilon / K) / n. K is 2 where every output is a label of its own. The accuracy
    does not change. Szegedy et al. 2016, arXiv 1512.00567.

    Parameters
    ----------
    loss : Loss
        The loss that is wrapped, of classes.
    epsilon : float
        How much of a target is spread evenly over all classes, in [0, 1).

    Raises
    ------
    ValueError
        For another epsilon.
    TypeError
        For a loss of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from pipeline.network.losses import SoftmaxCrossEntropy
    >>> loss = LabelSmoothing(SoftmaxCrossEntropy(), 0.2)
    >>> loss
    LabelSmoothing(SoftmaxCrossEntropy(), 0.2)
    >>> loss.smooth(np.array([[0.0, 1, 0, 0]]))
    array([[0.05, 0.85, 0.05, 0.05]])
    """

    def __init__(self, loss: Loss, epsilon: float) -> None:
        if not 0 <= epsilon < 1:
            raise ValueError(f"epsilon must be a number >= 0 and < 1; got {epsilon!r}")
        if isinstance(loss, RegressionLoss):
            raise TypeError(f"loss must be a loss of classes, whose targets can be smoothed; got {loss!r}")
        self.loss, self.epsilon = loss, epsilon
        self.activation = loss.activation  # type: ignore[misc]  # a wrapper's is that of what it wraps

    def __repr__(self) -> str:
        return f"LabelSmoothing({type(self.loss).__name__}(), {self.epsilon})"

    @property
    def unsmoothed(self) -> Loss:
        """The loss that is wrapped, without smoothing."""
        return self.loss

    def smooth(self, Y: Array) -> Array:
        """Return (1 - epsilon) Y + epsilon / K."""
        n_classes = Y.shape[1] if self.activation == "softmax" else 2
        smoothed = Y * (1 - self.epsilon)
        smoothed += self.epsilon / n_classes
        return smoothed

    def predictions(self, Z: Array, out: Array | None = None) -> Array:
        """Return the output's activation of Z."""
        return self.loss.predictions(Z, out)

    def sample_losses(self, P: Array, Y: Array) -> Array:
        """Return the loss of each sample, its targets being smoothed."""
        return self.loss.sample_losses(P, self.smooth(Y))

    def correct(self, P: Array, Y: Array) -> Array:
        """Return whether each sample is predicted correctly, by the unsmoothed targets."""
        return self.loss.correct(P, Y)

    def gradient(
        self,
        P: Array,
        Y: Array,
        sample_weight: Array | None = None,
        *,
        total: float | None = None,
        out: Array | None = None,
    ) -> Array:
        """Return dZ, the targets being smoothed."""
        return self.loss.gradient(P, self.smooth(Y), sample_weight, total=total, out=out)
