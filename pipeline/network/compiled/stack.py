"""A stack: networks of one shape that are trained together on the same samples, each as it would be alone.

They may differ in their first parameters, penalty, rule, learning rate and when they stop. As long as they take the
same batches, one call makes an update of all of them; see ``stack_loops``.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import MAX_COPIED, Rows, Samples
from pipeline.network.compiled import loops, stack_loops
from pipeline.network.compiled.columns import SplitColumns
from pipeline.network.compiled.program import Program, Rule
from pipeline.network.compiled.row_sums import padded
from pipeline.network.compiled.updater import CompiledUpdater

Array = NDArray[Any]
MAX_NETWORKS = 16
"""Networks that are trained at once, so that memory is bounded."""
BLOCK = 512
"""Columns that are multiplied at once: wider products are hardly faster, and leave the cache."""


class Stack:
    """Networks that are trained together.

    Parameters
    ----------
    updaters : sequence of CompiledUpdater
        Theirs, whose ``stack_key`` is the same.
    samples : Samples
        What they are trained on.
    split : SplitColumns
        The samples' inputs.
    """

    def __init__(self, updaters: Sequence[CompiledUpdater], samples: Samples, split: SplitColumns) -> None:
        self.updaters, self.samples = list(updaters), samples
        self._columns = split
        self._arranged: _SideBySide | None = None

    def updates(self, batches: Mapping[int, list[tuple[Rows, float]]]) -> None:
        """Make an update of some networks, by their numbers, with each of their batches.

        Those that take the same batches share the work.
        """
        left = {k: (_numbers(each, len(self.samples)), each) for k, each in batches.items() if each}
        while left:
            sizes, rows = next(iter(left.values()))[0]
            alike = [k for k, (own, _) in left.items() if own[0] == sizes and np.array_equal(own[1], rows)]
            rates = {k: [rate for _, rate in left.pop(k)[1]] for k in alike}
            arranged = self._arrange(alike)
            arranged.updates(self.samples, rows, sizes, np.array([rates[k] for k in arranged.numbers], np.float64))

    def release(self, k: int) -> None:
        """Give a network back the state of its rule, at the end of its training."""
        if self._arranged is not None and k in self._arranged.numbers:
            self._arranged.hand_back_states()
            self._arranged = None

    def _arrange(self, numbers: Sequence[int]) -> "_SideBySide":
        """Return some networks side by side, as they most often are already."""
        if self._arranged is None or set(self._arranged.numbers) != set(numbers):
            if self._arranged is not None:
                self._arranged.hand_back_states()
            self._arranged = _SideBySide({k: self.updaters[k] for k in numbers}, self._columns)
        return self._arranged


class _SideBySide:
    """Networks whose first layers are one wide matrix; their parameters are handed back after every call.

    Parameters
    ----------
    updaters : dict of CompiledUpdater
        The networks', by their numbers.
    split : SplitColumns
        What the order of the first layers' rows goes by.

    Attributes
    ----------
    numbers : list of int
        The networks in their order here: those with the same rule lie side by side.
    """

    def __init__(self, updaters: Mapping[int, CompiledUpdater], split: SplitColumns) -> None:
        self.numbers = sorted(updaters, key=lambda k: _rule_key(updaters[k]))
        self._updaters = [updaters[k] for k in self.numbers]
        self._columns = split
        self._rules = [_rule(updater) for updater in self._updaters]
        self._params = [updater.network.params for updater in self._updaters]
        self._program = _program(self._updaters[0])
        self._shape, dtype = tuple(self._program.table[0, [loops.N_IN, loops.N_OUT]]), self._params[0].dtype
        blocks, edges = _blocks([_rule_key(updater) for updater in self._updaters], self._shape[1])
        wide, rest = self._shape[0] * edges[-1], (len(updaters), len(self._params[0]) - self._shape[0] * self._shape[1])
        W, first, second = (np.zeros(wide, dtype) for _ in range(3))
        self._first = stack_loops.First(W, first, second, blocks, edges)
        self._rest = stack_loops.Rest(*(np.zeros(rest, dtype) for _ in range(3)))
        self._table = _table(self._program, self._updaters[0].parts[1:])
        self._space, self._capacity = np.empty(0, dtype), 0
        self._exchange(self._params, "params", into_stack=True)
        for k, name in enumerate(("first", "second")):
            self._exchange([rule.state[k] for rule in self._rules], name, into_stack=True)

    def hand_back_states(self) -> None:
        """Give the networks' rules their states."""
        for k, name in enumerate(("first", "second")):
            self._exchange([rule.state[k] for rule in self._rules], name, into_stack=False)

    def updates(self, samples: Samples, rows: Array, sizes: list[int], rates: Array) -> None:
        """Make updates with the same batches, in calls that a person can interrupt."""
        n_parameters = sum(len(params) for params in self._params)
        at_once, ends = max(1, self._updaters[0].at_once(n_parameters) // sizes[0]), np.cumsum([0, *sizes])
        for first in range(0, len(sizes), at_once):
            some = sizes[first : first + at_once]
            own = rows[ends[first] : ends[first + len(some)]]
            self._update_group(samples, own, some, rates[:, first : first + len(some)])
        self._exchange(self._params, "params", into_stack=False)

    def _update_group(self, samples: Samples, rows: Array, sizes: list[int], rates: Array) -> None:
        """Make updates with batches that are of one size, the last perhaps smaller."""
        n, dtype = len(rows), self._rest.params.dtype
        weight, counted, totals = self._updaters[0].batch_weights(samples, rows, sizes)
        stores = [updater.metrics.reserve(n, counted, n) for updater in self._updaters]
        samples.targets(rows, stores[0][1])
        for _, Y in stores[1:]:
            Y[:] = stores[0][1]
        if sizes[0] > self._capacity:
            self._capacity = sizes[0]
            self._space = np.empty(sizes[0] * self._program.width, dtype)
        P = np.empty((len(stores), *stores[0][0].shape), dtype)
        rules = stack_loops.Rules(
            np.array([rule.kind for rule in self._rules]),
            np.array([updater.alpha for updater in self._updaters]),
            np.array([updater.optimizer.t for updater in self._updaters]),
            np.array([rule.hyper for rule in self._rules]),
            np.array([updater.factors for updater in self._updaters]),
            np.ascontiguousarray(rates),
        )
        weight = np.empty(0, dtype) if weight is None else weight
        batches = stack_loops.Batches(rows, sizes[0], stores[0][1], weight, totals)
        state = self._first, self._rest, rules, batches, self._space, self._capacity, P
        penalties = stack_loops.updates(self._columns.columns, self._table, *state)
        for k, (updater, (store, _)) in enumerate(zip(self._updaters, stores, strict=True)):
            store[:] = P[k]
            updater.optimizer.t += len(sizes) - 1
            updater.optimizer.begin(float(rates[k, -1]))
            updater.add_penalty(float(penalties[k]))

    def _exchange(self, every: Sequence[Array], name: str, *, into_stack: bool) -> None:
        """Copy the networks' parameters, or what belongs to each of them, into the stack or back."""
        wide, flat = getattr(self._first, "W" if name == "params" else name), getattr(self._rest, name)
        order, (n_in, n_out), n_first = self._columns.order, self._shape, self._shape[0] * self._shape[1]
        blocks, edges = self._first.blocks, self._first.columns
        for k, values in enumerate(every):
            if not len(values):
                continue  # the rule has no such state
            block = np.searchsorted(blocks, k, side="right") - 1
            begin = (k - blocks[block]) * n_out
            matrix = wide[n_in * edges[block] : n_in * edges[block + 1]].reshape(n_in, -1)[:, begin : begin + n_out]
            first = values[:n_first].reshape(n_in, n_out)
            if into_stack:
                matrix[:] = first[order]
                flat[k] = values[n_first:]
            else:
                first[order] = matrix
                values[n_first:] = flat[k]


def _blocks(rules: Sequence[Any], width: int) -> tuple[Array, Array]:
    """Return the first network of each block, and its first column of all, and how many there are.

    A block has networks of one rule, and as many as fit in ``BLOCK``.
    """
    blocks = [0]
    for k in range(1, len(rules)):
        if (k + 1 - blocks[-1]) * width > BLOCK or rules[k] != rules[k - 1]:
            blocks.append(k)
    blocks.append(len(rules))
    return np.array(blocks), np.cumsum([0, *(padded((hi - lo) * width) for lo, hi in pairwise(blocks))])


def _table(program: Program, parts: Array) -> stack_loops.Table:
    """Return a program whose parameters are counted from the end of the first W."""
    lines, where = program.table.copy(), [loops.W, loops.B, loops.ADDED]
    places, n_first = lines[:, where], lines[0, loops.N_IN] * lines[0, loops.N_OUT]
    lines[:, where] = np.where(places < n_first, places, places - n_first)
    return stack_loops.Table(lines, program.rates, parts, program.loss, program.constants)


def stack_key(updater: Any, samples: Samples, batch_size: int) -> tuple[Any, ...] | None:
    """Return what networks must share to be trained as a stack on some samples; None for one that cannot be.

    Such a network is a program that begins with an affine layer and draws nothing, whose updates are compiled, and need
    a gradient: without one, it is faster alone.
    """
    if not isinstance(updater, CompiledUpdater) or not updater.stackable:
        return None
    program, network = updater.program, updater.network
    if len(samples) * network.n_in > MAX_COPIED or samples.take_sparse is not None:
        return None
    if program is None or program.drawing or program.table[0, loops.KIND] != loops.AFFINE:
        return None
    if loops.descends(batch_size, _rule(updater).kind, updater.alpha):
        return None
    shape = program.table.tobytes(), len(network.params), network.dtype.char
    return *shape, program.loss, program.constants.tobytes()


def _program(updater: CompiledUpdater) -> Program:
    """Return a network's program, which there is for a ``stack_key``."""
    if updater.program is None:
        raise ValueError("networks are only trained as a stack where all of it is compiled")
    return updater.program


def _rule(updater: CompiledUpdater) -> Rule:
    """Return a network's rule, the same."""
    if updater.rule is None:
        raise ValueError("networks are only trained as a stack where all of it is compiled")
    return updater.rule


def _rule_key(updater: CompiledUpdater) -> tuple[int, bytes, int]:
    """Return what networks have in common that are updated at once."""
    rule = _rule(updater)
    return rule.kind, rule.hyper.tobytes(), updater.optimizer.t


def _numbers(batches: list[tuple[Rows, float]], n_samples: int) -> tuple[list[int], Array]:
    """Return the sizes of some batches, and the numbers of their rows, one batch after the other."""
    rows = [np.arange(n_samples)[each] if isinstance(each, slice) else each for each, _ in batches]
    return [len(each) for each in rows], np.concatenate(rows)
