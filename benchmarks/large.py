"""A data set larger than memory: as many images as one likes, made from another's by ``Deform``.

``python -m benchmarks make-large FOLDER`` writes it as four raw files of IDX, which ``digits fetch`` takes as they are.
The training images are those of the data set deformed, in a new order every time they have all been seen; the test part
is the data set's own. What is made depends on the data set and the seed alone: fewer images are the first of more.
"""

import argparse
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import say
from pipeline import Deform, Fetch
from pipeline.cli.terminal import RichProgress
from pipeline.data.idx import FILES, write_part
from pipeline.files import UnwritableError, check_replaceable, find_foreign, replacing_folder
from pipeline.image_shape import image_shape
from pipeline.progress import Progress

N_IMAGES = 8_100_000
"""As many as MNIST8M has: 6.35 GB."""

DEFORM = Deform(rotation=10, scale=0.1, shear=8, translation=1.5, elastic=34)
CHUNK = 10_000
"""Images that are deformed together: some 150 MB, with those that the other threads work on."""

N_THREADS = 2
_SPARE = 2**26
"""Bytes that must stay free on the disk."""


def make(
    folder: Path, n_images: int = N_IMAGES, seed: int = 0, dataset: str = "mnist", progress: Progress | None = None
) -> None:
    """Write a data set of deformed images into a folder, whole or not at all.

    Parameters
    ----------
    folder : Path
        Where; what an earlier call has made there is replaced.
    n_images : int, default=8_100_000
        Training images.
    seed : int, default=0
        Of order and deformation.
    dataset : str, default="mnist"
        What is deformed, as ``Fetch`` takes it.
    progress : Progress, optional
        What hears how far the work is.

    Raises
    ------
    UnwritableError
        Where the folder cannot be written, has files of another origin, or the disk has no space for it.
    """
    progress = progress or Progress()
    fetch = Fetch(dataset)
    (X, y), (X_test, y_test) = fetch.load("train"), fetch.load("test")
    shape = image_shape(None, X.shape[1])
    names = tuple(name for part in FILES.values() for name in part)
    _check(folder, names, n_images * (X.shape[1] + 1) + X_test.nbytes + len(y_test))
    labels = np.concatenate([y[rows].astype(np.uint8) for rows in _orders(len(X), n_images, seed)])[:n_images]
    progress.begin(f"make {folder}", n_images, "images")
    try:
        with replacing_folder(folder, names) as made:
            write_part(made, "train", (n_images, *shape), _images(X, n_images, seed, progress), labels)
            write_part(made, "test", (len(X_test), *shape), [X_test], y_test.astype(np.uint8))
    finally:
        progress.end()


def _check(folder: Path, names: Sequence[str], n_bytes: int) -> None:
    """Raise where the folder cannot be made, before any work is done."""
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    check_replaceable(folder, "choose another folder")
    if foreign := find_foreign(folder, names):
        raise UnwritableError(f"{foreign} is no file of such a data set, and would be deleted; choose another folder")
    free = shutil.disk_usage(folder.absolute().parent).free
    if n_bytes + _SPARE > free:
        raise UnwritableError(f"{folder} takes {n_bytes} bytes, and {free} are free there; make fewer images")


def _orders(n: int, n_images: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield which of ``n`` images follow each other, chunk by chunk, and more than are asked for in the last."""
    for number in range(-(-n_images // n)):
        order = np.random.default_rng([seed, 0, number]).permutation(n)
        yield from (order[start : start + CHUNK] for start in range(0, n, CHUNK))


def _images(X: NDArray[np.uint8], n_images: int, seed: int, progress: Progress) -> Iterator[NDArray[np.uint8]]:
    """Yield deformed images, a chunk at a time and in order, while the next ones are made."""
    waiting: list[Future[NDArray[np.uint8]]] = []
    left = n_images
    with ThreadPoolExecutor(N_THREADS) as threads:
        chunks = (
            threads.submit(_deformed, X[rows], seed, number)
            for number, rows in enumerate(_orders(len(X), n_images, seed))
        )
        while left and (waiting := [*waiting, *islice(chunks, N_THREADS + 1 - len(waiting))]):
            images = waiting.pop(0).result()[:left]  # whole chunks are deformed, so that fewer images are the first
            left -= len(images)
            progress.advance(len(images))
            yield images


def _deformed(X: NDArray[np.uint8], seed: int, number: int) -> NDArray[np.uint8]:
    """Return images deformed, those of a chunk always alike."""
    deformed = DEFORM.apply(X, np.random.default_rng([seed, 1, number]))
    return np.rint(np.clip(deformed, 0, 255, out=deformed), out=deformed).astype(np.uint8)


def main(arguments: Sequence[str]) -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser("python -m benchmarks make-large", description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="where to write the four files")
    add("--images", type=int, default=N_IMAGES, help=f"training images (default: {N_IMAGES})")
    add("--seed", type=int, default=0, help="of order and deformation (default: 0)")
    add("--dataset", default="mnist", help="what is deformed (default: mnist)")
    given = parser.parse_args(arguments)
    if not 1 <= given.images < 2**32:
        parser.error(f"--images must be 1 to {2**32 - 1}; got {given.images}")
    try:
        with RichProgress() as progress:
            make(given.folder, given.images, given.seed, given.dataset, progress)
    except OSError as error:
        parser.error(str(error))
    say(f"{given.folder} has {given.images} training images: digits fetch --dataset {given.folder}")
