"""A pass of some samples of a batch, and the gradient of one batch after the other."""

import numpy as np
import pytest

from pipeline.network import Affine, BatchNorm, Dropout, Network, Tanh
from pipeline.network.buffers import Buffers
from pipeline.network.pass_ import Pass

X, Y = np.random.default_rng(1).random((6, 4)), np.eye(2)[[0, 1, 1, 0, 1, 0]]


def network(*layers):
    """Return a small network."""
    return Network([*layers, Affine(4, 3), Tanh(), Affine(3, 2)], dtype=np.float64, random_state=0)


def test_passes_of_some_samples_are_one_of_all():
    """Threads leave in the buffers what one alone leaves there: predictions and every affine layer's gradient."""
    net = network()
    whole, parts = (Buffers(net.layers, net.dtype).batch(6) for _ in range(2))
    P, Q = np.empty((6, 2)), np.empty((6, 2))
    Pass(net.layers, whole, net.rng).forward_backward(net.loss, X, P, Y, None, 6)
    for own in (slice(0, 2), slice(2, 6)):
        Pass(net.layers, parts, net.rng, own).forward_backward(net.loss, X, Q[own], Y[own], None, 6)
    np.testing.assert_allclose(Q, P, rtol=1e-12)
    np.testing.assert_allclose(P, net.predict(X), rtol=1e-12)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(other.dY, one.dY, rtol=1e-12)


def test_the_gradient_by_the_input_is_left_where_it_is_asked_for():
    """It is that of central differences."""
    net, step = network(), 1e-6
    buffers = Buffers(net.layers, net.dtype).batch(6, to_input=True)
    Pass(net.layers, buffers, net.rng, to_input=True).forward_backward(net.loss, X, np.empty((6, 2)), Y, None, 6)
    moved = np.zeros_like(X)
    moved[2, 1] = step
    expected = (net.evaluate(X + moved, Y) - net.evaluate(X - moved, Y)) / (2 * step)
    assert buffers[0].dX[2, 1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("updates", [True, False])
def test_running_statistics_follow_a_pass_that_is_told_so(updates):
    """The pass of perturbed samples leaves them alone."""
    net = network(BatchNorm(4))
    before = net.snapshot()[len(net.params) :]
    buffers = Buffers(net.layers, net.dtype).batch(6)
    Pass(net.layers, buffers, net.rng, updates_statistics=updates).forward(X)
    assert np.array_equal(net.snapshot()[len(net.params) :], before) != updates


def test_batches_of_any_size_come_one_after_the_other():
    """Each gradient is that of a new network, and depends on no batch before."""
    net = network(Dropout(0.3))
    for n in (6, 2, 5):
        state = net.rng.bit_generator.state
        loss = net.gradient(X[:n], Y[:n])
        fresh = network(Dropout(0.3))
        fresh.rng.bit_generator.state = state
        assert fresh.gradient(X[:n], Y[:n]) == loss
        assert np.array_equal(fresh.grads, net.grads)
