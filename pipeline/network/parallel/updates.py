"""One update of a network: forward, loss, backward, optimizer; by one thread, or by several in lockstep.

Several threads first go forward and backward together, each with a shard of the samples or of the units. Then each
takes a shard of the parameters: its gradient, its hooks, its update. See ``sharding`` for how these are cut.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary
from pipeline.network.batches import Augmentation, Deformer, Rows, Samples
from pipeline.network.buffers import Buffers, LayerBuffers
from pipeline.network.epoch_metrics import EpochMetrics
from pipeline.network.layers import ALL, Layer
from pipeline.network.losses import Loss, total_weight
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer
from pipeline.network.parallel.adversarial_pass import BOTH, AdversarialPass
from pipeline.network.parallel.sharding import shard_parameters, shard_slice, shards_by_units, unit_shards
from pipeline.network.parallel.units import PassByUnits
from pipeline.network.parallel.workers import Workers
from pipeline.network.pass_ import Pass
from pipeline.network.shards import Hook, ParameterShard

Array = NDArray[Any]


class BatchLayout(NamedTuple):
    """Where a batch of some size lies: its buffers, each thread's samples, and each thread's pass."""

    buffers: list[LayerBuffers]
    samples: list[slice]
    passes: list[Pass | AdversarialPass]


class Updater:
    """Updates a network, batch by batch.

    Parameters
    ----------
    network, optimizer
        The components.
    workers : Workers, optional
        The threads that share the work; without them, one does all.
    hooks : sequence of Hook
        What happens beside the optimizer, in this order.
    augmentation : Augmentation, optional
        Deforms the inputs of a batch, drawn from the network's generator.
    adversary : Adversary, optional
        Perturbs the inputs of a batch, for the network to learn from them as well.

    Attributes
    ----------
    by_units : bool
        Whether several threads share the units of the hidden layers, rather than the samples.
    metrics : EpochMetrics
        Loss and score of the epoch's predictions, each made before its update.
    """

    adversarial_pass = AdversarialPass

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        workers: Workers | None = None,
        hooks: Sequence[Hook] = (),
        augmentation: Augmentation | None = None,
        adversary: Adversary | None = None,
    ) -> None:
        self.network, self.optimizer, self.hooks, self.adversary = network, optimizer, hooks, adversary
        self._at_update = [hook for hook in hooks if type(hook).after_update is not Hook.after_update]
        self.workers = workers or Workers(1)
        size = self.workers.size
        self.layers, self.loss = self._forms()
        self.by_units = size > 1 and self._shards_by_units()
        self._units = [unit_shards(network, k, size) for k in range(size)] if self.by_units else []
        self._layers = [
            [layer if some is None else layer.shard(some) for layer, some in zip(self.layers, units, strict=True)]
            for units in self._units
        ] or [self.layers] * size
        if adversary is not None:
            adversary.check(network.layers)
        draws = adversary is not None or any(layer.stochastic for layer in network.layers)
        self._own_rngs = [np.random.default_rng(0) for _ in range(size)] if size > 1 and draws else []
        self._rngs = self._own_rngs or [network.rng] * size
        self._shards = shard_parameters(network, size)
        self.metrics = EpochMetrics(network.loss, network.n_out, network.dtype)
        self._deformers: list[Deformer] = []
        if augmentation is not None:
            self._deformers = [self._make_deformer(augmentation) for _ in range(size)]
        self._penalties, self._penalty = [0.0] * size, 0.0
        self._writes_inputs = bool(self._deformers) or adversary is not None
        self._accepts_sparse = network.accepts_sparse(training=True) and not self._writes_inputs
        self._buffers = Buffers(network.layers, network.dtype)
        self._layouts: dict[int, BatchLayout] = {}

    def _forms(self) -> tuple[list[Layer], Loss]:
        """Return the layers that passes are made of, and the loss."""
        return self.network.layers, self.network.loss

    def _shards_by_units(self) -> bool:
        """Return whether several threads are to share the network's units rather than the samples."""
        return shards_by_units(self.network)

    def begin_epoch(self) -> None:
        """Seed the threads' generators for an epoch from the network's own."""
        for rng in self._own_rngs:
            rng.bit_generator.state = np.random.default_rng(int(self.network.rng.integers(2**63))).bit_generator.state

    def end_epoch(self) -> tuple[float, float, int]:
        """Return mean loss with penalty, score, and number of samples, since the last call."""
        cost, score, n = self.metrics.flush()
        penalty, self._penalty = self._penalty, 0.0
        return (cost + penalty) / n, score, n

    def update(self, samples: Samples, rows: Rows, learning_rate: float) -> None:
        """Make one update with a batch of the samples."""
        if self._writes_inputs and isinstance(rows, slice):
            rows = np.arange(len(samples))[rows]  # what is deformed or perturbed is gathered first
        n = len(range(len(samples))[rows]) if isinstance(rows, slice) else len(rows)
        layout = self._layouts.get(n) or self._make_layout(n)
        sparse = self._accepts_sparse and samples.take_sparse is not None
        gathers = not sparse and not isinstance(rows, slice)
        X = self._buffers.inputs(n * self._n_copies) if gathers else samples.inputs(rows, sparse=sparse)
        weight = None if samples.sample_weight is None else samples.sample_weight[rows]
        total = total_weight(weight, n)
        P, Y = self.metrics.reserve(n, weight, total)
        moves = self._deformers[0].draw(n, self.network.rng) if self._deformers else None
        self.optimizer.begin(learning_rate)
        for hook in self.hooks:
            hook.begin_update()

        def work(k: int) -> None:
            own = layout.samples[k]
            own_rows = _subset(rows, own)
            samples.targets(own_rows, Y[own])
            if gathers:
                samples.gather(own_rows, X_own := X[own])
                if moves is not None:
                    self._deformers[k].warp(X_own, moves[:, own], X_own)
            own_weight = None if weight is None else weight[own]
            layout.passes[k].forward_backward(self.loss, X, P[own], Y[own], own_weight, total)
            self.workers.barrier(k)
            self._update_shard(k, X, layout.buffers, total)

        self.workers.run(work)
        self._penalty += sum(self._penalties) * n

    def updates(self, samples: Samples, batches: Iterable[tuple[Rows, float]]) -> None:
        """Make one update with each of some batches of the samples, given with their learning rates."""
        for rows, learning_rate in batches:
            self.update(samples, rows, learning_rate)

    def _update_shard(self, k: int, X: Any, buffers: list[LayerBuffers], total: float) -> None:
        """Compute the gradient of a shard of the parameters from all samples, and update it."""
        shard = self._shards[k]
        shard.gradient(X, buffers)
        self._penalties[k] = sum(hook.after_gradient(shard, total) for hook in self.hooks)
        self.optimizer.apply(shard.params, shard.grads, shard.span, shard.scratch)
        self._end_update(k, shard)

    def _end_update(self, k: int, shard: ParameterShard) -> None:
        """Have the hooks see a shard of the new parameters."""
        for hook in self._at_update:
            if hook.reads_others:
                self.workers.barrier(k)
            hook.after_update(shard)
            if hook.reads_others:
                self.workers.barrier(k)

    @property
    def _n_copies(self) -> int:
        """How many rows of the buffers a sample takes."""
        return 1 if self.adversary is None else BOTH

    def _make_deformer(self, augmentation: Augmentation) -> Deformer:
        """Return a thread's deformer of the inputs."""
        return augmentation.prepare(self.network.n_in, self.network.dtype)

    def _make_layout(self, n: int) -> BatchLayout:
        """Divide a batch of ``n`` samples among the threads, and store how."""
        if n > max(self._layouts, default=n):
            self._layouts.clear()  # the buffers grow
        size = self.workers.size
        samples = [shard_slice(n, k, size) for k in range(size)]
        buffers = self._buffers.batch(n * self._n_copies, to_input=self.adversary is not None)
        passes = [self._make_pass(k, buffers, samples[k]) for k in range(size)]
        self._layouts[n] = layout = BatchLayout(buffers, samples, passes)
        return layout

    def _make_pass(self, k: int, buffers: list[LayerBuffers], samples: slice) -> Pass | AdversarialPass:
        """Return thread ``k``'s pass of a batch, which is two where there is an adversary."""
        new_pass = partial(self._new_pass, k, samples)
        if self.adversary is None:
            return new_pass(buffers)
        X = self._buffers.inputs(len(buffers[0].Y))
        gradients = [
            getattr(layer, f"d{name}")
            for layer in self._layers[k]
            if not layer.sums_samples
            for name in layer.parameter_shapes()
        ]
        return self.adversarial_pass(self.adversary, new_pass, X, buffers, samples, gradients, self._rngs[k])

    def _new_pass(self, k: int, samples: slice, buffers: list[LayerBuffers], **options: bool) -> Pass:
        """Return a pass of thread ``k`` through the network, by samples or by units."""
        if self.by_units:
            barrier = partial(self.workers.barrier, k)
            layers, shards, units = self.layers, self._layers[k], self._units[k]
            return PassByUnits(layers, shards, units, barrier, buffers, self._rngs[k], samples, **options)
        own = samples if self.workers.size > 1 else ALL
        return Pass(self.layers, buffers, self._rngs[k], own, **options)


def _subset(rows: Rows, own: slice) -> Rows:
    """Return some of a batch's rows."""
    return slice(rows.start + own.start, rows.start + own.stop) if isinstance(rows, slice) else rows[own]
