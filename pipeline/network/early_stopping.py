"""When training stops before its last epoch: where a figure gets no better."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Stopping:
    """When to stop: after more than ``patience`` epochs in which a figure has not got better by ``tol``.

    Attributes
    ----------
    monitor : {"loss", "score", "validation_loss", "validation_score"}
        The figure of an epoch that is watched.
    tol : float
        What counts as better.
    patience : float
        Epochs that are waited for, inf for all.
    best : float or None
        The best figure so far.
    reference : float or None
        The best figure since a schedule began, which patience goes by: after a restart the first figures are worse.
    stalled : int
        Epochs since that was better.
    """

    monitor: str = "loss"
    tol: float = 1e-4
    patience: float = 10
    best: float | None = None
    reference: float | None = None
    stalled: int = 0

    def update(self, figure: float) -> bool:
        """Take the figure of an epoch, and tell whether it is the best so far; one that is no number never is."""
        gain = self._gain(figure, self.reference)
        self.stalled = 0 if gain >= self.tol else self.stalled + 1
        if gain > 0:
            self.reference = figure
        best = self._gain(figure, self.best) > 0
        if best:
            self.best = figure
        return best

    def begin(self) -> None:
        """Wait from now on; the best figure stays."""
        self.stalled, self.reference = 0, None

    def _gain(self, figure: float, than: float | None) -> float:
        """Return by how much a figure is better than another; anything is better than none."""
        sign = 1 if self.monitor.endswith("score") else -1
        return float(sign * (figure - (-sign * np.inf if than is None else than)))

    @property
    def due(self) -> bool:
        """Whether it is time to stop."""
        return self.stalled > self.patience
