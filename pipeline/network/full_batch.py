"""The gradient over all samples at once, for a solver such as L-BFGS that makes its own updates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Samples
from pipeline.network.losses import total_weight
from pipeline.network.parallel.sharding import shard_slice
from pipeline.network.parallel.workers import Workers
from pipeline.network.training import Trainer

Array = NDArray[Any]


class FullBatchGradient:
    """The gradient over all samples, for a solver that takes them at once; each thread has a shard of them.

    Parameters
    ----------
    trainer : Trainer
        Its network and penalty are used.
    samples : Samples
        The training data.
    workers : Workers
        The threads. The last bits of the sums depend on how many they are.
    """

    def __init__(self, trainer: Trainer, samples: Samples, workers: Workers) -> None:
        self.trainer, self.workers, n = trainer, workers, len(samples)
        self.weight = total_weight(samples.sample_weight, n)
        self._networks = [trainer.network, *(trainer.network.replica() for _ in range(1, workers.size))]
        shards = (shard_slice(n, k, workers.size) for k in range(workers.size))
        self._shards = [samples] if workers.size == 1 else [samples.subset(shard) for shard in shards]
        self._gradients = [np.zeros(len(trainer.network.params)) for _ in self._shards]
        self._losses = [0.0] * workers.size

    def compute(self) -> float:
        """Leave the gradient in the network, computed chunk by chunk, and return the loss with its penalty."""
        network, penalty = self.trainer.network, self.trainer.penalty
        self.workers.run(self._compute_shard)
        for gradient in self._gradients[1:]:
            self._gradients[0] += gradient
        network.grads[:] = self._gradients[0]
        total = sum(self._losses)
        if penalty is not None:
            total += sum(penalty.add(layer, slice(None), self.weight) for layer in network.affine_layers)
        return total

    def _compute_shard(self, k: int) -> None:
        """Compute the part of the samples of thread ``k``."""
        network, self._losses[k] = self._networks[k], 0.0
        self._gradients[k][:] = 0
        for X, Y, sample_weight in self.trainer.chunks(self._shards[k], training=True):
            fraction = total_weight(sample_weight, len(X)) / self.weight
            self._losses[k] += fraction * network.gradient(X, Y, sample_weight)
            self._gradients[k] += fraction * network.grads
