"""A thread's pass in adversarial training: with its samples as they are, and with the same samples perturbed.

Both are passes through the same layers, with caches of their own. The perturbed samples lie below the unperturbed ones,
in the same buffers, so that the gradient of the weights by both is one product. Running statistics follow the
unperturbed samples alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary, perturb, random_directions
from pipeline.network.buffers import LayerBuffers
from pipeline.network.layers import Affine, Layer
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
    layers : sequence of Layer
        The thread's.
    X : ndarray of shape (2 * n, n_in)
        The batch, and below it its perturbed samples.
    buffers : list of LayerBuffers
        Of as many samples, down to the input.
    samples : slice
        The thread's own, of the batch.
    rng : Generator
        The thread's own.
    """

    def __init__(
        self,
        adversary: Adversary,
        new_pass: Callable[..., Pass],
        layers: Sequence[Layer],
        X: Array,
        buffers: list[LayerBuffers],
        samples: slice,
        rng: np.random.Generator,
    ) -> None:
        self.adversary, self.rng, n = adversary, rng, len(X) // BOTH
        below = slice(n, None)
        unperturbed, perturbed = (
            [LayerBuffers(*(array[rows] for array in arrays)) for arrays in buffers] for rows in (slice(n), below)
        )
        probes = adversary.n_probes > 0
        self.first = new_pass(unperturbed, to_input=not probes)
        self.probe = new_pass(perturbed, to_input=True, updates_statistics=False)
        self.second = new_pass(perturbed, updates_statistics=False)
        self.X, self.below, self.perturbed = X[samples], X[below], X[below][samples]
        self.input_gradient = (perturbed if probes else unperturbed)[0].dX[samples]
        self.P = np.empty((len(self.X), buffers[-1].Y.shape[1]), X.dtype)
        self._gradients: list[Array] = [
            getattr(layer, f"d{name}")
            for layer in layers
            if not isinstance(layer, Affine)  # whose gradient is one product over both
            for name in layer.parameter_shapes()
        ]

    def forward_backward(self, loss: Loss, X: Array, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Make a pass, perturb the inputs, and make another; ``P`` are the predictions for the unperturbed ones."""
        self.first.forward_backward(loss, X[: len(self.below)], P, Y, weight, total)
        gradients = [gradient.copy() for gradient in self._gradients]
        adversary = self.adversary
        if adversary.n_probes:
            loss, Y = loss.unsmoothed, P
            self._draw()
        for _ in range(adversary.n_probes):
            perturb(self.X, self.input_gradient, adversary.xi, out=self.perturbed)
            self.probe.forward_backward(loss, self.below, self.P, Y, None, 1.0)
        perturb(self.X, self.input_gradient, adversary.epsilon, out=self.perturbed)
        self.second.forward_backward(loss, self.below, self.P, Y, weight, total / adversary.weight)
        for gradient, unperturbed in zip(self._gradients, gradients, strict=True):
            np.add(gradient, unperturbed, out=gradient)

    def _draw(self) -> None:
        """Draw the direction that every sample's power iteration begins with."""
        random_directions(self.rng, out=self.input_gradient)
