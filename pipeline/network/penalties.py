"""Terms that are added to the loss for the parameters' own sake, each a line over the weights."""

import numpy as np

from pipeline.network.layers import Affine


class L2:
    """alpha / 2 * sum(W^2) / n, over all weights but no bias, n being the samples in the batch (or their weight).

    Its gradient is alpha W / n. Krogh and Hertz 1991, NeurIPS; divided as scikit-learn divides it.

    Parameters
    ----------
    alpha : float
        Strength, at least 0.
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def add(self, layer: Affine, rows: slice, n: float) -> float:
        """Add the gradient of some rows of a layer's weights to theirs, and return the term of those rows."""
        W = layer.W[rows]
        layer.dW[rows] += W * (self.alpha / n)
        return 0.5 * self.alpha * float(np.vdot(W, W)) / n
