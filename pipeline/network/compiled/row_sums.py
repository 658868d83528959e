"""Sums of rows of a matrix, each times a number: the product of a vector that mostly is 0 with a matrix.

A compiler reads and writes a sum in memory for every few rows. Here it stays in registers, as vectors.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from pipeline.network.compiled.jit import compiled

MANY, FEW = 13, 4
"""Vectors of a sum that are made at once: all that registers hold, and those of what is left."""
BYTES = 64
"""Those of a vector."""
PIECE = 16
"""Columns that a matrix has a multiple of whose rows are summed."""


def padded(width: int) -> int:
    """Return how many columns a matrix needs for some that are used.

    They are enough for a sum, and an odd number of pieces, so that rows do not share a place in the cache.
    """
    return PIECE * (max(FEW, -(-width // PIECE)) | 1)


def _summing(n_vectors: int) -> Any:
    """Return what makes some vectors of a sum."""

    @intrinsic
    def sum_vectors(
        context: Any, values: Any, numbers: Any, begin: Any, end: Any, M: Any, first: Any, out: Any, i: Any, column: Any
    ) -> Any:
        """Leave vectors of the sum in row ``i`` of ``out``, from ``column`` on."""
        del context
        arrays = all(isinstance(array, types.Array) for array in (values, numbers, M, out))
        if not arrays or not values.dtype == M.dtype == out.dtype:
            return None
        signature = types.void(values, numbers, begin, end, M, first, out, i, column)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def array(at: int) -> Any:
                return context.make_array(signature.args[at])(context, builder, arguments[at])

            def whole(at: int) -> Any:
                return context.cast(builder, arguments[at], signature.args[at], types.intp)

            values, numbers, M, out = (array(at) for at in (0, 1, 4, 6))
            begin, end, first, i, column = (whole(at) for at in (2, 3, 5, 7, 8))
            number = context.get_value_type(signature.args[0].dtype)
            size = context.get_abi_sizeof(number)
            n_lanes = BYTES // size
            vector, index = ir.VectorType(number, n_lanes), ir.IntType(32)

            def spread(value: Any) -> Any:
                one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(index, 0))
                lanes = ir.Constant(ir.VectorType(index, n_lanes), [0] * n_lanes)
                return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), lanes)

            def places(matrix: Any, row: Any) -> list[Any]:
                step, _ = cgutils.unpack_tuple(builder, matrix.strides, 2)
                base = builder.gep(cgutils.pointer_add(builder, matrix.data, builder.mul(row, step)), [column])
                starts = [builder.gep(base, [context.get_constant(types.intp, k * n_lanes)]) for k in range(n_vectors)]
                return [builder.bitcast(start, vector.as_pointer()) for start in starts]

            sums = [cgutils.alloca_once(builder, vector) for _ in range(n_vectors)]
            for total in sums:
                builder.store(ir.Constant(vector, [0.0] * n_lanes), total)
            with cgutils.for_range_slice(builder, begin, end, context.get_constant(types.intp, 1)) as (at, _):
                a = spread(builder.load(builder.gep(values.data, [at])))
                k = builder.add(first, builder.sext(builder.load(builder.gep(numbers.data, [at])), first.type))
                for total, place in zip(sums, places(M, k), strict=True):
                    product = builder.fmul(a, builder.load(place, align=size), flags=("contract",))
                    builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
            for total, place in zip(sums, places(out, i), strict=True):
                builder.store(builder.load(total), place, align=size)
            return context.get_dummy_value()

        return signature, generate

    return sum_vectors


def _interpreted(n_vectors: int) -> Any:
    """Return what does it in NumPy."""

    def sum_vectors(
        values: Any, numbers: Any, begin: int, end: int, M: Any, first: int, out: Any, i: int, column: int
    ) -> None:
        own = slice(column, column + n_vectors * BYTES // out.itemsize)
        out[i, own] = values[begin:end] @ M[first + numbers[begin:end], own]

    return sum_vectors


_sum_many, _sum_few = (_interpreted(n) if config.DISABLE_JIT else _summing(n) for n in (MANY, FEW))


@compiled
def sum_rows(values: Any, numbers: Any, starts: Any, begin: int, M: Any, first: int, out: Any) -> None:
    """Leave sums of rows of M, each times its value, in the rows of ``out``.

    Parameters
    ----------
    values, numbers : ndarray of shape (n_values,)
        What rows are multiplied by, and the rows, int32, counted from ``first``.
    starts : ndarray of int64
        Where the values of each sum start; those of row i of ``out`` are ``starts[begin + i]`` to
        ``starts[begin + i + 1]``.
    M, out : ndarray of shape (n_rows, width), (n_sums, width)
        Of ``FEW`` vectors at the least. Columns are taken piece by piece; the last ones may be summed twice.
    """
    width, many, few = out.shape[1], MANY * BYTES // out.itemsize, FEW * BYTES // out.itemsize
    column = np.int64(0)
    while column < width:
        if width - column >= many:
            for i in range(out.shape[0]):
                _sum_many(values, numbers, starts[begin + i], starts[begin + i + 1], M, first, out, i, column)
            column += many
        else:
            column = min(column, width - few)
            for i in range(out.shape[0]):
                _sum_few(values, numbers, starts[begin + i], starts[begin + i + 1], M, first, out, i, column)
            column += few
