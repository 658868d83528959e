"""A network in prediction as affine layers and activations alone, with all that is affine beside them folded in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network import ACTIVATIONS, Affine, BatchNorm, Network, Scale

Array = NDArray[Any]


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
    factors: Any = np.float64(1)
    for layer in network.layers:
        if isinstance(layer, Affine):
            b = layer.b if layer.bias else np.zeros(layer.n_out, network.dtype)
            layers.append((layer.W * np.reshape(factors, (-1, 1)), b))
            factors = np.float64(1)
        elif isinstance(layer, Scale):
            factors = factors * layer.s
        elif isinstance(layer, BatchNorm) and layers:
            W, b = layers[-1]
            scale = layer.gamma / np.sqrt(layer.variance.astype(np.float64) + layer.epsilon)
            layers[-1] = W * scale, (b - layer.mean) * scale + layer.beta
        elif type(layer) in names:
            activations.append(names[type(layer)])
        elif not layer.training_only:
            raise ValueError(
                f"a network must have no other layers than affine ones and those beside them; got {layer!r}"
            )
    folded = [(W.astype(network.dtype), b.astype(network.dtype)) for W, b in layers]
    plain = all(layer.bias for layer in network.affine_layers) and not network.learns_beside_affine
    return FoldedNetwork(folded, activations, plain)
