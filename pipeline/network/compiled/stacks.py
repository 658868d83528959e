"""Networks of one shape trained on the same batches, which are gathered and sorted once for all of them.

The first layer, which has most of the weights, multiplies only the columns that often are not 0 as they are. Those that
mostly are 0, as an image's frame, are multiplied number by number, and those that always are not at all.
"""

from typing import Any

import numpy as np

from pipeline.network.compiled import loops, optimizers
from pipeline.network.compiled.gemm import add_times, transposed_times
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.layers import column_sums
from pipeline.network.compiled.loops import forward_backward, update
from pipeline.network.compiled.parameters import add_l2
from pipeline.network.compiled.row_sums import BYTES, sum_rows
from pipeline.network.compiled.rows import matrix, row

BLOCK = 128
"""Rows of the first W whose gradient is made at once, where the samples' numbers are mostly 0."""


@compiled
def count_nonzero(X: Any, columns: Any, counts: Any) -> None:
    """Leave in ``counts``, of length n_samples, how many numbers of some columns of each sample are not 0."""
    zero = X.dtype.type(0)
    for i in range(X.shape[0]):
        n = 0
        for k in range(columns.size):
            n += X[i, columns[k]] != zero
        counts[i] = n


@compiled
def compress(X: Any, columns: Any, start: int, data: Any, indices: Any) -> None:
    """Leave what is not 0 in some columns of X in ``data``, from ``start`` on, and its places among them beside it."""
    zero, at = X.dtype.type(0), start
    for i in range(X.shape[0]):
        for k in range(columns.size):
            x = X[i, columns[k]]
            if x != zero:
                data[at], indices[at] = x, k
                at += 1


@compiled
def _sum_rows(values: Any, numbers: Any, begin: int, end: int, M: Any, first: int, y: Any) -> None:
    """Leave the sum of rows of M, which are ``numbers[begin:end]`` counted from ``first``, times their values in y."""
    width = y.size
    if width * y.itemsize >= BYTES:
        sum_rows(values, numbers, begin, end, M, first, y)
        return
    for j in range(width):
        y[j] = 0
    for at in range(begin, end):
        a, p = values[at], row(M, first + numbers[at])
        for j in range(width):
            y[j] += a * p[j]


@compiled
def _count_values(indptr: Any, rows: Any) -> Any:
    """Return how many numbers of some rows are not 0."""
    n = np.int64(0)
    for i in rows:
        n += indptr[i + 1] - indptr[i]
    return n


@compiled
def _transpose(data: Any, indices: Any, indptr: Any, rows: Any, starts: Any, values: Any, numbers: Any) -> None:
    """Sort what is not 0 in some rows by its column: ``values`` and, in ``numbers``, its place among the rows.

    Those of column k begin at ``starts[k]``.
    """
    n = starts.size - 1
    for k in range(n + 1):
        starts[k] = 0
    for i in range(rows.size):
        for at in range(indptr[rows[i]], indptr[rows[i] + 1]):
            starts[indices[at] + 1] += 1
    for k in range(n):
        starts[k + 1] += starts[k]
    for i in range(rows.size):
        for at in range(indptr[rows[i]], indptr[rows[i] + 1]):
            k = indices[at]
            values[starts[k]], numbers[starts[k]] = data[at], i
            starts[k] += 1
    for k in range(n, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0


@compiled
def _gather(dense: Any, rows: Any, X: Any) -> None:
    """Leave some rows in X."""
    for i in range(rows.size):
        source, x = row(dense, rows[i]), row(X, i)
        for k in range(X.shape[1]):
            x[k] = source[k]


@compiled
def _first_product(X: Any, data: Any, indices: Any, indptr: Any, rows: Any, weights: Any, Z: Any) -> None:
    """Leave the product of some samples, whose dense columns are X, with the first W in Z."""
    n_dense = X.shape[1]
    for i in range(rows.size):
        _sum_rows(data, indices, indptr[rows[i]], indptr[rows[i] + 1], weights, n_dense, row(Z, i))
    if n_dense > 0:
        add_times(X, weights[:n_dense], Z)


@compiled
def _first_gradient(X: Any, values: Any, numbers: Any, starts: Any, dZ: Any, begin: int, out: Any) -> None:
    """Leave rows of the first W's gradient, from row ``begin`` on, in ``out``: those of X's columns, or others."""
    n_dense, zero = X.shape[1], np.int64(0)
    if begin < n_dense:
        transposed_times(X, dZ, out)
        return
    for k in range(out.shape[0]):
        column = begin + k - n_dense
        known = column + 1 < starts.size
        start, end = (starts[column], starts[column + 1]) if known else (zero, zero)
        _sum_rows(values, numbers, start, end, dZ, zero, row(out, k))


@compiled
def updates(
    program: Any,
    rates: Any,
    parts: Any,
    factors: Any,
    live: Any,
    params: Any,
    g: Any,
    space: Any,
    capacity: int,
    dense: Any,
    data: Any,
    indices: Any,
    indptr: Any,
    n_sparse: int,
    rows: Any,
    batch_size: int,
    loss: int,
    constants: Any,
    targets: Any,
    weight: Any,
    totals: Any,
    P: Any,
    alphas: Any,
    rules: Any,
    learning_rates: Any,
    t: Any,
    hyper: Any,
    first: Any,
    second: Any,
    penalties: Any,
) -> None:
    """Make one update after the other of some networks of a stack.

    The rows of the first W are in the order of the samples' columns: those of ``dense``, those of ``data``, and those
    that are 0 everywhere.

    Parameters
    ----------
    program, rates, space, capacity, loss, constants
        The networks', whose first layer is affine; see ``loops.forward_backward``.
    parts : ndarray of shape (n_parts, 4), int64
        What ``loops.update`` updates: all layers but the first.
    factors : ndarray of shape (n_networks, n_parts + 1, 2)
        What the learning rate is multiplied by for W and b of the first layer, and for those of the parts.
    live : ndarray of int64
        The networks that are trained.
    params, first, second : ndarray of shape (n_networks, n_parameters)
        The networks' parameters, and the states of their rules.
    g : ndarray of shape (n_parameters,)
        Where a gradient is left meanwhile.
    dense : ndarray of shape (n_samples, n_dense)
        The samples' columns that are multiplied as they are.
    data, indices, indptr
        ``n_sparse`` others, in CSR format.
    rows : ndarray of int64
        The samples of all batches.
    targets, weight, totals
        As for ``loops.updates``.
    P : ndarray of shape (n_networks, n_samples, n_out)
        Where the predictions are left.
    alphas, rules, t, penalties : ndarray of shape (n_networks,)
        Each one's own; penalties are added to.
    learning_rates : ndarray of shape (n_networks, n_batches)
        The rate of each at each update.
    hyper : ndarray of shape (n_networks, 4)
        The constants of the rules.
    """
    op, dtype, n_dense, zero = program[0], params.dtype, dense.shape[1], np.int64(0)
    width, n_in = op[loops.N_OUT], op[loops.N_IN]
    most: Any = zero
    for start in range(0, len(rows), batch_size):
        most = max(most, _count_values(indptr, rows[start : start + batch_size]))
    uniform, none = np.empty(0, np.float32), np.empty(0, dtype)
    X, inputs = np.empty((batch_size, n_dense), dtype), np.empty((batch_size, n_in), dtype)  # which nothing reads
    starts, values, numbers = np.empty(n_sparse + 1, np.int64), np.empty(most, dtype), np.empty(most, np.int32)
    for j in range(learning_rates.shape[1]):
        own = rows[j * batch_size : (j + 1) * batch_size]
        n, some = len(own), slice(j * batch_size, j * batch_size + len(own))
        _gather(dense, own, X)
        _transpose(data, indices, indptr, own, starts, values, numbers)
        for m in live:
            total, rate, step = totals[j], learning_rates[m, j], t[m] + j + 1
            w, m_1, m_2 = params[m], first[m], second[m]
            weights = matrix(w, op[loops.W], n_in, width)
            Z = matrix(space, capacity * op[loops.Y], n, width)
            _first_product(X[:n], data, indices, indptr, own, weights, Z)
            forward_backward(
                program,
                rates,
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
                loss,
                constants,
                targets[some],
                weight[some],
                total,
                P[m, some],
            )
            penalty = update(
                program,
                parts,
                factors[m, 1:],
                w,
                g,
                zero,
                g.size,
                space,
                capacity,
                inputs[:n],
                zero,
                zero,
                alphas[m],
                total,
                rules[m],
                rate,
                step,
                hyper[m],
                m_1,
                m_2,
            )
            dZ = matrix(space, capacity * op[loops.DY], n, width)
            begin: Any = zero
            while begin < n_in:
                end = n_dense if begin < n_dense else min(begin + BLOCK, n_in)
                dW = matrix(g, 0, end - begin, width)
                _first_gradient(X[:n], values, numbers, starts, dZ, begin, dW)
                if alphas[m] != 0:
                    penalty += add_l2(weights[begin:end], dW, alphas[m], total)
                at = slice(op[loops.W] + begin * width, op[loops.W] + end * width)
                optimizers.update(
                    rules[m], w[at], g[: dW.size], rate * factors[m, 0, 0], step, hyper[m], m_1[at], m_2[at]
                )
                begin = end
            if op[loops.B] >= 0:
                at = slice(op[loops.B], op[loops.B] + width)
                column_sums(dZ, g[:width])
                optimizers.update(rules[m], w[at], g[:width], rate * factors[m, 0, 1], step, hyper[m], m_1[at], m_2[at])
            penalties[m] += n * penalty
