"""A thread's share of what an adversary asks for: inputs of a batch are moved, and the network learns from them too.

The moved samples lie below those as they are, in the same rooms, so that the gradient of the parameters by both is one
product. What layers keep beside their parameters follows the samples as they are alone.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary, draw_directions, move
from pipeline.network.layers import Affine, Layer
from pipeline.network.losses import Loss
from pipeline.network.pass_ import Route

Array = NDArray[Any]


@dataclass
class Contest:
    """A thread's samples of a batch, against an adversary.

    Attributes
    ----------
    adversary : Adversary
        The rule.
    layers, shadows : list of Layer
        The thread's layers, and their shadows, which the moved samples go through.
    X, moved : ndarray of shape (n_samples, n_in)
        Inputs, before and after.
    slope : ndarray of shape (n_samples, n_in)
        The gradient that the adversary goes by. Where it asks for no probe, the samples' own way has left it here.
    probe, route : Route
        The moved samples' way, back to their inputs, and back to the first layer with parameters.
    P : ndarray of shape (n_samples, n_out)
        Room for what the network answers to them.
    """

    adversary: Adversary
    layers: list[Layer]
    shadows: list[Layer]
    X: Array
    moved: Array
    slope: Array
    probe: Route
    route: Route
    P: Array

    def learn(self, loss: Loss, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Move the inputs, and go forward and back with them, after ``P`` has been the answer to those as they are."""
        adversary = self.adversary
        if adversary.n_probes:
            loss, Y = loss.plain, P
            self._draw()
        for _ in range(adversary.n_probes):
            move(self.X, self.slope, adversary.xi, out=self.moved)
            self.probe.learn(loss, self.P, Y, None, 1.0)
        move(self.X, self.slope, adversary.epsilon, out=self.moved)
        self.route.learn(loss, self.P, Y, weight, total / adversary.weight)
        self._add_gradients()

    def _draw(self) -> None:
        """Leave the direction that every sample's search begins with."""
        rng: Any = self.layers[0].rng  # the updater gives all of a thread's layers the same one
        draw_directions(rng, out=self.slope)

    def _add_gradients(self) -> None:
        """Add the gradients that are not made of the rooms, as an affine layer's are."""
        for layer, shadow in zip(self.layers, self.shadows, strict=True):
            for name in () if isinstance(layer, Affine) else layer.parameter_shapes():
                gradient: Array = getattr(layer, f"d{name}")
                gradient += getattr(shadow, f"d{name}")


def make_shadows(adversary: Adversary, layers: list[Layer]) -> list[Layer]:
    """Return the shadows of a thread's layers.

    Raises
    ------
    ValueError
        For an adversary that compares answers of the network, where a layer draws: each would be another network's.
    """
    drawing = [layer for layer in layers if layer.draws]
    if adversary.n_probes and drawing:
        raise ValueError(f"{adversary!r} compares answers of one network, and {drawing[0]!r} draws another each time")
    return [layer.shadow() for layer in layers]
