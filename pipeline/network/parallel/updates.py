"""One update of a network: forward, loss, backward, optimizer; by one thread, or by several that work in step.

Several threads first go forward and back together, cut by samples or by units (see ``routes``). Then they take a share
of the parameters each: its gradient, its penalty, its update. Shares are cut by shape and the number of threads alone,
so that the result does not depend on who was faster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary
from pipeline.network.adversarial_step import Contest, make_shadows
from pipeline.network.batches import Augmentation, Deformer, Rows, Samples
from pipeline.network.epoch_metrics import Tally
from pipeline.network.layers import Affine
from pipeline.network.losses import total_weight
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer
from pipeline.network.parallel.sharding import Share, cut, cut_parameters, shares_units, windows
from pipeline.network.parallel.workers import Team
from pipeline.network.pass_ import Route, make_route
from pipeline.network.regularizers import L2, MaxNorm
from pipeline.network.sparse import SparseRows
from pipeline.network.weight_averaging import Average

Array = NDArray[Any]


class Arrangement(NamedTuple):
    """Where a batch lies: views of the rooms, each thread's samples, and each thread's ways through the network."""

    views: dict[str, Any]
    samples: list[slice]
    ways: list[list[Route | Contest]]


@dataclass
class Updater:
    """Updates a network, batch by batch.

    Attributes
    ----------
    network, optimizer, penalty
        The bricks.
    team : Team
        Who does it.
    augmentation : Augmentation or None
        Deforms the inputs of a batch, drawn from the network's generator.
    constraint : MaxNorm or None
        Holds the weights to something after every update.
    average : Average or None
        Takes up the parameters after every update.
    adversary : Adversary or None
        Moves the inputs of a batch, for the network to learn from them as well.
    by_units : bool
        Whether several threads share the units of the hidden layers, rather than the samples.
    tally : Tally
        What the predictions came to, each before its update.
    """

    network: Network
    optimizer: Optimizer
    penalty: L2 | None = None
    team: Team = field(default_factory=lambda: Team(1))
    augmentation: Augmentation | None = None
    constraint: MaxNorm | None = None
    average: Average | None = None
    adversary: Adversary | None = None

    def __post_init__(self) -> None:
        """Give every thread its layers and its share of the parameters."""
        size, network = self.team.size, self.network
        self.by_units = size > 1 and shares_units(network)
        self.windows = [windows(network, k, size, by_units=self.by_units) for k in range(size)]
        self.layers = (
            [network.layers]
            if size == 1
            else [network.parts([window.units for window in mine]) for mine in self.windows]
        )
        self._shadows = [make_shadows(self.adversary, layers) for layers in self.layers] if self.adversary else []
        self.shares = cut_parameters(network, size)
        self.tally = Tally(network.loss, network.n_out, network.dtype)
        self._deformers: list[Deformer] = []
        if self.augmentation is not None:
            self._deformers = [self.augmentation.prepare(network.n_in, network.dtype) for _ in range(size)]
        self._penalties = [0.0] * size
        self._penalty = 0.0
        self._takes_sparse = network.takes_sparse(training=True) and not (self._deformers or self.adversary)
        self._rooms: dict[str, Array] = {}
        self._arrangements: dict[int, Arrangement] = {}

    def begin_epoch(self) -> None:
        """Give the threads' generators their numbers for an epoch, out of the network's own."""
        draws = self.adversary is not None or any(layer.draws for layer in self.network.layers)
        if self.team.size > 1 and draws:
            for layers in self.layers:
                rng = np.random.default_rng(int(self.network.rng.integers(2**63)))
                for layer in layers:
                    layer.rng = rng
        for layers, shadows in zip(self.layers, self._shadows, strict=False):
            for layer, shadow in zip(layers, shadows, strict=True):
                shadow.rng = layer.rng

    def end_epoch(self) -> tuple[float, float, int]:
        """Return, since the last call, the mean loss with its penalty, the share of hits, and the number of samples."""
        cost, hits, n = self.tally.take()
        penalty, self._penalty = self._penalty, 0.0
        return (cost + penalty) / n, hits / n, n

    def update(self, samples: Samples, rows: Rows, learning_rate: float) -> None:
        """Make one update with some samples."""
        if (self._deformers or self.adversary) and isinstance(rows, slice):
            rows = np.arange(len(samples))[rows]  # what is deformed or moved is gathered first
        n = len(range(len(samples))[rows]) if isinstance(rows, slice) else len(rows)
        here = self._arranged(samples, rows, n)
        weight = None if samples.sample_weight is None else samples.sample_weight[rows]
        total = total_weight(weight, n)
        P, Y = self.tally.enter(n, weight, total)
        moves = self._deformers[0].draw(n, self.network.rng) if self._deformers else None
        self.optimizer.begin(learning_rate)
        if self.average is not None:
            self.average.begin_update()

        def work(k: int) -> None:
            mine = here.samples[k]
            samples.targets(_some(rows, mine), Y[mine])
            if isinstance(here.views["X"], np.ndarray) and not isinstance(rows, slice):
                samples.inputs(rows[mine], X := here.views["X"][mine])
                if moves is not None:
                    self._deformers[k].warp(X, moves[:, mine], X)
            mine_weigh = None if weight is None else weight[mine]
            for way in here.ways[k]:
                way.learn(self.network.loss, P[mine], Y[mine], mine_weigh, total)
            self.team.meet(k)
            self._penalties[k] = self._finish(here.views, self.shares[k], total)
            self._settle(k)

        self.team.run(work)
        self._penalty += sum(self._penalties) * n

    def _finish(self, views: Mapping[str, Any], share: Share, total: float) -> float:
        """Find the gradient of some parameters, from all samples, and update them; return their penalty."""
        network, penalty = self.network, 0.0
        for index, rows, with_biases in share.parts:
            layer: Affine = network.layers[index]  # type: ignore[assignment]  # the parts are of affine layers
            X, dY = views[network.plan.inputs[index]], views[network.plan.outputs[index]]
            layer.backward_parameters(X, dY, rows, biases=with_biases)
            if self.penalty is not None:
                penalty += self.penalty.add(layer, rows, total)
        self.optimizer.apply(network.params, network.grads, share.stretch, share.scratch)
        return penalty

    def _settle(self, k: int) -> None:
        """Hold a share of the weights to their constraint, and take up a share of the parameters into their average."""
        if self.constraint is not None:
            self.team.meet(k)
            for layer in self.network.affine_layers:
                self.constraint.apply(layer, cut(layer.n_out, k, self.team.size))
            self.team.meet(k)
        if self.average is not None:
            self.average.after_update(self.network.params, self.shares[k].stretch)

    def _arranged(self, samples: Samples, rows: Rows, n: int) -> Arrangement:
        """Return where a batch lies; that is the same for all of its size, but for what is used where it lies."""
        sparse = self._takes_sparse and samples.as_it_is is not None
        if sparse or isinstance(rows, slice):
            return self._arrange(n, samples.batch(rows, sparse=sparse)[0])
        if n not in self._arrangements:
            self._arrangements[n] = self._arrange(n, None)
        return self._arrangements[n]

    def _arrange(self, n: int, X: Array | SparseRows | None) -> Arrangement:
        """Cut a batch of ``n`` samples up among the threads, in rooms that are large enough, or with X where it is."""
        size = self.team.size
        n_rows = n if self.adversary is None else 2 * n  # what is moved lies below what it was
        unused = None if self.adversary else self.network.plan.input_gradient
        views: dict[str, Any] = {name: self._room(name, n_rows) for name in self.network.plan.widths if name != unused}
        views["X"] = self._room("X", n_rows) if X is None else X
        samples = [cut(n, k, size) for k in range(size)]
        return Arrangement(views, samples, [self._ways(k, views, samples[k], n) for k in range(size)])

    def _ways(self, k: int, views: Mapping[str, Any], samples: slice, n: int) -> list[Route | Contest]:
        """Return how thread ``k`` goes through the network: with its samples, and with those that are moved, if any."""
        meet = partial(self.team.meet, k) if self.by_units else None
        route = partial(make_route, self.network, mine=self.windows[k], samples=samples, meet=meet)
        adversary = self.adversary
        if adversary is None:
            return [route(layers=self.layers[k], rooms=views)]
        kept, moved = ({name: view[rows] for name, view in views.items()} for rows in (slice(n), slice(n, None)))
        slopes = (moved if adversary.n_probes else kept)[self.network.plan.backward[0]]
        contest = Contest(
            adversary,
            self.layers[k],
            self._shadows[k],
            X=kept["X"][samples],
            moved=moved["X"][samples],
            slope=slopes[samples],
            probe=route(layers=self._shadows[k], rooms=moved, to_input=True),
            route=route(layers=self._shadows[k], rooms=moved),
            P=np.empty((samples.stop - samples.start, self.network.n_out), self.network.dtype),
        )
        return [route(layers=self.layers[k], rooms=kept, to_input=not adversary.n_probes), contest]

    def _room(self, name: str, n: int) -> Array:
        """Return room for ``n`` samples; where it must grow, what was arranged in the old one is forgotten."""
        if len(self._rooms.get(name, ())) < n:
            width = self.network.n_in if name == "X" else self.network.plan.widths[name]
            self._rooms[name] = np.empty((n, width), self.network.dtype)
            self._arrangements.clear()
        return self._rooms[name][:n]


def _some(rows: Rows, mine: slice) -> Rows:
    """Return some of a batch's rows."""
    return slice(rows.start + mine.start, rows.start + mine.stop) if isinstance(rows, slice) else rows[mine]
