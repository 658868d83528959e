"""Parameters of some kinds at a multiple of the learning rate: the same by every engine, rule and number of threads."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.network import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Adversarial,
    Affine,
    BatchNorm,
    Layer,
    Momentum,
    Network,
    RateFactors,
    RMSprop,
    Scale,
    Tanh,
)
from pipeline.network.batches import Samples
from pipeline.network.compiled.engines import has_numba, updater_class
from pipeline.network.parallel.workers import Workers
from pipeline.network.rate_factors import within

ENGINES = ["numpy", pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is not installed"))]
RULES = {
    "sgd": SGD,
    "momentum": lambda: Momentum(0.8, nesterov=False),
    "nesterov": lambda: Momentum(0.8),
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": lambda: Adam(0.9, 0.95),
    "adamw": AdamW,
}
FACTORS = RateFactors("1/sqrt(n_in)", bias=0.1, feature_scale=6.0)
N, N_IN = 23, 5


def network(*, batch_norm=False, dtype=np.float64):
    """Return a network with parameters of every kind."""
    between = [BatchNorm(7), Tanh()] if batch_norm else [Tanh()]
    layers = [Scale(N_IN), Affine(N_IN, 7, bias=not batch_norm), *between, Affine(7, 3)]
    return Network(layers, dtype=dtype, random_state=0)


def trained(net, optimizer, factors=None, *, engine="numpy", n_threads=1, batch_size=9, rate=0.01, adversary=None):
    """Return the parameters after two epochs."""
    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(N, N_IN)).astype(net.dtype), np.eye(3, dtype=net.dtype)[rng.integers(0, 3, N)]
    optimizer.start(net.params)
    optimizer.rate_spans = () if factors is None else factors.spans(net.layers)
    with Workers(n_threads) as workers:
        updater = updater_class(engine)(net, optimizer, workers, [], None, adversary)
        for _ in range(2):
            updater.begin_epoch()
            starts = range(0, N, batch_size)
            updater.updates(Samples(X, Y), [(slice(start, min(start + batch_size, N)), rate) for start in starts])
    return net.params.copy()


def test_every_kind_of_parameter_has_its_factor():
    """Weights by their layer's inputs or a number, biases and beta alike, gamma at the rate itself."""
    layers = network(batch_norm=True).layers
    assert [factor for _, factor in FACTORS.spans(layers)] == [6.0, 5**-0.5, 1.0, 0.1, 7**-0.5, 0.1]
    assert [factor for _, factor in RateFactors("1/n_in").spans(layers)] == [1.0, 1 / 5, 1.0, 1.0, 1 / 7, 1.0]
    assert [factor for _, factor in RateFactors(0.5, bias=0).spans(layers)] == [1.0, 0.5, 1.0, 0.0, 0.5, 0.0]


def test_spans_cover_the_buffer_without_a_gap():
    """Each begins where the one before ends, and the last ends with the buffer."""
    net = network(batch_norm=True)
    edges = [(span.start, span.stop) for span, _ in FACTORS.spans(net.layers)]
    assert [start for start, _ in edges] == [0, *(stop for _, stop in edges[:-1])]
    assert edges[-1][1] == len(net.params)


@pytest.mark.parametrize("rule", RULES)
def test_each_kind_is_updated_as_if_it_were_alone(rule):
    """At the rate times its factor, in any blocks: bit by bit what the rule does with the span by itself."""
    rng = np.random.default_rng(0)
    w, gs = rng.normal(size=40), rng.normal(size=(5, 40))
    spans = [(slice(0, 13), 0.5), (slice(13, 20), 3.0), (slice(20, 40), 0.0)]
    whole, optimizer = w.copy(), RULES[rule]()
    optimizer.start(whole)
    optimizer.rate_spans = spans
    for g in gs:
        optimizer.begin(0.1)
        for part in (slice(0, 17), slice(17, 40)):
            optimizer.apply(whole, g, part, np.empty(4))
    for span, factor in spans:
        alone, optimizer = w[span].copy(), RULES[rule]()
        optimizer.start(alone)
        for g in gs:
            # A rule's correction by t is of the rate, in whose place in the product the factor stands.
            optimizer.begin(0.1)
            optimizer.eta *= factor
            optimizer.apply(alone, g[span], slice(0, len(alone)), np.empty(100))
        assert_array_equal(whole[span], alone)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
def test_factors_of_one_change_no_bit(rule, dtype, engine):
    """As if there were none, by several threads as well."""
    for n_threads, batch_size in ((1, 9), (2, 9), (1, 4)):
        options = {"engine": engine, "n_threads": n_threads, "batch_size": batch_size}
        without = trained(network(dtype=dtype), RULES[rule](), **options)
        assert_array_equal(trained(network(dtype=dtype), RULES[rule](), RateFactors(), **options), without)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", RULES)
def test_engines_and_threads_come_to_the_same(rule, engine):
    """One thread of NumPy's is the measure: for all at once, layer by layer, and few samples without a gradient."""
    without = trained(network(), RULES[rule]())
    for batch_norm, n_threads, batch_size in product((False, True), (1, 2, 3), (4, 9)):
        net, options = network(batch_norm=batch_norm), {"batch_size": batch_size}
        expected = trained(net, RULES[rule](), FACTORS, **options)
        options |= {"engine": engine, "n_threads": n_threads}
        ours = trained(network(batch_norm=batch_norm), RULES[rule](), FACTORS, **options)
        assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)
        assert batch_norm or not np.allclose(ours, without)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_adversary_goes_with_them(engine):
    """Two passes, one update at the same rates."""
    expected = trained(network(), Adam(), FACTORS, adversary=Adversarial(0.1))
    ours = trained(network(), Adam(), FACTORS, adversary=Adversarial(0.1), engine=engine, n_threads=2)
    assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


class Divided(Layer):
    """Y = X / sqrt(n_in): with an affine layer after it, whose weights are V, W is V / sqrt(n_in)."""

    def __init__(self, n_in):
        self.n_in = n_in

    def forward(self, X, *, out=None, cache=None):  # noqa: ARG002 - as all layers have it
        """Divide."""
        return np.divide(X, np.sqrt(self.n_in), out=out)

    def backward(self, dY, cache, *, out=None):  # noqa: ARG002 - as all layers have it
        """Divide."""
        return np.divide(dY, np.sqrt(self.n_in), out=out)


@pytest.mark.parametrize(
    ("make", "weights"),
    [
        (lambda: Adam(0.9, 0.95, epsilon=1e-30), "1/sqrt(n_in)"),
        (lambda: RMSprop(epsilon=1e-30), "1/sqrt(n_in)"),
        (lambda: AdaGrad(epsilon=1e-30), "1/sqrt(n_in)"),
        (SGD, "1/n_in"),
        (Momentum, "1/n_in"),
    ],
)
def test_weights_learn_as_in_the_neural_tangent_kernel_parametrization(make, weights):
    """Those of a network that divides by sqrt(n_in) in every pass, but for rounding."""
    plain = Network([Affine(N_IN, 7), Tanh(), Affine(7, 3)], dtype=np.float64, random_state=0)
    divided = Network(
        [Divided(N_IN), Affine(N_IN, 7), Tanh(), Divided(7), Affine(7, 3)], dtype=np.float64, random_state=0
    )
    for ours, theirs in zip(plain.affine_layers, divided.affine_layers, strict=True):
        theirs.W[:] = ours.W * np.sqrt(ours.n_in)
    trained(plain, make(), RateFactors(weights, bias=0.1), rate=0.04)
    trained(divided, make(), RateFactors(bias=0.1), rate=0.04)
    for ours, theirs in zip(plain.affine_layers, divided.affine_layers, strict=True):
        assert_allclose(ours.W, theirs.W / np.sqrt(ours.n_in), rtol=1e-8, atol=1e-12)
        assert_allclose(ours.b, theirs.b, rtol=1e-8, atol=1e-12)


def test_pieces_of_a_part():
    """Those that lie in it, cut at its ends; an empty part has none."""
    spans = [(slice(0, 4), 0.5), (slice(4, 9), 2.0), (slice(9, 12), 1.0)]
    assert list(within(spans, slice(0, 12))) == spans
    assert list(within(spans, slice(4, 9))) == [(slice(4, 9), 2.0)]
    assert list(within(spans, slice(5, 5))) == []


def test_it_shows_what_it_is():
    """Its text is the call that makes it, and equality is of the parameters."""
    assert repr(FACTORS) == "RateFactors(weights='1/sqrt(n_in)', bias=0.1, feature_scale=6.0)"
    assert eval(repr(FACTORS)) == FACTORS  # noqa: S307 - our own text
    assert RateFactors() != FACTORS
