"""How the work of an update is cut into shards, one for each worker: by samples, by units, and by parameters.

Shards are cut by shape and the number of workers alone, so that the result does not depend on who was faster.
"""

from itertools import chain, pairwise, starmap

import numpy as np

from pipeline.network.layers import Affine
from pipeline.network.network import Network
from pipeline.network.optimizers import BLOCK
from pipeline.network.shards import ParameterShard, layout

WIDE_LAYER = 1000
"""Units of the widest hidden layer from which on threads share the units: a product of some columns for all samples is
faster than one of all columns for some samples, by more than the barriers cost."""
SHARED_BLOCK = 2**18
"""Parameters that one of several threads updates at once: out of the cache, but handing over the interpreter less."""


def shard_slice(n: int, k: int, size: int) -> slice:
    """Return the ``k``-th of ``size`` shards of ``n`` consecutive items."""
    return slice(n * k // size, n * (k + 1) // size)


def shards_by_units(network: Network) -> bool:
    """Return whether threads are to share the network's units rather than the samples."""
    hidden = network.affine_layers[:-1]
    return needs_units(network) or max((layer.n_out for layer in hidden), default=0) >= WIDE_LAYER


def needs_units(network: Network) -> bool:
    """Return whether threads cannot share the samples: a layer mixes them, or learns in each pass."""
    return any(layer.mixes_samples for layer in network.layers) or network.learns_in_passes


def unit_shards(network: Network, k: int, size: int) -> list[slice | None]:
    """Return which units of each layer thread ``k`` of ``size`` computes; None where all, for its own samples.

    What comes before the first affine layer is still cut by samples, and so is the last one, as the loss needs all of a
    sample's outputs.

    Raises
    ------
    ValueError
        Where a layer before the first affine one mixes samples, or has parameters other than ``Scale``'s.
    """
    first = network.layers.index(network.affine_layers[0])
    before = network.layers[:first]
    if any(layer.mixes_samples or (layer.n_parameters and not layer.sums_samples) for layer in before):
        raise ValueError(
            "several threads share samples before the first Affine, where no layer may mix them, or have parameters "
            f"other than Scale's; got {network.layers}"
        )
    units: list[slice | None] = [None] * first
    width = 0
    for layer in network.layers[first:-1]:
        width = layer.n_out if isinstance(layer, Affine) else width
        units.append(shard_slice(width, k, size))
    return [*units, None]


def shard_parameters(network: Network, n_shards: int) -> list[ParameterShard]:
    """Cut a network's parameters into shards of about the same size, between two rows of a W."""
    ends = [0, *_boundaries(network, n_shards), len(network.params)]
    largest = BLOCK if n_shards == 1 else SHARED_BLOCK
    n_blocks = -(-len(network.params) // (n_shards * largest))
    block = -(-max(stop - start for start, stop in pairwise(ends)) // n_blocks)
    shards = []
    for k, span in enumerate(starmap(slice, pairwise(ends))):
        shard = ParameterShard.cut(network.layers, network.params, network.grads, span)
        shard.scratch = np.empty(block, network.dtype)
        shard.units = [(layer, shard_slice(layer.n_out, k, n_shards)) for layer in network.affine_layers]
        shards.append(shard)
    return shards


def _boundaries(network: Network, n_shards: int) -> list[int]:
    """Return where the parameters are cut: between two rows, or two layers, as near as can be to equal shards.

    A network with fewer rows than shards has empty shards.
    """
    size = len(network.params)
    # A layer's b stays with the last row of its W.
    rows = (start + layer.n_out * np.arange(layer.n_in) for _, layer, start in layout(network.layers))
    allowed = np.array([0, size, *chain.from_iterable(rows)])
    return [int(allowed[np.abs(allowed - size * k / n_shards).argmin()]) for k in range(1, n_shards)]
