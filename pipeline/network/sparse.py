"""Rows that are mostly zeros: what the first affine layer asks of them, so that it never needs them dense.

The network knows no library of sparse arrays. Whoever hands it a batch of some kind says here how that multiplies.
"""

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class SparseRows(ABC):
    """A batch X of inputs that an affine layer multiplies as they are.

    Attributes
    ----------
    shape : (int, int)
        Samples, and inputs of each.
    """

    shape: tuple[int, int]
    ndim = 2

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, samples: slice) -> "SparseRows":
        """Return some samples in a row."""

    @abstractmethod
    def times(self, W: Array, *, out: Array | None = None) -> Array:
        """Return X W, (n_samples, n_out)."""

    @abstractmethod
    def transposed_times(self, dY: Array, inputs: slice, *, out: Array) -> None:
        """Leave X^T dY in ``out``, of some inputs in a row: (n_inputs, n_out), dense."""
