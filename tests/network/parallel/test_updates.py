"""One update, by one thread or several."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.network import (
    ACTIVATIONS,
    L2,
    SGD,
    Adam,
    Affine,
    BatchNorm,
    Dropout,
    Layer,
    Network,
    ReLU,
    RMSprop,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from pipeline.network.batches import Samples, Sampling
from pipeline.network.parallel import sharding
from pipeline.network.parallel.updates import Updater
from pipeline.network.parallel.workers import Workers
from pipeline.network.training import Trainer

N = 50


def samples(*, weighted=False):
    """Return samples of three classes."""
    rng = np.random.default_rng(1)
    Y = np.eye(3)[rng.integers(3, size=N)]
    return Samples(rng.normal(size=(N, 7)), Y, rng.random(N) if weighted else None)


def network(activation="relu", loss=SoftmaxCrossEntropy, *, bias=True, rate=0.0):
    """Return a network of three affine layers."""
    first, second = ([Dropout(rate)] if rate else [] for _ in range(2))
    hidden = [Affine(7, 6, bias=bias), ACTIVATIONS[activation](), *second, Affine(6, 5, bias=bias)]
    layers = [*first, *hidden, ACTIVATIONS[activation](), Affine(5, 3, bias=bias)]
    return Network(layers, loss(), dtype=np.float64, random_state=0)


def plain_update(net, optimizer, data, rows, rate, alpha):
    """Make an update the plain way: forward, loss, backward, penalty, step."""
    X, Y = data.X[rows], data.Y[rows]
    weight = None if data.sample_weight is None else data.sample_weight[rows]
    loss = net.gradient(X, Y, weight)
    total = len(X) if weight is None else weight.sum()
    for layer in net.affine_layers:
        loss += alpha / 2 * (layer.W**2).sum() / total
        layer.dW += alpha * layer.W / total
    optimizer.step(net.params, net.grads, rate)
    return loss


@pytest.fixture(params=["samples", "units"])
def shared(request, monkeypatch):
    """Have threads share samples, as in narrow networks, or units, as in wide ones."""
    monkeypatch.setattr(sharding, "WIDE_LAYER", 0 if request.param == "units" else 1000)
    return request.param


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy, SigmoidCrossEntropy])
def test_it_is_the_plain_update(size, activation, loss, shared):
    """However many threads share samples or units, loss and parameters are those of forward, backward, step."""
    data, rng = samples(weighted=True), np.random.default_rng(3)
    ours, plain = network(activation, loss), network(activation, loss)
    adam, other = Adam(), Adam()
    adam.start(ours.params)
    other.start(plain.params)
    with Workers(size) as workers:
        updater = Updater(ours, adam, workers, hooks=[L2(0.2)])
        assert updater.by_units == (shared == "units" and size > 1)
        for n in (20, 20, 7, 20, 1, 2):
            rows = rng.permutation(N)[:n]
            updater.update(data, rows, 0.05)
            got, _, seen = updater.end_epoch()
            assert seen == n
            assert got == pytest.approx(plain_update(plain, other, data, rows, 0.05, 0.2), rel=1e-9)
    assert_allclose(ours.params, plain.params, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("rows", [slice(0, N), slice(10, 17)])
def test_stretches_of_rows_and_no_biases(size, rows, shared):
    """Rows that need no gathering, and layers without bias, give the plain update too."""
    del shared
    data, ours, plain = samples(), network(bias=False), network(bias=False)
    sgd, other = SGD(), SGD()
    sgd.start(ours.params)
    other.start(plain.params)
    with Workers(size) as workers:
        updater = Updater(ours, sgd, workers)
        updater.update(data, rows, 0.1)
        loss, score, n = updater.end_epoch()
    before = network(bias=False).predict(data.X[rows]).argmax(axis=1)
    assert (score, n) == ((before == data.Y[rows].argmax(axis=1)).mean(), rows.stop - rows.start)
    assert loss == pytest.approx(plain_update(plain, other, data, rows, 0.1, 0.0))
    assert_allclose(ours.params, plain.params, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2])
def test_the_same_bytes_whoever_is_faster(size, shared):
    """Twice the same training with dropout gives the same bytes, and dropout drops something."""
    del shared

    def train(rate):
        trainer = Trainer(network(rate=rate), RMSprop(), Sampling(16), 0.01, n_threads=size)
        trainer.run(samples(), max_epochs=3)
        return trainer.network.params

    assert train(0.3).tobytes() == train(0.3).tobytes()
    assert not np.array_equal(train(0.3), train(0.0))


def test_dropout_goes_on_where_it_was(shared):
    """Two threads draw from generators that begin anew with every epoch, so that 1 epoch and 2 more are 3."""
    del shared
    whole = Trainer(network(rate=0.3), RMSprop(), Sampling(16), 0.01, n_threads=2)
    whole.run(samples(), max_epochs=3)
    parts = Trainer(network(rate=0.3), RMSprop(), Sampling(16), 0.01, n_threads=2)
    parts.run(samples(), max_epochs=1)
    parts.run(samples(), max_epochs=2)
    assert whole.network.params.tobytes() == parts.network.params.tobytes()


class Scale(Layer):
    """Y = c X, unit by unit: a user's own layer, which says that threads may share its units, or does not."""

    def __init__(self, *, unitwise):
        self.unitwise = unitwise

    def parameter_shapes(self):
        return {"c": (6,)}

    def initialize(self, rng):
        self.c[:] = rng.uniform(0.5, 1.5, 6)

    def forward(self, X, *, out=None, cache=None):
        if cache is not None:
            cache.X = X.copy()
        return np.multiply(X, self.c, out=out)

    def backward(self, dY, cache, *, out=None):
        self.dc[:] = (cache.X * dY).sum(axis=0)
        return np.multiply(dY, self.c, out=out)


def test_threads_need_shards_of_a_layer():
    """A user's own layer with parameters would have them changed by two threads at once, unless each has its units."""
    layers = Network([Affine(7, 6), Scale(unitwise=False), Affine(6, 3)])
    Updater(layers, SGD())
    with Workers(2) as workers, pytest.raises(ValueError, match="several threads share the units of a layer with"):
        Updater(layers, SGD(), workers)


@pytest.mark.parametrize("size", [2, 3])
def test_threads_share_the_units_of_a_users_own_layer(size):
    """Where its parameters go unit by unit, several threads come to what one does, however narrow it is."""

    def train(n_threads):
        layers = [Affine(7, 6), Scale(unitwise=True), ReLU(), Affine(6, 3)]
        net = Network(layers, dtype=np.float64, random_state=0)
        Trainer(net, Adam(), Sampling(20), 0.01, n_threads=n_threads).run(samples(), max_epochs=3)
        return net.params

    assert_allclose(train(size), train(1), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("size", [2, 3])
def test_a_layer_that_mixes_samples_sees_all_of_them(size):
    """With batch normalisation, threads share units, so that the statistics are the batch's, as one thread has them."""

    def train(n_threads):
        layers = [Affine(7, 6, bias=False), BatchNorm(6), ReLU(), Affine(6, 5), BatchNorm(5), ReLU(), Affine(5, 3)]
        net = Network(layers, dtype=np.float64, random_state=0)
        Trainer(net, Adam(), Sampling(20), 0.01, regularizers=[L2(0.1)], n_threads=n_threads).run(
            samples(), max_epochs=4
        )
        return net

    several, one = train(size), train(1)
    assert_allclose(several.params, one.params, rtol=1e-6, atol=1e-9)
    for ours, alone in zip(several.layers, one.layers, strict=True):
        if isinstance(ours, BatchNorm):
            assert_allclose(ours.mean, alone.mean, rtol=1e-6)
            assert_allclose(ours.variance, alone.variance, rtol=1e-6)


@pytest.mark.parametrize("first", [BatchNorm(6), Scale(unitwise=True)], ids=["BatchNorm", "Scale"])
def test_what_needs_all_samples_cannot_come_first(first):
    """Threads share samples before the first affine layer: statistics and gradients would be of some of them alone."""
    layers = Network([first, Affine(6, 3)])
    Updater(layers, SGD())
    with Workers(2) as workers, pytest.raises(ValueError, match="before the first Affine"):
        Updater(layers, SGD(), workers)


class Drawn:
    """Deforms inputs by adding one number, drawn for each sample."""

    def prepare(self, n_pixels, dtype):
        assert (n_pixels, dtype) == (7, np.float64)
        return self

    def draw(self, n, rng):
        return rng.random((1, n))

    def warp(self, X, moves, out):
        return np.add(X, moves[0][:, np.newaxis], out=out)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.usefixtures("shared")
def test_what_is_drawn_for_a_sample_does_not_depend_on_the_threads(size):
    """Each sample is deformed by its own number, of the network's generator, batches of fewer than threads included."""
    ours, theirs, data = network(), network(), samples()
    rules = [Adam(), Adam()]
    for net, rule in zip((ours, theirs), rules, strict=True):
        rule.start(net.params)
    order = np.random.default_rng(5).permutation(N)
    with Workers(size) as workers:
        updater = Updater(ours, rules[0], workers, augmentation=Drawn())
        for rows in (order[:20], order[20:21], order[21:23], slice(30, 50)):
            updater.update(data, rows, 0.01)
            moved = samples()
            moved.X[rows] += theirs.rng.random((1, len(data.X[rows])))[0][:, np.newaxis]
            plain_update(theirs, rules[1], moved, rows, 0.01, 0)
    assert_allclose(ours.params, theirs.params, rtol=1e-9, atol=1e-12)
    assert ours.rng.bit_generator.state == theirs.rng.bit_generator.state
