"""A network in prediction as affine layers and activations alone, with all that is affine beside them folded in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network import ACTIVATIONS, Affine, BatchNorm, Layer, Network, Scale

Array = NDArray[Any]


class FoldedAffine(NamedTuple):
    """Y = X W + b, in float64."""

    W: Array
    b: Array


class FoldedScale(NamedTuple):
    """Y = X factor + shift, unit by unit, in float64."""

    factor: Array
    shift: Array


def folded_layers(layers: Iterable[Layer]) -> list[FoldedAffine | FoldedScale | Layer]:
    """Return what layers come to in a prediction: those of training left out, and what only scales folded.

    Batch normalization becomes part of the affine layer before it, or else of the one after it, as a learned scale
    does; where neither is beside it, it is a ``FoldedScale``. All other layers stay as they are.

    Examples
    --------
    >>> from pipeline.network import Dropout, ReLU
    >>> layers = [Scale(4), Affine(4, 3), BatchNorm(3), ReLU(), Dropout(0.5), Affine(3, 2)]
    >>> [type(layer).__name__ for layer in folded_layers(Network(layers).layers)]
    ['FoldedAffine', 'ReLU', 'FoldedAffine']
    """
    made: list[FoldedAffine | FoldedScale | Layer] = []
    for layer in (layer for layer in layers if not layer.training_only):
        plain = _plain(layer)
        before = made[-1] if made else None
        if isinstance(before, FoldedScale) and isinstance(plain, FoldedAffine):
            made[-1] = FoldedAffine(before.factor[:, np.newaxis] * plain.W, before.shift @ plain.W + plain.b)
        elif isinstance(before, FoldedAffine) and isinstance(plain, FoldedScale):
            made[-1] = FoldedAffine(before.W * plain.factor, before.b * plain.factor + plain.shift)
        elif isinstance(before, FoldedScale) and isinstance(plain, FoldedScale):
            made[-1] = FoldedScale(before.factor * plain.factor, before.shift * plain.factor + plain.shift)
        else:
            made.append(plain)
    return made


def _plain(layer: Layer) -> FoldedAffine | FoldedScale | Layer:
    """Return what a layer computes in a prediction, where it is affine; a layer of another kind as it is."""
    if type(layer) is Affine:
        b = layer.b.astype(np.float64) if layer.bias else np.zeros(layer.n_out)
        return FoldedAffine(layer.W.astype(np.float64), b)
    if type(layer) is Scale:
        return FoldedScale(layer.s.astype(np.float64), np.zeros(layer.n_units))
    if type(layer) is BatchNorm:
        factor = layer.gamma.astype(np.float64) / np.sqrt(layer.variance.astype(np.float64) + layer.epsilon)
        return FoldedScale(factor, layer.beta - layer.mean * factor)
    return layer


@dataclass(frozen=True)
class FoldedNetwork:
    """What a network predicts with.

    Attributes
    ----------
    layers : list of tuple of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each affine layer, in the network's precision.
    activations : list of str
        Of each hidden layer, by its name.
    plain : bool
        Whether these are all of the network's parameters, as they are.
    """

    layers: list[tuple[Array, Array]]
    activations: list[str]
    plain: bool


def folded_network(network: Network) -> FoldedNetwork:
    """Return a network as affine layers and activations.

    Raises
    ------
    ValueError
        For a layer that is neither and cannot be folded.

    Examples
    --------
    >>> from pipeline.network import ReLU
    >>> folded = folded_network(Network([Affine(4, 3, bias=False), BatchNorm(3), ReLU(), Affine(3, 2)]))
    >>> [W.shape for W, _ in folded.layers], folded.activations
    ([(4, 3), (3, 2)], ['relu'])
    """
    names: dict[type, str] = {layer: name for name, layer in ACTIVATIONS.items()}
    layers: list[tuple[Array, Array]] = []
    activations: list[str] = []
    for layer in folded_layers(network.layers):
        if isinstance(layer, FoldedAffine):
            layers.append(layer)
        elif type(layer) in names:
            activations.append(names[type(layer)])
        else:
            raise ValueError(
                f"a network must have no other layers than affine ones and those beside them; got {described(layer)}"
            )
    folded = [(W.astype(network.dtype), b.astype(network.dtype)) for W, b in layers]
    plain = all(layer.bias for layer in network.affine_layers) and not network.learns_beside_affine
    return FoldedNetwork(folded, activations, plain)


def described(layer: FoldedAffine | FoldedScale | Layer) -> str:
    """Return what a layer that cannot be taken is, for an error's message."""
    return repr(layer) if isinstance(layer, Layer) else "batch normalization or a scale with no affine layer beside it"
