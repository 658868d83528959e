"""Networks of one shape trained on the same batches, their first layers side by side as one matrix.

One product multiplies a batch by the first W of all of them. Its columns that are mostly 0 are left out of that, and
multiplied number by number; most of an image's frame is so. The layers after the first are each network's own.
"""

from typing import Any

import numpy as np

from pipeline.network.compiled import loops, optimizers
from pipeline.network.compiled.gemm import times, transposed_times
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.layers import column_sums
from pipeline.network.compiled.loops import forward_backward, update
from pipeline.network.compiled.parameters import add_l2
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
def _add_rows(values: Any, numbers: Any, begin: int, end: int, M: Any, first: int, y: Any) -> None:
    """Add rows of M, which are ``numbers[begin:end]`` counted from row ``first``, to y, each times its value.

    Eight rows at a time, so that y is read and written less often.
    """
    width, at = y.size, begin
    while at + 8 <= end:
        a, b, c, d = values[at], values[at + 1], values[at + 2], values[at + 3]
        e, f, g, h = values[at + 4], values[at + 5], values[at + 6], values[at + 7]
        p, q = row(M, first + numbers[at]), row(M, first + numbers[at + 1])
        r, s = row(M, first + numbers[at + 2]), row(M, first + numbers[at + 3])
        t, u = row(M, first + numbers[at + 4]), row(M, first + numbers[at + 5])
        v, w = row(M, first + numbers[at + 6]), row(M, first + numbers[at + 7])
        for j in range(width):
            y[j] += ((a * p[j] + b * q[j]) + (c * r[j] + d * s[j])) + ((e * t[j] + f * u[j]) + (g * v[j] + h * w[j]))
        at += 8
    while at < end:
        a, p = values[at], row(M, first + numbers[at])
        for j in range(width):
            y[j] += a * p[j]
        at += 1


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
def _first_product(dense: Any, data: Any, indices: Any, indptr: Any, rows: Any, wide: Any, X: Any, Z: Any) -> None:
    """Leave the dense columns of some samples in X, and the product of the samples with the first W of all in Z."""
    for i in range(rows.size):
        source, x, z = row(dense, rows[i]), row(X, i), row(Z, i)
        for k in range(X.shape[1]):
            x[k] = source[k]
        for k in range(Z.shape[1]):
            z[k] = 0
    if X.shape[1] > 0:
        times(X, wide[: X.shape[1]], Z)
    for i in range(rows.size):
        _add_rows(data, indices, indptr[rows[i]], indptr[rows[i] + 1], wide, X.shape[1], row(Z, i))


@compiled
def _sparse_gradient(values: Any, numbers: Any, starts: Any, first: int, dZ: Any, out: Any) -> None:
    """Leave in ``out`` the rows of the first W's gradient that belong to sparse columns, from column ``first`` on."""
    for k in range(out.shape[0]):
        gradient, column = row(out, k), first + k
        for j in range(out.shape[1]):
            gradient[j] = 0
        if column + 1 < starts.size:
            _add_rows(values, numbers, starts[column], starts[column + 1], dZ, 0, gradient)


@compiled
def _copy_columns(A: Any, start: int, out: Any, out_start: int, width: int) -> None:
    """Copy some columns of A into some of ``out``."""
    for i in range(A.shape[0]):
        a, b = row(A, i), row(out, i)
        for j in range(width):
            b[out_start + j] = a[start + j]


@compiled
def _update_rows(
    op: Any,
    G: Any,
    begin: int,
    place: int,
    wide: Any,
    params: Any,
    g: Any,
    alpha: float,
    total: float,
    rule: int,
    rate: float,
    t: int,
    hyper: Any,
    first: Any,
    second: Any,
) -> Any:
    """Update rows of a network's first W from ``begin`` on by their gradient in G, and return their penalty.

    The network's columns in G, and in ``wide``, where its new W goes as well, begin at ``place``.
    """
    width, penalty = op[loops.N_OUT], 0.0
    size, at = len(G) * width, op[loops.W] + begin * width
    weights, dW = matrix(params, at, len(G), width), matrix(g, 0, len(G), width)
    _copy_columns(G, place, dW, 0, width)
    if alpha != 0:
        penalty = add_l2(weights, dW, alpha, total)
    state = slice(at, at + size)
    optimizers.update(rule, params[state], g[:size], rate, t, hyper, first[state], second[state])
    _copy_columns(weights, 0, wide[begin : begin + len(G)], place, width)
    return penalty


@compiled
def updates(
    program: Any,
    rates: Any,
    parts: Any,
    factors: Any,
    live: Any,
    params: Any,
    wide: Any,
    g: Any,
    spaces: Any,
    dense: Any,
    data: Any,
    indices: Any,
    indptr: Any,
    n_sparse: int,
    rows: Any,
    capacity: int,
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
    program, rates, loss, constants
        The networks', whose first layer is affine; see ``loops.forward_backward``.
    parts : ndarray of shape (n_parts, 4), int64
        What ``loops.update`` updates: all layers but the first.
    factors : ndarray of shape (n_networks, n_parts + 1, 2)
        What the learning rate is multiplied by for W and b of the first layer, and for those of the parts.
    live : ndarray of int64
        The networks that are trained.
    params, first, second : ndarray of shape (n_networks, n_parameters)
        The networks' parameters, and the states of their rules.
    wide : ndarray of shape (n_in, n_live width)
        Room for the first W of those that are trained.
    g : ndarray of shape (n_parameters,)
        Room for a gradient.
    spaces : ndarray of shape (n_networks, n)
        Their workspaces, for batches of ``capacity``.
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
    op, dtype = program[0], params.dtype
    width, n_in, n_dense = op[loops.N_OUT], len(wide), dense.shape[1]
    zero, n_columns = np.int64(0), len(live) * op[loops.N_OUT]
    most: Any = zero
    uniform, none = np.empty(0, np.float32), np.empty(0, dtype)
    for start in range(0, len(rows), batch_size):
        most = max(most, _count_values(indptr, rows[start : start + batch_size]))
    X, Z = np.empty((batch_size, n_dense), dtype), np.empty((batch_size, n_columns), dtype)
    G = np.empty((max(n_dense, BLOCK), n_columns), dtype)
    inputs = np.empty((batch_size, n_in), dtype)  # which nothing reads: their product is made before
    starts, values, numbers = np.empty(n_sparse + 1, np.int64), np.empty(most, dtype), np.empty(most, np.int64)
    for number in range(len(live)):
        weights = matrix(params[live[number]], op[loops.W], n_in, width)
        _copy_columns(weights, 0, wide, number * width, width)
    for j in range(learning_rates.shape[1]):
        own = rows[j * batch_size : (j + 1) * batch_size]
        n, some = len(own), slice(j * batch_size, j * batch_size + len(own))
        _first_product(dense, data, indices, indptr, own, wide, X[:n], Z[:n])
        for number in range(len(live)):
            m = live[number]
            space = spaces[m]
            output = matrix(space, capacity * op[loops.Y], n, width)
            _copy_columns(Z[:n], number * width, output, zero, width)
            forward_backward(
                program,
                rates,
                params[m],
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
                totals[j],
                P[m, some],
            )
            dY = matrix(space, capacity * op[loops.DY], n, width)
            _copy_columns(dY, zero, Z[:n], number * width, width)
            penalties[m] += n * update(
                program,
                parts,
                factors[m, 1:],
                params[m],
                g,
                zero,
                g.size,
                space,
                capacity,
                inputs[:n],
                zero,
                zero,
                alphas[m],
                totals[j],
                rules[m],
                learning_rates[m, j],
                t[m] + j + 1,
                hyper[m],
                first[m],
                second[m],
            )
            if op[loops.B] >= 0:
                b, rate = slice(op[loops.B], op[loops.B] + width), learning_rates[m, j] * factors[m, 0, 1]
                w, step = params[m][b], t[m] + j + 1
                column_sums(dY, g[:width])
                optimizers.update(rules[m], w, g[:width], rate, step, hyper[m], first[m][b], second[m][b])
        _transpose(data, indices, indptr, own, starts, values, numbers)
        begin: Any = zero
        while begin < n_in:
            end = n_dense if begin < n_dense else min(begin + BLOCK, n_in)
            block = G[: end - begin]
            if begin < n_dense:
                transposed_times(X[:n], Z[:n], block)
            else:
                _sparse_gradient(values, numbers, starts, begin - n_dense, Z, block)
            for number in range(len(live)):
                m = live[number]
                penalties[m] += n * _update_rows(
                    op,
                    block,
                    begin,
                    number * width,
                    wide,
                    params[m],
                    g,
                    alphas[m],
                    totals[j],
                    rules[m],
                    learning_rates[m, j] * factors[m, 0, 0],
                    t[m] + j + 1,
                    hyper[m],
                    first[m],
                    second[m],
                )
            begin = end
