"""Averages of the weights along training, which lie nearer to the middle of a valley than any of its last steps.

An ``Averaging`` is a rule, which says when the parameters count and what is kept of those before. An ``Average`` is
what it has come to: one array, elementwise on the flat buffer, so that threads may do a part each.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import Configurable

Array = NDArray[Any]


class Averaging(Configurable, ABC):
    """A rule for which of the parameters w along training count: total <- keep total + w;  weight <- keep weight + 1.

    The average is total / weight.
    """

    def start(self, params: Array) -> "Average":
        """Return an average of nothing yet, for a buffer of parameters."""
        return Average(self, params)

    @abstractmethod
    def keep_at_update(self) -> float | None:
        """Return what is kept where the parameters after an update count; None where they do not."""

    @abstractmethod
    def keep_at_epoch(self, epoch: int, n_epochs: int) -> float | None:
        """Return what is kept where the parameters after an epoch count; None where they do not.

        Parameters
        ----------
        epoch : int
            The epoch that has ended, counted from 0.
        n_epochs : int
            Epochs that training takes in all.
        """


class ExponentialAverage(Averaging):
    """The mean over all updates s <= t so far, weighted by decay^(t - s).

    Of the bias towards the start at 0 it is free from the first update on: total and weight both start there. Polyak
    and Juditsky 1992, SIAM Journal on Control and Optimization 30; the decay as in Tarvainen and Valpola 2017, arXiv
    1703.01780.

    Parameters
    ----------
    decay : float, default=0.999
        What is kept at an update. The average reaches back over some 1 / (1 - decay) updates.
    """

    def __init__(self, decay: Annotated[float, ">= 0", "< 1"] = 0.999) -> None:
        self.decay = decay

    def keep_at_update(self) -> float | None:
        """Count every update."""
        return self.decay

    def keep_at_epoch(self, epoch: int, n_epochs: int) -> float | None:
        """Count no epoch besides."""
        del epoch, n_epochs
        return None


class LastEpochs(Averaging):
    """The mean over the parameters after each of the last epochs.

    Izmailov et al. 2018, arXiv 1803.05407. Where training goes on to a later end, it begins anew. Where training ends
    before the last epochs, there is no average.

    Parameters
    ----------
    epochs : int, default=10
        How many; all, where there are fewer.
    """

    def __init__(self, epochs: Annotated[int, ">= 1"] = 10) -> None:
        self.epochs = epochs

    def keep_at_update(self) -> float | None:
        """Count no update."""
        return None

    def keep_at_epoch(self, epoch: int, n_epochs: int) -> float | None:
        """Count the last epochs, all alike."""
        return None if epoch < n_epochs - self.epochs else 1.0


class Average:
    """An average in progress.

    Parameters
    ----------
    averaging : Averaging
        Its rule.
    params : ndarray
        The buffer of parameters that it will be of.

    Attributes
    ----------
    total : ndarray
        Of the length of the parameters.
    weight : float
        What ``total`` is divided by; 0 where nothing has counted yet.
    n_epochs : int
        The end of the training that epochs were last counted for; those of another are forgotten.

    Examples
    --------
    >>> params = np.array([1.0])
    >>> average = ExponentialAverage(decay=0.5).start(params)
    >>> for params[:] in (4, 1):
    ...     average.begin_update()
    ...     average.after_update(params, slice(None))
    >>> average.value()  # (0.5 * 4 + 1) / (0.5 + 1)
    array([2.])
    """

    def __init__(self, averaging: Averaging, params: Array) -> None:
        self.averaging = averaging
        self.total, self.weight, self.n_epochs = np.zeros_like(params), 0.0, 0
        self._keep: float | None = None

    def begin_update(self) -> None:
        """Begin an update, which ``after_update`` counts part by part."""
        self._keep = self.averaging.keep_at_update()
        self._count(self._keep)

    def after_update(self, params: Array, part: slice) -> None:
        """Take up a part of the parameters after an update; threads may do one part each."""
        self._add(params, part, self._keep)

    def after_epoch(self, params: Array, epoch: int, n_epochs: int) -> None:
        """Take up all parameters after an epoch, counted from 0, out of so many."""
        keep = self.averaging.keep_at_epoch(epoch, n_epochs)
        if keep is not None and n_epochs != self.n_epochs:
            keep, self.n_epochs = 0.0, n_epochs
        self._count(keep)
        self._add(params, slice(None), keep)

    def value(self) -> Array | None:
        """Return the average, a new array; None where nothing has counted yet."""
        return self.total / self.weight if self.weight else None

    def get_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what it has come to, plain values and arrays."""
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

    def _count(self, keep: float | None) -> None:
        """Weight <- keep weight + 1."""
        if keep is not None:
            self.weight = keep * self.weight + 1

    def _add(self, params: Array, part: slice, keep: float | None) -> None:
        """Total <- keep total + w, on a part."""
        if keep is None:
            return
        total = self.total[part]
        if keep != 1:
            total *= keep
        total += params[part]
