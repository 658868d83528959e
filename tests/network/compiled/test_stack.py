"""Tests of networks that are trained as a stack."""

import numpy as np
import pytest

pytest.importorskip("numba")

from pipeline.network import SGD, AdaGrad, Adam, AdamW, Affine, Momentum, Network, ReLU, RMSprop
from pipeline.network.batches import Samples
from pipeline.network.compiled import stack
from pipeline.network.compiled.columns import SplitColumns
from pipeline.network.compiled.updater import CompiledUpdater
from pipeline.network.regularizers import L2

N_SAMPLES, N_IN, N_OUT = 90, 20, 3


@pytest.fixture(params=[np.float32, np.float64])
def samples(request):
    """Return samples of which a third of the columns are dense, a third mostly 0 and the rest always."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_SAMPLES, N_IN)).astype(request.param)
    X[:, 7:14] *= rng.random((N_SAMPLES, 7)) < 0.1
    X[:, 14:] = 0
    Y = np.eye(N_OUT, dtype=request.param)[rng.integers(N_OUT, size=N_SAMPLES)]
    return Samples(X[:, rng.permutation(N_IN)], Y)


def make_updater(seed, optimizer, alpha, width, dtype):
    """Return what trains a network of its own."""
    network = Network([Affine(N_IN, width), ReLU(), Affine(width, N_OUT)], random_state=seed, dtype=dtype)
    optimizer.start(network.params)
    return CompiledUpdater(network, optimizer, hooks=[L2(alpha)] if alpha else [])


def make_batches(rate, n_batches=6, size=25, seed=1):
    """Return batches of rows, the last of which is smaller, and rates that fall."""
    rows = np.random.default_rng(seed).permutation(N_SAMPLES * 2) % N_SAMPLES
    return [(rows[k * size : min((k + 1) * size, n_batches * size - 4)], rate / (k + 1)) for k in range(n_batches)]


def train(updaters, samples, plan):
    """Make updates of networks together, as a plan of batches says."""
    together = stack.Stack(updaters, samples, SplitColumns(samples, N_IN))
    for batches in plan:
        together.updates(batches)
    for k in range(len(updaters)):
        together.release(k)


def assert_as_alone(settings, samples, plan, width=8):
    """Train by a plan together and one by one, and hold one against the other: parameters, states and metrics."""
    every = [
        [make_updater(seed, rule(), alpha, width, samples.X.dtype) for seed, (rule, alpha) in settings]
        for _ in range(2)
    ]
    train(every[0], samples, plan)
    for batches in plan:
        for k, own in batches.items():
            every[1][k].updates(samples, own)
    tolerance = 2e4 * np.finfo(samples.X.dtype).eps
    for ours, theirs in zip(*every, strict=True):
        assert ours.optimizer.t == theirs.optimizer.t
        np.testing.assert_allclose(ours.network.params, theirs.network.params, rtol=tolerance, atol=tolerance)
        for one, other in zip(ours.optimizer.state.values(), theirs.optimizer.state.values(), strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(ours.end_epoch(), theirs.end_epoch(), rtol=tolerance)


RULES = [SGD, lambda: Momentum(0.8), lambda: Momentum(0.8, nesterov=False), AdaGrad, RMSprop, Adam, AdamW]


@pytest.mark.parametrize("rule", RULES, ids=["sgd", "nesterov", "momentum", "adagrad", "rmsprop", "adam", "adamw"])
def test_networks_of_one_rule(rule, samples):
    """Rates and penalties of their own, 0 as well, are those of each network's columns."""
    settings = list(enumerate([(rule, 0.0), (rule, 0.5), (rule, 2.0)]))
    assert_as_alone(settings, samples, [{k: make_batches(0.01 * (k + 1)) for k in range(3)}])


def test_networks_of_several_rules(samples):
    """Neighbours in the stack need not have a rule in common, nor its numbers."""
    settings = list(enumerate([(rule, 0.1) for rule in (*RULES, lambda: Adam(beta_1=0.5))]))
    assert_as_alone(settings, samples, [{k: make_batches(0.01) for k in range(len(settings))}] * 2)


@pytest.mark.parametrize("width", [1, 16, 90, 600])
def test_widths(width, samples):
    """A stack may be narrower than a piece of a sum, or make several blocks, of one network each at last."""
    settings = list(enumerate([(Adam, 0.1)] * 7))
    assert_as_alone(settings, samples, [{k: make_batches(0.001) for k in range(7)}], width)


def test_some_go_on_and_others_take_other_batches(samples):
    """Networks may leave, pause, come back, and take batches that are not those of the others."""
    settings = list(enumerate([(Adam, 0.1), (Adam, 0.0), (RMSprop, 0.1)]))
    plan = [
        {k: make_batches(0.01) for k in range(3)},
        {0: make_batches(0.01, seed=2), 1: make_batches(0.01, seed=3), 2: make_batches(0.02, seed=2)},
        {1: make_batches(0.01, 2)},
        {0: make_batches(0.01), 1: make_batches(0.01)},
        {},
    ]
    assert_as_alone(settings, samples, plan)


def test_samples_that_are_too_many_are_not_copied(monkeypatch):
    """Beyond a bound of memory there is no key, so that networks are trained one by one."""
    updater, samples = (
        make_updater(0, SGD(), 0.0, 2, np.float32),
        Samples(np.ones((5, N_IN), np.float32), np.ones((5, 3))),
    )
    assert stack.stack_key(updater, samples, 9) is not None
    monkeypatch.setattr(stack, "MAX_COPIED", 5 * N_IN - 1)
    assert stack.stack_key(updater, samples, 9) is None


@pytest.mark.parametrize(
    ("optimizer", "alpha", "batch_size", "is_one"),
    [(SGD(), 0.0, 8, False), (SGD(), 0.0, 9, True), (SGD(), 0.1, 1, True), (Adam(), 0.0, 1, True)],
)
def test_what_makes_no_gradient_is_faster_alone(optimizer, alpha, batch_size, is_one):
    """SGD by few samples without a penalty passes over the weights of inputs that are 0, as a stack does not."""
    samples = Samples(np.ones((20, N_IN), np.float32), np.ones((20, 3), np.float32))
    updater = make_updater(0, optimizer, alpha, 2, np.float32)
    assert (stack.stack_key(updater, samples, batch_size) is not None) == is_one
