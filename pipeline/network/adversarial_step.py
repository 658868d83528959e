"""A thread's part of adversarial training: it perturbs inputs of a batch, and the network learns from them as well.

The perturbed samples lie below the unperturbed ones, in the same buffers, so that the gradient of the parameters by
both is one product. Running statistics of the layers follow the unperturbed samples alone.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary, perturb, random_directions
from pipeline.network.layers import Affine, Layer
from pipeline.network.losses import Loss
from pipeline.network.pass_ import Pass

Array = NDArray[Any]


@dataclass
class AdversarialStep:
    """Perturbation of a thread's samples of a batch, and the passes with them.

    Attributes
    ----------
    adversary : Adversary
        The rule.
    layers, replicas : list of Layer
        The thread's layers, and their replicas, which the perturbed samples go through.
    X, perturbed : ndarray of shape (n_samples, n_in)
        The inputs, before and after.
    input_gradient : ndarray of shape (n_samples, n_in)
        The gradient of the loss by the inputs, whose direction the perturbation has. Where the adversary asks for no
        probe, the pass of the unperturbed samples has left it here.
    probe_pass, perturbed_pass : Pass
        Passes of the perturbed samples, backward to their inputs, and backward to the first layer with parameters.
    P : ndarray of shape (n_samples, n_out)
        A buffer for the network's predictions for them.
    """

    adversary: Adversary
    layers: list[Layer]
    replicas: list[Layer]
    X: Array
    perturbed: Array
    input_gradient: Array
    probe_pass: Pass
    perturbed_pass: Pass
    P: Array

    def forward_backward(self, loss: Loss, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Perturb the inputs, and make a pass with them; ``P`` are the predictions for the unperturbed ones."""
        adversary = self.adversary
        if adversary.n_probes:
            loss, Y = loss.unsmoothed, P
            self._draw()
        for _ in range(adversary.n_probes):
            perturb(self.X, self.input_gradient, adversary.xi, out=self.perturbed)
            self.probe_pass.forward_backward(loss, self.P, Y, None, 1.0)
        perturb(self.X, self.input_gradient, adversary.epsilon, out=self.perturbed)
        self.perturbed_pass.forward_backward(loss, self.P, Y, weight, total / adversary.weight)
        self._add_gradients()

    def _draw(self) -> None:
        """Draw the direction that every sample's power iteration begins with."""
        rng: Any = self.layers[0].rng  # the updater gives all of a thread's layers the same one
        random_directions(rng, out=self.input_gradient)

    def _add_gradients(self) -> None:
        """Add the replicas' gradients, but for affine layers, whose gradients the updater takes from the buffers."""
        for layer, replica in zip(self.layers, self.replicas, strict=True):
            for name in () if isinstance(layer, Affine) else layer.parameter_shapes():
                gradient: Array = getattr(layer, f"d{name}")
                gradient += getattr(replica, f"d{name}")


def make_replicas(adversary: Adversary, layers: list[Layer]) -> list[Layer]:
    """Return the replicas of a thread's layers.

    Raises
    ------
    ValueError
        For an adversary that compares predictions, where a layer is stochastic: each would be another network's.
    """
    drawing = [layer for layer in layers if layer.stochastic]
    if adversary.n_probes and drawing:
        raise ValueError(f"{adversary!r} compares answers of one network, and {drawing[0]!r} draws another each time")
    return [layer.replica() for layer in layers]
