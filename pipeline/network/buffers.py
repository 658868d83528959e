"""The arrays of a batch: what each layer of a network reads and writes in training, forward and backward."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.layers import Affine, Layer

Array = NDArray[Any]


class LayerBuffers(NamedTuple):
    """Where a layer writes Y, finds dY, and writes dX, which may all be one array."""

    Y: Array
    dY: Array
    dX: Array


class Buffers:
    """The arrays that a network's layers read and write in training, made once for the largest batch.

    An elementwise layer writes over what it takes, unless that is the batch itself, or the layer before needs it again.
    What goes into a layer that ``sums_samples``, and the gradient that comes back to it, stay until the pass is over.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the output.
    dtype : dtype
        The network's.
    """

    def __init__(self, layers: Sequence[Layer], dtype: DTypeLike) -> None:
        self.layers, self.dtype = layers, dtype
        self.n_in = next(layer.n_in for layer in layers if isinstance(layer, Affine))
        self._arrays: dict[str, Array] = {}

    def inputs(self, n: int) -> Array:
        """Return an array for X of ``n`` samples, (n, n_in)."""
        return self._array("X", n, self.n_in)

    def batch(self, n: int, *, to_input: bool = False) -> list[LayerBuffers]:
        """Return the arrays of each layer for a batch of ``n`` samples.

        With ``to_input``, there is one for the gradient by the input as well. Where no gradient goes, dX is dY.
        """
        outputs: list[Array] = []
        width, free = self.n_in, False
        for index, layer in enumerate(self.layers):
            width = layer.n_out if isinstance(layer, Affine) else width
            outputs.append(outputs[-1] if layer.elementwise and free else self._array(f"Y{index}", n, width))
            free = not layer.needs_output
        buffers: list[LayerBuffers] = []
        gradient, end = outputs[-1], backward_end(self.layers, to_input=to_input)
        for index in reversed(range(len(self.layers))):
            layer, dY = self.layers[index], gradient
            if layer.sums_samples and index >= end:
                width = layer.n_in if isinstance(layer, Affine) else dY.shape[1]
                gradient = self._array(f"dX{index}", n, width)
            buffers.append(LayerBuffers(outputs[index], dY, gradient))
        return buffers[::-1]

    @property
    def size(self) -> int:
        """How many numbers the arrays hold that were made so far."""
        return sum(array.size for array in self._arrays.values())

    def _array(self, name: str, n: int, width: int) -> Array:
        """Return the first rows of an array, which is made where there is none, or one that is too small."""
        if len(self._arrays.get(name, ())) < n:
            self._arrays[name] = np.empty((n, width), self.dtype)
        return self._arrays[name][:n]


def backward_end(layers: Sequence[Layer], *, to_input: bool) -> int:
    """Return the index of the last layer that a gradient goes back through: the first with parameters, or the next."""
    first = next(index for index, layer in enumerate(layers) if layer.n_parameters)
    return 0 if to_input else first + layers[first].sums_samples
