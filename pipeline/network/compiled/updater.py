"""Updates by compiled loops: one call for many batches and each thread, or a few for each batch.

A network that is no ``Program``, or whose threads share units, makes the plain ``Updater``'s passes, of layers in their
compiled forms. What has none, as a layer or a rule of one's own, is left to its plain form, part by part.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Augmentation, Deformer, ImageDeformer, Rows, Samples
from pipeline.network.buffers import LayerBuffers
from pipeline.network.compiled import inputs as input_loops
from pipeline.network.compiled import loops, losses, optimizers
from pipeline.network.compiled.barriers import Barrier
from pipeline.network.compiled.forms import (
    CompiledAdversarialPass,
    CompiledLoss,
    compile_hook,
    compile_layers,
    compile_loss,
)
from pipeline.network.compiled.jit import DISABLED
from pipeline.network.compiled.parameters import add_l2
from pipeline.network.compiled.program import DTYPES, Program, Rule, compile_network, compile_optimizer
from pipeline.network.compiled.rows import readable_by_loops
from pipeline.network.epoch_metrics import EpochMetrics
from pipeline.network.layers import Affine, Dropout, Layer, Scale
from pipeline.network.layers.noise import fill_normal
from pipeline.network.losses import Loss
from pipeline.network.parallel.sharding import needs_units, shard_slice
from pipeline.network.parallel.updates import BatchLayout, Updater
from pipeline.network.parallel.workers import WorkersBrokenError
from pipeline.network.rate_factors import Span, within
from pipeline.network.regularizers import L2
from pipeline.network.scores import Accuracy
from pipeline.network.shards import Hook, ParameterShard

Array = NDArray[Any]
AT_ONCE = 4096
"""Samples, or one batch, that are trained on in one call, so that a person can interrupt."""
MAX_PRODUCTS = 2**34
"""The same in products of a weight with a sample."""
MAX_ELEMENTS = 2**20
"""Elements of their inputs, where they are gathered before, so that wide ones take no memory to speak of."""


class CompiledPass:
    """One thread's pass, forward and backward, in one call.

    Parameters
    ----------
    program : Program
        The network's.
    params : ndarray
        Its parameters.
    space : ndarray
        The arrays of the batch, in one piece, for ``capacity`` samples.
    samples : slice
        The thread's own.
    rng : Generator
        What stochastic layers draw from.
    """

    def __init__(
        self, program: Program, params: Array, space: Array, capacity: int, samples: slice, rng: np.random.Generator
    ) -> None:
        self.program, self.params, self.space, self.capacity = program, params, space, capacity
        self.samples, self.rng = samples, rng
        n = samples.stop - samples.start
        self._uniform = np.empty(n * program.n_uniform, np.float32)
        self._normal = np.empty(n * program.n_normal, params.dtype)
        self._no_weight = np.empty(0, params.dtype)

    def forward_backward(self, loss: Loss, X: Array, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Go forward, leave the predictions in ``P``, and go backward with the gradient of their loss, as ``Pass``."""
        del loss  # the program has it
        self._draw(len(P))
        loops.forward_backward(
            self.program.table,
            self.program.rates,
            self.params,
            self.space,
            self.capacity,
            X,
            self.samples.start,
            self.samples.stop,
            0,
            0,
            self._uniform,
            self._normal,
            self.program.loss,
            self.program.constants,
            Y,
            self._no_weight if weight is None else weight,
            float(total),
            P,
        )

    def _draw(self, n: int) -> None:
        """Draw the random numbers of a batch, layer by layer, as the layers themselves do."""
        for layer, start, width in self.program.drawing:
            own = slice(n * start, n * (start + width))
            if isinstance(layer, Dropout):
                self.rng.random(out=self._uniform[own], dtype=np.float32)
            else:
                buffer = np.empty((3, -(-n * width // 2)), self._normal.dtype)
                self._normal[own] = fill_normal(self.rng, buffer, layer.std)[: n * width]


class CompiledMetrics(EpochMetrics):
    """An epoch's loss and score, in one loop over its predictions."""

    loss: CompiledLoss

    def _evaluate(self, P: Array, Y: Array, weight: Array) -> float:
        """Return the sum of some samples' losses, and let the score take them in."""
        kind, constants = self.loss.kind, self.loss.constants
        if isinstance(self._score, Accuracy):
            loss, n_correct = losses.sum_losses(kind, P, Y, weight, constants[0])
            self._score.add(n_correct, len(P))
            return float(loss)
        self._update_score(P, Y, weight)
        return float(losses.sum_regression_losses(kind, P, Y, weight, constants))


class CompiledUpdater(Updater):
    """An ``Updater`` whose passes and updates are compiled, where they can be."""

    adversarial_pass = CompiledAdversarialPass

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        network = self.network
        plain = self.by_units or self.adversary is not None
        for shard in self._shards:
            shard.parts = [part._replace(layer=cast("Affine", self.layers[part.place])) for part in shard.parts]
            shard.scales = [part._replace(layer=cast("Scale", self.layers[part.place])) for part in shard.scales]
        self._program = None if plain else compile_network(network)
        self._rule = compile_optimizer(self.optimizer, network.params)
        penalties = [hook for hook in self.hooks if type(hook) is L2 and network.dtype.char in DTYPES]
        self._alpha = float(sum(penalty.alpha for penalty in penalties))
        self._others = [hook for hook in self.hooks if hook not in penalties]
        self._at_gradient = [hook for hook in self._others if type(hook).after_gradient is not Hook.after_gradient]
        self._none = np.empty(0, network.dtype)
        self._space, self._spaces, self._capacity = self._none, self._none[None], 0
        self._at_update = [compile_hook(hook, network.dtype) for hook in self._at_update]
        if isinstance(self.loss, CompiledLoss):
            self.metrics = CompiledMetrics(self.loss, network.n_out, network.dtype)
        if self._program is not None:
            self._accepts_sparse = False
            self._parts = [_table(self._program, shard) for shard in self._shards]
            self._factors = [_factors(self._program, parts, self.optimizer.rate_spans) for parts in self._parts]
        self._learning_rate = 0.0
        self._barrier = Barrier(self.workers.size)
        self.workers.on_failure.append(self._barrier.release)
        self._inputs = self._none
        self._samples: Samples | None = None
        self._as_it_is = self._in_place = self._gathers = self._together = False
        self._source = self._none
        self._scale = 1.0

    def _forms(self) -> tuple[list[Layer], Loss]:
        """Return the layers that passes are made of, and the loss, where the whole network is no program."""
        network = self.network
        return compile_layers(network.layers, network.dtype), compile_loss(network.loss, network.dtype)

    def _shards_by_units(self) -> bool:
        """Return whether several threads are to share units: wide layers of a program are faster by samples.

        Not where it draws, as NumPy's engine then draws other numbers.
        """
        program = None if self.adversary else compile_network(self.network)
        return super()._shards_by_units() if program is None or program.drawing else needs_units(self.network)

    def update(self, samples: Samples, rows: Rows, learning_rate: float) -> None:
        """Make one update with a batch of the samples."""
        self._begin(samples)
        self._learning_rate = float(learning_rate)
        if self._program is not None and isinstance(rows, slice) and not self._in_place:
            rows = _numbers(rows, len(samples))
        super().update(samples, rows, learning_rate)

    def updates(self, samples: Samples, batches: Iterable[tuple[Rows, float]]) -> None:
        """Make an update with each of some batches of the samples, at its learning rate."""
        self._begin(samples)
        if not self._together:
            for rows, rate in batches:
                self.update(samples, rows, rate)
            return
        at_once = self.at_once(len(self.network.params))
        if not (self._as_it_is or self._gathers):
            at_once = min(at_once, MAX_ELEMENTS // self.network.n_in)
        for group in _grouped(batches, len(samples), max(1, at_once)):
            self._update_group(samples, *group)

    @property
    def stackable(self) -> bool:
        """Whether nothing but the program and the rule has a part in an update, on one thread."""
        alone = self.workers.size == 1 and not DISABLED
        return alone and self._rule is not None and not self._deformers and not self._others

    @property
    def program(self) -> Program | None:
        """The network's program, if it is one."""
        return self._program

    @property
    def rule(self) -> Rule | None:
        """The optimizer's rule, if it has a compiled form."""
        return self._rule

    @property
    def alpha(self) -> float:
        """Strength of the L2 penalty."""
        return self._alpha

    @property
    def parts(self) -> Array:
        """What is updated, as loops read it, on one thread."""
        return self._parts[0]

    @property
    def factors(self) -> Array:
        """What the learning rate is multiplied by for each part, on one thread."""
        return self._factors[0]

    @staticmethod
    def at_once(n_parameters: int) -> int:
        """Return how many samples one call takes, so that a person can interrupt."""
        return max(1, min(AT_ONCE, MAX_PRODUCTS // max(1, n_parameters)))

    def add_penalty(self, penalty: float) -> None:
        """Add the penalties of some batches, each times its samples, to the epoch's loss."""
        self._penalty += penalty

    def _begin(self, samples: Samples) -> None:
        """Decide how samples are trained on, which are most often those of the call before.

        Sparse inputs are left to the plain passes, which never make them dense.
        """
        if samples is self._samples:
            return
        self._samples, X = samples, samples.X
        if samples.take_sparse is not None and self.network.accepts_sparse(training=True) and not self._writes_inputs:
            self._program, self._accepts_sparse = None, True
        readable = isinstance(X, np.ndarray) and X.flags.c_contiguous and X.flags.aligned
        self._source = readable_by_loops(X) if readable else self._none
        self._as_it_is = readable and X.dtype == self.network.dtype
        self._in_place = self._as_it_is and X.flags.writeable and samples.index is None
        self._scale = 1.0 if self._as_it_is else float(getattr(samples.take, "scale", 0.0) or 0.0)
        pixels = readable and X.dtype == np.uint8 and self.network.dtype == np.float32 and self._scale != 0
        self._gathers = self._as_it_is or pixels
        program, alone = self._program, self.workers.size == 1
        together = program is not None and self._rule is not None and not program.drawing and (alone or not DISABLED)
        self._together = together and not self._deformers and not self._others

    def _update_group(self, samples: Samples, every: list[Rows], rates: list[float], sizes: list[int]) -> None:
        """Make updates with batches that are of one size, the last perhaps smaller."""
        rows, n = _joined(every), sum(sizes)
        weight, counted, totals = self.batch_weights(samples, rows, sizes)
        P, Y = self.metrics.reserve(n, counted, n)
        samples.targets(rows, Y)
        self._reserve(sizes[0])
        program, rule = self._program, self._rule
        if program is None or rule is None:
            raise ValueError("batches are only trained on together where all of it is compiled")
        source, numbers, inputs = self._sources(samples, rows, n, sizes[0])
        t, learning_rates = self.optimizer.t, np.array(rates, np.float64)
        self.optimizer.t += len(rates) - 1
        self.optimizer.begin(rates[-1])  # before, as an interruption comes after

        def work(k: int) -> None:
            if not self._gathers:
                own = shard_slice(n, k, self.workers.size)
                samples.gather(_numbers(rows, len(samples))[own], inputs[own])
                self.workers.barrier(k)
            self._penalties[k] = loops.updates(
                program.table,
                program.rates,
                self._parts[k],
                self._factors[k],
                self.network.params,
                self.network.grads,
                self._shards[k].span.start,
                self._shards[k].span.stop,
                self._spaces,
                self._capacity,
                source,
                numbers,
                self._scale,
                inputs,
                sizes[0],
                k,
                self._barrier.locks,
                self._barrier.broken,
                program.loss,
                program.constants,
                Y,
                self._none if weight is None else weight,
                totals,
                P,
                self._alpha,
                rule.kind,
                learning_rates,
                t,
                rule.hyper,
                *rule.state,
            )
            if self._barrier.broken[0]:
                raise WorkersBrokenError

        self.workers.run(work)
        self._penalty += sum(self._penalties)

    @staticmethod
    def batch_weights(samples: Samples, rows: Rows, sizes: list[int]) -> tuple[Array | None, Array | None, Array]:
        """Return the weights of the samples of some batches, what they count in the metrics, and each batch's total."""
        totals, weight = np.array(sizes, np.float64), samples.sample_weight
        if weight is None:
            return None, None, totals
        weight = weight[rows]
        totals = np.add.reduceat(weight, np.arange(len(sizes)) * sizes[0], dtype=np.float64)
        totals[totals == 0] = 1
        return weight, weight * np.repeat(sizes / totals, sizes).astype(weight.dtype), totals

    def _sources(self, samples: Samples, rows: Rows, n: int, batch_size: int) -> tuple[Array, Array, Array]:
        """Return what ``loops.updates`` takes inputs from: an array, numbers of its rows, and where these go.

        Inputs that no loop was compiled for are gathered by NumPy, those of all batches before the first.
        """
        none = np.empty(0, np.int64)
        if self._in_place and isinstance(rows, slice):
            inputs = self._source[rows]
            return inputs, none, inputs
        width = self.network.n_in
        size = (2 * batch_size if self._gathers else n) * width
        if len(self._inputs) < size:
            self._inputs = np.empty(size, self.network.dtype)
        inputs = self._inputs[:size].reshape(-1, width)
        if not self._gathers:
            return inputs, none, inputs
        return self._source, np.ascontiguousarray(samples.numbers(rows), np.int64), inputs

    def _update_shard(self, k: int, X: Any, buffers: list[LayerBuffers], total: float) -> None:
        """Compute the gradient of a shard of the parameters from all samples, and update it."""
        shard, program, rule = self._shards[k], self._program, self._rule
        if program is not None and rule is not None and not self._at_gradient:
            self._penalties[k] = loops.update(
                program.table,
                self._parts[k],
                self._factors[k],
                shard.params,
                shard.grads,
                shard.span.start,
                shard.span.stop,
                self._space,
                self._capacity,
                X,
                0,
                0,
                self._alpha,
                float(total),
                rule.kind,
                self._learning_rate,
                self.optimizer.t,
                rule.hyper,
                *rule.state,
            )
        else:
            self._gradient(k, X, buffers, total)
            self._step(shard)
        self._end_update(k, shard)

    def _gradient(self, k: int, X: Any, buffers: list[LayerBuffers], total: float) -> None:
        """Leave the gradient of a shard, with what hooks add to it."""
        shard, program = self._shards[k], self._program
        if program is None:
            shard.gradient(X, buffers)
            penalty = self._add_l2(shard, total) if self._alpha else 0.0
        else:
            arrays = shard.params, shard.grads, self._space, self._capacity
            penalty = loops.gradient(program.table, self._parts[k], *arrays, X, self._alpha, float(total))
        self._penalties[k] = penalty + sum(hook.after_gradient(shard, total) for hook in self._at_gradient)

    def _add_l2(self, shard: ParameterShard, total: float) -> float:
        """Add the penalty's gradient to that of a shard, and return the penalty of its weights."""
        return sum(add_l2(W.layer.W[W.inputs], W.dW, self._alpha, float(total)) for W in shard.parts)

    def _step(self, shard: ParameterShard) -> None:
        """Update a shard by its gradient."""
        rule, span = self._rule, shard.span
        if rule is None:
            self.optimizer.apply(shard.params, shard.grads, span, shard.scratch)
            return
        for part, factor in within(self.optimizer.rate_spans, span):
            state = [each[part] if len(each) else each for each in rule.state]
            w, g, rate = shard.params[part], shard.grads[part], self._learning_rate * factor
            optimizers.update(rule.kind, w, g, rate, self.optimizer.t, rule.hyper, *state)

    def _make_deformer(self, augmentation: Augmentation) -> Deformer:
        """Return a thread's deformer of the inputs, which reads between pixels by a loop if it can be told to."""
        deformer = super()._make_deformer(augmentation)
        if isinstance(deformer, ImageDeformer) and self.network.dtype.char in DTYPES:
            deformer.read_by(input_loops.warp)
        return deformer

    def _make_layout(self, n: int) -> BatchLayout:
        """Divide a batch of ``n`` samples among the threads, and store how."""
        if self._program is None:
            return super()._make_layout(n)
        self._reserve(n)
        size, network = self.workers.size, self.network
        samples = [shard_slice(n, k, size) for k in range(size)]
        passes: list[Any] = [
            CompiledPass(self._program, network.params, self._space, self._capacity, own, rng)
            for own, rng in zip(samples, self._rngs, strict=True)
        ]
        self._layouts[n] = layout = BatchLayout([], samples, passes)
        return layout

    def _reserve(self, n: int) -> None:
        """Make the arrays for a batch of ``n`` samples, where there are none yet for as many."""
        if self._program is not None and n > self._capacity:
            n_spaces = min(self.workers.size, 2)  # several threads may work on two batches at a time
            self._spaces, self._capacity = np.empty((n_spaces, n * self._program.width), self.network.dtype), n
            self._space = self._spaces[0]
            self._layouts.clear()


def _table(program: Program, shard: ParameterShard) -> Array:
    """Return the parts of a shard as compiled loops read them."""
    rows = [
        (program.lines[part.place], part.inputs.start, part.inputs.stop, int(part.db is not None))
        for part in shard.parts
    ]
    rows += [(program.lines[part.place], 0, 1, 0) for part in shard.scales]
    return np.array(rows, np.int64).reshape(-1, 4)


def _factors(program: Program, parts: Array, spans: Sequence[Span]) -> Array:
    """Return what the learning rate is multiplied by for the W, or s, and the b of each part."""
    places = program.table[parts[:, 0]][:, [loops.W, loops.B]]
    factors = np.ones((len(parts), 2))
    for span, factor in spans:
        factors[(span.start <= places) & (places < span.stop)] = factor
    return factors


def _grouped(
    batches: Iterable[tuple[Rows, float]], n_samples: int, at_once: int
) -> Iterable[tuple[list[Rows], list[float], list[int]]]:
    """Yield rows, learning rates and sizes of batches that one call takes together."""
    every: list[Rows] = []
    rates: list[float] = []
    sizes: list[int] = []
    total = 0
    for rows, rate in batches:
        n = len(range(n_samples)[rows]) if isinstance(rows, slice) else len(rows)
        if every and (n > sizes[0] or sizes[-1] < sizes[0] or total + n > at_once):
            yield every, rates, sizes
            every, rates, sizes, total = [], [], [], 0
        total += n
        every.append(rows)
        rates.append(rate)
        sizes.append(n)
    if every:
        yield every, rates, sizes


def _numbers(rows: Rows, n_samples: int) -> Array:
    """Return the numbers of rows."""
    return np.arange(n_samples)[rows] if isinstance(rows, slice) else rows


def _joined(every: Sequence[Rows]) -> Rows:
    """Return the rows of several batches as one."""
    first, last = every[0], every[-1]
    if isinstance(first, slice) and isinstance(last, slice):
        return slice(first.start, last.stop)
    return np.concatenate([rows for rows in every if isinstance(rows, np.ndarray)])
