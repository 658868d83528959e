"""Tests of networks that are trained side by side."""

import numpy as np
import pytest

from pipeline.network import AdaGrad, Affine, Network, batches
from pipeline.network.batches import Samples, Sampling
from pipeline.network.training import Course, Trainer
from pipeline.together.networks import Training, train_together

SAMPLES = Samples(np.eye(6, dtype=np.float32), np.eye(6, dtype=np.float32)[:, :2])


def make_trainings(sampling, seeds=(0, 0, 0), engine="numba"):
    """Return trainings of small networks with rates of their own, for three epochs."""
    return [
        Training(
            Trainer(Network([Affine(6, 2)], random_state=seed), AdaGrad(), sampling, 0.1 * (k + 1), engine=engine),
            Course(max_epochs=3),
        )
        for k, seed in enumerate(seeds)
    ]


@pytest.mark.parametrize(
    ("sampling", "n_draws"),
    [(Sampling(4), 3), (Sampling(4, replacement=True), 0), (Sampling(4, shuffle=False), 0), (Sampling(6), 0)],
    ids=repr,
)
def test_an_order_is_drawn_once_for_all(monkeypatch, sampling, n_draws):
    """Networks of one seed shuffle once an epoch, and end with the parameters and generators of training alone."""
    alone = make_trainings(sampling)
    for training in alone:
        training.trainer.run(SAMPLES, max_epochs=3)
    drawn, real = [], batches._shuffled
    monkeypatch.setattr(batches, "_shuffled", lambda *args: drawn.append(args) or real(*args))
    together = make_trainings(sampling)
    train_together(together, SAMPLES)
    assert len(drawn) == n_draws
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.trainer.network.params, other.trainer.network.params, rtol=1e-5)
        assert one.trainer.network.rng.bit_generator.state == other.trainer.network.rng.bit_generator.state
        assert one.trainer.sampling is sampling


def test_networks_of_two_seeds_draw_their_own():
    """A network of another seed takes other batches, as alone."""
    alone = make_trainings(Sampling(4), seeds=(0, 1, 0, 1))
    for training in alone:
        training.trainer.run(SAMPLES, max_epochs=3)
    together = make_trainings(Sampling(4), seeds=(0, 1, 0, 1))
    train_together(together, SAMPLES)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.trainer.network.params, other.trainer.network.params, rtol=1e-5)
