"""Several estimators fitted together on the same samples, each as it would be by ``fit``.

Those that differ in what a stack may differ in, as rate, penalty and the rule's numbers, share the checks of their
samples, the batches, and where they are compiled, the work of every update. So a grid search takes less time.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.callbacks import callbacks_of
from pipeline.mlp.base import BaseMLP
from pipeline.mlp.threads import bounded_blas
from pipeline.network.compiled.engines import decide_engine
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


def sharing_key(estimator: Any) -> tuple[Any, ...] | None:
    """Return what estimators must have in common to be fitted together; None for one that is fitted by itself.

    That is one whose batches are other ones in every fit, whose threads share its updates, or of which callbacks hear.
    """
    if not isinstance(estimator, BaseMLP) or callbacks_of(estimator):
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


def shape_key(estimator: BaseMLP) -> str:
    """Return what networks of one shape have in common, as far as it shows in parameters."""
    values = estimator.get_params(deep=False)
    return repr((values["hidden_layer_sizes"], values["activation"]))


def fit_together(
    estimators: Sequence[BaseMLP],
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    stopped: Callable[[], bool] = bool,
) -> list[Fit]:
    """Fit estimators of one ``sharing_key`` to the same samples.

    Parameters
    ----------
    estimators : sequence of estimators
        They are changed, as by ``fit``.
    X, y, sample_weight
        As in ``fit``.
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
    >>> X, y = load_digits(return_X_y=True)
    >>> models = [MLPClassifier((16,), learning_rate_init=rate, max_iter=3, random_state=0) for rate in (1e-3, 1e-2)]
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):  # they have not converged
    ...     [fit.result().n_iter_ for fit in fit_together(models, X, y)]
    [3, 3]
    """
    fits = [Fit(estimator) for estimator in estimators]
    shared = _SharedSamples(X, y, sample_weight)
    for fit in fits:
        fit.prepare(lambda fit=fit: shared.prepare(fit.estimator))  # type: ignore[misc]  # mypy infers no default's type
    trainings = [(fit, training) for fit in fits if (training := fit.training()) is not None]
    if trainings:
        with bounded_blas(1):
            train_together([training for _, training in trainings], shared.samples, stopped)
    for fit, training in trainings:
        fit.end(training)
    return fits


class _SharedSamples:
    """The samples of a fit, which are checked for the first estimator alone."""

    def __init__(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> None:
        self._given = X, y, sample_weight
        self._learned: dict[str, Any] | None = None
        self.samples: Any = None
        self._every: Any = None
        self._validation: Any = None

    def prepare(self, estimator: BaseMLP) -> Any:
        """Do what ``fit`` does before it trains, and return the training's course."""
        estimator._check_parameters()  # noqa: SLF001 - its own fit
        if self._learned is None:
            before = set(vars(estimator))
            _, self._every = estimator._checked_samples(*self._given, resuming=False)  # noqa: SLF001 - the same
            self._learned = {name: value for name, value in vars(estimator).items() if name not in before}
        estimator.__dict__.update(self._learned)
        estimator._begin(self._every)  # noqa: SLF001 - the same
        estimator._warn_of_start(self._every)  # noqa: SLF001 - the same
        if self.samples is None:
            self.samples = self._every
            if estimator.early_stopping:
                self.samples, self._validation = estimator._hold_out(self._every)  # noqa: SLF001 - the same
        return estimator._new_course(self.samples, self._validation, None)  # noqa: SLF001 - the same
