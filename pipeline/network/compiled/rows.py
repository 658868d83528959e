"""Rows of arrays as loops see them: their elements side by side, which is what vector code needs.

An array may be some columns of a wider one, as where threads share the units of a layer. A compiler cannot tell then
that the elements of a row lie next to each other, and would fetch each by itself.
"""

from typing import Any

from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array


@intrinsic
def _row(context: Any, A: Any, i: Any) -> Any:
    """Return row ``i`` of an array whose rows have no gaps, in a loop; the array must outlive it."""
    del context
    if not (isinstance(A, types.Array) and A.ndim == len("ij") and isinstance(i, types.Integer)):
        return None
    kind = types.Array(A.dtype, 1, "C", readonly=not A.mutable)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        matrix = context.make_array(signature.args[0])(context, builder, arguments[0])
        _, width = cgutils.unpack_tuple(builder, matrix.shape, 2)
        step, _ = cgutils.unpack_tuple(builder, matrix.strides, 2)
        number = context.cast(builder, arguments[1], signature.args[1], types.intp)
        first = cgutils.pointer_add(builder, matrix.data, builder.mul(number, step))
        view = context.make_array(kind)(context, builder)
        populate_array(view, first, [width], [matrix.itemsize], matrix.itemsize, None)
        return view._getvalue()  # noqa: SLF001 - numba's own way

    return kind(A, i), generate


def _interpreted_row(A: Any, i: int) -> Any:
    """Return row ``i`` of an array."""
    return A[i]


row: Any = _interpreted_row if config.DISABLE_JIT else _row
