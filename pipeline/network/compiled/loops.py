"""A batch in two calls: a thread's way forward and backward through all layers, and the update of its parameters.

The layers are a table, a ``Program``, so that what is compiled once serves networks of any depth and kind. A few
samples are multiplied here, not by BLAS, and what is 0 is passed over: its product adds nothing.
"""

from typing import Any

import numpy as np

from pipeline.network.compiled import activations, losses, optimizers
from pipeline.network.compiled.gemm import times, times_transposed, transposed_times
from pipeline.network.compiled.jit import compiled
from pipeline.network.compiled.layers import add as add_noise
from pipeline.network.compiled.layers import column_sums, dropout, dropout_gradient
from pipeline.network.compiled.parameters import add_l2

AFFINE, DROPOUT, NOISE, COPY = 100, 101, 102, 103
"""Kinds of layers beside the activations."""
KIND, N_IN, N_OUT, W, B, X, Y, DY, DX, ADDED, DRAWN = range(11)
"""Columns of a program: kind; widths; where W and b lie, -1 for none; in which columns of the workspace the layer finds
X (-1: in the batch), leaves Y, finds dY, leaves dX (-1: nowhere); which bias is added, -1 for none; where its random
numbers lie."""
FEW = 8
"""Samples that are multiplied here."""


@compiled
def _skip_zeros(A: Any, B: Any, out: Any) -> None:
    """Leave A B in ``out``, without a product by what is 0 in A."""
    zero = A.dtype.type(0)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = zero
        for k in range(A.shape[1]):
            a = A[i, k]
            if a != zero:
                for j in range(out.shape[1]):
                    out[i, j] += a * B[k, j]


@compiled
def _times(A: Any, B: Any, out: Any) -> None:
    """Leave A B in ``out``."""
    if A.shape[0] > FEW:
        times(A, B, out)
    else:
        _skip_zeros(A, B, out)


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
        _skip_zeros(A.T, B, out)


@compiled
def _view(space: Any, capacity: int, start: int, width: int, first: int, last: int) -> Any:
    """Return the rows of some samples in the workspace."""
    begin = capacity * start
    return space[begin + first * width : begin + last * width].reshape(last - first, width)


@compiled
def _bias(params: Any, start: int, width: int) -> Any:
    """Return the bias that is added, or zeros."""
    return np.zeros(width, params.dtype) if start < 0 else params[start : start + width]


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
    uniform: Any,
    normal: Any,
    loss: int,
    smoothing: float,
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
    uniform, normal : ndarray
        The random numbers of dropout and of noise, for these samples, layer by layer.
    loss : int
        Which loss; ``smoothing`` is that of its labels.
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
            weights = params[op[W] : op[W] + op[N_IN] * op[N_OUT]].reshape(op[N_IN], op[N_OUT])
            _times(A, weights, out)
        elif op[KIND] == DROPOUT:
            dropout(A, uniform[drawn : drawn + n * op[N_IN]].reshape(n, op[N_IN]), rates[k], out)
        elif op[KIND] == NOISE:
            add_noise(A, normal[drawn : drawn + n * op[N_IN]].reshape(n, op[N_IN]), out)
        elif op[KIND] == COPY:
            out[:] = A
        elif op[KIND] == activations.GELU:
            activations.gelu(A, _bias(params, op[ADDED], op[N_IN]), out)
        else:
            activations.forward(op[KIND], out, _bias(params, op[ADDED], op[N_IN]))
    op = program[-1]
    Z = _view(space, capacity, op[Y], op[N_OUT], first, last)
    losses.forward_backward(loss, Z, _bias(params, op[B], op[N_OUT]), targets, weight, total, smoothing, P, Z)
    for k in range(len(program) - 1, -1, -1):
        op = program[k]
        if op[DX] < 0:
            break  # nothing with parameters lies before it
        dY = _view(space, capacity, op[DY], op[N_OUT], first, last)
        drawn = op[DRAWN] * n
        if op[KIND] == AFFINE:
            weights = params[op[W] : op[W] + op[N_IN] * op[N_OUT]].reshape(op[N_IN], op[N_OUT])
            _times_transposed(dY, weights, _view(space, capacity, op[DX], op[N_IN], first, last))
        elif op[KIND] == DROPOUT:
            dropout_gradient(dY, uniform[drawn : drawn + n * op[N_IN]].reshape(n, op[N_IN]), rates[k])
        elif op[KIND] < AFFINE:
            start = op[X] if op[KIND] == activations.GELU else op[Y]
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
        What lies in the shard: the layer, the first row of W and the one after the last, and 1 where b is there.
    grads : ndarray
        The flat buffer where the gradient is left.
    alpha : float
        Strength of the L2 penalty; ``total`` is what it is divided by.
    """
    n, penalty = len(inputs), 0.0
    for k in range(len(parts)):
        op, begin, end = program[parts[k, 0]], parts[k, 1], parts[k, 2]
        width = op[N_OUT]
        A = inputs if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], 0, n)
        dY = _view(space, capacity, op[DY], width, 0, n)
        dW = grads[op[W] + begin * width : op[W] + end * width].reshape(end - begin, width)
        _transposed_times(A[:, begin:end], dY, dW)
        if parts[k, 3] == 1 and op[B] >= 0:
            column_sums(dY, grads[op[B] : op[B] + width])
        if alpha != 0:
            weights = params[op[W] + begin * width : op[W] + end * width].reshape(end - begin, width)
            penalty += add_l2(weights, dW, alpha, total)
    return penalty


@compiled
def _descend(
    program: Any, parts: Any, params: Any, space: Any, capacity: int, inputs: Any, learning_rate: float
) -> None:
    """Make an update by the rule of SGD, without a gradient: what no sample has an input for stays untouched."""
    n, eta, zero = len(inputs), params.dtype.type(learning_rate), params.dtype.type(0)
    for k in range(len(parts)):
        op, begin, end = program[parts[k, 0]], parts[k, 1], parts[k, 2]
        width = op[N_OUT]
        A = inputs if op[X] < 0 else _view(space, capacity, op[X], op[N_IN], 0, n)
        dY = _view(space, capacity, op[DY], width, 0, n)
        weights = params[op[W] + begin * width : op[W] + end * width].reshape(end - begin, width)
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
                    bias[j] -= eta * dY[i, j]


@compiled
def update(
    program: Any,
    parts: Any,
    params: Any,
    grads: Any,
    begin: int,
    end: int,
    space: Any,
    capacity: int,
    inputs: Any,
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

    The shard is ``params[begin:end]``; its gradient may be left out where the rule does without. The other parameters
    are those of ``gradient`` and of ``optimizers.update``, whose state is that of all parameters.
    """
    if len(inputs) <= FEW and rule == optimizers.SGD and alpha == 0:
        _descend(program, parts, params, space, capacity, inputs, learning_rate)
        return 0.0
    penalty = gradient(program, parts, params, grads, space, capacity, inputs, alpha, total)
    own_first, own_second = first, second
    if len(first):
        own_first = first[begin:end]
    if len(second):
        own_second = second[begin:end]
    optimizers.update(rule, params[begin:end], grads[begin:end], learning_rate, t, hyper, own_first, own_second)
    return penalty


@compiled
def updates(
    program: Any,
    rates: Any,
    parts: Any,
    params: Any,
    grads: Any,
    space: Any,
    capacity: int,
    inputs: Any,
    batch_size: int,
    loss: int,
    smoothing: float,
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
    """Make one update after the other, by one thread, of a network that draws no random numbers.

    ``inputs``, ``targets``, ``weight`` and ``P`` are those of all batches, one below the other; ``totals`` and
    ``learning_rates`` have a number for each batch. ``t`` is the number of updates before; the other parameters are
    those of ``forward_backward`` and ``update``. Returns the sum of the penalties, each times the samples of its batch.
    """
    penalty = 0.0
    none, uniform = np.empty(0, params.dtype), np.empty(0, np.float32)
    for k in range(len(learning_rates)):
        begin, end = k * batch_size, min((k + 1) * batch_size, len(inputs))
        batch, n = inputs[begin:end], end - begin
        forward_backward(
            program,
            rates,
            params,
            space,
            capacity,
            batch,
            0,
            n,
            uniform,
            none,
            loss,
            smoothing,
            targets[begin:end],
            weight[begin:end],
            totals[k],
            P[begin:end],
        )
        penalty += n * update(
            program,
            parts,
            params,
            grads,
            0,
            len(params),
            space,
            capacity,
            batch,
            alpha,
            totals[k],
            rule,
            learning_rates[k],
            t + k + 1,
            hyper,
            first,
            second,
        )
    return penalty
