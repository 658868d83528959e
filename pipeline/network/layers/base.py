"""The base of all layers: ``forward`` takes an array to the next layer, ``backward`` takes its gradient back.

A layer is its formula, on one screen, in the formula's symbols. It has parameters (``W``, ``b``) and their gradients
(``dW``, ``db``), views of the network's two flat buffers, but no memory of a batch: what ``backward`` needs from
``forward`` lies in a ``Cache``, which belongs to the caller. So one layer can stand in several passes at once.

An ``out`` says where a result may be written; without it, a new array is made and nothing is overwritten.
"""

import math
from copy import copy
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.configurable import as_call

Array = NDArray[Any]
ALL = slice(None)


class Cache(SimpleNamespace):
    """What a pass stores of a layer between ``forward`` and ``backward``: ``cache.X``, ``cache.Y`` and so on."""

    def __getattr__(self, name: str) -> Any:
        """Say where a missing value comes from; Python calls this for nothing else."""
        raise AttributeError(
            f"the cache has no {name!r}: forward(X, cache=cache) comes before backward, and draw before both where a "
            "layer is stochastic"
        )

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return an array to write into, which is made once for batches of the same size."""
        values: Array | None = vars(self).get(name)
        if values is None or values.shape != shape or values.dtype != dtype:
            values = np.empty(shape, dtype)
            setattr(self, name, values)
        return values


class Layer:
    """A layer: ``forward`` from X to Y, ``backward`` from dY to dX.

    Attributes
    ----------
    elementwise : bool
        Whether Y has the shape of X, and may be written over it.
    needs_output : bool
        Whether ``backward`` needs Y again, so that the next layer must not write over it.
    stochastic : bool
        Whether ``draw`` takes random numbers for every batch of training.
    training_only : bool
        Whether Y is X itself except in training.
    mixes_samples : bool
        Whether Y of a sample depends on the others of the batch, which must then come together.
    sums_samples : bool
        Whether its parameters' gradients are sums over the samples that ``backward_parameters`` makes after the passes,
        so that threads may share the samples; a pass then calls ``backward_input``, which returns dX alone.
    unitwise : bool
        Whether every unit has parameters of its own, along their last axis, so that threads may share the units.
    state_names : tuple of str
        The arrays of what the layer learns beside its parameters, one number for each unit.
    """

    elementwise: ClassVar[bool] = True
    needs_output: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    training_only: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = False
    sums_samples: ClassVar[bool] = False
    unitwise: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return as_call(self)

    def __getattr__(self, name: str) -> Any:
        """Say where a missing attribute comes from; Python calls this for nothing else."""
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}: parameters come with a Network"
        )

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the layer's parameters by name; most layers have none."""
        return {}

    @property
    def n_parameters(self) -> int:
        """How many numbers the layer learns."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    @property
    def n_state(self) -> int:
        """How many numbers the layer learns beside its parameters."""
        return 0

    @property
    def n_multiplications(self) -> int:
        """How many multiplications by a parameter an input takes in prediction: by each once, unless a layer knows."""
        return self.n_parameters

    def bind(self, params: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take views of the network's buffers: ``W`` becomes ``self.W``, its gradient ``self.dW``."""
        for name, values in params.items():
            setattr(self, name, values)
            setattr(self, f"d{name}", grads[name])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the views, which a network gives again, and copy the state."""
        views = {view for name in self.parameter_shapes() for view in (name, f"d{name}")}
        states = {name: getattr(self, name).copy() for name in self.state_names if name in vars(self)}
        return {name: value for name, value in vars(self).items() if name not in views} | states

    def initialize(self, rng: np.random.Generator) -> None:
        """Give the parameters the values that training starts from."""

    def shard(self, units: slice) -> Self:
        """Return the layer for some of its units, on views of its parameters and its state."""
        if self.parameter_shapes() and not self.unitwise:
            raise ValueError(
                f"several threads share the units of a layer with parameters, and {self!r} is not unitwise"
            )
        shard = copy(self)
        parameters = self.parameter_shapes()
        for name in (*parameters, *(f"d{name}" for name in parameters), *self.state_names):
            setattr(shard, name, getattr(self, name)[..., units])
        return shard

    def draw(self, X: Array, cache: Cache, rng: np.random.Generator) -> None:
        """Leave random numbers for a batch like X in the cache; stochastic layers alone do."""

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return Y of shape (n_samples, n_out) for X of shape (n_samples, n_in).

        With a cache it is a pass of training, and leaves there what ``backward`` needs; without one, a prediction.
        """
        raise NotImplementedError

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dX for dY, and leave the parameters' gradients in their views."""
        raise NotImplementedError

    def backward_input(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dX for dY, and leave the parameters' gradients too, unless the layer ``sums_samples``."""
        return self.backward(dY, cache, out=out)

    def update_statistics(self, cache: Cache, step: float | None = None) -> None:
        """Have the state follow the batch in the cache, by a step in (0, 1] or the layer's own; few layers have any."""
