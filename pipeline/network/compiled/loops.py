"""A batch in two calls: a thread's way forward and backward through all layers, and the update of its parameters.

The layers are a table, a ``Program``, so that what is compiled once serves networks of any depth and kind. A few
samples are multiplied here, not by BLAS, and what is 0 is passed over: its product adds nothing.
"""

from typing import Any

import numpy as np

from pipeline.network.compiled import activations, losses, optimizers
from pipeline.network.compiled.barriers import arrive, wait
from pipeline.network.compiled.gemm import add_times, add_transposed_times, times, times_transposed, transposed_times
from pipeline.network.compiled.inputs import gather
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.layers import add as add_noise
from pipeline.network.compiled.layers import column_sums, dropout, dropout_gradient, scale_gradient
from pipeline.network.compiled.layers import scale as multiply
from pipeline.network.compiled.parameters import add_l2
from pipeline.network.compiled.rows import matrix
from pipeline.network.compiled.rows import row as row_of

AFFINE, DROPOUT, NOISE, COPY, SCALE = 100, 101, 102, 103, 104
"""Kinds of layers beside the activations."""
KIND, N_IN, N_OUT, W, B, X, Y, DY, DX, ADDED, DRAWN = range(11)
"""Columns of a program: kind; widths; where W, or the s of a scale, and b lie, -1 for none; in which columns of the
workspace the layer finds X (-1: in the batch), leaves Y, finds dY, leaves dX (-1: nowhere); which bias is added, -1 for
none; where its random numbers lie."""
FEW = 8
"""Samples that are multiplied here."""
BLOCK = 2**19
"""Parameters that are updated at once, so that their gradient is still in a cache; with fewer of them, a product costs
more than that saves."""


@compiled
def _add_skipping_zeros(A: Any, B: Any, out: Any) -> None:
    """Add A B to ``out``, without a product by what is 0 in A; four rows of B at a time, as ``column_sums`` does.

    A is a slice ``[:, :]``, so that arrays of all layouts are one type, and this is compiled once.
    """
    width, zero = out.shape[1], A.dtype.type(0)
    for i in range(out.shape[0]):
        y, n = row_of(out, i), 0
        first = second = third = fourth = zero
        k_first = k_second = k_third = k_fourth = 0
        for k in range(A.shape[1]):
            a = A[i, k]
            if a != zero:
                first, second, third, fourth = second, third, fourth, a
                k_first, k_second, k_third, k_fourth = k_second, k_third, k_fourth, k
                n += 1
                if n == 4:
                    b, c, d, e = row_of(B, k_first), row_of(B, k_second), row_of(B, k_third), row_of(B, k_fourth)
                    for j in range(width):
                        y[j] += (first * b[j] + second * c[j]) + (third * d[j] + fourth * e[j])
                    n = 0
        for _ in range(n):
            b = row_of(B, k_fourth)
            for j in range(width):
                y[j] += fourth * b[j]
            third, fourth = second, third
            k_third, k_fourth = k_second, k_third


@compiled
def _skip_zeros(A: Any, B: Any, out: Any) -> None:
    """Leave A B in ``out``, without a product by what is 0 in A."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0
    _add_skipping_zeros(A, B, out)


@compiled
def _times(A: Any, B: Any, out: Any) -> None:
    """Leave A B in ``out``."""
    if A.shape[0] > FEW:
        times(A, B, out)
    else:
        _skip_zeros(A[:, :], B, out)


@compiled
def _add_times(A: Any, B: Any, out: Any) -> None:
    """Add A B to ``out``."""
    if A.shape[0] > FEW:
        add_times(A, B, out)
    else:
        _add_skipping_zeros(A[:, :], B, out)


@compiled
def _times_transposed(A: Any, B: Any, out: Any) -> None:
    """Leave A B^T in ``out``."""
    if A.shape[0] > FEW:
        times_transposed(A, B, out)
        return
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = A.dtype.type(0)
            for k in range(A.shape[1]):
                total += A[i, k] * B[j, k]
            out[i, j] = total


@compiled
def _transposed_times(A: Any, B: Any, out: Any) -> None:
    """Leave A^T B in ``out``."""
    if A.shape[0] > FEW:
        transposed_times(A, B, out)
    else:
        _skip_zeros(A.T[:, :], B, out)


@compiled
def _add_transposed_times(A: Any, B: Any, out: Any) -> None:
    """Add A^T B to ``out``."""
    if A.shape[0] > FEW:
        add_transposed_times(A, B, out)
    else:
        _add_skipping_zeros(A.T[:, :], B, out)


@compiled
def copy(A: Any, out: Any) -> None:
    """Leave A in ``out``, of one shape; an assignment's message about shapes takes two seconds to compile."""
    for i in range(out.shape[0]):
        a, b = row_of(A, i), row_of(out, i)
        for j in range(out.shape[1]):
            b[j] = a[j]


@compiled
def _view(space: Any, capacity: int, start: int, width: int, first: int, last: int) -> Any:
    """Return the rows of some samples in the workspace."""
    return matrix(space, capacity * start + first * width, last - first, width)


@compiled
def _bias(params: Any, start: int, width: int) -> Any:
    """Return the bias that is added, or zeros."""
    return np.zeros(width, params.dtype) if start < 0 else params[start : start + width]


@compiled
def start_forward(
    program: Any,
    params: Any,
    space: Any,
    capacity: int,
    inputs: Any,
    first: int,
    last: int,
    row: int,
    last_row: int,
) -> None:
    """Multiply samples ``first`` to ``last`` of a batch by some rows of the first layer's W, which is affine."""
    op = program[0]
    weights = matrix(params, op[W] + row * op[N_OUT], last_row - row, op[N_OUT])
    _times(inputs[first:last, row:last_row], weights, _view(space, capacity, op[Y], op[N_OUT], first, last))


@compiled
def forward_backward(
    program: Any,
    rates: Any,
    params: Any,
    space: Any,
    capacity: int,
    inputs: Any,
    first: int,
    last: int,
    row: int,
    last_row: int,
    uniform: Any,
    normal: Any,
    loss: int,
    constants: Any,
    targets: Any,
    weight: Any,
    total: float,
    P: Any,
) -> None:
    """Go forward and backward with samples ``first`` to ``last`` of a batch.

    Parameters
    ----------
    program : ndarray of shape (n_layers, 11), int64
        The layers.
    rates : ndarray of shape (n_layers,), float64
        The dropout layers' rates.
    params : ndarray
        The flat buffer.
    space : ndarray
        The workspace: every array of the batch, one after the other, each of ``capacity`` rows.
    inputs : ndarray of shape (n_samples, n_in)
        The batch.
    row, last_row : int
        The rows of the first layer's W that ``start_forward`` has multiplied by already.
    uniform, normal : ndarray
        The random numbers of dropout and of noise, for these samples, layer by layer.
    loss : int
        Which loss; ``constants`` are its own numbers.
    targets : ndarray of shape (last - first, n_out)
        The samples' targets.
    weight : ndarray of shape (last - first,)
        Their weights, or nothing; ``total`` is the sum of the whole batch's.
    P : ndarray of shape (last - first, n_out)
        Where the predictions are left. The gradient of every affine layer's output is left in the workspace.
    """
    n = last - first
    for k in range(len(program)):
        op = program[k]
        A = inputs[first:last] if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], first, last)
        out = _view(space, capacity, op[Y], op[N_OUT], first, last)
        drawn = op[DRAWN] * n
        if op[KIND] == AFFINE:
            weights = matrix(params, op[W], op[N_IN], op[N_OUT])
            if k > 0 or row == last_row:
                _times(A, weights, out)
            else:
                _add_times(A[:, :row], weights[:row], out)
                _add_times(A[:, last_row:], weights[last_row:], out)
        elif op[KIND] == DROPOUT:
            dropout(A, matrix(uniform, drawn, n, op[N_IN]), rates[k], out)
        elif op[KIND] == NOISE:
            add_noise(A, matrix(normal, drawn, n, op[N_IN]), out)
        elif op[KIND] == COPY:
            copy(A, out)
        elif op[KIND] == SCALE:
            multiply(A, params[op[W] : op[W] + op[N_IN]], out)
        elif op[KIND] >= activations.FROM_INPUT:
            activations.forward_beside(op[KIND], A, _bias(params, op[ADDED], op[N_IN]), out)
        else:
            activations.forward(op[KIND], out, _bias(params, op[ADDED], op[N_IN]))
    op = program[-1]
    Z = _view(space, capacity, op[Y], op[N_OUT], first, last)
    losses.forward_backward(loss, Z, _bias(params, op[B], op[N_OUT]), targets, weight, total, constants, P, Z)
    for k in range(len(program) - 1, -1, -1):
        op = program[k]
        if op[DX] < 0:
            break  # nothing with parameters lies before it
        dY = _view(space, capacity, op[DY], op[N_OUT], first, last)
        drawn = op[DRAWN] * n
        if op[KIND] == AFFINE:
            weights = matrix(params, op[W], op[N_IN], op[N_OUT])
            _times_transposed(dY, weights, _view(space, capacity, op[DX], op[N_IN], first, last))
        elif op[KIND] == DROPOUT:
            dropout_gradient(dY, matrix(uniform, drawn, n, op[N_IN]), rates[k])
        elif op[KIND] == SCALE:
            dX = _view(space, capacity, op[DX], op[N_IN], first, last)
            multiply(dY, params[op[W] : op[W] + op[N_IN]], dX)
        elif op[KIND] < AFFINE:
            start = op[X] if op[KIND] >= activations.FROM_INPUT else op[Y]
            activations.backward(op[KIND], dY, _view(space, capacity, start, op[N_OUT], first, last))


@compiled
def gradient(
    program: Any,
    parts: Any,
    params: Any,
    grads: Any,
    space: Any,
    capacity: int,
    inputs: Any,
    alpha: float,
    total: float,
) -> Any:
    """Leave the gradient of a shard of the parameters, by all samples of a batch, and return its penalty.

    Parameters
    ----------
    program, params, space, capacity, inputs
        As for ``forward_backward``, which has left there what is needed.
    parts : ndarray of shape (n_parts, 4), int64
        What lies in the shard: the layer, the first row of W and the one after the last, and 1 where b is there. Those
        of a scale come last.
    grads : ndarray
        The flat buffer where the gradient is left.
    alpha : float
        Strength of the L2 penalty; ``total`` is what it is divided by.
    """
    n, penalty = len(inputs), 0.0
    for k in range(len(parts)):
        op, begin, end = program[parts[k, 0]], parts[k, 1], parts[k, 2]
        width = op[N_OUT]
        A = inputs if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], np.int64(0), n)
        dY = _view(space, capacity, op[DY], width, np.int64(0), n)
        if op[KIND] == SCALE:
            scale_gradient(A, dY, grads[op[W] : op[W] + width])
            continue
        dW = matrix(grads, op[W] + begin * width, end - begin, width)
        _transposed_times(A[:, begin:end], dY, dW)
        if parts[k, 3] == 1 and op[B] >= 0:
            column_sums(dY, grads[op[B] : op[B] + width])
        if alpha != 0:
            weights = matrix(params, op[W] + begin * width, end - begin, width)
            penalty += add_l2(weights, dW, alpha, total)
    return penalty


@compiled
def _descend(
    program: Any, parts: Any, factors: Any, params: Any, space: Any, capacity: int, inputs: Any, learning_rate: float
) -> None:
    """Make an update by the rule of SGD, without a gradient: what no sample has an input for stays untouched."""
    n, zero = len(inputs), params.dtype.type(0)
    for k in range(len(parts)):
        op, begin, end = program[parts[k, 0]], parts[k, 1], parts[k, 2]
        width = op[N_OUT]
        eta, eta_of_b = (
            params.dtype.type(learning_rate * factors[k, 0]),
            params.dtype.type(learning_rate * factors[k, 1]),
        )
        A = inputs if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], np.int64(0), n)
        dY = _view(space, capacity, op[DY], width, np.int64(0), n)
        if op[KIND] == SCALE:
            s = params[op[W] : op[W] + width]
            for i in range(n):
                for j in range(width):
                    s[j] -= eta * (A[i, j] * dY[i, j])
            continue
        weights = matrix(params, op[W] + begin * width, end - begin, width)
        for i in range(n):
            for row in range(begin, end):
                a = A[i, row]
                if a != zero:
                    step = eta * a
                    for j in range(width):
                        weights[row - begin, j] -= step * dY[i, j]
        if parts[k, 3] == 1 and op[B] >= 0:
            bias = params[op[B] : op[B] + width]
            for i in range(n):
                for j in range(width):
                    bias[j] -= eta_of_b * dY[i, j]


@compiled
def descends(n: int, rule: int, alpha: float) -> Any:
    """Return whether an update by ``n`` samples is made without a gradient."""
    return n <= FEW and rule == optimizers.SGD and alpha == 0


@compiled
def _n_blocks(program: Any, parts: Any, k: int) -> Any:
    """Return in how many blocks part ``k`` of a shard is updated."""
    return -(-(parts[k, 2] - parts[k, 1]) * program[parts[k, 0], N_OUT] // BLOCK)


@compiled
def start_update(
    program: Any, parts: Any, g: Any, space: Any, capacity: int, inputs: Any, first: int, last: int
) -> None:
    """Leave the part of samples ``first`` to ``last`` in the gradient of the first block of a shard in ``g``."""
    op, row = program[parts[0, 0]], parts[0, 1]
    last_row = row + (parts[0, 2] - row) // _n_blocks(program, parts, 0)
    A = inputs if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], np.int64(0), len(inputs))
    dY = _view(space, capacity, op[DY], op[N_OUT], first, last)
    dW = matrix(g, 0, last_row - row, op[N_OUT])
    _transposed_times(A[first:last, row:last_row], dY, dW)


@compiled
def update(
    program: Any,
    parts: Any,
    factors: Any,
    params: Any,
    grads: Any,
    begin: int,
    end: int,
    space: Any,
    capacity: int,
    inputs: Any,
    first_sample: int,
    last_sample: int,
    alpha: float,
    total: float,
    rule: int,
    learning_rate: float,
    t: int,
    hyper: Any,
    first: Any,
    second: Any,
) -> Any:
    """Compute the gradient of a shard of the parameters over all samples, update them, and return their penalty.

    The shard is ``params[begin:end]``, and ``factors``, of shape (n_parts, 2), what the learning rate is multiplied by
    for the W, or s, and the b of each of its parts. A block of W's rows is updated as soon as its gradient is there,
    which so stays in a cache: every block's is left in the same place, ``grads[begin:]``. ``start_update`` has left
    there the part of samples ``first_sample`` to ``last_sample``, if any, in the first one. The other parameters are
    those of ``gradient`` and of ``optimizers.update``, whose state is that of all parameters.
    """
    if descends(len(inputs), rule, alpha):
        _descend(program, parts, factors, params, space, capacity, inputs, learning_rate)
        return 0.0
    n, penalty, g = len(inputs), 0.0, grads[begin:end]
    started = first_sample < last_sample
    for k in range(len(parts)):
        op, n_rows = program[parts[k, 0]], parts[k, 2] - parts[k, 1]
        width = op[N_OUT]
        A = inputs if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], np.int64(0), n)
        dY = _view(space, capacity, op[DY], width, np.int64(0), n)
        if op[KIND] == SCALE:
            at = op[W]
            scale_gradient(A, dY, g[:width])
            w, m, v = params[at : at + width], first[at : at + width], second[at : at + width]
            optimizers.update(rule, w, g[:width], learning_rate * factors[k, 0], t, hyper, m, v)
            continue
        n_blocks = _n_blocks(program, parts, k)
        for block in range(n_blocks):
            row = parts[k, 1] + n_rows * block // n_blocks
            last_row = parts[k, 1] + n_rows * (block + 1) // n_blocks
            at, size = op[W] + row * width, (last_row - row) * width
            dW = matrix(g, 0, last_row - row, width)
            if started:
                _add_transposed_times(A[:first_sample, row:last_row], dY[:first_sample], dW)
                _add_transposed_times(A[last_sample:, row:last_row], dY[last_sample:], dW)
                started = False
            else:
                _transposed_times(A[:, row:last_row], dY, dW)
            if alpha != 0:
                penalty += add_l2(matrix(params, at, last_row - row, width), dW, alpha, total)
            if block == n_blocks - 1 and parts[k, 3] == 1 and op[B] >= 0:  # b lies behind W
                column_sums(dY, g[size : size + width])
                if factors[k, 0] == factors[k, 1]:
                    size += width
                else:
                    b = op[B]
                    w, m, v = params[b : b + width], first[b : b + width], second[b : b + width]
                    rate = learning_rate * factors[k, 1]
                    optimizers.update(rule, w, g[size : size + width], rate, t, hyper, m, v)
            w, m, v = params[at : at + size], first[at : at + size], second[at : at + size]
            optimizers.update(rule, w, g[:size], learning_rate * factors[k, 0], t, hyper, m, v)
    return penalty


@compiled
def _shard(n: int, k: int, size: int) -> Any:
    """Return the first and the last of the samples of thread ``k``, as ``shard_slice`` does."""
    return n * k // size, n * (k + 1) // size


@compiled
def _batch(inputs: Any, rows: Any, j: int, batch_size: int, n_samples: int) -> Any:
    """Return where the inputs of batch ``j`` are: in the first half or the second, where they are gathered."""
    n = min(batch_size, n_samples - j * batch_size)
    start = (j % 2 if len(rows) > 0 else j) * batch_size
    return inputs[start : start + n]


@compiled
def _gather_own(
    source: Any, rows: Any, scale: float, inputs: Any, j: int, batch_size: int, k: int, n_threads: int
) -> None:
    """Gather the samples of thread ``k`` in batch ``j``, if there is one, and inputs are gathered."""
    start = j * batch_size
    if start < len(rows):
        batch = _batch(inputs, rows, j, batch_size, len(rows))
        own, own_end = _shard(len(batch), k, n_threads)
        gather(source, rows[start + own : start + own_end], scale, batch[own:own_end])


@compiled
def updates(
    program: Any,
    rates: Any,
    parts: Any,
    factors: Any,
    params: Any,
    grads: Any,
    begin: int,
    end: int,
    spaces: Any,
    capacity: int,
    source: Any,
    rows: Any,
    scale: float,
    inputs: Any,
    batch_size: int,
    k: int,
    locks: Any,
    broken: Any,
    loss: int,
    constants: Any,
    targets: Any,
    weight: Any,
    totals: Any,
    P: Any,
    alpha: float,
    rule: int,
    learning_rates: Any,
    t: int,
    hyper: Any,
    first: Any,
    second: Any,
) -> Any:
    """Make one update after the other, as thread ``k`` of some, of a network that draws no random numbers.

    Each thread goes forward and backward with its shard of a batch's samples. When all have, it updates its shard of
    the parameters. The next batch begins when all have done that as well. Before a thread waits, it does what needs no
    other: its own samples' part of its gradient, then the first layer's product of its next samples with its own
    parameters. So nothing may be overwritten that others still read: what belongs to a batch lies where that of the
    batch before does not.

    Parameters
    ----------
    spaces : ndarray of shape (n_spaces, n)
        Workspaces, one for one thread and two for several, used in turn.
    source, rows, scale
        Rows of ``source`` are the samples of all batches; times ``scale`` they are gathered, batch by batch, into
        ``inputs``, which are of two batches. Without ``rows``, ``inputs`` has the samples of all batches itself, one
        below the other.
    batch_size : int
        Samples in every batch, the last perhaps having fewer.
    locks, broken : ndarray
        A ``Barrier``'s, which says as well how many threads there are.
    targets, weight, P : ndarray
        Those of all batches, one below the other; ``totals`` and ``learning_rates`` have a number for each batch.
    t : int
        The number of updates before; the other parameters are those of ``forward_backward`` and ``update``.

    Returns
    -------
    float
        The sum of the penalties of the shard, each times the samples of its batch.
    """
    penalty, n_threads, n_batches = 0.0, locks.shape[1], len(learning_rates)
    none, uniform = np.empty(0, params.dtype), np.empty(0, np.float32)
    zero = np.int64(0)  # what is compiled for a literal is compiled once more for other numbers
    row, last_row = zero, zero  # those of the first layer's W in the shard
    if n_threads > 1 and program[0, KIND] == AFFINE and len(parts) > 0 and parts[0, 0] == 0:
        row, last_row = parts[0, 1], parts[0, 2]
    _gather_own(source, rows, scale, inputs, zero, batch_size, k, n_threads)
    begun = zero, zero
    for j in range(n_batches):
        start, space, batch = j * batch_size, spaces[j % len(spaces)], _batch(inputs, rows, j, batch_size, len(targets))
        n = len(batch)
        own, own_end = _shard(n, k, n_threads)
        if j > 0 and not wait(locks[1], broken, k):
            break
        some = slice(start + own, start + own_end)
        forward_backward(
            program,
            rates,
            params,
            space,
            capacity,
            batch,
            own,
            own_end,
            begun[0],
            begun[1],
            uniform,
            none,
            loss,
            constants,
            targets[some],
            weight[some],
            totals[j],
            P[some],
        )
        arrive(locks[0], k)
        _gather_own(source, rows, scale, inputs, j + 1, batch_size, k, n_threads)
        if n_threads == 1 or len(parts) == 0 or program[parts[0, 0], KIND] == SCALE or descends(n, rule, alpha):
            own_end = own
        if own < own_end:
            start_update(program, parts, grads[begin:end], space, capacity, batch, own, own_end)
        if not wait(locks[0], broken, k):
            break
        penalty += n * update(
            program,
            parts,
            factors,
            params,
            grads,
            begin,
            end,
            space,
            capacity,
            batch,
            own,
            own_end,
            alpha,
            totals[j],
            rule,
            learning_rates[j],
            t + j + 1,
            hyper,
            first,
            second,
        )
        if j + 1 < n_batches:
            arrive(locks[1], k)
            batch = _batch(inputs, rows, j + 1, batch_size, len(targets))
            own, own_end = _shard(len(batch), k, n_threads)
            if row < last_row:
                other = spaces[(j + 1) % len(spaces)]
                start_forward(program, params, other, capacity, batch, own, own_end, row, last_row)
                begun = row, last_row
    return penalty
