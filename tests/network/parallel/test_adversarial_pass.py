"""Networks that learn from perturbed inputs too: against the plain way, and what it is good for."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from pipeline.network import (
    L2,
    Adam,
    Adversarial,
    Affine,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LabelSmoothing,
    Layer,
    Network,
    Optimizer,
    Pinball,
    PoissonDeviance,
    ReLU,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    Tanh,
    VirtualAdversarial,
)
from pipeline.network.batches import Samples, Sampling
from pipeline.network.buffers import Buffers
from pipeline.network.parallel import sharding
from pipeline.network.parallel.adversarial_pass import AdversarialPass
from pipeline.network.parallel.updates import Updater
from pipeline.network.parallel.workers import Workers
from pipeline.network.pass_ import Pass
from pipeline.network.training import Trainer

N, N_IN = 40, 7
ALPHA = 0.2


class Still(Optimizer):
    """Leaves the parameters where they are."""

    def update(self, w, g, learning_rate, scratch):
        pass


class Slope(Layer):
    """Y = c X, unit by unit: a user's own layer."""

    unitwise = True

    def parameter_shapes(self):
        return {"c": (5,)}

    def initialize(self, rng):
        self.c[:] = rng.normal(size=5)

    def forward(self, X, *, out=None, cache=None):
        if cache is not None:
            cache.X = X.copy()
        return np.multiply(X, self.c, out=out)

    def backward(self, dY, cache, *, out=None):
        self.dc[:] = (dY * cache.X).sum(axis=0)
        return np.multiply(dY, self.c, out=out)


def plain_layers(*, bias=True):
    """Return three affine layers, and what is between them."""
    return [Affine(N_IN, 6, bias=bias), ReLU(), Affine(6, 5, bias=bias), Tanh(), Affine(5, 3, bias=bias)]


def normalized_layers():
    """Return the same with batch normalisation."""
    first, second = (Affine(*widths, bias=False) for widths in ((N_IN, 6), (6, 5)))
    return [first, BatchNorm(6), ReLU(), second, BatchNorm(5), Tanh(), Affine(5, 3)]


NETWORKS = {
    "plain": lambda: (plain_layers(), SoftmaxCrossEntropy()),
    "one layer": lambda: ([Affine(N_IN, 3)], SoftmaxCrossEntropy()),
    "smoothed labels": lambda: (plain_layers(), LabelSmoothing(SoftmaxCrossEntropy(), 0.2)),
    "several labels without biases": lambda: (plain_layers(bias=False), SigmoidCrossEntropy()),
    "batch normalisation": lambda: (normalized_layers(), SoftmaxCrossEntropy()),
    "squared error": lambda: (plain_layers(), SquaredError()),
    "poisson": lambda: (plain_layers(), PoissonDeviance()),
    "three quantiles": lambda: (plain_layers(), Pinball((0.1, 0.5, 0.8))),
    "batch normalisation, smoothed labels": lambda: (normalized_layers(), LabelSmoothing(SigmoidCrossEntropy(), 0.1)),
}
ALONE = {
    "batch normalisation of the input": lambda: ([BatchNorm(N_IN), *normalized_layers()], SoftmaxCrossEntropy()),
    "a layer of one's own": lambda: ([Affine(N_IN, 5), Slope(), Tanh(), Affine(5, 3)], SoftmaxCrossEntropy()),
}
ADVERSARIES = {
    "adversarial": Adversarial(0.7, 0.5),
    "virtual": VirtualAdversarial(1.3, 2.0, xi=0.2),
    "virtual, three probes": VirtualAdversarial(0.5, xi=0.5, n_probes=3),
    "at rest": VirtualAdversarial(0.0),
}


def network(name):
    """Return a network whose parameters are all in use."""
    layers, loss = (NETWORKS | ALONE)[name]()
    net = Network(layers, loss, dtype=np.float64, random_state=0)
    net.params += np.random.default_rng(1).normal(size=net.params.size) * 0.3
    return net


def samples(*, weighted=False):
    """Return samples of three classes."""
    rng = np.random.default_rng(2)
    Y = np.eye(3)[rng.integers(3, size=N)]
    return Samples(rng.normal(size=(N, N_IN)), Y, rng.random(N) + 0.1 if weighted else None)


def unit(G):
    """Return rows of length 1, or of 0 where they were."""
    lengths = np.linalg.norm(G, axis=1, keepdims=True)
    return G / np.where(lengths == 0, 1, lengths)


def first_directions(X):
    """Return a direction for every sample, each another one: what moves all alike, batch normalisation undoes."""
    return 5 * np.sin(100 * X)


def whole_pass(net, n):
    """Return a pass that goes back to the input, and changes no statistics; and where it leaves the gradient."""
    buffers = Buffers(net.layers, net.dtype).batch(n, to_input=True)
    return Pass(net.layers, buffers, net.rng, to_input=True, updates_statistics=False), buffers[0].dX


def answer(net, X):
    """Return P in training."""
    return net.loss.predictions(whole_pass(net, len(X))[0].forward(X)).copy()


def slope(net, loss, X, T, weight=None):
    """Return the gradient of a loss for the inputs, with what the network would draw."""
    net = copy.deepcopy(net)
    way, dX = whole_pass(net, len(X))
    P = np.empty_like(T)
    way.forward_backward(loss, X, P, T, weight, len(X) if weight is None else weight.sum())
    return dX.copy()


def by_formula(net, adversary, X, Y, weight=None):
    """Return the gradient of what is made small, and the perturbed inputs, one thing after the other."""
    loss, T = net.loss, Y
    if isinstance(adversary, Adversarial):
        direction = slope(net, loss, X, Y, weight)
    else:
        loss, T, direction = net.loss.unsmoothed, answer(net, X), first_directions(X)
        for _ in range(adversary.n_probes):
            direction = slope(net, loss, X + adversary.xi * unit(direction), T)
    perturbed = X + adversary.epsilon * unit(direction)
    replica = copy.deepcopy(net)
    replica.loss = loss
    replica.gradient(perturbed, T, weight)
    net.gradient(X, Y, weight)
    total = len(X) if weight is None else weight.sum()
    gradient = net.grads + adversary.weight * replica.grads
    start = 0
    for layer in net.layers:
        if isinstance(layer, Affine):
            gradient[start : start + layer.W.size] += ALPHA / total * layer.W.ravel()
        start += layer.n_parameters
    return gradient, perturbed


def moved_inputs(updater, n):
    """Return where an updater has left the perturbed inputs of a batch."""
    return updater._buffers.inputs(2 * n)[n:].copy()


@pytest.fixture
def known_start(monkeypatch):
    """Have every sample's search begin with a direction that tests know."""
    monkeypatch.setattr(AdversarialPass, "_draw", lambda self: np.copyto(self.input_gradient, first_directions(self.X)))


WAYS = [(1, "samples"), (2, "samples"), (3, "samples"), (2, "units"), (3, "units")]


@pytest.mark.usefixtures("known_start")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("adversary", ADVERSARIES.values(), ids=ADVERSARIES)
@pytest.mark.parametrize(
    ("name", "size", "shared"),
    [
        *((name, *way) for name in NETWORKS for way in WAYS),
        *((name, 1, "samples") for name in ALONE),
        *(("a layer of one's own", size, "samples") for size in (2, 3)),
    ],
)
def test_it_is_the_plain_way(name, size, shared, adversary, weighted, monkeypatch):
    """Gradient, perturbed inputs, loss and state are the formula's, however work is shared, for any batch size."""
    monkeypatch.setattr(sharding, "WIDE_LAYER", 0 if shared == "units" else 1000)
    data, ours, theirs, still = samples(weighted=weighted), network(name), network(name), Still()
    still.start(ours.params)
    with Workers(size) as workers:
        updater = Updater(ours, still, workers, hooks=[L2(ALPHA)], adversary=adversary)
        for n in (12, 12, 5, 1, 20, 2, 12):
            rows = np.random.default_rng(n).permutation(N)[:n]
            X, Y = data.X[rows], data.Y[rows]
            weight = data.sample_weight[rows] if weighted else None
            updater.update(data, rows, 0.1)
            gradient, perturbed = by_formula(theirs, adversary, X, Y, weight)
            assert_allclose(moved_inputs(updater, n), perturbed, rtol=0, atol=1e-10)
            assert_allclose(ours.grads, gradient, rtol=1e-9, atol=1e-11)
            assert_allclose(np.linalg.norm(perturbed - X, axis=1), adversary.epsilon)
            assert_allclose(ours.snapshot(), theirs.snapshot(), rtol=1e-12, atol=1e-12)


def central_differences(function, X, step=1e-5):
    """Return the gradient of a function of all inputs."""
    gradient = np.empty_like(X)
    for index in np.ndindex(X.shape):
        sums = []
        for move in (step, -step):
            other = X.copy()
            other[index] += move
            sums.append(function(other))
        gradient[index] = (sums[0] - sums[1]) / (2 * step)
    return gradient


def divergence(P, Q, loss=None):
    """Return the Kullback-Leibler divergence of Q from P, sample by sample, of the distributions that a loss is of."""
    if isinstance(loss, SquaredError):
        return ((P - Q) ** 2).sum(axis=1) / 2
    if isinstance(loss, PoissonDeviance):
        return (P * np.log(P / Q) - P + Q).sum(axis=1)
    return (P * np.log(P / Q)).sum(axis=1)


@pytest.mark.usefixtures("known_start")
@pytest.mark.parametrize("adversary", [Adversarial(0.7), VirtualAdversarial(0.7, xi=0.3)], ids=repr)
@pytest.mark.parametrize("name", ["plain", "smoothed labels", "batch normalisation", "squared error", "poisson"])
def test_the_direction_is_where_it_grows_fastest(name, adversary):
    """It is that of a numerical derivative: of the loss, or of the divergence from the answer at a probe."""
    net, data, rows, still = network(name), samples(weighted=True), np.arange(6), Still()
    X, Y, weight = data.X[:6], data.Y[:6], data.sample_weight[:6]
    replica = copy.deepcopy(net)
    P = answer(replica, X)
    if adversary.n_probes:
        probe = X + adversary.xi * unit(first_directions(X))
        direction = central_differences(lambda X: divergence(P, answer(replica, X), net.loss).sum(), probe)
    else:
        direction = central_differences(lambda X: replica.loss.value(answer(replica, X), Y, weight), X)
    still.start(net.params)
    updater = Updater(net, still, adversary=adversary)
    updater.update(data, rows, 0.1)
    assert_allclose(moved_inputs(updater, 6) - X, 0.7 * unit(direction), rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("known_start")
def test_the_divergence_is_what_it_makes_small():
    """The part of the gradient beside the loss is that of the divergence from answers that are held fast."""
    net, data, still, adversary = network("smoothed labels"), samples(), Still(), VirtualAdversarial(0.7, 3.0)
    still.start(net.params)
    updater = Updater(net, still, adversary=adversary)
    net.gradient(data.X, data.Y)
    of_the_loss, P = net.grads.copy(), answer(net, data.X)
    updater.update(data, slice(0, N), 0.1)
    perturbed, wanted = moved_inputs(updater, N), np.empty_like(net.params)
    got = net.grads - of_the_loss
    for index, value in enumerate(net.params.copy()):
        sums = []
        for net.params[index] in (value + 1e-5, value - 1e-5):
            sums.append(divergence(P, answer(net, perturbed)).mean())
        net.params[index] = value
        wanted[index] = 3 * (sums[0] - sums[1]) / 2e-5
    assert_allclose(got, wanted, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("adversary", ADVERSARIES.values(), ids=ADVERSARIES)
def test_figures_of_an_epoch_are_those_of_inputs_as_they_are(adversary):
    """Loss, score and the number of samples count every sample once, before it was perturbed."""
    net, data, still = network("smoothed labels"), samples(weighted=True), Still()
    still.start(net.params)
    updater = Updater(net, still, adversary=adversary)
    updater.begin_epoch()
    updater.update(data, np.arange(N), 0.1)
    loss, score, seen = updater.end_epoch()
    assert loss == pytest.approx(net.evaluate(data.X, data.Y, data.sample_weight))
    assert score == net.loss.correct(net.predict(data.X), data.Y).mean()
    assert seen == N


@pytest.mark.parametrize("make", [lambda: Dropout(0.4), lambda: GaussianNoise(0.5)], ids=["dropout", "noise"])
@pytest.mark.parametrize("where", [0, 2])
def test_what_draws_draws_anew_for_the_moved(make, where):
    """The direction is by the numbers drawn for the sample; those for the perturbed one are the generator's next."""
    layers = plain_layers()
    layers.insert(where, make())
    net, data, still = Network(layers, dtype=np.float64, random_state=0), samples(), Still()
    theirs = copy.deepcopy(net)
    still.start(net.params)
    updater = Updater(net, still, adversary=Adversarial(0.7, 2.0))
    updater.begin_epoch()
    updater.update(data, np.arange(N), 0.1)
    perturbed = data.X + 0.7 * unit(slope(theirs, theirs.loss, data.X, data.Y))
    assert_allclose(moved_inputs(updater, N), perturbed, atol=1e-12)
    theirs.gradient(data.X, data.Y)
    first = theirs.grads.copy()
    theirs.gradient(perturbed, data.Y)
    assert_allclose(net.grads, first + 2 * theirs.grads, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: Dropout(0.4), lambda: GaussianNoise(0.5)], ids=["dropout", "noise"])
def test_answers_of_several_networks_are_not_compared(make):
    """Where a layer draws, the divergence would be between what was drawn; the error names rule and layer."""
    net = Network([make(), *plain_layers()])
    with pytest.raises(ValueError, match=r"VirtualAdversarial\(.*\) compares answers of one network, and (Drop|Gauss)"):
        Updater(net, Adam(), adversary=VirtualAdversarial())


class Twice:
    """Deforms inputs by doubling them; what is drawn is how often."""

    def prepare(self, n_pixels, dtype):
        assert (n_pixels, dtype) == (N_IN, np.float64)
        return self

    def draw(self, n, rng):
        del rng
        return np.full((1, n), 2.0)

    def warp(self, X, moves, out):
        return np.multiply(X, moves[0][:, np.newaxis], out=out)


@pytest.mark.usefixtures("known_start")
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("adversary", ADVERSARIES.values(), ids=ADVERSARIES)
def test_what_was_deformed_is_moved(adversary, size):
    """Beside an augmentation, it is as if the samples had been deformed before."""
    data, plainly, found = samples(), samples(), []
    plainly.X = 2 * data.X
    for given, augmentation in ((data, Twice()), (plainly, None)):
        net, still = network("plain"), Still()
        still.start(net.params)
        with Workers(size) as workers:
            updater = Updater(net, still, workers, augmentation=augmentation, adversary=adversary)
            updater.update(given, np.arange(9), 0.1)
        found.append((net.grads.copy(), moved_inputs(updater, 9)))
    assert_array_equal(found[0][0], found[1][0])
    assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize(("size", "shared"), WAYS)
@pytest.mark.parametrize(("name", "dtype"), [("adversarial", np.float64), ("virtual", np.float32)])
def test_the_same_bytes_whoever_is_faster(name, dtype, size, shared, monkeypatch):
    """One seed gives one network, in its own precision, whether it learns in one go or in two."""
    monkeypatch.setattr(sharding, "WIDE_LAYER", 0 if shared == "units" else 1000)
    data = Samples(samples().X.astype(dtype), samples().Y.astype(dtype))

    def trained(*epochs):
        net = Network(plain_layers(), dtype=dtype, random_state=3)
        trainer = Trainer(net, Adam(), Sampling(16), 0.01, adversary=ADVERSARIES[name], n_threads=size)
        for some in epochs:
            trainer.run(data, max_epochs=some)
        return net

    assert trained(3).snapshot().tobytes() == trained(3).snapshot().tobytes() == trained(1, 2).snapshot().tobytes()
    assert trained(1).grads.dtype == dtype
    assert np.isfinite(trained(3).params).all()


@pytest.mark.parametrize("size", [1, 2])
def test_every_sample_begins_with_a_direction_of_its_own(size, monkeypatch):
    """No two of a batch begin alike, by one thread or by two; and none does so in two updates or two epochs."""
    draw, drawn = AdversarialPass._draw, []

    def watched(self):
        draw(self)
        drawn.append(unit(self.input_gradient))

    monkeypatch.setattr(AdversarialPass, "_draw", watched)
    net, still = network("plain"), Still()
    still.start(net.params)
    with Workers(size) as workers:
        updater = Updater(net, still, workers, adversary=VirtualAdversarial(n_probes=2))
        for _ in range(2):
            updater.begin_epoch()
            for _ in range(2):
                updater.update(samples(), np.arange(8), 0.1)
    directions = np.vstack(drawn)
    assert len(directions) == 4 * 8
    assert (directions @ directions.T - np.eye(32)).max() < 0.999


def worst_divergence(net, X, epsilon):
    """Return the mean divergence between answers at X, and at X perturbed to where they differ most."""
    P, direction = net.predict(X), np.random.default_rng(9).normal(size=X.shape)
    for _ in range(5):
        direction = slope(net, net.loss.unsmoothed, X + 0.1 * unit(direction), P)
    return divergence(P, net.predict(X + epsilon * unit(direction))).mean()


def test_answers_hold_where_inputs_are_moved():
    """A network that has learned with virtual adversaries to read digits is much harder to talk out of its answers."""
    X, y = load_digits(return_X_y=True)
    data = Samples(X / 16, np.eye(10)[y])
    reached = []
    for adversary in (None, VirtualAdversarial(1.0)):
        net = Network([Affine(64, 32), ReLU(), Affine(32, 10)], dtype=np.float64, random_state=0)
        Trainer(net, Adam(), Sampling(100), 0.01, adversary=adversary).run(data, max_epochs=8)
        assert (net.predict(data.X).argmax(axis=1) == y).mean() > 0.95
        reached.append(worst_divergence(net, data.X, 1.0))
    assert reached[1] < 0.5 * reached[0]
