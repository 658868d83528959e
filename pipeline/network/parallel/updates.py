"""One update of a network: forward, loss, backward, optimizer; by one thread, or by several in lockstep.

Several threads first go forward and backward together, each with a shard of the samples or of the units. Then each
takes a shard of the parameters: its gradient, its penalty, its update. See ``sharding`` for how these are cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary
from pipeline.network.adversarial_step import AdversarialStep, make_replicas
from pipeline.network.batches import Augmentation, Deformer, Rows, Samples
from pipeline.network.epoch_metrics import EpochMetrics
from pipeline.network.layers import Affine
from pipeline.network.losses import total_weight
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer
from pipeline.network.parallel.sharding import (
    ParameterShard,
    layer_shards,
    shard_parameters,
    shard_slice,
    shards_by_units,
)
from pipeline.network.parallel.workers import Workers
from pipeline.network.pass_ import Pass, make_pass
from pipeline.network.regularizers import L2, MaxNorm
from pipeline.network.sparse import SparseRows
from pipeline.network.weight_averaging import RunningAverage

Array = NDArray[Any]


class BatchLayout(NamedTuple):
    """Where a batch lies: views of the buffers, each thread's samples, and each thread's passes through the network."""

    views: dict[str, Any]
    samples: list[slice]
    passes: list[list[Pass | AdversarialStep]]


@dataclass
class Updater:
    """Updates a network, batch by batch.

    Attributes
    ----------
    network, optimizer, penalty
        The components.
    workers : Workers
        The threads that share the work.
    augmentation : Augmentation or None
        Deforms the inputs of a batch, drawn from the network's generator.
    constraint : MaxNorm or None
        Limits the weights after every update.
    average : RunningAverage or None
        Takes in the parameters after every update.
    adversary : Adversary or None
        Perturbs the inputs of a batch, for the network to learn from them as well.
    by_units : bool
        Whether several threads share the units of the hidden layers, rather than the samples.
    metrics : EpochMetrics
        Loss and accuracy of the epoch's predictions, each made before its update.
    """

    network: Network
    optimizer: Optimizer
    penalty: L2 | None = None
    workers: Workers = field(default_factory=lambda: Workers(1))
    augmentation: Augmentation | None = None
    constraint: MaxNorm | None = None
    average: RunningAverage | None = None
    adversary: Adversary | None = None

    def __post_init__(self) -> None:
        """Give every thread its layers and its shard of the parameters."""
        size, network = self.workers.size, self.network
        self.by_units = size > 1 and shards_by_units(network)
        self.layer_shards = [layer_shards(network, k, size, by_units=self.by_units) for k in range(size)]
        self.layers = (
            [network.layers]
            if size == 1
            else [network.shard([shard.units for shard in shards]) for shards in self.layer_shards]
        )
        self._replicas = [make_replicas(self.adversary, layers) for layers in self.layers] if self.adversary else []
        self.shards = shard_parameters(network, size)
        self.metrics = EpochMetrics(network.loss, network.n_out, network.dtype)
        self._deformers: list[Deformer] = []
        if self.augmentation is not None:
            self._deformers = [self.augmentation.prepare(network.n_in, network.dtype) for _ in range(size)]
        self._penalties = [0.0] * size
        self._penalty = 0.0
        self._accepts_sparse = network.accepts_sparse(training=True) and not (self._deformers or self.adversary)
        self._buffers: dict[str, Array] = {}
        self._layouts: dict[int, BatchLayout] = {}

    def begin_epoch(self) -> None:
        """Seed the threads' generators for an epoch from the network's own."""
        draws = self.adversary is not None or any(layer.stochastic for layer in self.network.layers)
        if self.workers.size > 1 and draws:
            for layers in self.layers:
                rng = np.random.default_rng(int(self.network.rng.integers(2**63)))
                for layer in layers:
                    layer.rng = rng
        for layers, replicas in zip(self.layers, self._replicas, strict=False):
            for layer, replica in zip(layers, replicas, strict=True):
                replica.rng = layer.rng

    def end_epoch(self) -> tuple[float, float, int]:
        """Return mean loss with penalty, accuracy, and number of samples, since the last call."""
        cost, correct, n = self.metrics.flush()
        penalty, self._penalty = self._penalty, 0.0
        return (cost + penalty) / n, correct / n, n

    def update(self, samples: Samples, rows: Rows, learning_rate: float) -> None:
        """Make one update with a batch of the samples."""
        if (self._deformers or self.adversary) and isinstance(rows, slice):
            rows = np.arange(len(samples))[rows]  # what is deformed or perturbed is gathered first
        n = len(range(len(samples))[rows]) if isinstance(rows, slice) else len(rows)
        layout = self._layout(samples, rows, n)
        weight = None if samples.sample_weight is None else samples.sample_weight[rows]
        total = total_weight(weight, n)
        P, Y = self.metrics.reserve(n, weight, total)
        moves = self._deformers[0].draw(n, self.network.rng) if self._deformers else None
        self.optimizer.begin(learning_rate)
        if self.average is not None:
            self.average.begin_update()

        def work(k: int) -> None:
            own = layout.samples[k]
            samples.targets(_subset(rows, own), Y[own])
            if isinstance(layout.views["X"], np.ndarray) and not isinstance(rows, slice):
                samples.inputs(rows[own], X := layout.views["X"][own])
                if moves is not None:
                    self._deformers[k].warp(X, moves[:, own], X)
            own_weight = None if weight is None else weight[own]
            for step in layout.passes[k]:
                step.forward_backward(self.network.loss, P[own], Y[own], own_weight, total)
            self.workers.barrier(k)
            self._penalties[k] = self._update_shard(layout.views, self.shards[k], total)
            self._after_update(k)

        self.workers.run(work)
        self._penalty += sum(self._penalties) * n

    def _update_shard(self, views: Mapping[str, Any], shard: ParameterShard, total: float) -> float:
        """Compute the gradient of a shard of the parameters from all samples, update it, and return its penalty."""
        network, penalty = self.network, 0.0
        for index, rows, with_bias in shard.parts:
            layer: Affine = network.layers[index]  # type: ignore[assignment]  # the parts are of affine layers
            X, dY = views[network.plan.inputs[index]], views[network.plan.outputs[index]]
            layer.backward_parameters(X, dY, rows, bias=with_bias)
            if self.penalty is not None:
                penalty += self.penalty.add(layer, rows, total)
        self.optimizer.apply(network.params, network.grads, shard.span, shard.scratch)
        return penalty

    def _after_update(self, k: int) -> None:
        """Apply the constraint to a shard of the weights, and take a shard of the parameters into the average."""
        if self.constraint is not None:
            self.workers.barrier(k)
            for layer in self.network.affine_layers:
                self.constraint.apply(layer, shard_slice(layer.n_out, k, self.workers.size))
            self.workers.barrier(k)
        if self.average is not None:
            self.average.after_update(self.network.params, self.shards[k].span)

    def _layout(self, samples: Samples, rows: Rows, n: int) -> BatchLayout:
        """Return where a batch lies: the same for all of its size, except for inputs that are used without a copy."""
        sparse = self._accepts_sparse and samples.take_sparse is not None
        if sparse or isinstance(rows, slice):
            return self._make_layout(n, samples.batch(rows, sparse=sparse)[0])
        if n not in self._layouts:
            self._layouts[n] = self._make_layout(n, None)
        return self._layouts[n]

    def _make_layout(self, n: int, X: Array | SparseRows | None) -> BatchLayout:
        """Divide a batch of ``n`` samples among the threads, in the buffers, or with X where it lies already."""
        size = self.workers.size
        n_rows = n if self.adversary is None else 2 * n  # the perturbed inputs lie below the others
        unused = None if self.adversary else self.network.plan.input_gradient
        views: dict[str, Any] = {
            name: self._buffer(name, n_rows) for name in self.network.plan.widths if name != unused
        }
        views["X"] = self._buffer("X", n_rows) if X is None else X
        samples = [shard_slice(n, k, size) for k in range(size)]
        return BatchLayout(views, samples, [self._make_passes(k, views, samples[k], n) for k in range(size)])

    def _make_passes(self, k: int, views: Mapping[str, Any], samples: slice, n: int) -> list[Pass | AdversarialStep]:
        """Return thread ``k``'s passes: with its samples, and with the perturbed ones where there is an adversary."""
        barrier = partial(self.workers.barrier, k) if self.by_units else None
        new_pass = partial(make_pass, self.network, shards=self.layer_shards[k], samples=samples, barrier=barrier)
        adversary = self.adversary
        if adversary is None:
            return [new_pass(layers=self.layers[k], buffers=views)]
        unperturbed, perturbed = (
            {name: view[rows] for name, view in views.items()} for rows in (slice(n), slice(n, None))
        )
        input_gradients = (perturbed if adversary.n_probes else unperturbed)[self.network.plan.backward[0]]
        step = AdversarialStep(
            adversary,
            self.layers[k],
            self._replicas[k],
            X=unperturbed["X"][samples],
            perturbed=perturbed["X"][samples],
            input_gradient=input_gradients[samples],
            probe_pass=new_pass(layers=self._replicas[k], buffers=perturbed, to_input=True),
            perturbed_pass=new_pass(layers=self._replicas[k], buffers=perturbed),
            P=np.empty((samples.stop - samples.start, self.network.n_out), self.network.dtype),
        )
        return [new_pass(layers=self.layers[k], buffers=unperturbed, to_input=not adversary.n_probes), step]

    def _buffer(self, name: str, n: int) -> Array:
        """Return a buffer for ``n`` samples; where it must grow, layouts in the old one are dropped."""
        if len(self._buffers.get(name, ())) < n:
            width = self.network.n_in if name == "X" else self.network.plan.widths[name]
            self._buffers[name] = np.empty((n, width), self.network.dtype)
            self._layouts.clear()
        return self._buffers[name][:n]


def _subset(rows: Rows, own: slice) -> Rows:
    """Return some of a batch's rows."""
    return slice(rows.start + own.start, rows.start + own.stop) if isinstance(rows, slice) else rows[own]
