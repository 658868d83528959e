"""L-BFGS as an object with a trainer's ``run``."""

import numpy as np
import pytest

from pipeline.mlp.lbfgs import LBFGS
from pipeline.network import (
    REGRESSION_LOSSES,
    SGD,
    Affine,
    Huber,
    Network,
    Pinball,
    PoissonDeviance,
    SoftmaxCrossEntropy,
    SquaredError,
)
from pipeline.network.batches import Samples, Sampling
from pipeline.network.training import Callback, DivergenceError, Trainer

RNG = np.random.default_rng(0)
SAMPLES = Samples(RNG.normal(size=(30, 4)), np.eye(3)[RNG.integers(3, size=30)])


def trainer(loss=None, dtype=np.float64, **options):
    """Return a trainer of a small network."""
    network = Network([Affine(4, 3)], loss or SoftmaxCrossEntropy(), dtype=dtype, random_state=0)
    return Trainer(network, SGD(), Sampling(30), 0.1, **options)


class StopAfter(Callback):
    """Asks to stop after some epochs."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, epoch):  # noqa: ARG002 - the trainer's argument
        self.n_epochs -= 1
        return self.n_epochs == 0


def test_it_converges_where_the_gradient_is_small():
    """The history falls to its end, where the gradient is within the tolerance, and that is the reason."""
    training = trainer()
    solver = LBFGS(training, tol=1e-6, max_evaluations=1000)
    assert solver.run(SAMPLES, max_epochs=500) == "converged"
    losses = [epoch.loss for epoch in training.history]
    assert losses == sorted(losses, reverse=True)
    assert (solver.n_iter, solver.loss) == (len(losses), losses[-1])
    training.network.gradient(SAMPLES.X, SAMPLES.Y)
    assert np.abs(training.network.grads).max() < 1e-5


@pytest.mark.parametrize(("max_evaluations", "max_epochs"), [(1000, 2), (3, 500)])
def test_it_fails_where_iterations_or_evaluations_run_out(max_evaluations, max_epochs):
    """And says which, in SciPy's words."""
    solver = LBFGS(trainer(), tol=0, max_evaluations=max_evaluations)
    assert solver.run(SAMPLES, max_epochs=max_epochs) == "failed"
    assert "REACHED LIMIT" in solver.message or "EXCEEDS LIMIT" in solver.message


def test_a_callback_may_stop_it():
    """The iterations until then count, and validation data are evaluated after each."""
    training = trainer()
    solver = LBFGS(training, tol=0, max_evaluations=1000)
    assert solver.run(SAMPLES, max_epochs=500, validation=SAMPLES, callback=StopAfter(3)) == "asked"
    assert solver.n_iter == len(training.history) == 3
    assert [epoch.validation_loss for epoch in training.history] == pytest.approx([e.loss for e in training.history])


@pytest.mark.parametrize("loss", [SquaredError(), PoissonDeviance(), Huber(0.5)], ids=repr)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_smooth_losses_of_numbers_converge(loss, n_threads):
    """By one thread or several, with weights, to where the gradient is 0."""
    Y = RNG.poisson(1 + np.abs(SAMPLES.X[:, :3])).astype(float)
    data, training = Samples(SAMPLES.X, Y, RNG.random(30)), trainer(loss, n_threads=n_threads)
    assert LBFGS(training, tol=1e-6, max_evaluations=1000).run(data, max_epochs=500) == "converged"
    training.network.gradient(data.X, data.Y, data.sample_weight)
    assert np.abs(training.network.grads).max() < 1e-4


@pytest.mark.parametrize("loss", [REGRESSION_LOSSES["absolute_error"](), Pinball((0.2, 0.5, 0.7))], ids=repr)
def test_losses_with_a_kink_fall(loss):
    """Though no gradient tells where they are least, they end lower than they began."""
    Y = np.repeat(SAMPLES.X @ [[1.0], [2], [0], [1]], 3, axis=1)
    training = trainer(loss)
    before = training.network.evaluate(SAMPLES.X, Y)
    LBFGS(training, tol=1e-6, max_evaluations=1000).run(Samples(SAMPLES.X, Y), max_epochs=100)
    assert training.network.evaluate(SAMPLES.X, Y) < before / 20


def test_poisson_that_overflows_is_told():
    """An exp beyond float32's numbers is one error and no warning, and the best weights are kept."""
    X, Y = (1000 * SAMPLES.X).astype(np.float32), np.full((30, 3), 2, np.float32)
    training = trainer(PoissonDeviance(), np.float32)
    with pytest.raises(DivergenceError, match="The loss became"):
        LBFGS(training, tol=1e-3, max_evaluations=1000).run(Samples(X, Y), max_epochs=9, validation=Samples(X, Y))
    assert np.isfinite(training.network.params).all()
