"""Label smoothing: a wrapper around a loss, for which no label is quite certain."""

from typing import Any

from numpy.typing import NDArray

from pipeline.network.losses import Loss

Array = NDArray[Any]


class LabelSmoothing(Loss):
    """The loss of (1 - epsilon) Y + epsilon / K in place of the targets Y, K being the number of classes.

    dZ = (P - (1 - epsilon) Y - epsilon / K) / n. K is 2 where every output is a yes or no of its own. What counts as
    a hit stays. Szegedy et al. 2016, arXiv 1512.00567.

    Parameters
    ----------
    loss : Loss
        The loss of the targets as they are.
    epsilon : float
        The share of a target that goes to all classes alike, in [0, 1).

    Raises
    ------
    ValueError
        For another epsilon.

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
        self.loss, self.epsilon = loss, epsilon
        self.activation = loss.activation  # type: ignore[misc]  # a wrapper's is that of what it wraps

    def __repr__(self) -> str:
        return f"LabelSmoothing({type(self.loss).__name__}(), {self.epsilon})"

    @property
    def plain(self) -> Loss:
        """The loss of the targets as they are."""
        return self.loss

    def smooth(self, Y: Array) -> Array:
        """Return (1 - epsilon) Y + epsilon / K."""
        n_classes = Y.shape[1] if self.activation == "softmax" else 2
        smoothed = Y * (1 - self.epsilon)
        smoothed += self.epsilon / n_classes
        return smoothed

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        """Return the output's activation of Z."""
        return self.loss.probabilities(Z, out)

    def costs(self, P: Array, Y: Array) -> Array:
        """Return what each sample's prediction costs, its targets being smoothed."""
        return self.loss.costs(P, self.smooth(Y))

    def hits(self, P: Array, Y: Array) -> Array:
        """Return whether each sample is predicted rightly, by the targets as they are."""
        return self.loss.hits(P, Y)

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
