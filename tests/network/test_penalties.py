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


def add(penalty, network, n):
    """Add the penalty of all weights, and return it."""
    return sum(penalty.add(layer, slice(None), n) for layer in network.affine_layers)


def test_value_is_half_the_sum_of_squares(network):
    """alpha / 2n times the squares of all weights, and of no bias."""
    squares = sum((layer.W**2).sum() for layer in network.affine_layers)
    assert add(L2(0.3), network, 5) == pytest.approx(0.3 / 2 * squares / 5)


def test_gradient_is_the_derivative_of_the_value(network):
    """Added to what is there, it agrees with central differences; biases get nothing."""
    penalty, step = L2(0.3), 1e-6
    network.grads[:] = 1
    add(penalty, network, 5)
    gradient = network.grads.copy()
    for i in range(network.params.size):
        kept = network.params[i]
        network.params[i] = kept + step
        above = add(penalty, network, 5)
        network.params[i] = kept - step
        slope = (above - add(penalty, network, 5)) / (2 * step)
        network.params[i] = kept
        assert gradient[i] == pytest.approx(1 + slope)
    assert all((layer.db == 1).all() for layer in network.affine_layers)


def test_rows_add_up(network):
    """The terms and gradients of some rows and of the others are those of all."""
    first = network.affine_layers[0]
    network.grads[:] = 0
    parts = L2(0.3).add(first, slice(0, 2), 5) + L2(0.3).add(first, slice(2, 3), 5)
    halves = first.dW.copy()
    network.grads[:] = 0
    assert parts == pytest.approx(L2(0.3).add(first, slice(None), 5))
    assert np.array_equal(halves, first.dW)


def test_single_precision_stays():
    """In float32 the gradient is float32, and the weights are only read."""
    network = Network([Affine(3, 2)], random_state=0)
    before = network.params.copy()
    add(L2(0.3), network, 5)
    assert network.grads.dtype == np.float32
    assert np.array_equal(network.params, before)


def test_blocks_change_nothing(network, monkeypatch):
    """However many weights are worked on at once, value and gradient are the same bytes."""
    whole = add(L2(0.3), network, 5), network.grads.tobytes()
    network.grads[:] = 0
    monkeypatch.setattr("pipeline.network.penalties.BLOCK", 5)
    assert (add(L2(0.3), network, 5), network.grads.tobytes()) == whole
