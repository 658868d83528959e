"""``find_learning_rate``: how fast a network may learn, from a sweep of the learning rate over mini-batches.

The rate rises exponentially from batch to batch (Smith 2017, arXiv 1506.01186). First nothing is learned, then the loss
falls, and in the end it rises; what is suggested lies well before that.
"""

import warnings
from collections.abc import Sequence
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
from pipeline.rate_sweep import sweep

Array = NDArray[Any]

SMALLEST, LARGEST, N_RATES = 1e-6, 10.0, 200
"""The sweep: from a rate at which nothing is learned to one at which training diverges."""
SAMPLES = 64
"""Samples that the loss at a rate is a mean over at the least; small batches are taken together."""
DECAY = 0.8
"""How much a rate's neighbour counts in the smoothed loss, how much of that the one after it, and so on."""
SKIPPED = 10
"""Rates at the start whose losses, means over few, decide nothing."""
DIVERGED = 4
"""How many times the smallest loss the loss is where the sweep ends."""
FALLEN = 0.98
"""What the loss falls to, of its first value, where anything is learned at all."""
FRACTION = 1 / 3
"""What is suggested, of the rate at which the loss is least.

The steepest fall, which is often taken, lies by the factor 10 lower where there are four times as many updates on the
way, and lies low for Adam. Where the loss is least depends on neither; but there it is about to rise, and a training
that is longer than the sweep needs a distance from that.
"""


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


def has_diverged(losses: Sequence[float]) -> bool:
    """Tell whether a sweep is to end: by a mean over the last losses that corrects for its start.

    Examples
    --------
    >>> has_diverged([2.3] * 20), has_diverged([2.3] * 20 + [20.0] * 20), has_diverged([2.3, float("nan")])
    (False, True, True)
    """
    if not np.isfinite(losses[-1]):
        return True
    if len(losses) <= SKIPPED:
        return False
    means = _running_mean(losses)[SKIPPED:]
    return bool(means[-1] > DIVERGED * means.min())


def _running_mean(losses: Sequence[float]) -> Array:
    """Return the mean over each loss and those before it, older ones counting less."""
    total, means = 0.0, []
    for number, loss in enumerate(losses, start=1):
        total = DECAY * total + (1 - DECAY) * loss
        means.append(total / (1 - DECAY**number))
    return np.array(means)


def smooth(losses: Array) -> Array:
    """Return losses without the noise of batches: geometric means over neighbours on both sides.

    With neighbours on one side alone the curve would lag behind the rates; and one batch that diverges counts less in a
    geometric mean.

    Examples
    --------
    >>> smooth(np.array([1.0, 1.0, 1.0]))
    array([1., 1., 1.])
    """
    n = len(losses)
    weights = DECAY ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    logarithms = np.log(np.maximum(losses, np.finfo(np.float64).tiny))
    return np.exp(weights @ logarithms / weights.sum(axis=1))


def suggest(rates: Array, smoothed: Array) -> float:
    """Return a third of the rate at which the smoothed loss is least, in two digits.

    Examples
    --------
    >>> suggest(np.array([0.001, 0.01, 0.1]), np.array([2.3, 0.5, 1.0]))
    0.0033
    """
    return float(f"{FRACTION * rates[np.argmin(smoothed)]:.2g}")
