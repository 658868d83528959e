"""Matrix products called from compiled loops: BLAS's own, by way of SciPy.

Matrices may be rows or columns of larger ones: BLAS is told how far it is from one row to the next, so that a thread's
shard needs no copy. The elements of a row lie side by side.
"""

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from pipeline.network.compiled.jit import compiled

_SYMBOLS = {types.float32: "sgemm", types.float64: "dgemm"}
for _name in _SYMBOLS.values():
    # Compiled code on disk refers to BLAS by name, not by where it lies in this process.
    binding.add_symbol(f"digits_{_name}", get_cython_function_address("scipy.linalg.cython_blas", _name))


@intrinsic
def _gemm(
    context: Any, a: Any, ta: Any, lda: Any, b: Any, tb: Any, ldb: Any, c: Any, ldc: Any, k: Any, add: Any
) -> Any:
    """C = op(A) op(B), op being the transpose where ``ta`` or ``tb`` is not 0; ``k`` is the sum's length.

    It is added to C where ``add`` is not 0.
    """
    del context, ta, lda, tb, ldb, ldc, k, add  # int32 all of them
    if not (isinstance(a, types.Array) and a.dtype in _SYMBOLS and a.dtype == b.dtype == c.dtype):
        return None
    number = types.int32
    signature = types.void(a, number, number, b, number, number, c, number, number, number)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, ta, lda, _, tb, ldb, _, ldc, k, add = arguments
        arrays = [context.make_array(signature.args[at])(context, builder, arguments[at]) for at in (0, 3, 6)]
        rows, columns = (
            builder.trunc(size, ir.IntType(32)) for size in cgutils.unpack_tuple(builder, arrays[2].shape, 2)
        )
        byte = ir.IntType(8)
        pointer = byte.as_pointer()
        number = context.get_value_type(signature.args[0].dtype)

        def address(value: Any) -> Any:
            return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

        def letter(transposed: Any) -> Any:
            is_so = builder.icmp_signed("!=", transposed, ir.Constant(ir.IntType(32), 0))
            return address(builder.select(is_so, ir.Constant(byte, ord("T")), ir.Constant(byte, ord("N"))))

        data = [builder.bitcast(array.data, pointer) for array in arrays]
        one, zero = ir.Constant(number, 1.0), ir.Constant(number, 0.0)
        beta = builder.select(builder.icmp_signed("!=", add, ir.Constant(ir.IntType(32), 0)), one, zero)
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 13)
        name = f"digits_{_SYMBOLS[signature.args[0].dtype]}"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        # BLAS reads matrices by columns, so that it sees every one transposed: C^T = op(B)^T op(A)^T.
        shape = [address(columns), address(rows), address(k)]
        operands = [address(one), data[1], address(ldb), data[0], address(lda), address(beta), data[2], address(ldc)]
        builder.call(function, [letter(tb), letter(ta), *shape, *operands])
        return context.get_dummy_value()

    return signature, generate


@compiled
def row_length(A: Any) -> Any:
    """Return how many elements it is from one row to the next; at least a row, which BLAS insists on."""
    return np.int32(max(A.strides[0] // A.itemsize, A.shape[1], 1))


@compiled
def times(A: Any, B: Any, out: Any) -> None:
    """Leave A B in ``out``."""
    zero, k = np.int32(0), np.int32(A.shape[1])
    _gemm(A, zero, row_length(A), B, zero, row_length(B), out, row_length(out), k, zero)


@compiled
def add_times(A: Any, B: Any, out: Any) -> None:
    """Add A B to ``out``."""
    zero, k = np.int32(0), np.int32(A.shape[1])
    _gemm(A, zero, row_length(A), B, zero, row_length(B), out, row_length(out), k, np.int32(1))


@compiled
def times_transposed(A: Any, B: Any, out: Any) -> None:
    """Leave A B^T in ``out``."""
    zero, k = np.int32(0), np.int32(A.shape[1])
    _gemm(A, zero, row_length(A), B, np.int32(1), row_length(B), out, row_length(out), k, zero)


@compiled
def transposed_times(A: Any, B: Any, out: Any) -> None:
    """Leave A^T B in ``out``."""
    zero, k = np.int32(0), np.int32(A.shape[0])
    _gemm(A, np.int32(1), row_length(A), B, zero, row_length(B), out, row_length(out), k, zero)


@compiled
def add_transposed_times(A: Any, B: Any, out: Any) -> None:
    """Add A^T B to ``out``."""
    zero, k = np.int32(0), np.int32(A.shape[0])
    _gemm(A, np.int32(1), row_length(A), B, zero, row_length(B), out, row_length(out), k, np.int32(1))


if config.DISABLE_JIT:

    def times(A: Any, B: Any, out: Any) -> None:
        """Leave A B in ``out``."""
        np.matmul(A, B, out=out)

    def add_times(A: Any, B: Any, out: Any) -> None:
        """Add A B to ``out``."""
        out += A @ B

    def times_transposed(A: Any, B: Any, out: Any) -> None:
        """Leave A B^T in ``out``."""
        np.matmul(A, B.T, out=out)

    def transposed_times(A: Any, B: Any, out: Any) -> None:
        """Leave A^T B in ``out``."""
        np.matmul(A.T, B, out=out)

    def add_transposed_times(A: Any, B: Any, out: Any) -> None:
        """Add A^T B to ``out``."""
        out += A.T @ B
