"""The products of a compiled pass and of a compiled gradient, of the same arrays, and nothing else."""

from typing import Any

from numba import njit

from pipeline.network.compiled.gemm import times, times_transposed, transposed_times
from pipeline.network.compiled.loops import AFFINE, DX, DY, KIND, N_IN, N_OUT, W, X, Y


@njit(nogil=True)
def _rows(space: Any, capacity: int, start: int, width: int, first: int, last: int) -> Any:
    """Return the rows of some samples in the workspace."""
    begin = capacity * start
    return space[begin + first * width : begin + last * width].reshape(last - first, width)


@njit(nogil=True)
def forward_backward(program: Any, params: Any, space: Any, capacity: int, inputs: Any, first: int, last: int) -> None:
    """Multiply forward and backward as ``loops.forward_backward`` does; gradients begin as the network's outputs."""
    for k in range(len(program)):
        op = program[k]
        if op[KIND] == AFFINE:
            A = inputs[first:last] if op[X] < 0 else _rows(space, capacity, op[X], op[N_IN], first, last)
            weights = params[op[W] : op[W] + op[N_IN] * op[N_OUT]].reshape(op[N_IN], op[N_OUT])
            times(A, weights, _rows(space, capacity, op[Y], op[N_OUT], first, last))
    for k in range(len(program) - 1, -1, -1):
        op = program[k]
        if op[DX] < 0:
            break
        if op[KIND] == AFFINE:
            weights = params[op[W] : op[W] + op[N_IN] * op[N_OUT]].reshape(op[N_IN], op[N_OUT])
            dY = _rows(space, capacity, op[DY], op[N_OUT], first, last)
            times_transposed(dY, weights, _rows(space, capacity, op[DX], op[N_IN], first, last))


@njit(nogil=True)
def gradient(program: Any, parts: Any, grads: Any, space: Any, capacity: int, inputs: Any) -> None:
    """Multiply as ``loops.gradient`` does for a shard of the parameters."""
    n = len(inputs)
    for k in range(len(parts)):
        op, begin, end = program[parts[k, 0]], parts[k, 1], parts[k, 2]
        width = op[N_OUT]
        A = inputs if op[X] < 0 else _rows(space, capacity, op[X], op[N_IN], 0, n)
        dW = grads[op[W] + begin * width : op[W] + end * width].reshape(end - begin, width)
        transposed_times(A[:, begin:end], _rows(space, capacity, op[DY], width, 0, n), dW)
