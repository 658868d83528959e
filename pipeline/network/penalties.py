"""Terms that are added to the loss for the parameters' own sake, each a line over the weights."""

import numpy as np

from pipeline.network.layers import Affine

BLOCK = 2**18
"""Weights whose gradient is worked on at once, so that no second array of all of them is needed."""


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
        W, dW = layer.W[rows], layer.dW[rows]
        for start in range(0, len(W), step := max(1, BLOCK // layer.n_out)):
            dW[start : start + step] += W[start : start + step] * (self.alpha / n)
        return 0.5 * self.alpha * float(np.vdot(W, W)) / n
