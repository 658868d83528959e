"""One update of a network: forward, loss, backward, optimizer; by one thread, or by several that work in step.

Several threads first take a share of the batch's samples each, forward and back. Then they wait for each other, once,
and take a share of the parameters each: its gradient, its penalty, its update. Shares are cut by shape and the number
of threads alone, so that the result does not depend on who was faster.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Rows, Samples
from pipeline.network.layers import Affine
from pipeline.network.losses import total_weight
from pipeline.network.network import Network
from pipeline.network.optimizers import BLOCK, Optimizer
from pipeline.network.penalties import L2
from pipeline.network.team import Team

Array = NDArray[Any]
TEAM_BLOCK = 2**18
"""Parameters that one of several threads updates at once: out of the cache, but handing over the interpreter less."""


@dataclass
class Share:
    """The parameters that one thread looks after: a stretch of the flat buffers.

    Attributes
    ----------
    stretch : slice
        Where they lie.
    parts : list of (int, slice, bool)
        For each layer with parameters there: its index, its rows of W, and whether its b is there as well.
    scratch : ndarray
        Room for the optimizer.
    """

    stretch: slice
    parts: list[tuple[int, slice, bool]]
    scratch: Array


@dataclass
class Updater:
    """Updates a network, batch by batch.

    Attributes
    ----------
    network, optimizer, penalty
        The bricks.
    team : Team
        Who does it.
    """

    network: Network
    optimizer: Optimizer
    penalty: L2 | None = None
    team: Team = field(default_factory=lambda: Team(1))

    def __post_init__(self) -> None:
        """Give every thread its network and its share of the parameters."""
        size, network = self.team.size, self.network
        if size > 1 and len(network.params) > sum(layer.n_parameters for layer in network.affine_layers):
            raise ValueError(f"several threads share affine layers alone; one has to do for {network}")
        self.networks = [network] if size == 1 else [network.twin() for _ in range(size)]
        self.shares = cut_parameters(network, size)
        self._figures = [(0.0, 0, 0.0)] * size
        self._room: dict[str, Array] = {}
        self.X = np.empty((0, self.network.n_in), self.network.dtype)
        self._arranged_for = 0

    def begin_epoch(self) -> None:
        """Give the threads' generators their numbers for an epoch, out of the network's own."""
        if self.team.size > 1 and any(layer.draws for layer in self.network.layers):
            for network in self.networks:
                network.reseed(int(self.network.rng.integers(2**63)))

    def update(self, samples: Samples, rows: Rows, learning_rate: float) -> tuple[float, int, int]:
        """Make one update with some samples.

        Returns
        -------
        loss, hits, n : float, int, int
            The loss with its penalty, before the update; samples predicted rightly; samples in the batch.
        """
        n = len(range(len(samples))[rows]) if isinstance(rows, slice) else len(rows)
        if n != self._arranged_for:
            self._arrange(n)
        if isinstance(rows, slice):
            self.X, Y, weight = samples.batch(rows)
        else:
            self.X, Y = self._room["X"][:n], self._room["Y"][:n]
            weight = None if samples.sample_weight is None else samples.sample_weight[rows]
        total = total_weight(weight, n)
        self.optimizer.begin(learning_rate)

        def work(k: int) -> None:
            mine = self._samples[k]
            if not isinstance(rows, slice):
                samples.gather(rows[mine], self.X[mine], Y[mine])
            mine_weight = None if weight is None else weight[mine]
            loss, hits = self._learn(self.networks[k], self.X[mine], Y[mine], mine_weight, total)
            self.team.meet(k)
            self._figures[k] = (loss, hits, self._finish(self.shares[k], total))

        self.team.run(work)
        losses, hits, penalties = zip(*self._figures, strict=True)
        return sum(losses) + sum(penalties), sum(hits), n

    def _learn(self, network: Network, X: Array, Y: Array, weight: Array | None, total: float) -> tuple[float, int]:
        """Go forward and back with some samples, up to the gradient of every affine layer's output."""
        loss = network.loss
        Z = network.forward(X, training=True)
        value = loss.forward(Z, Y, weight, out=Z, total=total)
        hits = int(np.count_nonzero(loss.hits(loss.P, Y)))
        network.backward(loss.backward(), parameters=False)
        return value, hits

    def _finish(self, share: Share, total: float) -> float:
        """Find the gradient of some parameters, from all samples, and update them; return their penalty."""
        network, penalty = self.network, 0.0
        for index, rows, with_biases in share.parts:
            layer: Affine = network.layers[index]  # type: ignore[assignment]  # the parts are of affine layers
            X, dY = self._whole(network.plan.inputs[index]), self._whole(network.plan.outputs[index])
            layer.backward_parameters(X, dY, rows, biases=with_biases)
            if self.penalty is not None:
                penalty += self.penalty.add(layer, rows, total)
        self.optimizer.apply(network.params, network.grads, share.stretch, share.scratch)
        return penalty

    def _whole(self, name: str) -> Array:
        """Return what lies in a room for all samples of the batch."""
        return self.X if name == "X" else self._room[name][: self._arranged_for]

    def _arrange(self, n: int) -> None:
        """Make room for a batch of ``n`` samples, if there is not enough, and cut it up among the threads."""
        widths = {"X": self.network.n_in, "Y": self.network.n_out, **self.network.plan.widths}
        if not self._room or n > len(self._room["X"]):
            self._room = {name: np.empty((n, width), self.network.dtype) for name, width in widths.items()}
        self._arranged_for = n
        self._samples = [slice(*ends) for ends in pairwise(n * k // self.team.size for k in range(self.team.size + 1))]
        for network, mine in zip(self.networks, self._samples, strict=True):
            network.lend({name: room[mine] for name, room in self._room.items()})


def cut_parameters(network: Network, n_shares: int) -> list[Share]:
    """Cut a network's parameters into shares of about the same size, between two rows of a W."""
    ends = [0, *_cuts(network, n_shares), len(network.params)]
    block = min(BLOCK if n_shares == 1 else TEAM_BLOCK, len(network.params))
    return [
        Share(slice(start, stop), _parts(network, start, stop), np.empty(block, network.dtype))
        for start, stop in pairwise(ends)
    ]


def _cuts(network: Network, n_shares: int) -> list[int]:
    """Return where the parameters are cut: between two rows, or two layers, as near as can be to equal shares.

    A network with fewer rows than shares has empty shares.
    """
    size = len(network.params)
    allowed = np.array([0, size, *(end for _, layer, start in network.layout() for end in _row_ends(layer, start))])
    return [int(allowed[np.abs(allowed - size * k / n_shares).argmin()]) for k in range(1, n_shares)]


def _row_ends(layer: Affine, start: int) -> Array:
    """Return where the rows of a layer's W end; its b stays with the last of them."""
    return start + layer.n_out * np.arange(layer.n_in)


def _parts(network: Network, start: int, stop: int) -> list[tuple[int, slice, bool]]:
    """Return what of each layer lies in a stretch of the parameters."""
    parts = []
    for index, layer, first in network.layout():
        rows = slice(*(min(max((end - first) // layer.n_out, 0), layer.n_in) for end in (start, stop)))
        if rows.start < rows.stop:
            parts.append((index, rows, rows.stop == layer.n_in))
    return parts
