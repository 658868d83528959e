"""The optimizers' rules as loops, beside the plain ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network import SGD, AdaGrad, Adam, AdamW, Momentum, RMSprop
from pipeline.network.compiled import optimizers
from pipeline.network.compiled.program import compile_optimizer

RULES = [SGD(), Momentum(0.8), Momentum(0.8, nesterov=False), AdaGrad(), RMSprop(), Adam(0.8, 0.99), AdamW()]


def update(rule, w, g, rate, t):
    """Make an update by the compiled rule."""
    optimizers.update(rule.kind, w, g, rate, t, rule.hyper, *rule.state)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", RULES, ids=lambda each: f"{type(each).__name__} {vars(each).get('nesterov', '')}")
def test_several_updates_are_the_plain_ones(optimizer, dtype):
    """Parameters and state after several updates at a changing rate are those of the plain rule, to rounding."""
    rng = np.random.default_rng(0)
    w, plain = (np.random.default_rng(1).normal(size=1001).astype(dtype) for _ in range(2))
    optimizer.start(plain)
    rule = compile_optimizer(optimizer, plain)
    rule.state = tuple(each.copy() for each in rule.state)
    for t in range(1, 6):
        g = rng.normal(size=w.size).astype(dtype)
        optimizer.step(plain, g, 0.1 / t)
        update(rule, w, g, 0.1 / t, t)
    tolerance = 50 * np.finfo(dtype).eps
    assert_allclose(w, plain, rtol=tolerance, atol=tolerance)
    for ours, theirs in zip(rule.state, optimizer.state.values(), strict=False):
        assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("optimizer", RULES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_no_number_is_seen(optimizer, bad):
    """Where a gradient is infinite or NaN, so is its parameter or its state, and no other."""
    w, g = np.ones(100, np.float32), np.ones(100, np.float32)
    g[17] = bad
    optimizer.start(w)
    rule = compile_optimizer(optimizer, w)
    for t in (1, 2):
        update(rule, w, g, 0.1, t)
    seen = ~np.isfinite(w)
    assert seen.tolist() == [i == 17 for i in range(100)]


@pytest.mark.parametrize("optimizer", RULES, ids=lambda each: type(each).__name__)
def test_no_parameters_and_one_are_enough(optimizer):
    """A shard may be empty."""
    for n in (0, 1):
        w = np.ones(n)
        optimizer.start(w)
        update(compile_optimizer(optimizer, w), w, np.ones(n), 0.5, 1)
        assert (w < 1).all()


@pytest.mark.parametrize("optimizer", RULES, ids=lambda each: type(each).__name__)
def test_a_rate_and_a_penalty_for_each_parameter(optimizer):
    """Parameters with a rate and a penalty of their own are updated as each of them alone, and w^2 is summed up."""
    rng = np.random.default_rng(0)
    rates, alphas = np.array([0.1, 0.01, 0.001]), np.array([0.0, 0.5, 2.0])
    w, squares = rng.normal(size=3), np.ones(3)
    singles = []
    for k in range(3):
        optimizer.start(own := w[k : k + 1].copy())
        singles.append((own, compile_optimizer(optimizer, own)))
    optimizer.start(w)
    rule = compile_optimizer(optimizer, w)
    before = w.copy()
    for t in (1, 2):
        g = rng.normal(size=3)
        numbers = [optimizers.coefficients(rule.kind, rate, t, rule.hyper) for rate in rates]
        eta, decay, epsilon = (np.array(each) for each in zip(*numbers, strict=True))
        for k, (own, single) in enumerate(singles):
            update(single, own, g[k : k + 1] + alphas[k] * own, rates[k], t)
        optimizers.apply(rule.kind, w, g, (alphas, squares), eta, decay, epsilon, rule.hyper, *rule.state)
        if t == 1:
            assert_allclose(squares, 1 + before**2)
    assert_allclose(w, np.concatenate([own for own, _ in singles]), rtol=1e-12)


class Other(SGD):
    """A rule of one's own."""


def test_a_rule_of_ones_own_has_no_compiled_form():
    """A subclass may have changed the rule, so that it is left to the plain form."""
    assert compile_optimizer(Other(), np.ones(3)) is None
