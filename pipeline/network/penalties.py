"""Terms that are added to the loss for the parameters' own sake, each a line over the weights."""

import numpy as np

from pipeline.network.network import Network


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

    def value(self, network: Network, n: float) -> float:
        """Return the term itself."""
        squares = sum(float(np.vdot(layer.W, layer.W)) for layer in network.affine_layers)
        return 0.5 * self.alpha * squares / n

    def add_gradient(self, network: Network, n: float) -> None:
        """Add the term's gradient to the network's."""
        for layer in network.affine_layers:
            layer.dW += layer.W * (self.alpha / n)
