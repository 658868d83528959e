"""A stack: networks of one shape that are trained together on the same samples, each as it would be alone.

They may differ in their first parameters, penalty, rule, learning rate and when they stop. As long as they take the
same batches, one call makes an update of all of them; see ``stacks``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Rows, Samples, chunk_size
from pipeline.network.compiled import loops, stacks
from pipeline.network.compiled.program import Program, Rule
from pipeline.network.compiled.updater import CompiledUpdater

Array = NDArray[Any]
DENSE = 0.25
"""The fraction of a column's numbers that are not 0, from which on BLAS multiplies it faster."""
MAX_NETWORKS = 16
"""Networks that are trained at once, so that memory is bounded."""
MAX_INPUTS = 2**27
"""Numbers of the samples, which are copied, beyond which networks are trained one by one."""


class SplitColumns:
    """Inputs with their columns sorted: those multiplied as they are, those that are mostly 0, those that always are.

    Parameters
    ----------
    samples : Samples
        What is trained on.
    n_in : int
        Its columns.

    Attributes
    ----------
    order : ndarray of shape (n_in,)
        The columns in their new order.
    dense : ndarray of shape (n_samples, n_dense)
        The first of them.
    data, indices, indptr : ndarray
        The ``n_sparse`` next, in CSR format.
    """

    def __init__(self, samples: Samples, n_in: int) -> None:
        n, dtype, every = len(samples), samples.Y.dtype, np.arange(n_in)
        counts = np.zeros(n_in, np.int64)
        for _, X in _chunks(samples, n_in):
            counts += np.count_nonzero(X, axis=0)
        dense, sparse = counts > DENSE * n, (counts > 0) & (counts <= DENSE * n)
        self.order = np.concatenate([every[dense], every[sparse], every[counts == 0]])
        dense_columns, columns = every[dense], np.ascontiguousarray(every[sparse])
        self.n_sparse = len(columns)
        self.dense = np.empty((n, len(dense_columns)), dtype)
        self.indptr = np.zeros(n + 1, np.int64)
        self.data, self.indices = np.empty(counts[sparse].sum(), dtype), np.empty(counts[sparse].sum(), np.int32)
        for rows, X in _chunks(samples, n_in):
            np.take(X, dense_columns, axis=1, out=self.dense[rows], mode="clip")
            begin = self.indptr[rows.start]
            stacks.count_nonzero(X, columns, sizes := np.empty(len(X), np.int64))
            self.indptr[rows.start + 1 : rows.stop + 1] = begin + np.cumsum(sizes)
            stacks.compress(X, columns, begin, self.data, self.indices)


def _chunks(samples: Samples, n_in: int) -> Any:
    """Yield rows and inputs of all samples, in chunks that fit in memory."""
    size = chunk_size(n_in)
    for start in range(0, len(samples), size):
        rows = slice(start, min(start + size, len(samples)))
        X = samples.inputs(rows)
        yield rows, np.ascontiguousarray(X)


class Stack:
    """Networks that are trained together.

    Parameters
    ----------
    updaters : sequence of CompiledUpdater
        Theirs, whose ``stack_key`` is the same.
    samples : Samples
        What they are trained on.
    columns : SplitColumns
        The samples' inputs.
    """

    def __init__(self, updaters: Sequence[CompiledUpdater], samples: Samples, columns: SplitColumns) -> None:
        self.updaters, self.samples = list(updaters), samples
        network = updaters[0].network
        self._program, _ = _compiled(updaters[0])
        self._columns = columns
        self._n_first = network.n_in * int(self._program.table[0, loops.N_OUT])
        shape = len(updaters), len(network.params)
        self._params, self._first, self._second = (np.zeros(shape, network.dtype) for _ in range(3))
        self._g = np.empty(len(network.params), network.dtype)
        self._hyper = np.array([_compiled(updater)[1].hyper for updater in updaters])
        self._rules = np.array([_compiled(updater)[1].kind for updater in updaters])
        self._alphas = np.array([updater.alpha for updater in updaters])
        self._factors = np.array([updater.factors for updater in updaters])
        self._parts = updaters[0].parts[1:]
        self._space, self._capacity = np.empty(0, network.dtype), 0
        for k, updater in enumerate(updaters):
            self._exchange_states(k, updater, into_stack=True)

    def updates(self, batches: Mapping[int, list[tuple[Rows, float]]]) -> None:
        """Make an update of some networks, by their numbers, with each of their batches.

        Those that take the same batches share the work.
        """
        left = {k: (_numbers(each, len(self.samples)), each) for k, each in batches.items() if each}
        while left:
            sizes, rows = next(iter(left.values()))[0]
            alike = [k for k, (own, _) in left.items() if own[0] == sizes and np.array_equal(own[1], rows)]
            self._update(np.array(alike), rows, sizes, [[rate for _, rate in left.pop(k)[1]] for k in alike])

    def release(self, k: int) -> None:
        """Give a network back the state of its rule, at the end of its training."""
        self._exchange_states(k, self.updaters[k], into_stack=False)

    def _update(self, live: Array, rows: Array, sizes: list[int], rates: list[list[float]]) -> None:
        """Make updates of some networks with the same batches, in calls that a person can interrupt."""
        for k in live:
            self._to_stack(self.updaters[k].network.params, self._params[k])
        at_once = max(1, self.updaters[0].at_once(len(live)) // sizes[0])
        learning_rates, ends = np.array(rates, np.float64), np.cumsum([0, *sizes])
        for first in range(0, len(sizes), at_once):
            some = sizes[first : first + at_once]
            own = rows[ends[first] : ends[first + len(some)]]
            self._update_group(live, own, some, learning_rates[:, first : first + len(some)])
        for k in live:
            self._from_stack(self._params[k], self.updaters[k].network.params)

    def _update_group(self, live: Array, rows: Array, sizes: list[int], rates: Array) -> None:
        """Make updates with batches that are of one size, the last perhaps smaller."""
        n, members = len(rows), [self.updaters[k] for k in live]
        weight, counted, totals = members[0].batch_weights(self.samples, rows, sizes)
        stores = [updater.metrics.reserve(n, counted, n) for updater in members]
        self.samples.targets(rows, stores[0][1])
        for _, Y in stores[1:]:
            Y[:] = stores[0][1]
        if sizes[0] > self._capacity:
            self._capacity = sizes[0]
            self._space = np.empty(sizes[0] * self._program.width, self._params.dtype)
        columns, program = self._columns, self._program
        P = np.empty((len(self.updaters), n, stores[0][0].shape[1]), self._params.dtype)
        learning_rates = np.zeros((len(self.updaters), len(sizes)))
        learning_rates[live] = rates
        penalties = np.zeros(len(self.updaters))
        stacks.updates(
            program.table,
            program.rates,
            self._parts,
            self._factors,
            live,
            self._params,
            self._g,
            self._space,
            self._capacity,
            columns.dense,
            columns.data,
            columns.indices,
            columns.indptr,
            columns.n_sparse,
            rows,
            sizes[0],
            program.loss,
            program.constants,
            stores[0][1],
            np.empty(0, self._params.dtype) if weight is None else weight,
            totals,
            P,
            self._alphas,
            self._rules,
            learning_rates,
            np.array([updater.optimizer.t for updater in self.updaters]),
            self._hyper,
            self._first,
            self._second,
            penalties,
        )
        for k, updater, (store, _), own in zip(live, members, stores, rates, strict=True):
            store[:] = P[k]
            updater.optimizer.t += len(sizes) - 1
            updater.optimizer.begin(float(own[-1]))
            updater.add_penalty(float(penalties[k]))

    def _to_stack(self, values: Array, out: Array) -> None:
        """Copy a network's parameters, or what belongs to each of them, with the rows of the first W in their order."""
        shape, n_first = (len(self._columns.order), -1), self._n_first
        out[n_first:] = values[n_first:]
        np.take(values[:n_first].reshape(shape), self._columns.order, 0, out[:n_first].reshape(shape), mode="clip")

    def _from_stack(self, values: Array, out: Array) -> None:
        """Copy them back."""
        shape, n_first = (len(self._columns.order), -1), self._n_first
        out[n_first:] = values[n_first:]
        out[:n_first].reshape(shape)[self._columns.order] = values[:n_first].reshape(shape)

    def _exchange_states(self, k: int, updater: CompiledUpdater, *, into_stack: bool) -> None:
        """Copy the state of a network's rule into the stack, or back."""
        for own, theirs in zip((self._first[k], self._second[k]), _compiled(updater)[1].state, strict=True):
            if len(theirs):
                (self._to_stack if into_stack else self._from_stack)(*((theirs, own) if into_stack else (own, theirs)))


def stack_key(updater: Any, samples: Samples) -> tuple[Any, ...] | None:
    """Return what networks must share to be trained as a stack on some samples; None for one that cannot be.

    Such a network is a program that begins with an affine layer and draws nothing, whose updates are compiled.
    """
    if not isinstance(updater, CompiledUpdater) or not updater.stackable:
        return None
    program, network = updater.program, updater.network
    if len(samples) * network.n_in > MAX_INPUTS or samples.take_sparse is not None:
        return None
    if program is None or program.drawing or program.table[0, loops.KIND] != loops.AFFINE:
        return None
    shape = program.table.tobytes(), len(network.params), network.dtype.char
    return *shape, program.loss, program.constants.tobytes()


def _compiled(updater: CompiledUpdater) -> tuple[Program, Rule]:
    """Return a network's program and its rule, which there are for a ``stack_key``."""
    program, rule = updater.program, updater.rule
    if program is None or rule is None:
        raise ValueError("networks are only trained as a stack where all of it is compiled")
    return program, rule


def _numbers(batches: list[tuple[Rows, float]], n_samples: int) -> tuple[list[int], Array]:
    """Return the sizes of some batches, and the numbers of their rows, one batch after the other."""
    rows = [np.arange(n_samples)[each] if isinstance(each, slice) else each for each, _ in batches]
    return [len(each) for each in rows], np.concatenate(rows)
