"""Samples that belong together, and how mini-batches are drawn from them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
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
MAX_COPIED = 2**27
"""Numbers that samples may have which are copied in another order, so that memory is bounded."""


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
    index : ndarray of shape (n_samples,), default=None
        Which row of X, dense, each sample is; None where they are all of them, in their order.
    """

    X: Any
    Y: Array
    sample_weight: Array | None = None
    take: Callable[[Any, Rows, Array], Array] = take_rows
    take_sparse: Callable[[Any, Rows], SparseRows] | None = None
    index: Array | None = None
    _buffers: dict[str, Array] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.Y)

    def copies(self, *, sparse: bool) -> bool:
        """Return whether ``batch`` copies X for a slice."""
        return (self.take is not take_rows or self.index is not None) and not (sparse and self.take_sparse is not None)

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
        return self._dense(self.X, self._places(rows), "X", self.take)

    def gather(self, rows: Rows, out: Array) -> None:
        """Write X of some rows, by their numbers, into ``out``."""
        self.take(self.X, self._places(rows), out)

    def numbers(self, rows: Rows) -> Array:
        """Return which rows of X some samples are."""
        places = self._places(rows)
        return np.arange(len(self))[places] if isinstance(places, slice) else places

    def read_ahead(self, rows: Array) -> None:
        """Have samples of a file that is mapped read in the order of ``rows``, before they are asked for in another."""
        if isinstance(self.X, np.ndarray) and not self.X.flags.writeable:
            step = max(1, AHEAD // (self.X.itemsize * self.X.shape[1]))  # the system reads more than it is asked for
            self.X[self._places(rows[::step]), 0].max(initial=0)

    def targets(self, rows: Rows, out: Array) -> None:
        """Write the targets of some rows into ``out``."""
        if isinstance(rows, slice):
            out[:] = self.Y[rows]
        else:
            take_rows(self.Y, rows, out)

    def subset(self, rows: Rows) -> "Samples":
        """Return the samples of some rows; X is copied where it is sparse, and else the same."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if not isinstance(self.X, np.ndarray) or (isinstance(rows, slice) and self.index is None):
            return Samples(self.X[rows], self.Y[rows], weight, self.take, self.take_sparse)
        return Samples(self.X, self.Y[rows], weight, self.take, self.take_sparse, self._places(rows))

    def for_a_thread(self) -> "Samples":
        """Return the same samples with buffers of their own, so that another thread may take batches meanwhile."""
        return replace(self, _buffers={})

    def _places(self, rows: Rows) -> Any:
        """Return the rows of X that samples are."""
        return rows if self.index is None else self.index[rows]

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

    Notes
    -----
    Of samples with more than ``MAX_SHUFFLED`` numbers in all, no batch is drawn from the whole: that would read a file
    larger than memory here and there. They are cut into blocks of about ``BLOCK`` numbers, one after the other in the
    file. These come in a random order, as many at a time as have ``WINDOW`` numbers, and the samples of those blocks
    are shuffled. So a file is read once an epoch, in pieces that a disk likes, and every batch is from a thousand of
    its places. The order depends on the generator and the shape of X alone.
    """

    batch_size: int
    shuffle: bool = True
    replacement: bool = False

    def rows(
        self,
        n_samples: int,
        rng: np.random.Generator,
        width: int = 1,
        read_ahead: Callable[[Array], None] | None = None,
    ) -> Iterator[Rows]:
        """Yield the rows of every batch of an epoch.

        Parameters
        ----------
        n_samples : int
            How many there are.
        rng : Generator
            What is drawn from.
        width : int, default=1
            Numbers of a sample.
        read_ahead : callable, optional
            Called with rows in the order of the file, before they come in another.
        """
        starts = range(0, n_samples, self.batch_size)
        if self.replacement:
            yield from (rng.integers(n_samples, size=self.batch_size) for _ in starts)
        elif self.shuffle and self.batch_size < n_samples:
            windows = _shuffled(n_samples, width, rng, read_ahead or _do_nothing)
            yield from _regrouped(windows, self.batch_size)
        else:
            yield from (slice(start, min(start + self.batch_size, n_samples)) for start in starts)


MAX_SHUFFLED = 2**30
"""Numbers of samples that are shuffled as one: a gibibyte of bytes, four of float32."""

BLOCK = 2**18
"""Numbers of samples that lie together in the file, and are read together."""

AHEAD = 2**14
"""Bytes of a file from one number that is read ahead to the next."""

WINDOW = 2**28
"""Numbers of samples that are shuffled with each other, where those of all are too many."""


def _do_nothing(rows: Array) -> None:
    del rows


def _shuffled(
    n_samples: int, width: int, rng: np.random.Generator, read_ahead: Callable[[Array], None]
) -> Iterator[Array]:
    """Yield the numbers of all samples in a random order, at once or a window at a time."""
    if n_samples * width <= MAX_SHUFFLED:
        yield rng.permutation(n_samples)
        return
    size = max(1, BLOCK // width)
    blocks, at_once = rng.permutation(-(-n_samples // size)), max(1, WINDOW // (size * width))
    for start in range(0, len(blocks), at_once):
        firsts = np.sort(blocks[start : start + at_once]) * size
        rows = (firsts[:, np.newaxis] + np.arange(size)).ravel()
        rows = rows[rows < n_samples]
        read_ahead(rows)
        yield rng.permutation(rows)


def _regrouped(pieces: Iterable[Array], size: int) -> Iterator[Array]:
    """Yield pieces of one size, the last perhaps smaller, of pieces of any."""
    left = np.empty(0, np.intp)
    for piece in pieces:
        rows = np.concatenate([left, piece]) if len(left) else piece
        whole = len(rows) - len(rows) % size
        yield from (rows[start : start + size] for start in range(0, whole, size))
        left = rows[whole:]
    if len(left):
        yield left
