"""A sweep of learning rates: which updates it makes, and which losses it tells."""

from itertools import islice

import numpy as np
import pytest

from pipeline.network import SGD, Affine, Network, ReLU
from pipeline.network.batches import Samples, Sampling
from pipeline.network.training import Trainer
from pipeline.rate_finder.sweep import sweep

RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 5)), np.eye(3)[RNG.integers(3, size=30)]


def trainer(batch_size=10, optimizer=None, *, shuffle=True):
    """Return a trainer of a small network at its start."""
    network = Network([Affine(5, 8), ReLU(), Affine(8, 3)], dtype=np.float64, random_state=np.random.default_rng(1))
    return Trainer(network, optimizer or SGD(), Sampling(batch_size, shuffle=shuffle), learning_rate=99.0)


def test_each_rate_makes_its_own_updates():
    """Without momentum and shuffling, the weights are those of updates by hand, at the sweep's rates."""
    swept, by_hand = trainer(shuffle=False), trainer(shuffle=False)
    rates = [0.5, 0.1, 0.2, 0.4]
    losses = list(sweep(swept, Samples(X, Y), rates))
    network = by_hand.network
    for number, rate in enumerate(rates):
        rows = slice(10 * (number % 3), 10 * (number % 3) + 10)
        assert losses[number] == pytest.approx(network.gradient(X[rows], Y[rows]), rel=1e-12)
        network.params -= rate * network.grads
    assert np.allclose(swept.network.params, network.params, rtol=1e-12)


def test_small_batches_are_taken_together():
    """The loss of several updates at a rate is the mean over all their samples."""
    one, three = trainer(shuffle=False), trainer(shuffle=False)
    each = list(sweep(one, Samples(X, Y), [1e-12] * 6))
    together = list(sweep(three, Samples(X, Y), [1e-12] * 2, n_updates=3))
    assert np.allclose(together, [np.mean(each[:3]), np.mean(each[3:])], rtol=1e-9)


def test_samples_are_gone_through_again_and_again():
    """A sweep may have many times as many updates as an epoch."""
    losses = list(sweep(trainer(), Samples(X, Y), np.full(100, 0.3)))
    assert len(losses) == 100
    assert losses[-1] < losses[0]


def test_a_sweep_can_be_left():
    """Whoever has seen enough takes no more, and then no more updates are made."""
    one = trainer()
    rates = iter([0.1, 0.1, 0.1])
    assert len(list(islice(sweep(one, Samples(X, Y), rates), 2))) == 2
    assert list(rates) == [0.1]


def test_a_loss_that_overflows_is_told_as_it_is():
    """No warning and no error: who asks for such rates decides what to make of it."""
    losses = list(sweep(trainer(), Samples(1e200 * X, Y), [1e200] * 5))
    assert not np.isfinite(losses).all()
