"""A shard of a network's parameters, a span of the flat buffers, and what is done to it in an update: hooks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.buffers import LayerBuffers
from pipeline.network.layers import Affine, Layer, Scale
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]
_Kind = TypeVar("_Kind", bound=Layer)


class AffinePart(NamedTuple):
    """What of a network's affine layer number ``place`` lies in a shard: rows of W for some inputs, and b or not."""

    place: int
    layer: Affine
    inputs: slice
    dW: Array
    db: Array | None


class ScalePart(NamedTuple):
    """A layer of factors, number ``place`` of a network's, which lies in a shard."""

    place: int
    layer: Scale
    ds: Array


@dataclass
class ParameterShard:
    """The parameters that one thread updates.

    Attributes
    ----------
    params, grads : ndarray
        All parameters of the network, and their gradient.
    span : slice
        Where the shard's lie.
    parts : list of AffinePart
        What of the affine layers that is, in the order of the layers.
    scales : list of ScalePart
        The layers of factors among it; each lies in one shard.
    units : list of (Affine, slice)
        The thread's shard of each layer's units, for what treats whole columns of W.
    scratch : ndarray
        A buffer for the optimizer.
    """

    params: Array
    grads: Array
    span: slice
    parts: list[AffinePart] = field(default_factory=list)
    units: list[tuple[Affine, slice]] = field(default_factory=list)
    scales: list[ScalePart] = field(default_factory=list)
    scratch: Array = field(default_factory=lambda: np.empty(0))

    @classmethod
    def cut(cls, layers: Sequence[Layer], params: Array, grads: Array, span: slice) -> Self:
        """Return the shard of a span that begins and ends between two rows of a W."""
        parts = []
        for index, layer, first in layout(layers):
            start, stop = (min(max((end - first) // layer.n_out, 0), layer.n_in) for end in (span.start, span.stop))
            if start < stop:
                last = first + layer.n_in * layer.n_out
                dW = grads[first:last].reshape(layer.n_in, layer.n_out)[start:stop]
                db = grads[last : last + layer.n_out] if layer.bias and stop == layer.n_in else None
                parts.append(AffinePart(index, layer, slice(start, stop), dW, db))
        scales = [
            ScalePart(index, layer, grads[first : first + layer.n_units])
            for index, layer, first in places(layers, Scale)
            if span.start <= first < span.stop
        ]
        return cls(params, grads, span, parts, scales=scales)

    def gradient(self, X: Array | SparseRows, buffers: Sequence[LayerBuffers]) -> None:
        """Leave the gradient of the shard's weights, from a batch X and what passes have left in its buffers."""
        for place, layer, inputs, dW, db in self.parts:
            layer.backward_parameters(buffers[place - 1].Y if place else X, buffers[place].dY, inputs, dW=dW, db=db)
        for place, scale, ds in self.scales:
            A: Any = buffers[place - 1].Y if place else X
            scale.backward_parameters(A, buffers[place].dY, ds=ds)


class Hook:
    """What happens beside the optimizer in an update, as penalties, limits and averages do; this one does nothing.

    Each thread calls it with its shard of the parameters.

    Attributes
    ----------
    reads_others : bool
        Whether ``after_update`` reads or writes parameters outside of the shard, so that all threads wait for each
        other before it and after it.
    """

    reads_others: ClassVar[bool] = False

    def begin_update(self) -> None:
        """Do something once, before the threads."""

    def after_gradient(self, shard: ParameterShard, total: float) -> float:
        """Add to the gradient of a shard, ``total`` being the batch's weight, and return what adds to the loss."""
        del shard, total
        return 0.0

    def after_update(self, shard: ParameterShard) -> None:
        """Do something with a shard of the new parameters."""


def layout(layers: Sequence[Layer]) -> Iterator[tuple[int, Affine, int]]:
    """Yield index, layer, and place in the flat buffers, of every affine layer."""
    return places(layers, Affine)


def places(layers: Sequence[Layer], kind: type[_Kind]) -> Iterator[tuple[int, _Kind, int]]:
    """Yield index, layer, and place in the flat buffers, of every layer of a kind."""
    start = 0
    for index, layer in enumerate(layers):
        if isinstance(layer, kind):
            yield index, layer, start
        start += layer.n_parameters
