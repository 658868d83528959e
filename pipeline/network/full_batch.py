"""The gradient over all samples at once, for a solver such as L-BFGS that makes its own updates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Samples
from pipeline.network.losses import total_weight
from pipeline.network.parallel.sharding import cut
from pipeline.network.parallel.workers import Team
from pipeline.network.training import Trainer

Array = NDArray[Any]


class FullGradient:
    """The gradient over all samples, for a solver that takes them at once; each thread has a stretch of them.

    Parameters
    ----------
    trainer : Trainer
        Whose network and penalty.
    samples : Samples
        What to learn from.
    team : Team
        Who does it. The last bits of the sums depend on how many they are.
    """

    def __init__(self, trainer: Trainer, samples: Samples, team: Team) -> None:
        self.trainer, self.team, n = trainer, team, len(samples)
        self.weight = total_weight(samples.sample_weight, n)
        self._networks = [trainer.network, *(trainer.network.twin() for _ in range(1, team.size))]
        stretches = (cut(n, k, team.size) for k in range(team.size))
        self._shares = [samples] if team.size == 1 else [samples.some(stretch) for stretch in stretches]
        self._gradients = [np.zeros(len(trainer.network.params)) for _ in self._shares]
        self._losses = [0.0] * team.size

    def find(self) -> float:
        """Leave the gradient in the network, piece by piece, and return the loss with its penalty."""
        network, penalty = self.trainer.network, self.trainer.penalty
        self.team.run(self._find_share)
        for gradient in self._gradients[1:]:
            self._gradients[0] += gradient
        network.grads[:] = self._gradients[0]
        total = sum(self._losses)
        if penalty is not None:
            total += sum(penalty.add(layer, slice(None), self.weight) for layer in network.affine_layers)
        return total

    def _find_share(self, k: int) -> None:
        """Find what the samples of thread ``k`` add."""
        network, self._losses[k] = self._networks[k], 0.0
        self._gradients[k][:] = 0
        for X, Y, sample_weight in self.trainer.pieces(self._shares[k], training=True):
            share = total_weight(sample_weight, len(X)) / self.weight
            self._losses[k] += share * network.gradient(X, Y, sample_weight)
            self._gradients[k] += share * network.grads
