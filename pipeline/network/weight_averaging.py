"""Weight averaging: the mean of the parameters along training, which often predicts better than the last ones.

An ``Averaging`` is a rule, which says when the parameters are averaged and with which decay. A ``RunningAverage`` is
the sum so far: one array, elementwise on the flat buffer, so that threads may do a shard each.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import Configurable
from pipeline.network.shards import Hook, ParameterShard

Array = NDArray[Any]


class Averaging(Configurable, ABC):
    """A rule for averaging parameters w along training: total <- decay total + w;  weight <- decay weight + 1.

    The average is total / weight.
    """

    def start(self, params: Array) -> "RunningAverage":
        """Return a running average of nothing yet, for a buffer of parameters."""
        return RunningAverage(self, params)

    @abstractmethod
    def decay_at_update(self) -> float | None:
        """Return the decay where the parameters after an update are averaged; None where they are not."""

    @abstractmethod
    def decay_at_epoch(self, epoch: int, n_epochs: int) -> float | None:
        """Return the decay where the parameters after an epoch are averaged; None where they are not.

        Parameters
        ----------
        epoch : int
            The epoch that has ended, counted from 0.
        n_epochs : int
            Epochs that training takes in all.
        """


class ExponentialAverage(Averaging):
    """The mean over all updates s <= t so far, weighted by decay^(t - s).

    It has no bias towards its start at 0, as total and weight both start there. Polyak and Juditsky 1992, SIAM Journal
    on Control and Optimization 30; the decay as in Tarvainen and Valpola 2017, arXiv 1703.01780.

    Parameters
    ----------
    decay : float, default=0.999
        The decay at each update. The average reaches back over some 1 / (1 - decay) updates.
    """

    def __init__(self, decay: Annotated[float, ">= 0", "< 1"] = 0.999) -> None:
        self.decay = decay

    def decay_at_update(self) -> float | None:
        """Average every update."""
        return self.decay

    def decay_at_epoch(self, epoch: int, n_epochs: int) -> float | None:
        """Average no epochs."""
        del epoch, n_epochs
        return None


class LastEpochs(Averaging):
    """The mean over the parameters after each of the last epochs.

    Izmailov et al. 2018, arXiv 1803.05407. Where training goes on to a later end, it starts over. Where training ends
    before the last epochs, there is no average.

    Parameters
    ----------
    epochs : int, default=10
        How many epochs; all, where there are fewer.
    """

    def __init__(self, epochs: Annotated[int, ">= 1"] = 10) -> None:
        self.epochs = epochs

    def decay_at_update(self) -> float | None:
        """Average no updates."""
        return None

    def decay_at_epoch(self, epoch: int, n_epochs: int) -> float | None:
        """Average the last epochs, with equal weights."""
        return None if epoch < n_epochs - self.epochs else 1.0


class RunningAverage(Hook):
    """An average of parameters in progress.

    Parameters
    ----------
    averaging : Averaging
        Its rule.
    params : ndarray
        The buffer of parameters that is averaged.

    Attributes
    ----------
    total : ndarray
        Of the length of the parameters.
    weight : float
        What ``total`` is divided by; 0 where nothing has been averaged yet.
    n_epochs : int
        The last epoch of the training whose epochs are averaged; those of another training are dropped.

    Examples
    --------
    >>> params = np.array([1.0])
    >>> average = ExponentialAverage(decay=0.5).start(params)
    >>> shard = ParameterShard(params, np.zeros(1), slice(0, 1))
    >>> for params[:] in (4, 1):
    ...     average.begin_update()
    ...     average.after_update(shard)
    >>> average.value()  # (0.5 * 4 + 1) / (0.5 + 1)
    array([2.])
    """

    def __init__(self, averaging: Averaging, params: Array) -> None:
        self.averaging = averaging
        self.total, self.weight, self.n_epochs = np.zeros_like(params), 0.0, 0

    def __repr__(self) -> str:
        return f"RunningAverage({self.averaging!r})"

    def begin_update(self) -> None:
        """Begin an update, whose parameters ``after_update`` takes in shard by shard."""
        self._begin(self.averaging.decay_at_update())

    def after_update(self, shard: ParameterShard) -> None:
        """Take in a shard of the parameters after an update."""
        self._add(shard.params, shard.span)

    def after_epoch(self, params: Array, epoch: int, n_epochs: int) -> None:
        """Take in all parameters after an epoch, counted from 0, out of ``n_epochs``."""
        decay = self.averaging.decay_at_epoch(epoch, n_epochs)
        if decay is not None and n_epochs != self.n_epochs:
            decay, self.n_epochs = 0.0, n_epochs
        self._begin(decay)
        self._add(params, slice(None))

    def value(self) -> Array | None:
        """Return the average, a new array; None where nothing has been averaged yet."""
        return self.total / self.weight if self.weight else None

    def get_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the state, plain values and arrays."""
        return {"weight": self.weight, "n_epochs": self.n_epochs}, {"total": self.total}

    def set_state(self, plain: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go back to a state that ``get_state`` returned.

        Raises
        ------
        KeyError, ValueError
            Where something is missing, or an array has another length.
        """
        self.total[:] = arrays["total"]
        self.weight, self.n_epochs = plain["weight"], plain["n_epochs"]

    def _begin(self, decay: float | None) -> None:
        """Weight <- decay weight + 1; None for parameters that are not averaged."""
        self.decay = decay
        if decay is not None:
            self.weight = decay * self.weight + 1

    def _add(self, params: Array, span: slice) -> None:
        """Total <- decay total + w, on a span."""
        if self.decay is None:
            return
        total = self.total[span]
        if self.decay != 1:
            total *= self.decay
        total += params[span]
