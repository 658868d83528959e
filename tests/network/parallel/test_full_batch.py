"""The gradient over all samples, by several threads."""

import numpy as np
import pytest

from pipeline.network import L2, Affine, BatchNorm, Network, Tanh
from pipeline.network.batches import Samples
from pipeline.network.parallel.full_batch import FullBatchGradient
from pipeline.network.parallel.workers import Workers

RNG = np.random.default_rng(0)
SAMPLES = Samples(RNG.normal(size=(11, 4)), np.eye(3)[RNG.integers(3, size=11)], RNG.random(11))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_it_is_the_networks_gradient(size):
    """Each thread's part, in gradients of its own, adds up to that of all samples, and the penalty counts once."""
    network = Network([Affine(4, 5), Tanh(), Affine(5, 3)], dtype=np.float64, random_state=0)
    loss = network.gradient(SAMPLES.X, SAMPLES.Y, SAMPLES.sample_weight)
    wanted, total = network.grads.copy(), SAMPLES.sample_weight.sum()
    with Workers(size) as workers:
        got = FullBatchGradient(network, [L2(0.3)], SAMPLES, workers).compute()
    squares = sum((layer.W**2).sum() for layer in network.affine_layers)
    assert got == pytest.approx(loss + 0.15 * squares / total)
    for layer in network.affine_layers:
        layer.dW -= 0.3 * layer.W / total
    np.testing.assert_allclose(network.grads, wanted, rtol=1e-10, atol=1e-12)


def test_threads_do_not_write_over_each_other():
    """Batch normalization's gradient has one place, which several threads cannot share; one thread has it."""
    network = Network([Affine(4, 5), BatchNorm(5), Affine(5, 3)], dtype=np.float64, random_state=0)
    with Workers(1) as workers:
        loss = FullBatchGradient(network, [], SAMPLES, workers).compute()
        assert loss == pytest.approx(network.gradient(SAMPLES.X, SAMPLES.Y, SAMPLES.sample_weight))
    with Workers(2) as workers, pytest.raises(ValueError, match="where layers of Affine and Scale alone may learn"):
        FullBatchGradient(network, [], SAMPLES, workers)
