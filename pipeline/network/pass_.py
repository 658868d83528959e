"""A pass of a batch through a network, forward and backward, as one thread makes it.

Layers have no memory, a ``Pass`` has: its arrays, and a cache for each layer, made once for a batch size. A network's
gradient is one pass on one thread; in training each thread makes the same pass with its shard of the samples.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.buffers import Buffers, LayerBuffers, backward_end
from pipeline.network.layers import ALL, Cache, Layer
from pipeline.network.losses import Loss, total_weight
from pipeline.network.shards import ParameterShard
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]


class Pass:
    """One thread's way through a network, with its samples of a batch.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the output.
    buffers : list of LayerBuffers
        Of the whole batch.
    rng : Generator
        What stochastic layers draw from.
    samples : slice, default=ALL
        The thread's own.
    to_input : bool, default=False
        Whether to go backward to the input, and not only to the first layer with parameters.
    updates_statistics : bool, default=True
        Whether running statistics follow the batch.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        buffers: list[LayerBuffers],
        rng: np.random.Generator,
        samples: slice = ALL,
        *,
        to_input: bool = False,
        updates_statistics: bool = True,
    ) -> None:
        self.rng, self.samples, self.updates_statistics = rng, samples, updates_statistics
        self._forward: list[tuple[Layer, Cache, Array]] = []
        self._backward: list[tuple[Callable[..., Array], Cache, Array]] = []
        end = backward_end(layers, to_input=to_input)
        for index, (layer, arrays) in enumerate(zip(layers, buffers, strict=True)):
            cache = Cache()
            self._forward.append((layer, cache, arrays.Y[samples]))
            # The gradient of an affine layer's parameters is a product over all samples of the batch, for later.
            backward = layer.backward_input if layer.sums_samples else layer.backward
            if index >= end:
                self._backward.insert(0, (backward, cache, arrays.dX[samples]))

    def forward_backward(
        self, loss: Loss, X: Array | SparseRows, P: Array, Y: Array, weight: Array | None, total: float
    ) -> None:
        """Go forward, leave the predictions in ``P``, and go backward with the gradient of their loss.

        X is the whole batch, and ``total`` its weight; the others are of the thread's own samples. The gradient of
        every affine layer's output is left in its buffer, that of other parameters where it belongs.
        """
        Z = self.forward(X)
        loss.forward_backward(Z, P, Y, weight, total)
        self.backward(Z)

    def forward(self, X: Array | SparseRows) -> Array:
        """Return Z, the last layer's output."""
        A: Any = X if self.samples == ALL else X[self.samples]
        for layer, cache, Y in self._forward:
            if layer.stochastic:
                layer.draw(A, cache, self.rng)
            A = layer.forward(A, out=Y, cache=cache)
            if layer.state_names and self.updates_statistics:
                layer.update_statistics(cache)
        Z: Array = A
        return Z

    def backward(self, dZ: Array) -> None:
        """Take the gradient back, layer by layer."""
        for backward, cache, dX in self._backward:
            dZ = backward(dZ, cache, out=dX)


class BatchGradient:
    """The gradient of the loss on one batch after the other: a pass on one thread, for a shard of all parameters."""

    def __init__(self, layers: Sequence[Layer], shard: ParameterShard, rng: np.random.Generator) -> None:
        self.layers, self.shard, self.rng = layers, shard, rng
        self._arrays = Buffers(layers, shard.params.dtype)
        self._n_samples = -1

    def compute(self, loss: Loss, X: Array | SparseRows, Y: Array, sample_weight: Array | None = None) -> float:
        """Leave the gradient in the shard, and return the loss; a pass is made for each new batch size."""
        if len(Y) != self._n_samples:
            self._n_samples, self._buffers = len(Y), self._arrays.batch(len(Y))
            self._pass = Pass(self.layers, self._buffers, self.rng)
        P = np.empty(Y.shape, self._arrays.dtype)
        self._pass.forward_backward(loss, X, P, Y, sample_weight, total_weight(sample_weight, len(Y)))
        self.shard.gradient(X, self._buffers)
        return loss.value(P, Y, sample_weight)
