"""Updates by compiled loops, beside the plain ones."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.images.deform import Deform
from pipeline.mlp.validation import sparse_taker, taker
from pipeline.network import (
    ACTIVATIONS,
    L2,
    SGD,
    AbsoluteError,
    AdaGrad,
    Adam,
    AdamW,
    Adversarial,
    Affine,
    BatchNorm,
    Dropout,
    ExponentialAverage,
    GaussianNoise,
    Huber,
    LabelSmoothing,
    LeakyReLU,
    MaxNorm,
    Momentum,
    Network,
    Pinball,
    PoissonDeviance,
    ReLU,
    RMSprop,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    Tanh,
    VirtualAdversarial,
)
from pipeline.network.batches import Samples, take_rows
from pipeline.network.compiled import loops
from pipeline.network.compiled.loops import BLOCK
from pipeline.network.compiled.updater import CompiledUpdater
from pipeline.network.layers import Layer
from pipeline.network.losses import RegressionLoss
from pipeline.network.parallel.updates import Updater
from pipeline.network.parallel.workers import Workers
from pipeline.network.shards import Hook

N = 60
OPTIMIZERS = [SGD, Momentum, lambda: Momentum(nesterov=False), AdaGrad, RMSprop, Adam, AdamW]


REGRESSION = [SquaredError(), PoissonDeviance(), AbsoluteError(), Huber(0.5), Pinball((0.1, 0.5, 0.8))]


def samples(dtype, *, weighted=False, n_out=3, loss=None):
    """Return samples, half of whose inputs are 0, with targets that fit a loss."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N, 12)) * (rng.random((N, 12)) < 0.5)
    Y = np.eye(n_out)[rng.integers(n_out, size=N)]
    if isinstance(loss, RegressionLoss):
        Y = rng.poisson(2, size=(N, n_out)) if loss.activation == "exp" else 30 + 2 * rng.normal(size=(N, n_out))
    weight = rng.random(N).astype(dtype) if weighted else None
    return Samples(X.astype(dtype), Y.astype(dtype), weight)


def layers(activation=ReLU, *, before=(), within=(), bias=True):
    """Return layers, with some before the first affine one and within."""
    first, second = Affine(12, 20, bias=bias), Affine(20, 9, bias=bias)
    return [*(make() for make in before), first, activation(), *(make() for make in within), second, activation()]


def trained(updater, data, size, n_threads, hooks, make, optimizer, dtype, loss, adversary=None, rate=0.02):
    """Return the parameters and the epoch's figures after ten updates."""
    network = Network([*make(), Affine(9, data.Y.shape[1])], loss, dtype=dtype, random_state=0)
    rule = optimizer()
    rule.start(network.params)
    own = [hook() for hook in hooks]
    own = [hook.start(network.params) if isinstance(hook, ExponentialAverage) else hook for hook in own]
    with Workers(n_threads) as workers:
        one = updater(network, rule, workers, hooks=own, adversary=adversary)
        one.begin_epoch()
        order = np.random.default_rng(3)
        for t in range(10):
            n = size if t < 9 else max(1, size // 3)
            one.update(data, order.permutation(N)[:n], rate / (1 + t / 5))
        figures = one.end_epoch()
    return network, figures, own


def assert_same(data, size, n_threads, hooks, make, optimizer, dtype, loss, adversary=None, rate=0.02):
    """Raise unless both engines come to the same parameters and figures, to rounding."""
    given = data, size, n_threads, hooks, make, optimizer, dtype, loss, adversary, rate
    compiled, figures, hooks_1 = trained(CompiledUpdater, *given)
    plain, expected, hooks_2 = trained(Updater, *given)
    tolerance = 2e-4 if dtype == np.float32 else 1e-9
    assert_allclose(compiled.params, plain.params, rtol=tolerance, atol=tolerance)
    assert_allclose(figures, expected, rtol=tolerance)
    for one, other in zip(hooks_1, hooks_2, strict=True):
        if hasattr(one, "value"):
            assert_allclose(one.value(), other.value(), rtol=tolerance, atol=tolerance)
    for state, other in zip(compiled._states(), plain._states(), strict=True):
        assert_allclose(state, other, rtol=tolerance, atol=tolerance)


DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
THREADS = pytest.mark.parametrize("n_threads", [1, 3])


@DTYPES
@pytest.mark.parametrize("size", [1, 5, 20])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_comes_to_the_same_parameters(optimizer, size, dtype):
    """With a penalty and without, for few samples and many."""
    for hooks in ((), (lambda: L2(0.1),)):
        assert_same(samples(dtype), size, 1, hooks, lambda: layers(Tanh), optimizer, dtype, SoftmaxCrossEntropy())


@DTYPES
@THREADS
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_comes_to_the_same_parameters(activation, n_threads, dtype):
    """By one thread or several, with weights of the samples and without, with a bias and without."""
    for weighted, bias in ((False, True), (True, False)):
        data = samples(dtype, weighted=weighted)
        assert_same(
            *(data, 20, n_threads, (), lambda bias=bias: layers(ACTIVATIONS[activation], bias=bias)),
            *(Adam, dtype, SoftmaxCrossEntropy()),
        )


@DTYPES
@THREADS
@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy, SigmoidCrossEntropy])
@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_every_loss_comes_to_the_same_parameters(loss, smoothing, n_threads, dtype):
    """Smoothed and not, weighted and not."""
    for weighted in (False, True):
        made = LabelSmoothing(loss(), smoothing) if smoothing else loss()
        assert_same(samples(dtype, weighted=weighted), 20, n_threads, (), layers, SGD, dtype, made)


@DTYPES
@THREADS
@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
def test_every_loss_of_numbers_comes_to_the_same_parameters_and_score(loss, n_threads, dtype):
    """Of targets far from 0, weighted and not, by samples and by layers in their compiled forms."""
    rate = 0.001 if loss.activation == "exp" else 0.02
    for weighted in (False, True):
        data = samples(dtype, weighted=weighted, loss=loss)
        for make in (lambda: layers(Tanh), lambda: normalized(Tanh)):
            assert_same(data, 20, n_threads, (), make, Momentum, dtype, loss, rate=rate)


@DTYPES
@THREADS
@pytest.mark.parametrize(
    ("before", "within"),
    [
        ((), (lambda: Dropout(0.3),)),
        ((lambda: Dropout(0.2),), (lambda: Dropout(0.4),)),
        ((lambda: GaussianNoise(0.2),), (lambda: GaussianNoise(0.3), lambda: Dropout(0.2))),
        ((Tanh,), (Tanh,)),
    ],
    ids=["dropout", "dropout everywhere", "noise", "activations one after the other"],
)
def test_random_layers_draw_the_same(before, within, n_threads, dtype):
    """Noise and dropout are drawn from the same generator in the same order."""
    make = lambda: layers(Tanh, before=before, within=within)  # noqa: E731 - it stands for many
    assert_same(samples(dtype), 20, n_threads, (), make, Momentum, dtype, SoftmaxCrossEntropy())


@DTYPES
@THREADS
def test_hooks_and_what_has_no_compiled_form_come_to_the_same(n_threads, dtype):
    """Limits, averages, batch normalization and adversaries go through the plain form where they must."""
    hooks = (lambda: L2(0.1), lambda: MaxNorm(0.8), ExponentialAverage)
    data, loss = samples(dtype), SoftmaxCrossEntropy()
    assert_same(data, 20, n_threads, hooks, layers, Adam, dtype, loss)
    # A bias before batch normalization has a gradient of 0, whose rounding Adam would blow up.
    normal = lambda: [Affine(12, 20, bias=False), BatchNorm(20), ReLU(), Affine(20, 9), Tanh()]  # noqa: E731
    assert_same(data, 20, n_threads, hooks, normal, Adam, dtype, loss)
    assert_same(data, 20, n_threads, (), lambda: layers(Tanh), SGD, dtype, loss, Adversarial(0.5))


def deformed(updater, augmentation, data, n_threads):
    """Return the parameters after ten updates with deformed inputs, 2x2 coloured or 3x4 grey."""
    network = Network([*layers(), Affine(9, 3)], dtype=data.Y.dtype, random_state=0)
    rule, order = SGD(), np.random.default_rng(3)
    rule.start(network.params)
    with Workers(n_threads) as workers:
        one = updater(network, rule, workers, augmentation=augmentation)
        for n in (20, 20, 7):
            one.update(data, order.permutation(N)[:n], 0.1)
    return network.params


@DTYPES
@THREADS
@pytest.mark.parametrize("parameters", [{}, {"shape": (3, 4)}, {"group": 3, "background": -1.0}], ids=str)
def test_inputs_are_deformed_the_same(parameters, n_threads, dtype):
    """By the same draw and a loop of its own, the same bytes every time."""
    deform = Deform(rotation=20, scale=0.2, translation=1, flip=True, elastic=9, smoothness=2, **parameters)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    ours = deformed(CompiledUpdater, deform, samples(dtype), n_threads)
    assert_allclose(ours, deformed(Updater, deform, samples(dtype), n_threads), rtol=tolerance, atol=tolerance)
    assert ours.tobytes() == deformed(CompiledUpdater, deform, samples(dtype), n_threads).tobytes()
    assert not np.allclose(ours, deformed(CompiledUpdater, None, samples(dtype), n_threads), rtol=1e-2)


def test_the_loop_is_what_deforms(monkeypatch):
    """A deformer that can be told by which loop to read is told so, for types that there is a loop for."""
    called = []
    monkeypatch.setattr("pipeline.network.compiled.inputs.warp", lambda *arguments: called.append(arguments[-1].dtype))
    for dtype in (np.float32, np.float64, np.longdouble):
        deformed(CompiledUpdater, Deform(rotation=9), samples(dtype), 1)
    assert called == [np.float32] * 3 + [np.float64] * 3


class Twice:
    """Deforms inputs by doubling them; it reads nothing between pixels."""

    def prepare(self, n_pixels, dtype):
        del n_pixels, dtype
        return self

    def draw(self, n, rng):
        del rng
        return np.full((1, n), 2.0)

    def warp(self, X, moves, out):
        return np.multiply(X, moves[0][:, np.newaxis], out=out)


@THREADS
def test_a_deformation_of_ones_own_is_taken_as_it_is(n_threads):
    """It comes to what inputs that were deformed before come to."""
    data, doubled = samples(np.float64), samples(np.float64)
    doubled.X = 2 * data.X
    ours, expected = (deformed(CompiledUpdater, *given, n_threads) for given in ((Twice(), data), (None, doubled)))
    assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


@pytest.fixture
def _by_units(monkeypatch):
    """Have threads share the units of every network."""
    monkeypatch.setattr("pipeline.network.parallel.sharding.WIDE_LAYER", 1)


def normalized(activation=ReLU):
    """Return layers with batch normalization, whose biases it makes superfluous."""
    first, second = Affine(12, 20, bias=False), Affine(20, 9, bias=False)
    return [first, BatchNorm(20), activation(), second, BatchNorm(9), activation()]


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 20])
def test_batch_normalization_comes_to_the_same(size, n_threads, dtype):
    """Parameters and running statistics, of a batch of one sample as well; hooks see them."""
    hooks = (lambda: L2(0.1), lambda: MaxNorm(0.8), ExponentialAverage)
    loss = LabelSmoothing(SoftmaxCrossEntropy(), 0.1)
    assert_same(samples(dtype), size, n_threads, hooks, normalized, Momentum, dtype, loss)


@DTYPES
@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.usefixtures("_by_units")
def test_threads_that_share_units_come_to_the_same(activation, n_threads, dtype):
    """With layers that draw, before the first affine one and after, and weights of the samples."""
    for weighted, bias in ((False, True), (True, False)):
        make = lambda bias=bias: layers(  # noqa: E731 - it stands for many
            ACTIVATIONS[activation], before=(lambda: Dropout(0.2),), within=(lambda: GaussianNoise(0.1),), bias=bias
        )
        data = samples(dtype, weighted=weighted)
        assert_same(data, 20, n_threads, (lambda: L2(0.1),), make, Adam, dtype, SoftmaxCrossEntropy())


@pytest.mark.usefixtures("_by_units")
@pytest.mark.parametrize(("within", "by_units"), [((), False), ((lambda: Dropout(0.2),), True)])
def test_wide_layers_are_shared_by_samples_where_nothing_is_drawn(within, by_units):
    """Each engine takes the way that is faster to it, as long as both come to the same."""
    network = Network([*layers(ReLU, within=within), Affine(9, 5)], random_state=0)
    optimizer = SGD()
    optimizer.start(network.params)
    with Workers(2) as workers:
        assert [kind(network, optimizer, workers).by_units for kind in (Updater, CompiledUpdater)] == [True, by_units]
    if not by_units:
        assert_same(samples(np.float64), 20, 2, (), lambda: layers(ReLU), SGD, np.float64, SoftmaxCrossEntropy())


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("adversary", [Adversarial(0.5), VirtualAdversarial(0.5, n_probes=2)], ids=repr)
@pytest.mark.parametrize("make", [lambda: layers(Tanh), lambda: normalized(Tanh)], ids=["plain", "batch norm"])
def test_adversaries_come_to_the_same(make, adversary, n_threads, dtype):
    """Their probes too, whose targets are the network's own predictions; weighted and smoothed or not."""
    for weighted, smoothing in ((False, 0), (True, 0.1)):
        loss = LabelSmoothing(SoftmaxCrossEntropy(), smoothing) if smoothing else SoftmaxCrossEntropy()
        # Of two samples, batch normalization leaves signs alone, and their gradient is what rounding makes of 0.
        assert_same(samples(dtype, weighted=weighted), 20, n_threads, (), make, SGD, dtype, loss, adversary)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("adversary", [Adversarial(0.5), VirtualAdversarial(0.5, n_probes=2)], ids=repr)
@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
def test_adversaries_of_numbers_come_to_the_same(loss, adversary, n_threads):
    """Whatever the loss; the targets of a probe are the network's own predictions here too."""
    data = samples(np.float64, weighted=True, loss=loss)
    make = lambda: layers(Tanh)  # noqa: E731 - it stands for many
    assert_same(data, 20, n_threads, (), make, SGD, np.float64, loss, adversary, rate=0.001)


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_inputs_come_to_the_same(weighted, n_threads, dtype):
    """By samples and, with batch normalization, by units; no batch is made dense."""
    data = samples(dtype, weighted=weighted)
    X = scipy.sparse.csr_array(np.where(np.abs(data.X) > 1.5, data.X, 0))
    data = Samples(X, data.Y, data.sample_weight, None, sparse_taker(X))
    for make in (layers, normalized):
        assert_same(data, 20, n_threads, (lambda: L2(0.1),), make, Momentum, dtype, SoftmaxCrossEntropy())


class Squared(Layer):
    """A layer of one's own, which pays no heed to ``out`` where it predicts."""

    def forward(self, X, *, out=None, cache=None):
        """Return X^2."""
        if cache is not None:
            cache.X = X.copy()
        return np.multiply(X, X, out=out)

    def backward(self, dY, cache, *, out=None):
        """Return 2 X dY."""
        return np.multiply(dY, 2 * cache.X, out=out)


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_layer_of_ones_own_may_stand_among_compiled_ones(n_threads, dtype):
    """It runs as it is; those around it are compiled, batch normalization, too."""
    for make in (
        lambda: layers(Tanh, within=(Squared, lambda: Dropout(0.2))),
        lambda: [*layers(Tanh)[:2], Squared(), BatchNorm(20), Affine(20, 9), Squared()],
    ):
        assert_same(samples(dtype), 7, n_threads, (), make, Momentum, dtype, SoftmaxCrossEntropy())


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("make", [normalized, lambda: layers(within=(Squared,))], ids=["batch norm", "own layer"])
def test_the_same_seed_gives_the_same_bytes(make, n_threads):
    """With an adversary and without."""
    for adversary in (None, VirtualAdversarial(0.5)):
        given = samples(np.float32), 7, n_threads, (), make, Adam, np.float32, SoftmaxCrossEntropy(), adversary
        first, second = (trained(CompiledUpdater, *given)[0] for _ in range(2))
        assert first.snapshot().tobytes() == second.snapshot().tobytes()


@pytest.mark.parametrize("n_threads", [1, 2])
def test_divergence_is_seen_with_batch_normalization(n_threads):
    """A parameter or a loss is infinite or NaN at the end."""
    with np.errstate(all="ignore"):
        network = Network([*normalized(), Affine(9, 3)], random_state=0)
        sgd = SGD()
        sgd.start(network.params)
        with Workers(n_threads) as workers:
            updater = CompiledUpdater(network, sgd, workers)
            for _ in range(20):
                updater.update(samples(np.float32), np.arange(20), 1e30)
            loss, _, _ = updater.end_epoch()
    assert not (np.isfinite(loss) and np.isfinite(network.params).all())


class Halved(L2):
    """A penalty of one's own."""


class Steps(SGD):
    """A rule of one's own."""


class Softplus(Tanh):
    """An activation of one's own."""


class Softened(LabelSmoothing):
    """A loss of one's own."""


def steep():
    """Return an activation with a slope of its own."""
    activation = LeakyReLU()
    activation.slope = 0.3
    return activation


@pytest.mark.parametrize("own", ["penalty", "rule", "layer", "slope", "loss", "none"])
def test_parts_of_ones_own_go_through_their_plain_form(own):
    """A subclass may have changed anything, so that none is taken for what it is derived from."""
    hooks = (lambda: Halved(0.3),) if own == "penalty" else ()
    optimizer = Steps if own == "rule" else SGD
    activation = {"layer": Softplus, "slope": steep}.get(own, Tanh)
    loss = Softened(SoftmaxCrossEntropy(), 0.3) if own == "loss" else SoftmaxCrossEntropy()
    make = lambda: layers(activation)  # noqa: E731
    assert_same(samples(np.float64), 20, 2, hooks, make, optimizer, np.float64, loss)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_types_without_a_compiled_form_go_through_the_plain_one(dtype):
    """To the bit, whatever the optimizer."""
    for optimizer in (SGD, Adam):
        given = samples(dtype), 20, 1, (), layers, optimizer, dtype, SoftmaxCrossEntropy()
        (ours, *_), (plain, *_) = trained(CompiledUpdater, *given), trained(Updater, *given)
        assert ours.params.tobytes() == plain.params.tobytes()


def an_updater(*, hooks=(), optimizer=SGD):
    """Return a compiled updater of a small network, and its optimizer."""
    network = Network([*layers(), Affine(9, 3)], random_state=0)
    rule = optimizer()
    rule.start(network.params)
    return CompiledUpdater(network, rule, hooks=hooks), rule


BATCHES = [(slice(start, start + 10), 0.1) for start in range(0, N, 10)]


def test_a_hook_is_told_of_every_update():
    """Of one's beginning too, if that is all that it listens to."""

    class Counter(Hook):
        n = 0

        def begin_update(self):
            self.n += 1

    counter = Counter()
    an_updater(hooks=[counter])[0].updates(samples(np.float32), BATCHES)
    assert counter.n == len(BATCHES)


def test_an_interruption_finds_the_updates_counted(monkeypatch):
    """It comes when compiled code returns, and the optimizer has taken as many steps by then as it says."""

    def interrupted(*_arguments):
        raise KeyboardInterrupt

    updater, rule = an_updater(optimizer=Adam)
    monkeypatch.setattr("pipeline.network.compiled.loops.updates", interrupted)
    with pytest.raises(KeyboardInterrupt):
        updater.updates(samples(np.float32), BATCHES)
    assert rule.t == len(BATCHES)


def test_wide_inputs_are_gathered_by_few(monkeypatch):
    """Batches that are gathered before they are trained on together take no more memory than a bound."""
    monkeypatch.setattr("pipeline.network.compiled.updater.MAX_ELEMENTS", 25 * 12)
    data, taken = samples(np.float32), []
    data.X = np.asfortranarray(data.X)
    data.take = lambda X, rows, out: taken.append(len(rows)) or take_rows(X, rows, out)
    an_updater()[0].updates(data, [(np.arange(N)[rows], rate) for rows, rate in BATCHES])
    assert taken == [20, 20, 20]


def trained_together(updater, data, batches, n_threads=1, *, make=layers, optimizer=Adam, hooks=(), loss=None):
    """Return parameters, figures, number of updates and learning rate after an epoch of batches."""
    network = Network(
        [*make(), Affine(9, data.Y.shape[1])], loss or SoftmaxCrossEntropy(), dtype=data.Y.dtype, random_state=0
    )
    rule = optimizer()
    rule.start(network.params)
    with Workers(n_threads) as workers:
        one = updater(network, rule, workers, hooks=[hook() for hook in hooks])
        one.begin_epoch()
        if updater is Updater:
            for rows, rate in batches:
                one.update(data, rows, rate)
        else:
            one.updates(data, iter(batches))
        return network.params, one.end_epoch(), rule.t, rule.eta


def assert_same_together(data, batches, n_threads, **options):
    """Raise unless batches that are trained on together come to what they come to one by one, in NumPy."""
    ours = trained_together(CompiledUpdater, data, batches, n_threads, **options)
    plain = trained_together(Updater, data, batches, **options)
    tolerance = 2e-4 if data.Y.dtype == np.float32 else 1e-9
    for one, other in zip(ours, plain, strict=True):
        assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def batches_of(size, *, shuffled):
    """Return the batches of an epoch, the last perhaps smaller, with learning rates that fall."""
    order = np.random.default_rng(0).permutation(N)
    rows = (slice(start, min(start + size, N)) for start in range(0, N, size))
    return [(order[own] if shuffled else own, 0.1 / (1 + own.start)) for own in rows]


TOGETHER = pytest.mark.parametrize("n_threads", [1, 2, 3])


@DTYPES
@TOGETHER
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 40])
def test_many_updates_in_one_call_are_the_same(size, weighted, n_threads, dtype, monkeypatch):
    """Batches that are trained on together come to what they come to one by one, shuffled or in order."""
    monkeypatch.setattr("pipeline.network.compiled.updater.AT_ONCE", 20)
    data = samples(dtype, weighted=weighted)
    for shuffled in (True, False):
        assert_same_together(data, batches_of(size, shuffled=shuffled), n_threads, hooks=[lambda: L2(0.1)])


@DTYPES
@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_shared_by_threads(optimizer, n_threads, dtype):
    """For so few samples that plain SGD makes no gradient, for many, and with more blocks than one."""
    for size in (5, 25):
        for hooks in ((), (lambda: L2(0.1),)):
            given = samples(dtype), batches_of(size, shuffled=True), n_threads
            assert_same_together(*given, make=lambda: layers(Tanh), optimizer=optimizer, hooks=hooks)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_shared_by_threads(activation, n_threads):
    """With a bias and without, and where an activation comes before the first affine layer."""
    for options in ({}, {"bias": False}, {"before": (Tanh,)}):
        make = lambda options=options: layers(ACTIVATIONS[activation], **options)  # noqa: E731 - it stands for many
        assert_same_together(samples(np.float64), batches_of(25, shuffled=True), n_threads, make=make)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("loss", [SigmoidCrossEntropy(), LabelSmoothing(SoftmaxCrossEntropy(), 0.1), *REGRESSION])
def test_every_loss_is_shared_by_threads(loss, n_threads):
    """With weights of the samples."""
    data = samples(np.float64, weighted=True, loss=loss)
    batches = [(rows, 0.001) for rows, _ in batches_of(25, shuffled=True)]
    assert_same_together(data, batches, n_threads, loss=loss)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_layer_of_several_blocks_is_all_updated(n_threads):
    """Its gradient is computed some rows at a time, in one place."""
    wide = 3 * BLOCK // 40
    data, rng = samples(np.float64), np.random.default_rng(0)
    data.X = rng.normal(size=(N, 40))
    make = lambda: [Affine(40, wide), Tanh(), Affine(wide, 9), Tanh()]  # noqa: E731 - it stands for many
    batches = [(rows, 0.001) for rows, _ in batches_of(25, shuffled=True)]
    assert_same_together(data, batches, n_threads, make=make, hooks=[lambda: L2(0.1)])


@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("kind", ["pixels", "fortran", "read-only", "dense"])
def test_threads_gather_inputs_of_every_kind(kind, n_threads, shuffled, monkeypatch):
    """Pixels are scaled by the loop that gathers them; what it was not compiled for is gathered before."""
    monkeypatch.setattr("pipeline.network.compiled.updater.AT_ONCE", 30)
    data = as_kind(samples(np.float32), kind)
    assert_same_together(data, batches_of(7, shuffled=shuffled), n_threads)


@pytest.mark.parametrize("size", [5, 25])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_same_threads_come_to_the_same_bytes(n_threads, size):
    """Work is cut by shape alone, whichever thread is faster."""
    given = CompiledUpdater, samples(np.float32), batches_of(size, shuffled=True), n_threads
    once = trained_together(*given)
    for _ in range(5):
        again = trained_together(*given)
        assert again[0].tobytes() == once[0].tobytes()
        assert again[1] == once[1]


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_thread_that_fails_ends_the_others(failing, error, monkeypatch):
    """They wait for it inside compiled code, and would for ever."""
    run = loops.updates
    place = list(inspect.signature(getattr(run, "py_func", run)).parameters).index("k")

    def fail(*arguments):
        if arguments[place] == failing:
            raise error("lost")
        run(*arguments)

    monkeypatch.setattr("pipeline.network.compiled.loops.updates", fail)
    with pytest.raises(error, match="lost"):
        trained_together(CompiledUpdater, samples(np.float32), batches_of(20, shuffled=True), 3)


def as_kind(data, kind):
    """Return the samples with inputs of another kind."""
    X = data.X
    if kind == "sparse":
        X = scipy.sparse.csr_array(np.where(np.abs(X) > 1.5, X, 0))
    elif kind == "pixels":
        X = (X * 30 + 90).astype(np.uint8)
    elif kind == "fortran":
        X = np.asfortranarray(X)
    elif kind == "read-only":
        X.flags.writeable = False
    scale = 1 / 255 if kind == "pixels" else None
    return Samples(X, data.Y, None, taker(X, scale), sparse_taker(X, scale))


@pytest.mark.parametrize("kind", ["sparse", "pixels", "fortran", "read-only"])
def test_inputs_of_every_kind_come_to_the_same(kind):
    """Sparse rows stay sparse, pixels are scaled, and an array of another layout is copied."""
    data = as_kind(samples(np.float32), kind)
    assert_same(data, 20, 2, (), layers, Adam, np.float32, SoftmaxCrossEntropy())


@pytest.mark.parametrize("kind", ["as it is", "pixels"])
@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("shuffled", [True, False])
def test_rows_of_a_map_are_gathered_by_the_loops(tmp_path, kind, n_threads, shuffled):
    """A file that is mapped, whole or some rows of it, trains as the same in memory, and nothing is compiled for it."""
    data = as_kind(samples(np.float32), kind)
    np.save(tmp_path / "X.npy", data.X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    batches = batches_of(20, shuffled=shuffled)
    once = trained_together(CompiledUpdater, data, batches, n_threads)
    n_compiled = len(loops.updates.signatures)
    again = trained_together(CompiledUpdater, replace(data, X=mapped), batches, n_threads)
    assert_array_equal(again[0], once[0])
    order = np.random.default_rng(0).permutation(N)
    for X in (data.X, mapped):
        some = replace(data, X=X[order] if X is data.X else np.asarray(X)[order], index=np.argsort(order))
        assert_array_equal(trained_together(CompiledUpdater, some, batches, n_threads)[0], once[0])
        assert_array_equal(trained_together(Updater, some, batches)[0], trained_together(Updater, data, batches)[0])
    assert len(loops.updates.signatures) == n_compiled


@DTYPES
@pytest.mark.parametrize("size", [1, 20])
def test_divergence_is_seen(dtype, size):
    """Parameters or losses that overflow are infinite or NaN at the end of the epoch, as in NumPy."""
    data = samples(dtype)
    network = Network([*layers(), Affine(9, 3)], dtype=dtype, random_state=0)
    sgd = SGD()
    sgd.start(network.params)
    updater = CompiledUpdater(network, sgd)
    with np.errstate(all="ignore"):
        for _ in range(100):
            updater.update(data, np.arange(size), float(np.sqrt(np.finfo(dtype).max)))
        loss, _, _ = updater.end_epoch()
    assert not (np.isfinite(loss) and np.isfinite(network.params).all())
