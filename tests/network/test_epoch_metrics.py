"""What the predictions of an epoch come to."""

import numpy as np
import pytest

from pipeline.network import LOSSES
from pipeline.network.batches import CHUNK
from pipeline.network.epoch_metrics import EpochMetrics

RNG = np.random.default_rng(0)


def batches(loss, sizes):
    """Return P and Y of some batches."""
    P = [loss.predictions(RNG.normal(size=(n, 3))) for n in sizes]
    return P, [np.eye(3)[RNG.integers(3, size=n)] for n in sizes]


@pytest.mark.parametrize("sizes", [(5,), (5, 1, 7), (CHUNK, 1), (CHUNK - 1, 3, CHUNK + 9, 2)])
@pytest.mark.parametrize("name", LOSSES)
def test_it_is_the_sum_over_the_batches(name, sizes):
    """Whether evaluated at once or in chunks, losses and correct predictions are the sums over the batches."""
    loss = LOSSES[name]()
    metrics, (P, Y) = EpochMetrics(loss, 3, np.float64), batches(loss, sizes)
    for ours, theirs in zip(P, Y, strict=True):
        into = metrics.reserve(len(ours))
        into[0][:], into[1][:] = ours, theirs
    cost, score, n = metrics.flush()
    assert cost == pytest.approx(sum(loss.value(p, y) * len(p) for p, y in zip(P, Y, strict=True)))
    assert score * n == pytest.approx(sum(loss.correct(p, y).sum() for p, y in zip(P, Y, strict=True)))
    assert n == sum(sizes)


def test_a_weight_counts_within_its_batch():
    """A batch's mean cost is weighted, and the batch counts by its samples, whatever they weigh."""
    loss = LOSSES["softmax"]()
    metrics, (P, Y) = EpochMetrics(loss, 3, np.float64), batches(loss, (4, 6))
    weights = [RNG.random(4), 10 * RNG.random(6)]
    for ours, theirs, weight in zip(P, Y, weights, strict=True):
        into = metrics.reserve(len(ours), weight, weight.sum())
        into[0][:], into[1][:] = ours, theirs
    wanted = sum(loss.value(p, y, w) * len(p) for p, y, w in zip(P, Y, weights, strict=True))
    assert metrics.flush()[0] == pytest.approx(wanted)


def test_it_begins_anew_when_taken():
    """What has been taken is not counted again, and weights of one batch do not stay for the next."""
    loss = LOSSES["softmax"]()
    metrics, (P, Y) = EpochMetrics(loss, 3, np.float64), batches(loss, (4, 4))
    for ours, theirs, weight in zip(P, Y, (np.arange(4.0), None), strict=True):
        into = metrics.reserve(4, weight, 6)
        into[0][:], into[1][:] = ours, theirs
        cost, _, n = metrics.flush()
    assert n == 4
    assert cost == pytest.approx(4 * loss.value(P[1], Y[1]))
