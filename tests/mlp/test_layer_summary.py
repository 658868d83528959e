"""What each layer comes to, against the network that is made of it."""

import numpy as np
import pytest

from pipeline.mlp.layer_summary import count_activations, summarize_layers
from pipeline.network import GELU, Affine, BatchNorm, Dropout, GaussianNoise, Layer, Network, ReLU

NETWORKS = {
    "plain": [Affine(7, 5), ReLU(), Affine(5, 3)],
    "no bias": [Affine(7, 5, bias=False), GELU(), Affine(5, 3)],
    "batch norm": [Dropout(0.1), Affine(7, 5, bias=False), BatchNorm(5), GaussianNoise(0.1), ReLU(), Affine(5, 3)],
    "one layer": [Affine(7, 3)],
}


class Scale(Layer):
    """A layer of one's own: Y = X g."""

    def parameter_shapes(self):
        """Return the shape of g."""
        return {"g": (5,)}


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_the_numbers_are_those_that_a_network_has(layers):
    """Parameters are the flat buffer's, statistics all else that a snapshot has."""
    found, network = summarize_layers(layers), Network(layers, random_state=0)
    assert sum(one.n_parameters for one in found) == len(network.params)
    assert sum(one.n_parameters + one.n_statistics for one in found) == len(network.snapshot())


def test_a_width_goes_on_until_an_affine_layer_changes_it():
    """Every layer tells the width of its output, and is written with its settings."""
    found = summarize_layers(NETWORKS["batch norm"])
    assert [one.n_out for one in found] == [7, 5, 5, 5, 5, 3]
    assert found[0].layer == "Dropout(0.1)"


def test_multiplications_are_by_the_parameters_of_a_prediction():
    """One by each weight, one for each normalized unit, one by each parameter of a layer that tells no other number."""
    found = summarize_layers([Affine(7, 5), BatchNorm(5), Scale(), ReLU(), Affine(5, 3)])
    assert [one.n_multiplications for one in found] == [35, 5, 5, 0, 15]


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_activations_are_what_a_batch_takes(layers):
    """They grow with the batch, and are the arrays that a pass of training makes."""
    network = Network(layers, random_state=0)
    network.gradient(np.ones((6, 7)), np.eye(3)[[0, 1, 2, 0, 1, 2]])
    assert network._gradient._arrays.size == 6 * count_activations(layers)
    assert count_activations(layers, n_copies=2, to_input=True) > 2 * count_activations(layers)
