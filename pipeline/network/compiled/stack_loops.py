"""Networks of one shape trained on the same batches, which are gathered and sorted once for all of them.

Their first layers, which have most of the weights, lie side by side as one wide matrix: its products are faster than
those of each, and so are sums of its rows.
"""

from typing import Any, NamedTuple

import numpy as np

from pipeline.network.compiled import loops, optimizers
from pipeline.network.compiled.columns import multiply
from pipeline.network.compiled.gemm import transposed_times
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.layers import column_sums
from pipeline.network.compiled.loops import copy, forward_backward, update
from pipeline.network.compiled.row_sums import BYTES, sum_rows
from pipeline.network.compiled.rows import matrix, prefetch, row

ROWS = 64
"""Rows of the first W whose gradient is made at once, where the samples' numbers are mostly 0."""
AHEAD = 8
"""Samples whose numbers are on their way from memory while one is read."""
TILE = 1600
"""Numbers of the first W, whole rows, that are updated at once, so that what they are updated by stays in a cache."""


class Table(NamedTuple):
    """The networks' program.

    Attributes
    ----------
    lines, rates : ndarray of shape (n_lines, 11), (n_lines,)
        See ``loops``. Parameters are counted from the end of the first W.
    parts : ndarray of shape (n_parts, 4)
        What ``loops.update`` updates, all layers but the first.
    loss : int
        Which loss; ``constants`` are its own numbers.
    """

    lines: Any
    rates: Any
    parts: Any
    loss: int
    constants: Any


class First(NamedTuple):
    """The first layers' W side by side, as blocks that are multiplied at once, and the states of their rules.

    Attributes
    ----------
    W, first, second : ndarray of shape (n_in * n_columns,)
        Block after block, each of shape (n_in, its columns). The rows are in the order of the samples' columns: dense
        ones, sparse ones, and those that are 0 everywhere.
    blocks : ndarray of shape (n_blocks + 1,)
        The network that each block begins with. Those of a block have the same rule.
    columns : ndarray of shape (n_blocks + 1,)
        The column that each block begins at. The last ones of a block belong to no network.
    """

    W: Any
    first: Any
    second: Any
    blocks: Any
    columns: Any


class Rest(NamedTuple):
    """All other parameters of the networks, and the states of their rules, each of shape (n_networks, n_parameters)."""

    params: Any
    first: Any
    second: Any


class Rules(NamedTuple):
    """How each network learns.

    Attributes
    ----------
    kinds, alphas, t : ndarray of shape (n_networks,)
        Its rule, the strength of its penalty, and its updates so far.
    hyper : ndarray of shape (n_networks, 4)
        The constants of its rule.
    factors : ndarray of shape (n_networks, n_parts + 1, 2)
        What the learning rate is multiplied by for W and b of the first layer, and those of the parts.
    learning_rates : ndarray of shape (n_networks, n_batches)
        The rate of each update.
    """

    kinds: Any
    alphas: Any
    t: Any
    hyper: Any
    factors: Any
    learning_rates: Any


class Batches(NamedTuple):
    """What is trained on.

    Attributes
    ----------
    rows : ndarray of int64
        The samples of all batches.
    size : int
        Samples in every batch, the last perhaps having fewer.
    targets, weight, totals : ndarray
        As for ``loops.updates``.
    """

    rows: Any
    size: int
    targets: Any
    weight: Any
    totals: Any


@compiled
def _most(indptr: Any, rows: Any, size: int) -> Any:
    """Return how many numbers are not 0 in the batch that has the most."""
    most: Any = np.int64(0)
    for start in range(0, len(rows), size):
        n = np.int64(0)
        for i in rows[start : start + size]:
            n += indptr[i + 1] - indptr[i]
        most = max(most, n)
    return most


@compiled
def _gather(columns: Any, rows: Any, X: Any, values: Any, places: Any, starts: Any) -> None:
    """Leave the dense columns of some samples in X, and what is not 0 in the others in ``values``, sample by sample.

    ``places`` are the columns, and those of sample i begin at ``starts[i]``. Meanwhile the processor fetches the next
    ones, which it could not know.
    """
    data, indices, indptr = columns.data, columns.indices, columns.indptr
    line, at = BYTES // X.itemsize, np.int64(0)
    starts[0] = 0
    for i in range(rows.size):
        if i + AHEAD < rows.size:
            later = rows[i + AHEAD]
            numbers = row(columns.dense, later)
            for k in range(0, numbers.size, line):
                prefetch(numbers, k)
            for k in range(indptr[later], indptr[later + 1], line):
                prefetch(data, k)
                prefetch(indices, k)
        source, x = row(columns.dense, rows[i]), row(X, i)
        for k in range(X.shape[1]):
            x[k] = source[k]
        for k in range(indptr[rows[i]], indptr[rows[i] + 1]):
            values[at], places[at] = data[k], indices[k]
            at += 1
        starts[i + 1] = at


@compiled
def _transpose(values: Any, places: Any, starts: Any, n: int, by_column: Any, samples: Any, column_starts: Any) -> None:
    """Sort the numbers of n samples, as ``_gather`` leaves them, by their columns.

    They are left in ``by_column``, their samples in ``samples``; those of column k begin at ``column_starts[k]``.
    """
    for k in range(column_starts.size):
        column_starts[k] = 0
    for at in range(starts[n]):
        column_starts[places[at] + 1] += 1
    for k in range(column_starts.size - 1):
        column_starts[k + 1] += column_starts[k]
    for i in range(n):
        for at in range(starts[i], starts[i + 1]):
            k = places[at]
            by_column[column_starts[k]], samples[column_starts[k]] = values[at], i
            column_starts[k] += 1
    for k in range(column_starts.size - 1, 0, -1):
        column_starts[k] = column_starts[k - 1]
    column_starts[0] = 0


@compiled
def _coefficients(rules: Any, lo: int, hi: int, j: int, total: float, n_out: int, width: int, tile: Any) -> Any:
    """Leave what ``_update_rows`` takes for update ``j`` in ``tile``, row by row as far as it goes.

    It has four lines: what L2 multiplies by, sums of squares, eta and decay. Epsilon is returned.
    """
    dtype, epsilon = tile.dtype.type, 0.0
    for m in range(lo, hi):
        rate, step = rules.learning_rates[m, j] * rules.factors[m, 0, 0], rules.t[m] + j + 1
        eta, decay, epsilon = optimizers.coefficients(rules.kinds[m], rate, step, rules.hyper[m])
        values = rules.alphas[m] / total, 0.0, eta, decay
        for k in range(4):
            value = dtype(values[k])
            for start in range((m - lo) * n_out, tile.shape[1], width):
                for at in range(start, start + n_out):
                    tile[k, at] = value
    return dtype(epsilon)


@compiled
def _update_rows(
    first: Any, rules: Any, b: int, n_in: int, width: int, begin: int, end: int, G: Any, tile: Any, epsilon: Any
) -> None:
    """Update some rows of the W of a block's networks, whose gradient is G, by their rule."""
    m, at, size = first.blocks[b], n_in * first.columns[b] + begin * width, (end - begin) * width
    scale, squares, eta, decay = row(tile, 0), row(tile, 1), row(tile, 2), row(tile, 3)
    for start in range(0, size, tile.shape[1]):
        n = min(tile.shape[1], size - start)
        own = slice(at + start, at + start + n)
        penalty = scale[:n], squares[:n]
        optimizers.apply(
            rules.kinds[m],
            first.W[own],
            G[start : start + n],
            penalty,
            eta[:n],
            decay[:n],
            epsilon,
            rules.hyper[m],
            first.first[own],
            first.second[own],
        )


@compiled
def updates(
    columns: Any, table: Any, first: Any, rest: Any, rules: Any, batches: Any, space: Any, capacity: int, P: Any
) -> Any:
    """Make one update after the other of the networks of a stack, and return their penalties.

    Parameters
    ----------
    columns : Columns
        The samples.
    table : Table
        The networks' program, whose first layer is affine.
    first : First
        The first layers' W.
    rest : Rest
        The other parameters.
    rules : Rules
        How each learns. Networks of a block have made as many updates as each other.
    batches : Batches
        What is trained on.
    space, capacity
        The workspace of one network at a time; see ``loops.forward_backward``.
    P : ndarray of shape (n_networks, n_samples, n_out)
        Where the predictions are left.

    Returns
    -------
    ndarray of shape (n_networks,)
        The sums of their penalties, each times the samples of its batch.
    """
    op, size, n_networks = table.lines[0], batches.size, len(rules.kinds)
    dtype, n_dense, n_in, n_out = P.dtype, columns.dense.shape[1], op[loops.N_IN], op[loops.N_OUT]
    zero, widest, most = np.int64(0), np.int64(0), _most(columns.indptr, batches.rows, size)
    for b in range(len(first.blocks) - 1):
        widest = max(widest, first.columns[b + 1] - first.columns[b])
    uniform, none, inputs = np.empty(0, np.float32), np.empty(0, dtype), np.empty((size, n_in), dtype)  # nothing reads
    X, values, places, starts = (
        np.empty((size, n_dense), dtype),
        np.empty(most, dtype),
        np.empty(most, np.int32),
        np.empty(size + 1, np.int64),
    )
    by_column, samples = np.empty(most, dtype), np.empty(most, np.int32)
    column_starts = np.empty(n_in - n_dense + 1, np.int64)
    products, G = np.zeros(size * widest, dtype), np.zeros(max(n_dense, ROWS) * widest, dtype)
    g, penalties = np.empty(rest.params.shape[1], dtype), np.zeros(n_networks)
    for j in range(rules.learning_rates.shape[1]):
        own = batches.rows[j * size : (j + 1) * size]
        n, some, total = len(own), slice(j * size, j * size + len(own)), batches.totals[j]
        _gather(columns, own, X, values, places, starts)
        _transpose(values, places, starts, n, by_column, samples, column_starts)
        for b in range(len(first.blocks) - 1):
            lo, hi, width = first.blocks[b], first.blocks[b + 1], first.columns[b + 1] - first.columns[b]
            used = (hi - lo) * n_out
            W, Z = matrix(first.W, n_in * first.columns[b], n_in, width), matrix(products, zero, n, width)
            multiply(X[:n], values, places, starts, zero, W, used, Z)
            for m in range(lo, hi):
                w, m_1, m_2 = row(rest.params, m), row(rest.first, m), row(rest.second, m)
                rate, step = rules.learning_rates[m, j], rules.t[m] + j + 1
                own_Z = Z[:, (m - lo) * n_out : (m - lo + 1) * n_out]
                copy(own_Z, matrix(space, capacity * op[loops.Y], n, n_out))
                forward_backward(
                    table.lines,
                    table.rates,
                    w,
                    space,
                    capacity,
                    inputs,
                    zero,
                    n,
                    zero,
                    n_in,
                    uniform,
                    none,
                    table.loss,
                    table.constants,
                    batches.targets[some],
                    batches.weight[some],
                    total,
                    P[m, some],
                )
                penalty = update(
                    table.lines,
                    table.parts,
                    rules.factors[m, 1:],
                    w,
                    g,
                    zero,
                    g.size,
                    space,
                    capacity,
                    inputs[:n],
                    zero,
                    zero,
                    rules.alphas[m],
                    total,
                    rules.kinds[m],
                    rate,
                    step,
                    rules.hyper[m],
                    m_1,
                    m_2,
                )
                penalties[m] += n * penalty
                dZ = matrix(space, capacity * op[loops.DY], n, n_out)
                if op[loops.B] >= 0:
                    bias, db = slice(op[loops.B], op[loops.B] + n_out), g[:n_out]
                    column_sums(dZ, db)
                    rate *= rules.factors[m, 0, 1]
                    optimizers.update(rules.kinds[m], w[bias], db, rate, step, rules.hyper[m], m_1[bias], m_2[bias])
                copy(dZ, own_Z)
            tile = np.zeros((4, max(TILE // width, 1) * width), dtype)
            epsilon = _coefficients(rules, lo, hi, j, total, n_out, width, tile)
            if n_dense > 0:
                transposed_times(X[:n], Z[:, :used], matrix(G, zero, n_dense, width)[:, :used])
                _update_rows(first, rules, b, n_in, width, zero, n_dense, G, tile, epsilon)
            for begin in range(n_dense, n_in, ROWS):
                end = min(begin + ROWS, n_in)
                dW = matrix(G, zero, end - begin, width)
                sum_rows(by_column, samples, column_starts, begin - n_dense, Z, zero, dW)
                _update_rows(first, rules, b, n_in, width, begin, end, G, tile, epsilon)
            for m in range(lo, hi):
                squares: Any = 0.0
                for start in range((m - lo) * n_out, tile.shape[1], width):
                    for at in range(start, start + n_out):
                        squares += tile[1, at]
                penalties[m] += n * (0.5 * rules.alphas[m] * squares / total)
    return penalties
