import re

import numpy as np
import pytest

from pipeline.interchange.folding import FoldedAffine, FoldedScale, folded_layers, folded_network
from pipeline.network import ACTIVATIONS, Affine, BatchNorm, Dropout, Network, Scale


def test_a_folded_network_predicts_the_same():
    """Batch normalization is in the affine layer before it, factors are in the one after them; dropout is gone."""
    layers = [
        Scale(4),
        Affine(4, 5, bias=False),
        BatchNorm(5),
        ACTIVATIONS["tanh"](),
        Dropout(0.5),
        Affine(5, 3),
        BatchNorm(3),
    ]
    network = Network([*layers, ACTIVATIONS["relu"](), Affine(3, 2)], dtype=np.float64, random_state=0)
    rng = np.random.default_rng(0)
    network.restore(rng.uniform(0.5, 2, network.snapshot().size))
    folded = folded_network(network)
    assert folded.activations == ["tanh", "relu"]
    assert not folded.plain
    A = X = rng.normal(size=(10, 4))
    for (W, b), name in zip(folded.layers, [*folded.activations, "identity"], strict=True):
        A = ACTIVATIONS[name]().forward(A @ W + b)
    np.testing.assert_allclose(A, network.forward(X), rtol=1e-12)


def test_what_is_plain_stays_as_it_is():
    """A network of affine layers with biases is handed back to the last bit."""
    network = Network([Affine(4, 5), ACTIVATIONS["gelu"](), Affine(5, 2)], random_state=0)
    folded = folded_network(network)
    assert folded.plain
    for (W, b), layer in zip(folded.layers, network.affine_layers, strict=True):
        assert (W == layer.W).all()
        assert (b == layer.b).all()


def test_a_layer_of_ones_own_is_refused():
    """What is neither affine nor an activation of ours is named."""

    class Square(ACTIVATIONS["tanh"]):
        """Y = X^2."""

    with pytest.raises(ValueError, match=re.escape("got Square()")):
        folded_network(Network([Affine(4, 5), Square(), Affine(5, 2)]))


def test_scaling_is_folded_wherever_an_affine_layer_is_beside_it():
    """Of the input, after an activation and before an affine layer; one between two activations stays a scaling."""
    layers = [BatchNorm(4), Scale(4), Affine(4, 4), ACTIVATIONS["tanh"](), BatchNorm(4), Affine(4, 4)]
    more = [ACTIVATIONS["relu"](), BatchNorm(4), Scale(4), ACTIVATIONS["tanh"](), Affine(4, 2)]
    network = Network([*layers, *more], dtype=np.float64, random_state=0)
    rng = np.random.default_rng(0)
    network.restore(rng.uniform(0.5, 2, network.snapshot().size))
    made = folded_layers(network.layers)
    kinds = ["FoldedAffine", "Tanh", "FoldedAffine", "ReLU", "FoldedScale", "Tanh", "FoldedAffine"]
    assert [type(layer).__name__ for layer in made] == kinds
    A = X = rng.normal(size=(10, 4))
    for layer in made:
        match layer:
            case FoldedAffine(W, b):
                A = A @ W + b
            case FoldedScale(factor, shift):
                A = A * factor + shift
            case _:
                A = layer.forward(A)
    np.testing.assert_allclose(A, network.forward(X), rtol=1e-12)
    with pytest.raises(ValueError, match="got batch normalization or a scale with no affine layer beside it"):
        folded_network(network)
