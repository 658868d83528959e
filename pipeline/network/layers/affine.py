"""The affine layer, which holds the weights."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import renamed_parameters
from pipeline.network.initializers import Initializer, glorot_uniform
from pipeline.network.layers.base import ALL, Cache, Layer
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]


@renamed_parameters(biases="bias")
class Affine(Layer):
    """Y = X W + b.

    dW = X^T dY;  db = the sum of dY over the samples;  dX = dY W^T.

    Parameters
    ----------
    n_in, n_out : int
        Width of the input and of the output.
    bias : bool, default=True
        Whether to add b.
    initializer : callable, default=glorot_uniform
        Draws W and b; see ``initializers``.
    """

    elementwise = False
    sums_samples = True
    unitwise = True
    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True, initializer: Initializer = glorot_uniform) -> None:
        self.n_in, self.n_out, self.bias, self.initializer = n_in, n_out, bias, initializer

    def __repr__(self) -> str:
        return f"Affine({self.n_in}, {self.n_out}{'' if self.bias else ', bias=False'})"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of W and b."""
        return {"W": (self.n_in, self.n_out)} | ({"b": (self.n_out,)} if self.bias else {})

    @property
    def n_multiplications(self) -> int:
        """How many multiplications an input takes: one by each weight; b is added."""
        return self.n_in * self.n_out

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W, then b."""
        W, b = self.initializer(rng, self.n_in, self.n_out)
        self.W[:] = W
        if self.bias:
            self.b[:] = b

    def shard(self, units: slice, *, inputs: slice = ALL) -> Self:
        """Return the layer for some of its outputs and inputs, on views of its parameters."""
        shard = super().shard(units)
        shard.W, shard.dW = shard.W[inputs], shard.dW[inputs]
        return shard

    def forward(self, X: Array | SparseRows, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return X W + b."""
        if cache is not None:
            cache.X = X
        Y = product(X, self.W, out)
        if self.bias:
            Y += self.b
        return Y

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Leave dW and db, and return dX."""
        self.backward_parameters(cache.X, dY, dW=self.dW, db=self.db if self.bias else None)
        return self.backward_input(dY, cache, out=out)

    def backward_input(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dX = dY W^T."""
        del cache  # as all layers have it
        return product(dY, self.W.T, out)

    def backward_parameters(
        self, X: Array | SparseRows, dY: Array, inputs: slice = ALL, *, dW: Array, db: Array | None
    ) -> None:
        """Leave X^T dY in ``dW``, for all inputs or some, and the sum of dY over the samples in ``db``."""
        if isinstance(X, np.ndarray):
            np.dot(X[:, inputs].T, dY, out=dW)
        else:
            X.transposed_times(dY, inputs, out=dW)
        if db is not None:
            np.add.reduce(dY, axis=0, out=db)


def product(A: Array | SparseRows, B: Array, out: Array | None) -> Array:
    """Return A B; ``dot`` is the quicker one to call, but cannot write into columns of a wider array."""
    if not isinstance(A, np.ndarray):
        return A.times(B, out=out)
    product = np.dot if out is None or out.flags.c_contiguous else np.matmul
    result: Array = product(A, B, out=out)
    return result
