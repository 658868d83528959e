"""Watches a training: measures the network before it and after every epoch, and says at the end what went wrong."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.examination import Examination, Probe
from pipeline.diagnosis.records import Diagnosis
from pipeline.diagnosis.symptoms import find_symptoms
from pipeline.network import Loss
from pipeline.network.batches import Samples
from pipeline.network.losses import RegressionLoss
from pipeline.network.training import Callback, DivergenceError, Epoch, Trainer

Array = NDArray[Any]


class Doctor(Callback):
    """Keeps a diagnosis of the training that a trainer makes, within a ``with``.

    Parameters
    ----------
    trainer : Trainer
        About to run.
    samples : Samples
        What it learns from.
    by_updates : bool, default=True
        Whether it makes updates at a learning rate, as L-BFGS does not.

    Attributes
    ----------
    diagnosis : Diagnosis
        Up to the epoch that was last; its findings are there once the ``with`` is left.
    """

    def __init__(self, trainer: Trainer, samples: Samples, *, by_updates: bool = True) -> None:
        network, probe = trainer.network, Probe.take(samples, trainer.network)
        self.by_updates = by_updates
        self.trainer, self.examination = trainer, Examination(network, probe)
        self.diagnosis = Diagnosis(
            n_classes(network.loss, samples.Y),
            chance_loss(network.loss, samples.Y),
            chance_score(network.loss, samples.Y),
            float(np.sqrt(np.mean(np.square(probe.X, dtype=np.float64)))),
            trainer.learning_rate if by_updates else None,
            -(-len(samples) // trainer.sampling.batch_size),
        )

    def __enter__(self) -> Self:
        """Measure the network before training, and a new one's memory."""
        if not self.trainer.history:
            self.diagnosis.by_heart = self.examination.learn_by_heart()
        self.diagnosis.epochs.append(self.examination.measure(len(self.trainer.history)))
        return self

    def on_epoch_end(self, epoch: Epoch) -> bool:
        """Measure the network; one that L-BFGS trains has no updates."""
        before = self.trainer.params_before_update if self.by_updates else None
        number = len(self.trainer.history)
        record = self.examination.measure(number, before, epoch.learning_rate, epoch.validation_score)
        self.diagnosis.epochs.append(record)
        return False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Find out what went wrong, and note it to the error where training diverged."""
        if isinstance(error, DivergenceError):
            self.diagnosis.diverged_in = len(self.trainer.history) + 1
        self.diagnosis.findings = find_symptoms(self.diagnosis)
        if isinstance(error, DivergenceError):
            error.add_note(str(self.diagnosis))


class TrainingDoctor:
    """A callback of scikit-learn's that has a training examined, as ``MLPClassifier(diagnose=True)`` has.

    Attributes
    ----------
    diagnosis_ : Diagnosis
        Of the last ``fit``, up to its last epoch; there as well where it diverged.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipeline import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> doctor = TrainingDoctor()
    >>> model = MLPClassifier((32,), learning_rate="cosine", max_iter=5, random_state=0).set_callbacks(doctor)
    >>> print(model.fit(X / 16, y) and doctor.diagnosis_)
    Nothing wrong was found.
    """

    @classmethod
    def is_among(cls, callbacks: Iterable[Any]) -> bool:
        """Tell whether one of these callbacks asks for an examination."""
        return any(isinstance(one, cls) for one in callbacks)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def setup(self, estimator: Any, context: Any) -> None:  # noqa: ARG002 - a hook's arguments are scikit-learn's
        """Raise a TypeError for an estimator that cannot be examined."""
        if not hasattr(estimator, "diagnose"):
            raise TypeError(f"TrainingDoctor examines an MLPClassifier or an MLPRegressor; got {estimator!r}")

    def teardown(self, estimator: Any, context: Any) -> None:  # noqa: ARG002 - a hook's arguments are scikit-learn's
        """Take the diagnosis, also where training failed."""
        if "diagnosis_" in vars(estimator):
            self.diagnosis_ = estimator.diagnosis_

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Wait for the end."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:  # noqa: ARG002 - a hook's arguments are scikit-learn's
        """Take the diagnosis as of now, for a person who looks meanwhile."""
        self.diagnosis_ = estimator.diagnosis_


def n_classes(loss: Loss, Y: Array) -> int:
    """Return how many classes the targets tell apart; one output is for two, several labels are two each; or 0."""
    if isinstance(loss, RegressionLoss):
        return 0
    return Y.shape[1] if Y.shape[1] > 1 else 2


def chance_loss(loss: Loss, Y: Array) -> float:
    """Return the loss of all classes being alike: ln K, or ln 2 for each output of its own; that of the best constant.

    Examples
    --------
    >>> from pipeline.network import SoftmaxCrossEntropy
    >>> round(chance_loss(SoftmaxCrossEntropy(), np.eye(10)), 4)
    2.3026
    """
    if isinstance(loss, RegressionLoss):
        return loss.value(np.broadcast_to(best_constant(loss, Y), Y.shape), Y)
    return float(np.log(Y.shape[1]) if loss.activation == "softmax" else Y.shape[1] * np.log(2))


def chance_score(loss: Loss, Y: Array) -> float:
    """Return the score of the prediction that is most often right without a look at X; of the best constant, 0."""
    if isinstance(loss, RegressionLoss):
        return 0.0
    if loss.activation == "softmax":
        return float(Y.mean(axis=0).max())
    most = Y.mean(axis=0) > 0.5
    return float(np.mean((Y.astype(bool) == most).all(axis=1)))


_HALVINGS = 60
"""How often a range is halved to find a constant in it: to the last bit, as good as."""


def best_constant(loss: RegressionLoss, Y: Array) -> Array:
    """Return the constants, (n_outputs,), that have the least loss: where its derivative changes its sign.

    Examples
    --------
    >>> from pipeline.network import AbsoluteError, SquaredError
    >>> Y = np.array([[0.0], [1.0], [5.0]])
    >>> best_constant(SquaredError(), Y).round(6), best_constant(AbsoluteError(), Y).round(6)
    (array([2.]), array([1.]))
    """
    low, high = Y.min(axis=0).astype(np.float64), Y.max(axis=0).astype(np.float64)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rises = loss.gradient(np.broadcast_to(middle, Y.shape), Y).sum(axis=0) > 0
        low, high = np.where(rises, low, middle), np.where(rises, middle, high)
    return (low + high) / 2
