"""What the affine layer promises for itself."""

import numpy as np
import pytest

from pipeline.network import Network
from pipeline.network.layers import ALL, Affine, Cache


def test_affine_is_its_formula():
    """X W + b, by numbers small enough for a head."""
    layer, cache = Affine(2, 1), Cache()
    layer.bind({"W": np.array([[2.0], [3]]), "b": np.array([1.0])}, {"W": np.zeros((2, 1)), "b": np.zeros(1)})
    assert layer.forward(np.array([[1.0, 1], [0, 2]]), cache=cache).tolist() == [[6], [7]]
    assert layer.backward(np.array([[1.0], [10]]), cache).tolist() == [[2, 3], [20, 30]]
    assert layer.dW.tolist() == [[1], [21]]
    assert layer.db.tolist() == [11]


def test_affine_without_biases_has_none():
    """There is no b, in the parameters or in the sum."""
    assert Affine(2, 3, bias=False).parameter_shapes() == {"W": (2, 3)}
    layer = Affine(2, 3, bias=False)
    layer.bind({"W": np.ones((2, 3))}, {"W": np.zeros((2, 3))})
    assert not layer.forward(np.zeros((1, 2))).any()


@pytest.mark.parametrize("bias", [True, False])
def test_shards_of_units_and_inputs_are_the_whole(bias):
    """Columns of the output, and of the input's gradient, are those of the whole layer, and views of its parameters."""
    layer, rng = (
        Network([Affine(6, 5, bias=bias)], dtype=np.float64, random_state=0).layers[0],
        np.random.default_rng(0),
    )
    X, dY = rng.normal(size=(4, 6)), rng.normal(size=(4, 5))
    Y, dX = layer.forward(X), layer.backward_input(dY, Cache())
    some = slice(1, 4)
    np.testing.assert_allclose(layer.shard(some).forward(X), Y[:, some])
    inputs = layer.shard(ALL, inputs=some)
    np.testing.assert_allclose(inputs.backward_input(dY, Cache()), dX[:, some])
    assert np.shares_memory(inputs.W, layer.W)
    assert np.shares_memory(layer.shard(some).dW, layer.dW)


def test_rows_of_a_gradient_are_the_whole():
    """dW of some inputs, then of the others, is that of all; db comes where it is asked for."""
    layer = Network([Affine(6, 5)], dtype=np.float64, random_state=0).layers[0]
    X, dY = np.random.default_rng(0).normal(size=(4, 6)), np.random.default_rng(1).normal(size=(4, 5))
    for inputs, db in ((slice(0, 2), None), (slice(2, 6), layer.db)):
        layer.backward_parameters(X, dY, inputs, dW=layer.dW[inputs], db=db)
    np.testing.assert_allclose(layer.dW, X.T @ dY)
    np.testing.assert_allclose(layer.db, dY.sum(axis=0))
