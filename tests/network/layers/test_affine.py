"""What the affine layer promises for itself."""

import numpy as np

from pipeline.network.layers import Affine


def test_affine_is_its_formula():
    """X W + b, by numbers small enough for a head."""
    layer = Affine(2, 1)
    layer.bind({"W": np.array([[2.0], [3]]), "b": np.array([1.0])}, {"W": np.zeros((2, 1)), "b": np.zeros(1)})
    assert layer.forward(np.array([[1.0, 1], [0, 2]]), training=True).tolist() == [[6], [7]]
    assert layer.backward(np.array([[1.0], [10]])).tolist() == [[2, 3], [20, 30]]
    assert layer.dW.tolist() == [[1], [21]]
    assert layer.db.tolist() == [11]


def test_affine_without_biases_has_none():
    """There is no b, in the parameters or in the sum."""
    assert Affine(2, 3, bias=False).parameter_shapes() == {"W": (2, 3)}
    layer = Affine(2, 3, bias=False)
    layer.bind({"W": np.ones((2, 3))}, {"W": np.zeros((2, 3))})
    assert not layer.forward(np.zeros((1, 2))).any()
