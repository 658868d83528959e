"""The images, brought once and laid where every process finds them.

Hands on arrays in memory, so that nothing is read or converted while a clock runs.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline import Fetch

Part = Literal["train", "test"]
_BLOCK = 10_000


def store(folder: Path, dataset: str) -> None:
    """Bring a data set, and write images (uint8) and labels of both parts into a folder."""
    for part in ("train", "test"):
        X, y = Fetch(dataset).load(part)
        np.save(folder / f"{part}_X.npy", X)
        np.save(folder / f"{part}_y.npy", y)


def load_pixels(folder: Path, part: Part, n_images: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images as uint8 on 0..255, and labels; the first again where more are asked for than there are."""
    X, y = np.load(folder / f"{part}_X.npy"), np.load(folder / f"{part}_y.npy")
    if n_images is None or n_images == len(X):
        return X, y
    if n_images < len(X):
        return X[:n_images].copy(), y[:n_images].copy()
    rows = np.arange(n_images) % len(X)
    return X[rows], y[rows]


def load(folder: Path, part: Part, n_images: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return images as float32 on 0..1, and labels."""
    pixels, y = load_pixels(folder, part, n_images)
    return scaled(pixels), y


def scaled(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return pixels on 0..1 in float32; a block at a time, so that a million images need no copy beside them."""
    X = np.empty(pixels.shape, np.float32)
    for start in range(0, len(X), _BLOCK):
        np.divide(pixels[start : start + _BLOCK], np.float32(255), out=X[start : start + _BLOCK])
    return X
