"""Scores, beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, d2_pinball_score, r2_score

from pipeline.network import REGRESSION_LOSSES, Pinball, SoftmaxCrossEntropy
from pipeline.network.scores import R2, PinballD2

RNG = np.random.default_rng(0)
N = 57
BATCHES = {"one": [N], "several": [1, 20, 3, 33], "single": [1] * N}
WEIGHTS = {"none": None, "some": RNG.random(N) * (RNG.random(N) < 0.8)}


def computed(score, P, Y, weight, sizes):
    """Return a score of batches of some sizes."""
    stops = np.cumsum(sizes)
    for stop, size in zip(stops, sizes, strict=True):
        own = slice(stop - size, stop)
        score.update(P[own], Y[own], None if weight is None else weight[own])
    return score.compute()


@pytest.mark.parametrize("sizes", BATCHES)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("offset", [0, 1e6])
def test_r2_is_that_of_scikit_learn(sizes, weight, offset):
    """In however many batches, weighted or not, for several outputs, and for targets far from 0."""
    Y = RNG.normal(size=(N, 3)) * [1, 5, 0.1] + offset
    P, w = Y + RNG.normal(size=(N, 3)), WEIGHTS[weight]
    assert computed(R2(), P, Y, w, BATCHES[sizes]) == pytest.approx(r2_score(Y, P, sample_weight=w), rel=1e-9)


def test_r2_of_large_targets_needs_no_more_than_their_own_digits():
    """In float32, targets of 1,000,000 and their spread of 1 are told apart, as by float64."""
    Y = (1e6 + RNG.normal(size=(3000, 1))).astype(np.float32)
    P = (Y + 0.5 * RNG.normal(size=Y.shape)).astype(np.float32)
    wanted = r2_score(Y.astype(float), P.astype(float))
    assert computed(R2(), P, Y, None, [1000] * 3) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e7])
def test_r2_of_equal_targets_is_1_or_0(value):
    """1 where they are all met, 0 where one is not; as in scikit-learn, but for what its mean is rounded to."""
    Y = np.full((N, 1), value)
    for sizes in BATCHES.values():
        assert computed(R2(), Y, Y, None, sizes) == 1
        assert computed(R2(), Y + 1, Y, None, sizes) == 0


@pytest.mark.parametrize("sizes", BATCHES)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.5, 0.9)])
def test_d2_is_the_mean_of_scikit_learns(quantiles, weight, sizes):
    """Over all quantiles of two targets, in however many batches, with ties among the targets."""
    targets, k = RNG.normal(size=(N, 2)).round(1) + np.array([0, 100]), len(quantiles)
    Y = np.repeat(targets, k, axis=1)
    P, w = Y + RNG.normal(size=Y.shape), WEIGHTS[weight]
    wanted = [d2_pinball_score(Y[:, j], P[:, j], sample_weight=w, alpha=quantiles[j % k]) for j in range(2 * k)]
    assert computed(PinballD2(quantiles), P, Y, w, BATCHES[sizes]) == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize("make", [R2, lambda: PinballD2([0.3])])
def test_a_weight_of_0_counts_for_nothing(make):
    """An outlier of no weight changes nothing, wherever it comes; nor does a whole batch of them."""
    Y = RNG.normal(size=(N, 1))
    P, w = Y + RNG.normal(size=(N, 1)), np.ones(N)
    expected = computed(make(), P[1:-1], Y[1:-1], None, [N - 2])
    Y[[0, -1]], w[[0, -1]] = 1e9, 0
    assert computed(make(), P, Y, w, [1, N - 2, 1]) == pytest.approx(expected)


@pytest.mark.parametrize("make", [R2, lambda: PinballD2([0.3])])
def test_one_sample_has_no_score(make):
    """It is NaN, which never is the best."""
    assert np.isnan(computed(make(), np.ones((1, 1)), np.zeros((1, 1)), None, [1]))


@pytest.mark.parametrize("make", [R2, lambda: PinballD2([0.3])])
@pytest.mark.parametrize("bad", [np.inf, np.nan, 3e38])
def test_predictions_that_diverge_have_no_good_score(make, bad):
    """It is infinite or NaN, or far below 0, without a warning."""
    Y = RNG.normal(size=(N, 1)).astype(np.float32)
    P = Y.copy()
    P[3] = bad
    assert not computed(make(), P, Y, None, [N]) > -1e30


@pytest.mark.parametrize("weight", WEIGHTS)
def test_accuracy_is_that_of_scikit_learn(weight):
    """In several batches, weighted or not."""
    P, y, w = RNG.random((N, 3)), RNG.integers(3, size=N), WEIGHTS[weight]
    score = SoftmaxCrossEntropy().new_score()
    wanted = accuracy_score(y, P.argmax(axis=1), sample_weight=w)
    assert computed(score, P, np.eye(3)[y], w, BATCHES["several"]) == pytest.approx(wanted)


def test_what_is_taken_in_may_be_written_over():
    """A score has its own copies of what it needs at the end."""
    for loss in (SoftmaxCrossEntropy(), *(make() for make in REGRESSION_LOSSES.values()), Pinball((0.2, 0.6))):
        P, Y = RNG.random((N, 2)), np.repeat(RNG.random((N, 1)), 2, axis=1)
        expected, score = computed(loss.new_score(), P, Y, None, [N]), loss.new_score()
        for own in (slice(20), slice(20, N)):
            some = P[own].copy(), Y[own].copy()
            score.update(*some)
            for array in some:
                array[:] = 7
        assert score.compute() == pytest.approx(expected)
