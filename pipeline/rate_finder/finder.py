"""``find_learning_rate`` itself, and what it returns."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.mlp.threads import bounded_blas
from pipeline.network.compiled.engines import watching_compilation
from pipeline.network.training import DivergenceError
from pipeline.parameters import ParameterError
from pipeline.progress import COMPILING, Progress
from pipeline.rate_finder.suggestion import FALLEN, has_diverged, smooth, suggest
from pipeline.rate_finder.sweep import sweep

Array = NDArray[Any]

SMALLEST, LARGEST, N_RATES = 1e-6, 10.0, 200
"""The sweep: from a rate at which nothing is learned to one at which training diverges."""
SAMPLES = 64
"""Samples that the loss at a rate is a mean over at the least; small batches are taken together."""


@dataclass(frozen=True, eq=False, repr=False)
class LearningRateSweep:
    """What a sweep of the learning rate came to.

    Attributes
    ----------
    rates : ndarray of shape (n_rates,)
        The rates up to where the sweep ended, rising.
    losses : ndarray of shape (n_rates,)
        The training loss at each, of batches that had not been learned from at that rate.
    smoothed : ndarray of shape (n_rates,)
        The same without the noise of batches.
    suggestion : float
        A good ``learning_rate_init``.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float

    def __repr__(self) -> str:
        """Return the suggestion and the range that was swept."""
        return (
            f"<LearningRateSweep: suggestion={self.suggestion:.2g}, {len(self.rates)} rates from {self.rates[0]:.2g} "
            f"to {self.rates[-1]:.2g}>"
        )

    @property
    def means_little(self) -> bool:
        """Whether the loss fell at no rate, so that there is nothing to suggest a rate by."""
        return bool(self.smoothed.min() > FALLEN * self.smoothed[0])

    def plot(self) -> Any:
        """Draw the losses against the rates, with the suggestion.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; its ``savefig`` writes it.

        Raises
        ------
        ImportError
            Where matplotlib is not installed.
        """
        from pipeline.plots import learning_rate_sweep  # noqa: PLC0415 - matplotlib is needed for this alone

        return learning_rate_sweep(self.rates, self.losses, self.smoothed, self.suggestion)


def find_learning_rate(
    model: MLPClassifier | MLPRegressor,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    progress: Progress | None = None,
) -> LearningRateSweep:
    """Find a learning rate for a network by training it with rates that rise from batch to batch.

    A copy of the model is trained as ``fit`` would, with its solver, batches, augmentation and regularization, but for
    its schedule: the suggestion is for the rate that a schedule begins with or rises to, ``learning_rate_init``. Small
    data are gone through several times.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        What to train; it stays as it is. Its ``random_state`` decides what comes out.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples as ``fit`` takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their labels, or numbers.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    progress : Progress, optional
        What hears how far the sweep is.

    Returns
    -------
    LearningRateSweep
        The curve, and the suggestion: a third of the rate at which the smoothed loss is least, in two digits.

    Raises
    ------
    ParameterError
        For ``lbfgs``, which has no learning rate, and for a parameter that is not allowed.
    DivergenceError
        Where the loss is no finite number before anything is learned.

    Warns
    -----
    UserWarning
        Where the loss falls at no rate, so that the suggestion means little.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> found = find_learning_rate(MLPClassifier((64,), random_state=0), X / 16, y)
    >>> 0.001 < found.suggestion < 0.03
    True
    """
    if not isinstance(model, MLPClassifier | MLPRegressor):
        raise ParameterError(f"model must be an MLPClassifier or an MLPRegressor; got {type(model).__name__}")
    if model.solver == "lbfgs":
        raise ParameterError("solver must be one that makes updates at a learning rate; got 'lbfgs', which has none")
    copy = clone(model)
    trainer, samples = copy._new_training(X, y, sample_weight)  # noqa: SLF001 - a part of the classifier in a module of its own
    rates, losses = np.geomspace(SMALLEST, LARGEST, N_RATES), []
    progress = progress or Progress()
    progress.begin("find-rate", N_RATES, "rates")
    compiling = partial(progress.begin, COMPILING, None, "loops")
    n_updates = -(-SAMPLES // trainer.sampling.batch_size)
    try:
        with bounded_blas(1), watching_compilation(model.engine, compiling, progress.advance, progress.end):
            for loss in sweep(trainer, samples, rates, n_updates):
                losses.append(loss)
                progress.advance()
                if has_diverged(losses):
                    break
    finally:
        progress.end()
    return _conclude(rates, np.array(losses))


def _conclude(rates: Array, losses: Array) -> LearningRateSweep:
    """Return what the losses of a sweep come to; those at its end that are no numbers are left out."""
    n = int(np.argmin(np.isfinite(losses))) if not np.isfinite(losses).all() else len(losses)
    if n == 0:
        raise DivergenceError(
            "The loss is no finite number before anything is learned. The input data may contain large values and "
            "need to be preprocessed, or weight_init is too large",
            "no learning rate is found",
        )
    smoothed = smooth(losses[:n])
    found = LearningRateSweep(rates[:n], losses[:n], smoothed, suggest(rates[:n], smoothed))
    if found.means_little:
        warnings.warn(
            f"the loss fell at no learning rate from {SMALLEST:g} to {rates[n - 1]:.2g} (from {smoothed[0]:.3g} to "
            f"{smoothed.min():.3g}), so that the suggestion means little: look at the data, or at the network",
            stacklevel=3,
        )
    return found
