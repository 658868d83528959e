"""Rows of arrays as loops see them: their elements side by side, which is what vector code needs.

An array may be some columns of a wider one, as where threads share the units of a layer. A compiler cannot tell then
that the elements of a row lie next to each other, and would fetch each by itself. And matrices inside of a flat buffer,
as ``reshape`` makes them, which asks a function and counts a reference: that takes as long as a small layer.
"""

from typing import Any

import numpy as np
from llvmlite import ir
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


@intrinsic
def _matrix(context: Any, A: Any, start: Any, n_rows: Any, width: Any) -> Any:
    """Return what lies in a flat array from ``start`` on as a matrix; the array must outlive it."""
    del context
    numbers = all(isinstance(number, types.Integer) for number in (start, n_rows, width))
    if not (isinstance(A, types.Array) and A.ndim == 1 and A.layout == "C" and numbers):
        return None
    kind = types.Array(A.dtype, 2, "C", readonly=not A.mutable)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flat = context.make_array(signature.args[0])(context, builder, arguments[0])
        begin, height, width = (
            context.cast(builder, argument, number, types.intp)
            for argument, number in zip(arguments[1:], signature.args[1:], strict=True)
        )
        first = cgutils.pointer_add(builder, flat.data, builder.mul(begin, flat.itemsize))
        view = context.make_array(kind)(context, builder)
        strides = [builder.mul(width, flat.itemsize), flat.itemsize]
        populate_array(view, first, [height, width], strides, flat.itemsize, None)
        return view._getvalue()  # noqa: SLF001 - numba's own way

    return kind(A, start, n_rows, width), generate


def _interpreted_matrix(A: Any, start: int, n_rows: int, width: int) -> Any:
    """Return part of a flat array as a matrix."""
    return A[start : start + n_rows * width].reshape(n_rows, width)


@intrinsic
def _prefetch(context: Any, A: Any, i: Any) -> Any:
    """Have the processor fetch element ``i`` of a flat array, and whatever lies in its line of the cache."""
    del context
    if not (isinstance(A, types.Array) and A.ndim == 1 and isinstance(i, types.Integer)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flat = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = context.cast(builder, arguments[1], signature.args[1], types.intp)
        pointer, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        place = builder.bitcast(builder.gep(flat.data, [number]), pointer)
        builder.call(function, [place, *(ir.Constant(flag, value) for value in (0, 3, 1))])  # to read, soon, data
        return context.get_dummy_value()

    return types.void(A, i), generate


def _interpreted_prefetch(A: Any, i: int) -> None:
    """Do nothing."""


class _Memory:
    """The memory of an array, and the array, so that it lives as long."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__ | {"data": (array.__array_interface__["data"][0], False)}


def readable_by_loops(array: Any) -> Any:
    """Return an array as loops take it that read it and never write: one that cannot be written is not told so.

    As a map of a file it would be another type, for which all loops that it is handed to were compiled once more.
    """
    return np.asarray(array) if array.flags.writeable else np.asarray(_Memory(array))


row: Any = _interpreted_row if config.DISABLE_JIT else _row
matrix: Any = _interpreted_matrix if config.DISABLE_JIT else _matrix
prefetch: Any = _interpreted_prefetch if config.DISABLE_JIT else _prefetch
