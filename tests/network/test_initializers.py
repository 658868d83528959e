"""Every rule for first weights has the spread that its formula says."""

import numpy as np
import pytest

from pipeline.network import INITIALIZERS, GlorotUniformWithBias, Normal, WithNormalBias
from pipeline.network.initializers import zeros

N_IN, N_OUT = 400, 100
RULES = {
    **INITIALIZERS,
    "scikit-learn's": GlorotUniformWithBias(),
    "for logistic": GlorotUniformWithBias(2),
    "0.01": Normal(0.01),
}
VARIANCES = {
    "glorot_uniform": 2 / (N_IN + N_OUT),
    "glorot_normal": 2 / (N_IN + N_OUT),
    "he_uniform": 2 / N_IN,
    "he_normal": 2 / N_IN,
    "lecun_normal": 1 / N_IN,
    "fan_out_normal": 1 / N_OUT,
    "scikit-learn's": 2 / (N_IN + N_OUT),
    "for logistic": 2 / 3 / (N_IN + N_OUT),
    "0.01": 1e-4,
}
BOUNDED = {"glorot_uniform", "he_uniform", "scikit-learn's", "for logistic"}


@pytest.mark.parametrize("name", RULES)
def test_weights_have_their_mean_and_variance(name):
    """Around 0, with the variance of the formula to 2 %, in the shape of the layer."""
    W, b = RULES[name](np.random.default_rng(0), N_IN, N_OUT)
    assert W.shape == (N_IN, N_OUT)
    assert b.shape == (N_OUT,)
    assert abs(W.mean()) < 4 * np.sqrt(VARIANCES[name] / W.size)
    assert W.var() == pytest.approx(VARIANCES[name], rel=0.02)


@pytest.mark.parametrize("name", RULES)
def test_uniform_weights_end_at_their_bound(name):
    """A uniform rule fills its interval and no more; a normal one has tails."""
    W, _ = RULES[name](np.random.default_rng(0), N_IN, N_OUT)
    bound = np.sqrt(3 * VARIANCES[name])
    assert (np.abs(W).max() <= bound) == (name in BOUNDED)
    assert np.abs(W).max() > 0.99 * bound


@pytest.mark.parametrize("name", RULES)
def test_biases_start_at_zero_but_for_scikit_learns_rule(name):
    """scikit-learn draws biases as it draws weights."""
    _, b = RULES[name](np.random.default_rng(0), N_IN, N_OUT)
    assert b.any() == isinstance(RULES[name], GlorotUniformWithBias)


@pytest.mark.parametrize("name", RULES)
def test_the_generator_decides(name):
    """The same generator draws the same numbers, another one others."""
    first, same, other = (RULES[name](np.random.default_rng(seed), 3, 2)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", RULES)
def test_biases_may_be_normal(name):
    """With their own standard deviation, which may be 0; the weights are those of the rule alone."""
    W, b = WithNormalBias(RULES[name], 2.0)(np.random.default_rng(0), 3, 100_000)
    assert np.array_equal(W, RULES[name](np.random.default_rng(0), 3, 100_000)[0])
    assert b.std() == pytest.approx(2, rel=0.02)
    assert abs(b.mean()) < 0.05
    assert not WithNormalBias(RULES[name], 0.0)(np.random.default_rng(0), 3, 5)[1].any()


def test_zeros_draw_nothing():
    """So that what is drawn after them is the same without them."""
    rng = np.random.default_rng(0)
    W, b = zeros(rng, 3, 2)
    assert (W.shape, b.shape, W.any(), b.any()) == ((3, 2), (2,), False, False)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state
