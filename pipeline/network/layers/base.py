"""The bricks that a network is built from: each takes an array forward, and its gradient back.

A layer stands whole on one screen, in the words of its formula. Its parameters (``W``, ``b``) and their gradients
(``dW``, ``db``) are views of the network's two flat buffers. What ``forward`` keeps when ``training``, ``backward``
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
    """A brick: ``forward`` from X to Y, ``backward`` from dY to dX.

    ``elementwise`` layers give an array of the shape that they take, and may write over it. A layer that
    ``keeps_output`` needs its Y again in ``backward``, so that the next one must not write over that. One that
    ``draws`` takes random numbers in training. One ``in_training_only`` hands on what it takes at all other times. One
    that ``mixes_samples`` needs all of a batch's at once. What a layer learns beside its parameters is in the arrays
    that ``state_names`` names.
    """

    elementwise: ClassVar[bool] = True
    keeps_output: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    in_training_only: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ()
    rng: np.random.Generator | None = None

    def __getattr__(self, name: str) -> Any:
        """Say where what is missing comes from; Python asks here for nothing else."""
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
        """How many numbers the layer keeps beside its parameters."""
        return 0

    def bind(self, params: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take over views of the network's buffers: ``W`` becomes ``self.W``, its gradient ``self.dW``."""
        for name, values in params.items():
            setattr(self, name, values)
            setattr(self, f"d{name}", grads[name])

    def initialize(self, rng: np.random.Generator) -> None:
        """Give the parameters the values that training starts from."""

    def bare(self) -> Self:
        """Return a copy with the layer's configuration alone: no views, no batch, no generator."""
        bare = object.__new__(type(self))
        passing = np.ndarray | np.random.Generator | SparseRows
        vars(bare).update({name: value for name, value in vars(self).items() if not isinstance(value, passing)})
        return bare

    def part(self, *, inputs: slice = ALL, outputs: slice = ALL) -> Self:
        """Return the layer for some of its units: one of its own, its parameters being views of this one's."""
        del inputs, outputs  # an elementwise layer treats all units alike
        if self.parameter_shapes():
            raise ValueError(f"several threads need the parts of {self!r}, as an adversary does; it has none")
        return self.bare()

    def shadow(self) -> Self:
        """Return a layer on the same parameters and state, which it leaves alone, with gradients of its own."""
        shadow = self.part()
        for name in self.parameter_shapes():
            values = getattr(shadow, name)
            setattr(shadow, f"d{name}", np.zeros(values.shape, values.dtype))
        return shadow

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Return Y of shape (n_samples, n_out) for X of shape (n_samples, n_in)."""
        raise NotImplementedError

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX for dY, and leave the parameters' gradients in their views."""
        raise NotImplementedError

    def backward_input(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX alone: half of ``backward``, where a layer has parameters."""
        return self.backward(dY, out=out)
