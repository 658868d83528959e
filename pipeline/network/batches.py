"""Samples that belong together, and how mini-batches are drawn from them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.sparse import SparseRows

Array = NDArray[Any]
Rows = Array | slice
"""The samples of a batch: row numbers, or a slice."""
CHUNK = 4096
"""Samples in a chunk, where they are no wider than ``MAX_ELEMENTS // CHUNK``."""
MAX_ELEMENTS = 2**24
"""Elements of an array for a chunk: 64 MB in float32."""


class Deformer(Protocol):
    """Deforms samples while a network learns from them; each thread has one."""

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw random deformations of ``n`` samples, which lie along the second axis."""

    def warp(self, X: Array, moves: Array, out: Array) -> Array:
        """Return deformed samples, in ``out``."""


@runtime_checkable
class ImageDeformer(Deformer, Protocol):
    """A deformer that reads images between their pixels, and lets itself be told by which loop."""

    def read_by(self, loop: Callable[..., object]) -> None:
        """Read by ``loop(X, rows, columns, height, width, background, out)``."""


class Augmentation(Protocol):
    """The configuration of a ``Deformer``."""

    def prepare(self, n_pixels: int, dtype: DTypeLike) -> Deformer:
        """Return a deformer of samples of some width and type."""


def chunk_size(width: int) -> int:
    """Return how many samples of a width are processed at once, so that memory is bounded however wide they are."""
    return max(1, min(CHUNK, MAX_ELEMENTS // width))


def take_rows(X: Array, rows: Rows, out: Array) -> Array:
    """Gather rows of a dense array into ``out``; a slice needs no gathering."""
    if isinstance(rows, slice):
        return X[rows]
    return X.take(rows, axis=0, out=out, mode="clip")  # "clip" alone writes into out without a copy between


@dataclass
class Samples:
    """Inputs, targets and weights that belong together, row by row.

    Attributes
    ----------
    X : array of shape (n_samples, n_in)
        Anything that ``take`` can gather rows from.
    Y : ndarray of shape (n_samples, n_out)
        Targets, one-hot where they are classes, of the network's dtype.
    sample_weight : ndarray of shape (n_samples,), default=None
        How much each counts, of the network's dtype.
    take : callable, default=take_rows
        Returns rows of X as a dense array of the network's dtype: in the array that it is handed for row numbers, and
        anywhere for a slice.
    take_sparse : callable, default=None
        Returns rows of X without making them dense, where X is sparse enough for that to pay off.
    """

    X: Any
    Y: Array
    sample_weight: Array | None = None
    take: Callable[[Any, Rows, Array], Array] = take_rows
    take_sparse: Callable[[Any, Rows], SparseRows] | None = None
    _buffers: dict[str, Array] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.Y)

    def copies(self, *, sparse: bool) -> bool:
        """Return whether ``batch`` copies X for a slice."""
        return self.take is not take_rows and not (sparse and self.take_sparse is not None)

    def batch(self, rows: Rows, *, sparse: bool = False) -> tuple[Any, Array, Array | None]:
        """Return X, Y and weights of some rows, in buffers that the next batch writes over.

        X is dense, unless ``sparse`` is asked for and X is.
        """
        Y = self._dense(self.Y, rows, "Y", take_rows)
        return self.inputs(rows, sparse=sparse), Y, None if self.sample_weight is None else self.sample_weight[rows]

    def inputs(self, rows: Rows, *, sparse: bool = False) -> Any:
        """Return X of some rows, as ``batch`` does."""
        if sparse and self.take_sparse is not None:
            return self.take_sparse(self.X, rows)
        return self._dense(self.X, rows, "X", self.take)

    def gather(self, rows: Rows, out: Array) -> None:
        """Write X of some rows, by their numbers, into ``out``."""
        self.take(self.X, rows, out)

    def targets(self, rows: Rows, out: Array) -> None:
        """Write the targets of some rows into ``out``."""
        if isinstance(rows, slice):
            out[:] = self.Y[rows]
        else:
            take_rows(self.Y, rows, out)

    def subset(self, rows: Rows) -> "Samples":
        """Return the samples of some rows, copied; a slice of dense ones is a view."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return Samples(self.X[rows], self.Y[rows], weight, self.take, self.take_sparse)

    def _dense(self, values: Any, rows: Rows, name: str, take: Callable[[Any, Rows, Array], Array]) -> Array:
        """Return some rows as a dense array; a slice of a dense array needs no buffer."""
        if isinstance(rows, slice) and take is take_rows:
            return take(values, rows, self.Y)
        n = len(range(len(self))[rows]) if isinstance(rows, slice) else len(rows)
        return take(values, rows, self._buffer(name, n, values.shape[1]))

    def _buffer(self, name: str, n: int, width: int) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < n:
            buffer = self._buffers[name] = np.empty((n, width), self.Y.dtype)
        return buffer[:n]


@dataclass
class Sampling:
    """How the mini-batches of an epoch are drawn.

    Attributes
    ----------
    batch_size : int
        Samples in a batch; the last of an epoch has what is left.
    shuffle : bool, default=True
        Whether every epoch has a new random order.
    replacement : bool, default=False
        Whether every batch is drawn from all samples, independently of the others.
    """

    batch_size: int
    shuffle: bool = True
    replacement: bool = False

    def rows(self, n_samples: int, rng: np.random.Generator) -> Iterator[Rows]:
        """Yield the rows of every batch of an epoch."""
        starts = range(0, n_samples, self.batch_size)
        if self.replacement:
            yield from (rng.integers(n_samples, size=self.batch_size) for _ in starts)
        elif self.shuffle and self.batch_size < n_samples:
            order = rng.permutation(n_samples)
            yield from (order[start : start + self.batch_size] for start in starts)
        else:
            yield from (slice(start, min(start + self.batch_size, n_samples)) for start in starts)
