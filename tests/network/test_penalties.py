"""The term on the weights."""

import numpy as np
import pytest

from pipeline.network import L2, Affine, Network, ReLU


@pytest.fixture
def network():
    """Return a small network whose biases are not 0."""
    made = Network([Affine(3, 4), ReLU(), Affine(4, 2)], dtype=np.float64, random_state=0)
    made.params += 0.5
    return made


def test_value_is_half_the_sum_of_squares(network):
    """alpha / 2n times the squares of all weights, and of no bias."""
    squares = sum((layer.W**2).sum() for layer in network.affine_layers)
    assert L2(0.3).value(network, 5) == pytest.approx(0.3 / 2 * squares / 5)


def test_gradient_is_the_derivative_of_the_value(network):
    """Added to what is there, it agrees with central differences; biases get nothing."""
    penalty, step = L2(0.3), 1e-6
    network.grads[:] = 1
    penalty.add_gradient(network, 5)
    for i in range(network.params.size):
        kept = network.params[i]
        network.params[i] = kept + step
        above = penalty.value(network, 5)
        network.params[i] = kept - step
        slope = (above - penalty.value(network, 5)) / (2 * step)
        network.params[i] = kept
        assert network.grads[i] == pytest.approx(1 + slope)
    assert all((layer.db == 1).all() for layer in network.affine_layers)


def test_single_precision_stays():
    """In float32 the gradient is float32, and the weights are only read."""
    network = Network([Affine(3, 2)], random_state=0)
    before = network.params.copy()
    L2(0.3).add_gradient(network, 5)
    assert network.grads.dtype == np.float32
    assert np.array_equal(network.params, before)
