"""Loss and score of an epoch's predictions.

They are not needed while the epoch runs. So an update only stores its predictions here, and they are evaluated some
thousands at a time, which takes a few calls instead of a dozen for every batch.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.batches import chunk_size
from pipeline.network.losses import Loss

Array = NDArray[Any]


class EpochMetrics:
    """The sum of the losses, and the score, of predictions that are each counted once.

    Parameters
    ----------
    loss : Loss
        Gives each sample's loss, and what the score is computed by.
    n_out : int
        Width of the predictions.
    dtype : dtype
        Their type.

    Examples
    --------
    >>> from pipeline.network.losses import SoftmaxCrossEntropy
    >>> metrics = EpochMetrics(SoftmaxCrossEntropy(), 2, np.float64)
    >>> P, Y = metrics.reserve(1)
    >>> P[:], Y[:] = [[0.5, 0.5]], [[0, 1]]
    >>> loss, accuracy, n = metrics.flush()
    >>> round(loss, 4), accuracy, n
    (0.6931, 0.0, 1)
    """

    def __init__(self, loss: Loss, n_out: int, dtype: DTypeLike) -> None:
        self.loss = loss
        self._P = np.empty((chunk_size(n_out), n_out), dtype)
        self._Y = np.empty((chunk_size(n_out), n_out), dtype)
        self._weight = np.ones(chunk_size(n_out), dtype)
        self._n_stored, self._weighted = 0, False
        self._loss, self._score, self._n = 0.0, loss.new_score(), 0

    def reserve(self, n: int, weight: Array | None = None, total: float = 1.0) -> tuple[Array, Array]:
        """Return arrays for P and Y of a batch of ``n`` samples, (n, n_out), to be filled in before the next call.

        A sample counts as one, or as its ``weight`` in units of the batch's mean, the weights' sum being ``total``.
        """
        if self._n_stored + n > len(self._P):
            self._accumulate()
            self._grow(n)
        rows = slice(self._n_stored, self._n_stored + n)
        self._weighted |= weight is not None
        if self._weighted:
            self._weight[rows] = 1 if weight is None else weight * (n / total)
        self._n_stored += n
        return self._P[rows], self._Y[rows]

    def flush(self) -> tuple[float, float, int]:
        """Return the sum of losses, the score and the number of samples, and begin again."""
        self._accumulate()
        figures = self._loss, self._score.compute(), self._n
        self._loss, self._score, self._n = 0.0, self.loss.new_score(), 0
        return figures

    def _accumulate(self) -> None:
        """Evaluate the predictions that are stored, and empty the buffers."""
        P, Y, weight = self._P[: self._n_stored], self._Y[: self._n_stored], self._weight[: self._n_stored]
        self._loss += self._evaluate(P, Y, weight)
        self._n += self._n_stored
        self._n_stored = 0

    def _evaluate(self, P: Array, Y: Array, weight: Array) -> float:
        """Return the sum of some samples' losses, and let the score take them in."""
        self._update_score(P, Y, weight)
        return float(np.dot(self.loss.sample_losses(P, Y), weight))

    def _update_score(self, P: Array, Y: Array, weight: Array) -> None:
        """Let the score take in some samples, with their weights where these count in it."""
        self._score.update(P, Y, weight if self._weighted and self._score.weighted_in_training else None)

    def _grow(self, n: int) -> None:
        """Make larger buffers where a batch does not fit."""
        if n > len(self._P):
            self._P, self._Y = (np.empty((n, buffer.shape[1]), buffer.dtype) for buffer in (self._P, self._Y))
            self._weight = np.ones(n, self._P.dtype)
