"""A thread's pass where threads share the units: it computes some columns of each hidden layer, for all samples.

So a layer that mixes samples sees all of them, and a product of a wide layer is one of some columns for all samples,
which is faster than one of all columns for some. Before each affine layer, forward and backward, threads wait for each
other.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.buffers import LayerBuffers, backward_end
from pipeline.network.layers import ALL, Affine, Cache, Layer
from pipeline.network.pass_ import Pass

Array = NDArray[Any]


class Exchange(Layer):
    """Waits for the other threads, and goes on with an array in which each has written its part."""

    def __init__(self, barrier: Callable[[], None]) -> None:
        self.barrier = barrier

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return ``out``, or X where all of it is there from the start."""
        del cache
        self.barrier()
        return X if out is None else out

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return ``out``."""
        return self.forward(dY, out=out, cache=cache)


class PassByUnits(Pass):
    """A pass with some units of each hidden layer; the last is whole, as the loss needs all of a sample's outputs.

    Parameters
    ----------
    layers, shards : sequence of Layer
        The network's, and the thread's shard of each.
    units : list of (slice or None)
        The thread's units of each; None where it computes all, for its own samples.
    barrier : callable
        Waits for the other threads.
    buffers, rng, samples, to_input, updates_statistics
        As for ``Pass``.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        shards: Sequence[Layer],
        units: Sequence[slice | None],
        barrier: Callable[[], None],
        buffers: list[LayerBuffers],
        rng: np.random.Generator,
        samples: slice,
        *,
        to_input: bool = False,
        updates_statistics: bool = True,
    ) -> None:
        self.rng, self.updates_statistics = rng, updates_statistics
        self.samples = samples if units[0] is None else ALL
        self._forward, self._backward = [], []
        exchange, end = Exchange(barrier), backward_end(layers, to_input=to_input)
        for index, (layer, shard, arrays) in enumerate(zip(layers, shards, buffers, strict=True)):
            cache, own, before = Cache(), units[index], units[index - 1] if index else None
            backward = shard.backward_input if layer.sums_samples else shard.backward
            steps: list[Any] = [(backward, cache, _part(arrays.dX, samples, own))]
            if isinstance(layer, Affine):
                X: Any = buffers[index - 1].Y if index else None
                self._forward.append((exchange, cache, X if own or X is None else X[samples]))
                inputs = layer.shard(ALL, inputs=before or ALL)
                steps = [(inputs.backward_input, cache, _part(arrays.dX, samples, before))]
                steps.append((exchange.backward, cache, arrays.dY if before else arrays.dY[samples]))
            self._forward.append((shard, cache, _part(arrays.Y, samples, own)))
            self._backward += steps if index >= end else []
        self._backward.reverse()


def _part(array: Array, samples: slice, units: slice | None) -> Array:
    """Return some units of all samples, or all units of a thread's own samples."""
    return array[samples] if units is None else array[:, units]
