"""Layers as nodes: all that the package has, at any place; none of one's own."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from pipeline.interchange.graph import ExportError, Graph, Value
from pipeline.interchange.network_nodes import Place, network_nodes
from pipeline.network import ACTIVATIONS, Affine, BatchNorm, Network
from pipeline.network.layers import Dropout, GaussianNoise, ReLU, Tanh
from pipeline.network.losses import SoftmaxCrossEntropy

X = np.random.default_rng(0).normal(size=(20, 3))


def run(network):
    """Return what the graph of a network answers."""
    graph = Graph()
    P = network_nodes(network, "X", Place(graph, network.dtype, ""))
    values = [Value(name, network.dtype, ("n", n), "") for name, n in (("X", network.n_in), (P, network.n_out))]
    exported = graph.to_proto(values[:1], values[1:], name="g", version="1", metadata={})
    return ReferenceEvaluator(exported).run(None, {"X": X.astype(network.dtype)})[0]


def test_layers_may_stand_in_any_order():
    """Normalization of the input and after an activation is no part of weights; two activations follow each other."""
    layers = [
        BatchNorm(3),
        BatchNorm(3),
        Tanh(),
        Dropout(0.5),
        Affine(3, 4),
        BatchNorm(4),
        ReLU(),
        Tanh(),
        BatchNorm(4),
    ]
    network = Network([*layers, GaussianNoise(0.1), Affine(4, 2), Affine(2, 2)], dtype=np.float64, random_state=0)
    rng = np.random.default_rng(1)
    network.restore(rng.uniform(0.5, 2, network.snapshot().size))
    np.testing.assert_allclose(run(network), network.predict(X), rtol=0, atol=1e-12)


class Mine(ReLU):
    """A layer of one's own, which may compute anything."""


def test_a_layer_of_ones_own_is_refused_by_name():
    """Be it made of one that is known."""
    with pytest.raises(ExportError, match=r"the network has the layer Mine\(\), which has no form in ONNX here"):
        run(Network([Affine(3, 4), Mine(), Affine(4, 2)]))


def test_an_output_of_ones_own_is_refused_by_name():
    """The output's activation is that of the loss."""

    class Odd(SoftmaxCrossEntropy):
        activation = "sparsemax"

    with pytest.raises(ExportError, match="the network has the output 'sparsemax', which has no form in ONNX here"):
        run(Network([Affine(3, 2)], Odd()))


@pytest.mark.parametrize("kind", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_an_activation_is_its_formula(kind):
    """To the last digits of float64, near 0 and far from it."""
    network = Network([Affine(3, 3), kind(), Affine(3, 3)], dtype=np.float64, random_state=0)
    for scale in (1e-6, 1.0, 30.0):
        network.params[:9] *= scale
        np.testing.assert_allclose(run(network), network.predict(X), rtol=0, atol=1e-12)
