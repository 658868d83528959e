"""What the predictions of an epoch come to: their costs, and how many are right.

Nobody asks while the epoch runs. So an update leaves its predictions here and goes on, and they are reckoned up some
thousands at a time, which costs a few calls instead of a dozen for every batch.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.batches import piece
from pipeline.network.losses import Loss

Array = NDArray[Any]


class Tally:
    """Sums over predictions, each sample being entered once.

    Parameters
    ----------
    loss : Loss
        What tells costs and hits.
    n_out : int
        Width of the predictions.
    dtype : dtype
        Their type.

    Examples
    --------
    >>> from pipeline.network.losses import SoftmaxCrossEntropy
    >>> tally = Tally(SoftmaxCrossEntropy(), 2, np.float64)
    >>> P, Y = tally.enter(1)
    >>> P[:], Y[:] = [[0.5, 0.5]], [[0, 1]]
    >>> cost, hits, n = tally.take()
    >>> round(cost, 4), hits, n
    (0.6931, 0, 1)
    """

    def __init__(self, loss: Loss, n_out: int, dtype: DTypeLike) -> None:
        self.loss = loss
        self._P = np.empty((piece(n_out), n_out), dtype)
        self._Y = np.empty((piece(n_out), n_out), dtype)
        self._weight = np.ones(piece(n_out), dtype)
        self._entered = 0
        self._cost, self._hits, self._n = 0.0, 0, 0

    def enter(self, n: int, weight: Array | None = None, total: float = 1.0) -> tuple[Array, Array]:
        """Return room for P and Y of a batch of ``n`` samples, both (n, n_out), to be filled in before the next call.

        A sample counts as one, or as its ``weight`` in units of the batch's mean, the weights' sum being ``total``.
        """
        if self._entered + n > len(self._P):
            self._reckon()
            self._widen(n)
        rows = slice(self._entered, self._entered + n)
        self._weight[rows] = 1 if weight is None else weight * (n / total)
        self._entered += n
        return self._P[rows], self._Y[rows]

    def take(self) -> tuple[float, int, int]:
        """Return the costs' sum, the hits and the number of samples, and begin anew."""
        self._reckon()
        taken = self._cost, self._hits, self._n
        self._cost, self._hits, self._n = 0.0, 0, 0
        return taken

    def _reckon(self) -> None:
        """Add up what has been entered."""
        P, Y, weight = self._P[: self._entered], self._Y[: self._entered], self._weight[: self._entered]
        self._cost += float(np.dot(self.loss.costs(P, Y), weight))
        self._hits += int(np.count_nonzero(self.loss.hits(P, Y)))
        self._n += self._entered
        self._entered = 0

    def _widen(self, n: int) -> None:
        """Make room for a batch of more samples than there is."""
        if n > len(self._P):
            self._P, self._Y = (np.empty((n, room.shape[1]), room.dtype) for room in (self._P, self._Y))
            self._weight = np.ones(n, self._P.dtype)
