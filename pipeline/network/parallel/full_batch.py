"""The gradient over all samples at once, for a solver such as L-BFGS that makes its own updates."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Samples
from pipeline.network.losses import total_weight
from pipeline.network.network import Network
from pipeline.network.parallel.sharding import shard_slice
from pipeline.network.parallel.workers import Workers
from pipeline.network.shards import Hook

Array = NDArray[Any]


class FullBatchGradient:
    """The gradient over all samples, for a solver that takes them at once; each thread has a shard of them.

    Parameters
    ----------
    network : Network
        Whose gradient it is.
    hooks : sequence of Hook
        What adds to it.
    samples : Samples
        The training data.
    workers : Workers
        The threads. The last bits of the sums depend on how many they are.

    Raises
    ------
    ValueError
        Where several threads would write one gradient: of a layer with parameters that is no ``Affine`` or ``Scale``.
    """

    def __init__(self, network: Network, hooks: Sequence[Hook], samples: Samples, workers: Workers) -> None:
        self.network, self.hooks, self.workers = network, hooks, workers
        n, size = len(samples), workers.size
        if size > 1 and network.learns_in_passes:
            raise ValueError(
                f"several threads share samples, where layers of Affine and Scale alone may learn; got {network.layers}"
            )
        self.weight = total_weight(samples.sample_weight, n)
        self._shards = [samples] if size == 1 else [samples.subset(shard_slice(n, k, size)) for k in range(size)]
        self._grads = [network.grads, *(np.empty_like(network.grads) for _ in range(1, size))]
        self._passes = [network.batch_gradient(grads) for grads in self._grads]
        self._sums = [np.zeros(len(network.params)) for _ in range(size)]
        self._losses = [0.0] * size

    def compute(self) -> float:
        """Leave the gradient in the network, computed chunk by chunk, and return the loss with its penalty."""
        self.workers.run(self._compute_shard)
        for gradient in self._sums[1:]:
            self._sums[0] += gradient
        self.network.grads[:] = self._sums[0]
        whole = self._passes[0].shard
        return sum(self._losses) + sum(hook.after_gradient(whole, self.weight) for hook in self.hooks)

    def _compute_shard(self, k: int) -> None:
        """Compute the part of the samples of thread ``k``."""
        self._losses[k], self._sums[k][:] = 0.0, 0
        for X, Y, sample_weight in self.network.chunks(self._shards[k], training=True):
            fraction = total_weight(sample_weight, len(X)) / self.weight
            self._losses[k] += fraction * self._passes[k].compute(self.network.loss, X, Y, sample_weight)
            self._sums[k] += fraction * self._grads[k]
