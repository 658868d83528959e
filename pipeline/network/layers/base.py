"""The base of all layers: ``forward`` takes an array to the next layer, ``backward`` takes its gradient back.

A layer stands whole on one screen, in the symbols of its formula. Its parameters (``W``, ``b``) and their gradients
(``dW``, ``db``) are views of the network's two flat buffers. What ``forward`` stores when ``training``, ``backward``
uses. An ``out`` says where a result may be written; without it, a new array is made and nothing is overwritten.
"""

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.network.sparse import SparseRows

Array = NDArray[Any]
ALL = slice(None)


class Layer:
    """A layer: ``forward`` from X to Y, ``backward`` from dY to dX.

    Attributes
    ----------
    elementwise : bool
        Whether Y has the shape of X, and may be written over it.
    needs_output : bool
        Whether ``backward`` needs Y again, so that the next layer must not write over it.
    stochastic : bool
        Whether ``forward`` takes random numbers in training.
    training_only : bool
        Whether Y is X itself except in training.
    mixes_samples : bool
        Whether Y of a sample depends on the others of the batch, which must then come together.
    state_names : tuple of str
        The arrays of what the layer learns beside its parameters.
    rng : Generator or None
        The network's.
    """

    elementwise: ClassVar[bool] = True
    needs_output: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    training_only: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ()
    rng: np.random.Generator | None = None

    def __getattr__(self, name: str) -> Any:
        """Say where a missing attribute comes from; Python calls this for nothing else."""
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}: parameters come with a Network, and what "
            "backward uses comes with forward(X, training=True)"
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

    def bind(self, params: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take views of the network's buffers: ``W`` becomes ``self.W``, its gradient ``self.dW``."""
        for name, values in params.items():
            setattr(self, name, values)
            setattr(self, f"d{name}", grads[name])

    def initialize(self, rng: np.random.Generator) -> None:
        """Give the parameters the values that training starts from."""

    def unbound(self) -> Self:
        """Return a copy with the layer's configuration alone: no views, no batch, no generator."""
        copy = object.__new__(type(self))
        transient = np.ndarray | np.random.Generator | SparseRows
        vars(copy).update({name: value for name, value in vars(self).items() if not isinstance(value, transient)})
        return copy

    def shard(self, *, inputs: slice = ALL, outputs: slice = ALL) -> Self:
        """Return a layer for some of the units, whose parameters are views of this one's."""
        del inputs, outputs  # an elementwise layer treats all units alike
        if self.parameter_shapes():
            raise ValueError(f"several threads, as an adversary, need shards of {self!r}; it has none")
        return self.unbound()

    def replica(self) -> Self:
        """Return a layer on the same parameters and state, which it does not change, with gradients of its own."""
        replica = self.shard()
        for name in self.parameter_shapes():
            values = getattr(replica, name)
            setattr(replica, f"d{name}", np.zeros(values.shape, values.dtype))
        return replica

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Return Y of shape (n_samples, n_out) for X of shape (n_samples, n_in)."""
        raise NotImplementedError

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX for dY, and leave the parameters' gradients in their views."""
        raise NotImplementedError

    def backward_input(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX alone: half of ``backward``, where a layer has parameters."""
        return self.backward(dY, out=out)
