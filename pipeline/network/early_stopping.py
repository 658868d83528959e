"""Early stopping: training ends where a loss or a score stops getting better."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Monitor = Literal["loss", "score", "validation_loss", "validation_score"]
BestEpoch = Literal["first", "last"]


@dataclass
class EarlyStopping:
    """The rule: stop after more than ``patience`` epochs in which a metric has not got better by ``tol``.

    Attributes
    ----------
    monitor : {"loss", "score", "validation_loss", "validation_score"}
        The metric of an epoch that is monitored.
    tol : float
        The least improvement that counts.
    patience : float
        Epochs to wait for an improvement, inf for all.
    of_equals : {"first", "last"}
        Which of several epochs with the best value counts as the best.
    best : float or None
        The best value so far.
    reference : float or None
        The best value since a schedule began, which ``patience`` goes by: after a warm restart the first are worse.
    stalled : int
        Epochs without an improvement.
    """

    monitor: Monitor = "loss"
    tol: float = 1e-4
    patience: float = 10
    of_equals: BestEpoch = "first"
    best: float | None = None
    reference: float | None = None
    stalled: int = 0

    def update(self, value: float) -> bool:
        """Take in the value of an epoch, and return whether it is the best so far; NaN never is.

        One that is as good as the best is, where the last of equals counts.
        """
        gain = self._gain(value, self.reference)
        self.stalled = 0 if gain >= self.tol else self.stalled + 1
        if gain > 0:
            self.reference = value
        better = self._gain(value, self.best)
        best = better > 0 or (better == 0 and self.of_equals == "last")
        if best:
            self.best = value
        return best

    def reset_patience(self) -> None:
        """Begin to count epochs without improvement again; the best value stays."""
        self.stalled, self.reference = 0, None

    def _gain(self, value: float, other: float | None) -> float:
        """Return by how much a value is better than another; any is better than None."""
        sign = 1 if self.monitor.endswith("score") else -1
        return float(sign * (value - (-sign * np.inf if other is None else other)))

    @property
    def should_stop(self) -> bool:
        """Whether it is time to stop."""
        return self.stalled > self.patience
