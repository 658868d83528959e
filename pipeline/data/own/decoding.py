"""Pictures decoded on all cores, some at a time, and handed on in the order in which they came.

Many pictures are decoded by processes, since most of the work on a small one is Python's own. Fewer are decoded by
threads, which start at once and are as good for large ones, on which Pillow works without Python. What comes out is the
same in either case.
"""

import os
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.own.picture import PictureError, Rules, decode_picture
from pipeline.program import end_with
from pipeline.text import shown

_MANY = 20_000
"""Pictures from which on processes gain more than the second that they take to start."""

_MOST_WORKERS = 4
"""More would wait for the one that reads the files."""

_AHEAD = 3
"""Blocks for each worker that are on their way at once."""

_MOST_SAMPLES, _MOST_CONTENT, _MOST_PIXELS = 256, 2**20, 2**22
"""What a block has at most: pictures, bytes of their files, pixels in all."""


class Sample(NamedTuple):
    """A picture that is not decoded yet, and what is known of it.

    Attributes
    ----------
    part : {"train", "test"}
        Which part of the data set it is in.
    class_name : str
        What it shows.
    name : str
        What it is called, for a person.
    content : bytes or Exception
        Its file, or why that cannot be read.
    """

    part: str
    class_name: str
    name: str
    content: bytes | Exception


@dataclass
class Block:
    """Some pictures in a row, decoded.

    Attributes
    ----------
    n_samples : int
        How many pictures went in.
    read : list of Sample
        Those that could be read, without their files.
    images : ndarray of shape (len(read), ...), uint8
        Their pixels.
    digests : bytes
        Eight bytes for each, the same for equal images.
    failed : list of (str, str)
        Names of the others, and why they cannot be read.
    unlike : (str, tuple of int) or None
        The first that has another shape than the first of all has, and this shape; what follows it was not decoded.
    """

    n_samples: int
    read: list[Sample]
    images: NDArray[np.uint8]
    digests: bytes
    failed: list[tuple[str, str]]
    unlike: tuple[str, tuple[int, ...]] | None = None


class _Decoded(NamedTuple):
    """What a worker makes of some files."""

    images: NDArray[np.uint8]
    digests: bytes
    failures: dict[int, str]
    unlike: tuple[int, tuple[int, ...]] | None


def decode_all(
    samples: Iterable[Sample], n_samples: int, rules: Rules, n_workers: int | None = None
) -> Generator[Block, None, None]:
    """Decode pictures, and yield them in their order; close this where not all are taken.

    Parameters
    ----------
    samples : iterable of Sample
        Taken as they are needed, so that few are in memory at once.
    n_samples : int
        About how many there are.
    rules : Rules
        How pictures become images.
    n_workers : int, optional
        How many work at once; as many as there are cores, and four at most, where it is left out.

    Yields
    ------
    Block
        One with the first image that can be read, for a look at its shape before there are more; then the others.

    Raises
    ------
    ModuleNotFoundError
        Where Pillow is missing.

    Notes
    -----
    Run this in `ignoring_warnings`: its threads leave the process's filters of warnings alone.
    """
    waiting = iter(samples)
    shape = None
    while shape is None:
        sample = next(waiting, None)
        if sample is None:
            return
        block = _gather([sample], _decode(_contents([sample]), rules, None))
        shape = block.images.shape[1:] if block.read else None
        yield block
    most = max(1, min(_MOST_SAMPLES, _MOST_PIXELS // int(np.prod(shape))))
    with _workers(n_samples, n_workers or _usable_cores()) as (pool, ahead):
        futures: _Futures = deque()
        for some in _blocks(waiting, most):
            bare = [sample._replace(content=b"") for sample in some]  # files leave the memory with the worker's copy
            futures.append((bare, pool.submit(_decode, _contents(some), rules, shape)))
            if len(futures) >= ahead:
                yield _gather(*_result(futures))
        while futures:
            yield _gather(*_result(futures))


_Futures = deque[tuple[list[Sample], Future[_Decoded]]]


def _result(futures: "_Futures") -> tuple[list[Sample], _Decoded]:
    """Wait for what was begun first."""
    samples, future = futures.popleft()
    return samples, future.result()


def _blocks(samples: Iterator[Sample], most: int) -> Iterator[list[Sample]]:
    """Yield samples so many at a time, or as many as have `_MOST_CONTENT` together."""
    some: list[Sample] = []
    n_bytes = 0
    for sample in samples:
        some.append(sample)
        n_bytes += len(sample.content) if isinstance(sample.content, bytes) else 0
        if len(some) >= most or n_bytes >= _MOST_CONTENT:
            yield some
            some, n_bytes = [], 0
    if some:
        yield some


def _contents(samples: list[Sample]) -> list[bytes | str]:
    """Return the files of samples, or why they cannot be read."""
    return [one.content if isinstance(one.content, bytes) else _reason(one.content) for one in samples]


def _reason(error: Exception) -> str:
    return shown(getattr(error, "strerror", None) or error)


def _decode(contents: list[bytes | str], rules: Rules, shape: tuple[int, ...] | None) -> _Decoded:
    """Decode files, up to the first that has not the shape which is expected; this is what a worker runs."""
    images: list[NDArray[np.uint8]] = []
    failures: dict[int, str] = {}
    unlike = None
    for place, content in enumerate(contents):
        if isinstance(content, str):
            failures[place] = content
            continue
        try:
            image = decode_picture(content, rules)
        except PictureError as error:
            failures[place] = _reason(error)
            continue
        if image.shape != (shape or image.shape):
            unlike = (place, image.shape)
            break
        images.append(image)
    digests = b"".join(digest_image(image) for image in images)
    return _Decoded(np.array(images, np.uint8), digests, failures, unlike)


def digest_image(image: NDArray[np.uint8]) -> bytes:
    """Return eight bytes that are the same for images with the same pixels."""
    return blake2b(image.tobytes(), digest_size=8).digest()


def _gather(samples: list[Sample], decoded: _Decoded) -> Block:
    """Put what is known of samples beside what a worker has made of them."""
    failures, unlike = decoded.failures, None
    done = samples
    if decoded.unlike:
        place, shape = decoded.unlike
        unlike, done = (samples[place].name, shape), samples[:place]
    read = [sample for place, sample in enumerate(done) if place not in failures]
    failed = [(samples[place].name, reason) for place, reason in failures.items()]
    return Block(len(samples), read, decoded.images, decoded.digests, failed, unlike)


@contextmanager
def _workers(n_samples: int, n_workers: int) -> Iterator[tuple[Executor, int]]:
    """Hand over what decodes blocks, and how many of them to have on their way."""
    pool: Executor
    if n_samples < _MANY or n_workers == 1:
        pool = ThreadPoolExecutor(n_workers)
    else:
        from joblib.externals.loky import ProcessPoolExecutor  # noqa: PLC0415 - start-up time

        pool = ProcessPoolExecutor(n_workers, initializer=_begin, initargs=(os.getpid(),))
    try:
        yield pool, _AHEAD * n_workers
    finally:
        pool.shutdown()


def _begin(parent: int) -> None:
    """Make a process ready to decode."""
    end_with(parent)
    warnings.simplefilter("ignore")


def _usable_cores() -> int:
    from joblib import cpu_count  # noqa: PLC0415 - start-up time

    return min(cpu_count(), _MOST_WORKERS)
