"""Factors that are learned: in front of the first affine layer and between others, by every kind of pass."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.network import (
    L2,
    SGD,
    Adam,
    Adversarial,
    Affine,
    BatchNorm,
    Dropout,
    GaussianNoise,
    Layer,
    MaxNorm,
    Network,
    Scale,
    Tanh,
    check_gradients,
)
from pipeline.network.batches import Samples
from pipeline.network.compiled.engines import has_numba, uncompiled, updater_class
from pipeline.network.parallel.full_batch import FullBatchGradient
from pipeline.network.parallel.sharding import shard_parameters
from pipeline.network.parallel.workers import Workers

ENGINES = ["numpy", pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is not installed"))]
N, N_IN = 23, 5
STACKS = {
    "first": lambda: [Scale(N_IN), Affine(N_IN, 7), Tanh(), Affine(7, 3)],
    "after noise": lambda: [GaussianNoise(0.1), Dropout(0.1), Scale(N_IN), Affine(N_IN, 7), Tanh(), Affine(7, 3)],
    "before noise": lambda: [Scale(N_IN), GaussianNoise(0.1), Dropout(0.1), Affine(N_IN, 7), Tanh(), Affine(7, 3)],
    "in between": lambda: [Affine(N_IN, 7), Tanh(), Scale(7), Affine(7, 6), Scale(6), Tanh(), Affine(6, 3)],
    "alone": lambda: [Scale(N_IN), Affine(N_IN, 3)],
    "wide beside narrow": lambda: [Scale(N_IN), Affine(N_IN, 1), Affine(1, 3)],
    "with batch normalization": lambda: [Scale(N_IN), Affine(N_IN, 7, bias=False), BatchNorm(7), Tanh(), Affine(7, 3)],
}


class OwnScale(Layer):
    """The same as a layer of a user's own, whose gradient comes from ``backward``."""

    elementwise = False

    def __init__(self, n_units):
        self.n_units = n_units

    def parameter_shapes(self):
        """Return the shape of s."""
        return {"s": (self.n_units,)}

    def forward(self, X, *, out=None, cache=None):
        """Return X s."""
        if cache is not None:
            cache.X = X
        return np.multiply(X, self.s, out=out)

    def backward(self, dY, cache, *, out=None):
        """Leave ds, and return dX."""
        self.ds[:] = (cache.X * dY).sum(axis=0)
        return np.multiply(dY, self.s, out=out)


def network(stack, dtype=np.float64):
    """Return a network whose factors are not 1."""
    net = Network(STACKS[stack](), dtype=dtype, random_state=0)
    net.params[:] += np.random.default_rng(1).normal(scale=0.2, size=net.params.size)
    return net


def data():
    """Return samples and their targets."""
    rng = np.random.default_rng(2)
    return rng.normal(size=(N, N_IN)), np.eye(3)[rng.integers(0, 3, N)]


def trained(net, optimizer, *, n_threads=1, engine="numpy", hooks=(), adversary=None, batch_size=9):
    """Return the parameters after two epochs."""
    X, Y = data()
    samples = Samples(X.astype(net.dtype), Y.astype(net.dtype))
    optimizer.start(net.params)
    with Workers(n_threads) as workers:
        updater = updater_class(engine)(net, optimizer, workers, list(hooks), None, adversary)
        for _ in range(2):
            updater.begin_epoch()
            starts = range(0, N, batch_size)
            updater.updates(samples, [(slice(start, min(start + batch_size, N)), 0.1) for start in starts])
    return net.params.copy()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stack", STACKS)
def test_its_gradient_is_that_of_central_differences(stack, engine):
    """As either engine trains, wherever it stands, with more samples than are multiplied one by one and with few."""
    for n in (4, N):
        X, Y = data()
        differences = check_gradients(network(stack), X[:n], Y[:n], engine=engine)
        assert max(one.largest for one in differences) < 1e-7
        assert any(one.name.startswith("s") for one in differences)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stack", STACKS)
def test_threads_and_engines_come_to_the_same(stack, engine):
    """Each thread's samples are in the sum once: the parameters are those of one thread of NumPy's, to rounding."""
    drawn = any(layer.stochastic for layer in network(stack).layers)
    for make, n_threads, batch_size in product((SGD, Adam), (1, 2, 3), (4, 9)):
        if drawn and n_threads > 1:
            continue  # each thread draws its own numbers
        expected = trained(network(stack), make(), batch_size=batch_size)
        ours = trained(network(stack), make(), n_threads=n_threads, engine=engine, batch_size=batch_size)
        assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stack", ["first", "in between", "with batch normalization"])
def test_what_is_done_beside_the_optimizer_leaves_factors_alone(stack, engine):
    """The penalty and the limit are of weights, and an adversary's two passes are both in the sum."""
    hooks = [L2(0.1), MaxNorm(0.5)]
    for adversary in (None, Adversarial(0.1)):
        options = {"hooks": hooks, "adversary": adversary}
        expected = trained(network(stack), Adam(), **options)
        assert_allclose(trained(network(stack), Adam(), n_threads=2, engine=engine, **options), expected, rtol=1e-8)
    own = Network([swapped(layer) for layer in STACKS[stack]()], dtype=np.float64, random_state=0)
    own.params[:] = network(stack).params
    assert_allclose(trained(own, Adam(), **options), expected, rtol=1e-9, atol=1e-11)


def swapped(layer):
    """Return a layer of factors that a pass treats as a user's own."""
    return OwnScale(layer.n_units) if isinstance(layer, Scale) else layer


@pytest.mark.parametrize("n_threads", [1, 3])
def test_all_samples_at_once_have_its_gradient(n_threads):
    """As L-BFGS takes it, with threads that share the samples."""
    net, (X, Y) = network("in between"), data()
    net.gradient(X, Y)
    expected = net.grads.copy()
    net.grads[:] = np.nan
    with Workers(n_threads) as workers:
        FullBatchGradient(net, [], Samples(X, Y), workers).compute()
    assert_allclose(net.grads, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n_shards", [1, 2, 3, 5])
@pytest.mark.parametrize("stack", STACKS)
def test_it_lies_in_one_shard(stack, n_shards):
    """Whole, so that one thread makes its gradient and updates it."""
    net = network(stack)
    shards = shard_parameters(net, n_shards)
    found = [part.layer for shard in shards for part in shard.scales]
    assert found == [layer for layer in net.layers if isinstance(layer, Scale)]
    for shard in shards:
        for part in shard.scales:
            begin = (part.ds.__array_interface__["data"][0] - net.grads.__array_interface__["data"][0]) // 8
            assert shard.span.start <= begin
            assert begin + part.layer.n_units <= shard.span.stop


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("stack", STACKS)
def test_all_of_it_is_compiled(stack):
    """Nothing of a network with it is left to NumPy."""
    assert uncompiled(network(stack), "numba") == []
