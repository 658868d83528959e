"""Sums of rows of a matrix, each times a number: the product of a vector that mostly is 0 with a matrix.

A compiler reads and writes a sum in memory for every few rows. Here it stays in registers, as vectors.
"""

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

N_VECTORS, BYTES = 4, 64
"""Vectors of a sum that are made at once, and the bytes of one."""


@intrinsic
def _sum_rows(context: Any, values: Any, numbers: Any, begin: Any, end: Any, M: Any, first: Any, out: Any) -> Any:
    """Leave the sum in ``out``, which has the elements of a vector at least."""
    del context
    arrays = all(isinstance(array, types.Array) for array in (values, numbers, M, out))
    if not arrays or not values.dtype == M.dtype == out.dtype:
        return None
    signature = types.void(values, numbers, begin, end, M, first, out)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def array(at: int) -> Any:
            return context.make_array(signature.args[at])(context, builder, arguments[at])

        def whole(at: int) -> Any:
            return context.cast(builder, arguments[at], signature.args[at], types.intp)

        values, numbers, M, out = (array(at) for at in (0, 1, 4, 6))
        begin, end, first = (whole(at) for at in (2, 3, 5))
        number = context.get_value_type(signature.args[0].dtype)
        size = context.get_abi_sizeof(number)
        n_lanes = BYTES // size
        vector, index = ir.VectorType(number, n_lanes), ir.IntType(32)
        (width,) = cgutils.unpack_tuple(builder, out.shape, 1)
        step, _ = cgutils.unpack_tuple(builder, M.strides, 2)

        def constant(value: int) -> Any:
            return context.get_constant(types.intp, value)

        last = builder.sub(width, constant(n_lanes))

        def spread(value: Any) -> Any:
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(index, 0))
            lanes = ir.Constant(ir.VectorType(index, n_lanes), [0] * n_lanes)
            return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), lanes)

        def place(base: Any, start: Any) -> Any:
            return builder.bitcast(builder.gep(base, [start]), vector.as_pointer())

        group = constant(N_VECTORS * n_lanes)
        with cgutils.for_range_slice(builder, constant(0), width, group) as (start, _):
            # The last vectors may overlap: they hold the same sums.
            starts = []
            for k in range(N_VECTORS):
                at = builder.add(start, constant(k * n_lanes))
                starts.append(builder.select(builder.icmp_signed("<", at, last), at, last))
            sums = [cgutils.alloca_once(builder, vector) for _ in starts]
            for total in sums:
                builder.store(ir.Constant(vector, [0.0] * n_lanes), total)
            with cgutils.for_range_slice(builder, begin, end, constant(1)) as (at, _):
                a = spread(builder.load(builder.gep(values.data, [at])))
                k = builder.add(first, builder.sext(builder.load(builder.gep(numbers.data, [at])), first.type))
                base = cgutils.pointer_add(builder, M.data, builder.mul(k, step))
                for total, own in zip(sums, starts, strict=True):
                    product = builder.fmul(a, builder.load(place(base, own), align=size), flags=("contract",))
                    builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
            for total, own in zip(sums, starts, strict=True):
                builder.store(builder.load(total), place(out.data, own), align=size)
        return context.get_dummy_value()

    return signature, generate


def _interpreted(values: Any, numbers: Any, begin: int, end: int, M: Any, first: int, out: Any) -> None:
    """Leave the sum in ``out``."""
    out[:] = values[begin:end] @ M[first + numbers[begin:end]]


sum_rows: Any = _interpreted if config.DISABLE_JIT else _sum_rows
"""``sum_rows(values, numbers, begin, end, M, first, out)`` leaves the sum of rows of M in ``out``: those of which
``numbers[begin:end]``, int32, are the numbers counted from ``first``, each times its value."""
