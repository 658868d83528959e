"""The floor: the matrix products of forward and backward, and nothing else.

No gather, no bias, no activation, no loss, no update. It learns nothing; it is what any program that trains such a
network by BLAS must spend.
"""

from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Training


def n_operations(widths: list[int], n_images: int) -> int:
    """Return the multiplications and additions of an epoch's products.

    Three products for each layer (forward, the gradient of the weights, that of the input), but for the first, whose
    input needs no gradient.

    Examples
    --------
    >>> n_operations([784, 50, 10], 60_000) == 60_000 * (2 * 2 * 784 * 50 + 3 * 2 * 50 * 10)
    True
    """
    first, *others = [2 * n_in * n_out for n_in, n_out in pairwise(widths)]
    return n_images * (2 * first + 3 * sum(others))


class Floor:
    """The bare products of every batch, into buffers made before the clock starts."""

    def __init__(self, training: Training, seed: int) -> None:
        self.training, self.rng = training, np.random.default_rng(seed)
        self.widths: list[int] = []

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Self:  # noqa: ARG002 - all sides are called alike
        """Multiply for as many epochs; batches are slices, for gathering is no product."""
        self._make(X.shape[1])
        batch = self.training.batch
        for _ in range(self.training.epochs):
            for start in range(0, len(X), batch):
                self._step(X[start : start + batch])
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[Any]:
        """Multiply forward alone."""
        for W in self.W:
            X = X @ W
        return X

    def _make(self, n_in: int) -> None:
        """Make weights that keep the size of what goes through them, and all buffers; once for a shape."""
        widths = self.training.widths(n_in)
        if widths == self.widths:
            return
        self.widths = widths
        self.W = [self._normal(*pair) / np.sqrt(np.float32(pair[0])) for pair in pairwise(widths)]
        self.dW = [np.empty_like(W) for W in self.W]
        self.Z = [np.empty((self.training.batch, width), np.float32) for width in widths[1:]]
        self.dZ = [self._normal(self.training.batch, width) for width in widths[1:]]

    def _normal(self, *shape: int) -> NDArray[np.float32]:
        return self.rng.standard_normal(shape, dtype=np.float32)

    def _step(self, X: NDArray[Any]) -> None:
        """Do the products of one batch."""
        n_images = len(X)
        inputs = [X, *(Z[:n_images] for Z in self.Z)]
        gradients = [dZ[:n_images] for dZ in self.dZ]
        for number, W in enumerate(self.W):
            np.matmul(inputs[number], W, out=inputs[number + 1])
        for number in reversed(range(len(self.W))):
            np.matmul(inputs[number].T, gradients[number], out=self.dW[number])
            if number:
                np.matmul(gradients[number], self.W[number].T, out=gradients[number - 1])
