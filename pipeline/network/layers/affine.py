"""The affine layer, which holds the weights."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import renamed_parameters
from pipeline.network.initializers import Initializer, glorot_uniform
from pipeline.network.layers.base import ALL, Layer
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
    W: Array
    b: Array
    dW: Array
    db: Array
    X: Array | SparseRows

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True, initializer: Initializer = glorot_uniform) -> None:
        self.n_in, self.n_out, self.bias, self.initializer = n_in, n_out, bias, initializer

    def __repr__(self) -> str:
        return f"Affine({self.n_in}, {self.n_out}{'' if self.bias else ', bias=False'})"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of W and b."""
        return {"W": (self.n_in, self.n_out)} | ({"b": (self.n_out,)} if self.bias else {})

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W, then b."""
        W, b = self.initializer(rng, self.n_in, self.n_out)
        self.W[:] = W
        if self.bias:
            self.b[:] = b

    def shard(self, *, inputs: slice = ALL, outputs: slice = ALL) -> Self:
        """Return the layer for some of its inputs and outputs, on views of its parameters."""
        shard = self.unbound()
        shard.W, shard.dW = self.W[inputs, outputs], self.dW[inputs, outputs]
        if self.bias:
            shard.b, shard.db = self.b[outputs], self.db[outputs]
        return shard

    def forward(self, X: Array | SparseRows, *, out: Array | None = None, training: bool = False) -> Array:
        """Return X W + b."""
        if training:
            self.X = X
        Y = _product(X, self.W, out)
        if self.bias:
            Y += self.b
        return Y

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Leave dW and db, and return dX."""
        self.backward_parameters(self.X, dY)
        return self.backward_input(dY, out=out)

    def backward_input(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX = dY W^T."""
        return _product(dY, self.W.T, out)

    def backward_parameters(
        self, X: Array | SparseRows, dY: Array, rows: slice = slice(None), *, bias: bool = True
    ) -> None:
        """Leave dW = X^T dY, or some of its rows, and db."""
        if isinstance(X, SparseRows):
            X.transposed_times(dY, rows, out=self.dW[rows])
        else:
            np.dot(X[:, rows].T, dY, out=self.dW[rows])
        if self.bias and bias:
            np.add.reduce(dY, axis=0, out=self.db)


def _product(A: Array | SparseRows, B: Array, out: Array | None) -> Array:
    """Return A B; ``dot`` is the quicker one to call, but cannot write into columns of a wider array."""
    if isinstance(A, SparseRows):
        return A.times(B, out=out)
    product = np.dot if out is None or out.flags.c_contiguous else np.matmul
    result: Array = product(A, B, out=out)
    return result
