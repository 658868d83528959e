"""Sparse inputs: what the first affine layer needs of them, so that they are never made dense.

The network knows no library of sparse arrays; an adapter to one implements ``SparseRows``.
"""

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class SparseRows(ABC):
    """A batch X of sparse inputs, as an affine layer multiplies them.

    Attributes
    ----------
    shape : (int, int)
        Samples, and inputs of each.
    csr : (ndarray, ndarray, ndarray) or None
        Numbers, their columns, and where each row begins, in that format.
    """

    shape: tuple[int, int]
    ndim = 2
    csr: tuple[Array, Array, Array] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, samples: slice) -> "SparseRows":
        """Return a slice of the samples."""

    @abstractmethod
    def times(self, W: Array, *, out: Array | None = None) -> Array:
        """Return X W, (n_samples, n_out)."""

    @abstractmethod
    def transposed_times(self, dY: Array, inputs: slice, *, out: Array) -> None:
        """Leave X^T dY in ``out`` for a slice of the inputs: (n_inputs, n_out), dense."""
