"""How the work of an update is cut into shards, one for each worker: by samples, by units, and by parameters.

Shards are cut by shape and the number of workers alone, so that the result does not depend on who was faster.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers import Affine
from pipeline.network.network import Network
from pipeline.network.optimizers import BLOCK
from pipeline.network.pass_ import LayerShard

Array = NDArray[Any]
WIDE_LAYER = 1000
"""Units of the widest hidden layer from which on threads share the units: a product of some columns for all samples is
faster than one of all columns for some samples, by more than the barriers cost."""
SHARED_BLOCK = 2**18
"""Parameters that one of several threads updates at once: out of the cache, but handing over the interpreter less."""


@dataclass
class ParameterShard:
    """The parameters that one thread updates: a span of the flat buffers.

    Attributes
    ----------
    span : slice
        Where they lie.
    parts : list of (int, slice, bool)
        For each layer with parameters there: its index, its rows of W, and whether its b is there as well.
    scratch : ndarray
        A buffer for the optimizer.
    """

    span: slice
    parts: list[tuple[int, slice, bool]]
    scratch: Array


def shard_slice(n: int, k: int, size: int) -> slice:
    """Return the ``k``-th of ``size`` shards of ``n`` consecutive items."""
    return slice(n * k // size, n * (k + 1) // size)


def shards_by_units(network: Network) -> bool:
    """Return whether threads are to share the network's units rather than the samples."""
    hidden = network.affine_layers[:-1]
    return (
        any(layer.mixes_samples for layer in network.layers) or max((a.n_out for a in hidden), default=0) >= WIDE_LAYER
    )


def layer_shards(network: Network, k: int, size: int, *, by_units: bool) -> list[LayerShard]:
    """Return what thread ``k`` of ``size`` computes of each layer.

    Where units are shared, what comes before the first affine layer is still cut by samples, and so is the last
    one, as the loss needs all of a sample's outputs.

    Raises
    ------
    ValueError
        Where a layer mixes samples before the first affine one.
    """
    if not by_units:
        return [LayerShard() for _ in network.layers]
    first = network.layers.index(network.affine_layers[0])
    if any(layer.mixes_samples for layer in network.layers[:first]):
        raise ValueError(
            f"several threads share samples before the first Affine, where none may mix them; got {network.layers}"
        )
    shards, width = [], 0
    for layer in network.layers:
        width = layer.n_out if isinstance(layer, Affine) else width
        shards.append(LayerShard(shard_slice(width, k, size), all_samples=True) if width else LayerShard())
    return [*shards[:-1], LayerShard()]


def shard_parameters(network: Network, n_shards: int) -> list[ParameterShard]:
    """Cut a network's parameters into shards of about the same size, between two rows of a W."""
    ends = [0, *_boundaries(network, n_shards), len(network.params)]
    largest = BLOCK if n_shards == 1 else SHARED_BLOCK
    n_blocks = -(-len(network.params) // (n_shards * largest))
    block = -(-max(stop - start for start, stop in pairwise(ends)) // n_blocks)
    return [
        ParameterShard(slice(start, stop), _parts(network, start, stop), np.empty(block, network.dtype))
        for start, stop in pairwise(ends)
    ]


def _boundaries(network: Network, n_shards: int) -> list[int]:
    """Return where the parameters are cut: between two rows, or two layers, as near as can be to equal shards.

    A network with fewer rows than shards has empty shards.
    """
    size = len(network.params)
    allowed = np.array([0, size, *(end for _, layer, start in network.layout() for end in _row_ends(layer, start))])
    return [int(allowed[np.abs(allowed - size * k / n_shards).argmin()]) for k in range(1, n_shards)]


def _row_ends(layer: Affine, start: int) -> Array:
    """Return where the rows of a layer's W end; its b stays with the last of them."""
    return start + layer.n_out * np.arange(layer.n_in)


def _parts(network: Network, start: int, stop: int) -> list[tuple[int, slice, bool]]:
    """Return what of each layer lies in a span of the parameters."""
    parts = []
    for index, layer, first in network.layout():
        rows = slice(*(min(max((end - first) // layer.n_out, 0), layer.n_in) for end in (start, stop)))
        if rows.start < rows.stop:
            parts.append((index, rows, rows.stop == layer.n_in))
    return parts
