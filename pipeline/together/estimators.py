"""Several estimators fitted together on the same samples, each as it would be by ``fit``.

Those that differ in what a stack may differ in, as rate, penalty and the rule's numbers, share the checks of their
samples, and where they are compiled, the work of every update. So a grid search takes less time.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.callbacks import FitTasks, callbacks_of
from pipeline.mlp.base import BaseMLP
from pipeline.mlp.threads import bounded_blas
from pipeline.network.batches import Samples
from pipeline.network.compiled.engines import decide_engine, split_columns
from pipeline.together.networks import Training, train_together

MAY_DIFFER = frozenset(
    {
        "alpha",
        "best_epoch",
        "beta_1",
        "beta_2",
        "epsilon",
        "hidden_layer_sizes",
        "activation",
        "learning_rate",
        "learning_rate_init",
        "max_fun",
        "max_iter",
        "max_updates",
        "momentum",
        "monitor",
        "n_iter_no_change",
        "nesterovs_momentum",
        "power_t",
        "rate_factors",
        "rho",
        "solver",
        "tol",
        "verbose",
        "weight_decay",
    }
)
"""Parameters that have no part in which samples a network sees, and in which order."""
NEEDED = {
    "adversary": None,
    "augmentation": None,
    "averaging": None,
    "batch_norm": False,
    "diagnose": False,
    "feature_scale": False,
    "max_norm": None,
    "warm_start": False,
}
"""Parameters that others leave nothing to share with."""
NO_CHECKS = frozenset(
    {
        "batch_norm",
        "batch_size",
        "bias",
        "bias_init",
        "dropout",
        "engine",
        "label_smoothing",
        "n_threads",
        "noise",
        "recompute_statistics",
        "replacement",
        "shuffle",
        "weight_init",
        "zero_output",
    }
)
"""Parameters that have no part in what ``fit`` makes of its samples before it trains, beside all of the above."""
NO_VALIDATION = frozenset({"random_state", "validation_fraction"})
"""Parameters that have a part in it where rows are held out alone."""


class Fit:
    """A fit that is over, or has failed.

    Parameters
    ----------
    estimator : estimator
        What was fitted.

    Attributes
    ----------
    error : Exception or None
        What ``fit`` raises.
    """

    def __init__(self, estimator: BaseMLP) -> None:
        self.estimator = estimator
        self.error: Exception | None = None
        self._course: Any = None

    def prepare(self, prepare: Callable[[], Any]) -> None:
        """Get everything ready for training, unless that fails."""
        try:
            self._course = prepare()
        except Exception as error:  # noqa: BLE001 - it is raised by result, as fit would raise it
            self.error = error

    def training(self) -> Training | None:
        """Return the training that is to be done, if nothing has failed."""
        if self.error is not None:
            return None
        return Training(self.estimator._trainer, self._course)  # noqa: SLF001 - its own fit

    def end(self, training: Training) -> None:
        """Set the fitted attributes."""
        self.error = training.error
        self.estimator._end_course(self._course)  # noqa: SLF001 - the same

    def result(self) -> BaseMLP:
        """Return the estimator, or raise what its fit raises, and warn of what it warns of."""
        if self.error is not None:
            raise self.error
        if self._course is not None:
            self.estimator._warn_of_end(self._course, warn_of_limit=True, stacklevel=3)  # noqa: SLF001 - the same
        return self.estimator


def takes_shared_samples(estimator: Any) -> bool:
    """Tell whether an estimator can be fitted to ``SharedSamples``.

    That is a network that begins, tells no callbacks, and is of no class with a ``fit`` of its own.
    """
    if not isinstance(estimator, BaseMLP) or type(estimator).fit is not BaseMLP.fit:
        return False
    return not estimator.warm_start and not callbacks_of(estimator)


def sharing_key(estimator: BaseMLP) -> tuple[Any, ...] | None:
    """Return what estimators must have in common to be fitted together; None for one that is fitted by itself.

    That is one whose batches are other ones in every fit, or whose threads share its updates.
    """
    if not takes_shared_samples(estimator):
        return None
    values = estimator.get_params(deep=False)
    needed = all(values[name] == value for name, value in NEEDED.items() if name in values)
    seeded = isinstance(values["random_state"], int | np.integer)
    plain = not np.any(values["dropout"]) and not np.any(values["noise"])
    alone = (
        values["n_threads"] in (None, 1) and values["solver"] != "lbfgs" and decide_engine(estimator.engine) == "numba"
    )
    if not (needed and seeded and plain and alone):
        return None
    return type(estimator), *((name, repr(value)) for name, value in values.items() if name not in MAY_DIFFER)


def samples_key(estimator: BaseMLP) -> tuple[Any, ...]:
    """Return what estimators must have in common for ``SharedSamples``: all that checks and validation rows go by."""
    values = estimator.get_params(deep=False)
    unused = MAY_DIFFER | NO_CHECKS | set(NEEDED) | (NO_VALIDATION if not values["early_stopping"] else set())
    return type(estimator), *((name, repr(value)) for name, value in values.items() if name not in unused)


class SharedSamples:
    """Samples that estimators of one ``samples_key`` are fitted to, by several threads: checked and sorted once.

    Parameters
    ----------
    X, y, sample_weight
        As in ``fit``.
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self._given, self._lock = (X, y, sample_weight), Lock()
        self._learned: dict[str, Any] = {}
        self._every: Samples | None = None
        self._parts: tuple[Samples, Samples | None] | None = None
        self._columns: Any = None

    def check(self, estimator: BaseMLP) -> Samples:
        """Return all samples, checked as ``fit`` does, and set what an estimator learns of them."""
        with self._lock:
            if self._every is None:
                before = set(vars(estimator))
                _, self._every = estimator._checked_samples(*self._given, resuming=False)  # noqa: SLF001 - its own fit
                self._learned = {name: value for name, value in vars(estimator).items() if name not in before}
        estimator.__dict__.update(self._learned)
        return self._every.for_a_thread()

    def parts(self, estimator: BaseMLP, every: Samples) -> tuple[Samples, Samples | None]:
        """Return the samples of training and of validation, which an estimator that was begun holds out."""
        with self._lock:
            if self._parts is None:
                holds_out = estimator.early_stopping
                self._parts = estimator._hold_out(every) if holds_out else (every, None)  # noqa: SLF001 - its own fit
            train, validation = self._parts
        return train.for_a_thread(), None if validation is None else validation.for_a_thread()

    def columns(self) -> Any:
        """Return the inputs of training as stacks of networks take them."""
        with self._lock:
            if self._columns is None and self._parts is not None:
                self._columns = split_columns(self._parts[0].for_a_thread())
            return self._columns


def fit_together(
    estimators: Sequence[BaseMLP], shared: SharedSamples, *, stopped: Callable[[], bool] = bool
) -> list[Fit]:
    """Fit estimators of one ``sharing_key`` to the same samples.

    Parameters
    ----------
    estimators : sequence of estimators
        They are changed, as by ``fit``.
    shared : SharedSamples
        What they are fitted to.
    stopped : callable, optional
        Says whether to end at once.

    Returns
    -------
    list of Fit
        In the order of the estimators; ``result()`` gives each.

    Examples
    --------
    >>> from pipeline import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> samples = SharedSamples(*load_digits(return_X_y=True))
    >>> models = [MLPClassifier((16,), learning_rate_init=rate, max_iter=3, random_state=0) for rate in (1e-3, 1e-2)]
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):  # they have not converged
    ...     [fit.result().n_iter_ for fit in fit_together(models, samples)]
    [3, 3]
    """
    fits, parts = [Fit(estimator) for estimator in estimators], _Parts(shared)
    for fit in fits:
        fit.prepare(lambda fit=fit: parts.prepare(fit.estimator))  # type: ignore[misc]  # mypy infers no default's type
    trainings = [(fit, training) for fit in fits if (training := fit.training()) is not None]
    if parts.training is not None:
        with bounded_blas(1):
            train_together([training for _, training in trainings], parts.training, stopped, shared.columns)
    for fit, training in trainings:
        fit.end(training)
    return fits


def fit_by_itself(estimator: BaseMLP, shared: SharedSamples, stopped: Callable[[], bool] = bool) -> BaseMLP:
    """Fit an estimator as its ``fit`` does, but for the checks of samples, which it has in common with others.

    Parameters
    ----------
    estimator : estimator
        One that ``takes_shared_samples``; it is changed, as by ``fit``.
    shared : SharedSamples
        What it is fitted to.
    stopped : callable, optional
        Says after every epoch whether to end at once.
    """
    estimator._check_parameters()  # noqa: SLF001 - its own fit
    samples, validation = shared.check(estimator), None
    estimator._begin(samples)  # noqa: SLF001 - the same
    estimator._warn_of_start(samples)  # noqa: SLF001 - the same
    by_updates = estimator.solver != "lbfgs"
    if estimator.early_stopping and by_updates:
        samples, validation = estimator._hold_out(samples)  # noqa: SLF001 - the same
    learn = estimator._train if by_updates else estimator._minimize  # noqa: SLF001 - the same
    learn(samples, validation, _Stoppable(estimator, stopped))
    return estimator


class _Stoppable(FitTasks):
    """The tasks of a fit that no callback hears of, and that may be stopped as a callback may stop it."""

    def __init__(self, estimator: BaseMLP, stopped: Callable[[], bool]) -> None:
        super().__init__(estimator, estimator.max_iter, {})
        self._stopped = stopped

    def begin_epoch(self) -> None:
        """Look whether the epoch is to be the last."""
        self.watched = self._stopped()

    def end_epoch(self) -> bool:
        """End the training, which nothing else is asked for."""
        return True


class _Parts:
    """The samples of training and of validation, with buffers of one thread's."""

    def __init__(self, shared: SharedSamples) -> None:
        self._shared = shared
        self.training: Samples | None = None
        self._validation: Samples | None = None

    def prepare(self, estimator: BaseMLP) -> Any:
        """Do what ``fit`` does before it trains, and return the training's course."""
        estimator._check_parameters()  # noqa: SLF001 - its own fit
        every = self._shared.check(estimator)
        estimator._begin(every)  # noqa: SLF001 - the same
        estimator._warn_of_start(every)  # noqa: SLF001 - the same
        if self.training is None:
            self.training, self._validation = self._shared.parts(estimator, every)
        return estimator._new_course(self.training, self._validation, None)  # noqa: SLF001 - the same
