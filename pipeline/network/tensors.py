"""What a network has learned as tensors by name, those that PyTorch's ``nn.Sequential`` of the same layers has.

So a file of them is loaded there by ``load_state_dict``, and read elsewhere by names that are known. Layers are counted
from 0; those that do nothing in a prediction, as dropout, do not count.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers import Affine, BatchNorm, Layer

Array = NDArray[Any]

_NAMES = {
    Affine: {"W": "weight", "b": "bias"},
    BatchNorm: {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"},
}
"""PyTorch's names for what a layer learns."""


class TensorSpec(NamedTuple):
    """A tensor as others expect it.

    Attributes
    ----------
    name : str
        The place of the layer, a dot, and what it is of it: ``"0.weight"``.
    shape : tuple of int
        W of an affine layer is (n_out, n_in), transposed.
    transposed : bool
        Whether it is transposed.
    """

    name: str
    shape: tuple[int, ...]
    transposed: bool


def tensor_specs(layers: Sequence[Layer]) -> list[TensorSpec]:
    """Return the tensors of layers in the order of ``Network.snapshot``: all parameters, then all states.

    Examples
    --------
    >>> from pipeline.network.layers import Dropout, ReLU
    >>> [spec[:2] for spec in tensor_specs([Affine(4, 3), ReLU(), Dropout(0.5), Affine(3, 2)])]
    [('0.weight', (3, 4)), ('0.bias', (3,)), ('2.weight', (2, 3)), ('2.bias', (2,))]
    """
    counted = list(enumerate(layer for layer in layers if not layer.training_only))
    return [
        *(_spec(place, layer, *named) for place, layer in counted for named in layer.parameter_shapes().items()),
        *(_spec(place, layer, *named) for place, layer in counted for named in _state_shapes(layer)),
    ]


def to_tensors(layers: Sequence[Layer], snapshot: Array) -> dict[str, Array]:
    """Return the tensors by name of what ``Network.snapshot`` has returned, as views."""
    return {
        spec.name: part.reshape(spec.shape[::-1]).T if spec.transposed else part.reshape(spec.shape)
        for spec, part in _parts(layers, snapshot)
    }


def from_tensors(layers: Sequence[Layer], tensors: Mapping[str, Array]) -> Array:
    """Return what ``Network.restore`` takes, of tensors by name.

    Raises
    ------
    KeyError
        Where one is missing.
    ValueError
        Where one has another shape, or not all are in float32, or in float64.
    """
    specs = tensor_specs(layers)
    dtypes = {tensors[spec.name].dtype for spec in specs}
    if len(dtypes) != 1 or not dtypes <= {np.dtype(np.float32), np.dtype(np.float64)}:
        raise ValueError(f"its tensors must all be float32, or float64; got {', '.join(sorted(map(str, dtypes)))}")
    for spec in specs:
        if tensors[spec.name].shape != spec.shape:
            raise ValueError(f"{spec.name} must have the shape {spec.shape}; got {tensors[spec.name].shape}")
    snapshot = np.empty(sum(math.prod(spec.shape) for spec in specs), dtypes.pop())
    for name, part in to_tensors(layers, snapshot).items():
        part[...] = tensors[name]
    return snapshot


def _parts(layers: Sequence[Layer], snapshot: Array) -> Iterator[tuple[TensorSpec, Array]]:
    """Yield every tensor with its part of the flat array."""
    start = 0
    for spec in tensor_specs(layers):
        stop = start + math.prod(spec.shape)
        yield spec, snapshot[start:stop]
        start = stop


def _spec(place: int, layer: Layer, name: str, shape: tuple[int, ...]) -> TensorSpec:
    """Return how a tensor of a layer stands in a file."""
    names = next((names for kind, names in _NAMES.items() if isinstance(layer, kind)), {})
    transposed = isinstance(layer, Affine) and name == "W"
    return TensorSpec(f"{place}.{names.get(name, name)}", shape[::-1] if transposed else shape, transposed)


def _state_shapes(layer: Layer) -> list[tuple[str, tuple[int, ...]]]:
    """Return the arrays of a layer's state with their shapes: one number for each unit."""
    return [(name, (layer.n_state // len(layer.state_names),)) for name in layer.state_names]
