"""A thread's pass in adversarial training: with its samples as they are, and with the same samples perturbed.

Both are passes through the same layers, with caches of their own. The perturbed samples lie below the unperturbed ones,
in the same buffers, so that the gradient of the weights by both is one product. Running statistics follow the
unperturbed samples alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary, perturb, random_directions
from pipeline.network.buffers import LayerBuffers
from pipeline.network.losses import Loss
from pipeline.network.pass_ import Pass

Array = NDArray[Any]
BOTH = 2
"""Rows in the buffers for each sample."""


class AdversarialPass:
    """Passes of a thread's samples, unperturbed and perturbed.

    Parameters
    ----------
    adversary : Adversary
        The rule.
    new_pass : callable
        Makes a thread's pass of a batch in some buffers; takes the options of ``Pass``.
    X, buffers : ndarray of shape (2 * n, n_in), list of LayerBuffers
        The batch and below it its perturbed samples, and the buffers of as many, down to the input.
    samples : slice
        The thread's own, of the batch.
    gradients : list of ndarray
        Where the thread leaves the gradients of other parameters than the affine layers'.
    rng : Generator
        The thread's own.
    """

    perturb = staticmethod(perturb)

    def __init__(
        self,
        adversary: Adversary,
        new_pass: Callable[..., Pass],
        X: Array,
        buffers: list[LayerBuffers],
        samples: slice,
        gradients: list[Array],
        rng: np.random.Generator,
    ) -> None:
        self.adversary, self.gradients, self.rng = adversary, gradients, rng
        n, probes = len(X) // BOTH, adversary.n_probes > 0
        above, below = (
            [LayerBuffers(*(array[rows] for array in arrays)) for arrays in buffers]
            for rows in (slice(n), slice(n, None))
        )
        self.first = new_pass(above, to_input=not probes)
        self.probe = new_pass(below, to_input=True, updates_statistics=False)
        self.second = new_pass(below, updates_statistics=False)
        self.above, self.below = X[:n], X[n:]
        self.X, self.perturbed = self.above[samples], self.below[samples]
        self.input_gradient = (below if probes else above)[0].dX[samples]
        self.P = np.empty((len(self.X), buffers[-1].Y.shape[1]), X.dtype)

    def forward_backward(self, loss: Loss, X: Array, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Make a pass, perturb the inputs, and make another; ``P`` are the predictions for the unperturbed ones."""
        del X  # it is above
        self.first.forward_backward(loss, self.above, P, Y, weight, total)
        gradients, adversary = [gradient.copy() for gradient in self.gradients], self.adversary
        if adversary.n_probes:
            loss, Y = loss.unsmoothed, P
            self._draw()
        for _ in range(adversary.n_probes):
            self.perturb(self.X, self.input_gradient, adversary.xi, out=self.perturbed)
            self.probe.forward_backward(loss, self.below, self.P, Y, None, 1.0)
        self.perturb(self.X, self.input_gradient, adversary.epsilon, out=self.perturbed)
        self.second.forward_backward(loss, self.below, self.P, Y, weight, total / adversary.weight)
        for gradient, unperturbed in zip(self.gradients, gradients, strict=True):
            np.add(gradient, unperturbed, out=gradient)

    def _draw(self) -> None:
        """Draw the direction that every sample's power iteration begins with."""
        random_directions(self.rng, out=self.input_gradient)
