"""L-BFGS as an object with a trainer's ``run``."""

import numpy as np
import pytest

from pipeline.mlp.lbfgs import LBFGS
from pipeline.network import SGD, Affine, Network, SoftmaxCrossEntropy
from pipeline.network.batches import Samples, Sampling
from pipeline.network.training import Callback, Trainer

RNG = np.random.default_rng(0)
SAMPLES = Samples(RNG.normal(size=(30, 4)), np.eye(3)[RNG.integers(3, size=30)])


def trainer():
    """Return a trainer of a small network."""
    network = Network([Affine(4, 3)], SoftmaxCrossEntropy(), dtype=np.float64, random_state=0)
    return Trainer(network, SGD(), Sampling(30), 0.1)


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
