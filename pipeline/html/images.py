"""Images in a page: small, as ink on paper where they are grey, each with the words that belong to it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.html.document import escape, picture

LARGEST = 56
"""Pixels of a side at the most: a larger image is averaged down, so that a page stays small."""

STYLE = """
.sheet{list-style:none;margin:.5rem 0;padding:0;display:grid;gap:.75rem;
grid-template-columns:repeat(auto-fill,minmax(7rem,1fr))}
.sheet li{font-size:.8125rem;line-height:1.3}
.sheet img{display:block;width:4rem;height:auto;margin-bottom:.25rem;background:#fff}
""".strip()
"""What sheets look like."""


def smaller(image: NDArray[np.uint8], largest: int = LARGEST) -> NDArray[np.uint8]:
    """Return an image whose sides have ``largest`` pixels at the most: means of square blocks of it.

    Examples
    --------
    >>> smaller(np.array([[0, 100], [200, 100]], np.uint8), 1).tolist()
    [[100]]
    """
    step = -(-max(image.shape[:2]) // largest)
    if step == 1:
        return image
    height, width = image.shape[:2]
    edges = [(0, -height % step), (0, -width % step)] + [(0, 0)] * (image.ndim - 2)
    whole = np.pad(image.astype(np.float64), edges, mode="edge")
    blocks = whole.reshape(whole.shape[0] // step, step, whole.shape[1] // step, step, *image.shape[2:])
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def on_paper(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as it is looked at: a grey one as ink on paper, so that 0 is white."""
    return 255 - image if image.ndim == 2 else image


def image_tag(image: NDArray[np.uint8], words: str) -> str:
    """Return an image with the words that stand for it where it is not seen, as plain text."""
    small = smaller(image)
    height, width = small.shape[:2]
    return (
        f'<img class="pixels" src="{picture(on_paper(small))}" width="{width}" height="{height}" alt="{escape(words)}">'
    )


def sheet(items: Iterable[tuple[NDArray[np.uint8], str, str]]) -> str:
    """Return a list of images.

    Parameters
    ----------
    items : iterable of (ndarray, str, str)
        Each image, what it shows as plain text, and what stands below it as HTML.
    """
    cells = [f"<li>{image_tag(image, words)}{below}</li>" for image, words, below in items]
    return f'<ul class="sheet">{"".join(cells)}</ul>'


def weights_picture(W: NDArray[np.floating[Any]], image_shape: tuple[int, ...], n_units: int = 64) -> str:
    """Return the weights of the strongest units as one picture.

    Parameters
    ----------
    W : ndarray of shape (n_features, n_units)
        The first layer's weights.
    image_shape : tuple of int
        (height, width), or (height, width, 3).
    n_units : int, default=64
        How many at the most, those of the largest norm first.
    """
    strongest = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")[:n_units]
    limit = float(np.quantile(np.abs(W[:, strongest]), 0.995)) or 1.0
    levels = np.rint(np.clip(W[:, strongest].T / limit, -1, 1) * _LEVELS) / _LEVELS
    tiles = [smaller(_coloured(one.reshape(image_shape))) for one in levels]
    height, width = tiles[0].shape[:2]
    n_across = min(len(tiles), 8)
    n_down = -(-len(tiles) // n_across)
    whole = np.full((n_down * (height + 2), n_across * (width + 2), 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        down, across = divmod(number, n_across)
        top, left = down * (height + 2) + 1, across * (width + 2) + 1
        whole[top : top + height, left : left + width] = tile
    return (
        f'<img class="pixels weights" src="{picture(whole)}" width="{whole.shape[1]}" height="{whole.shape[0]}" '
        f'alt="Weights of {len(tiles)} of {W.shape[1]} units of the first layer as images">'
    )


_LEVELS = 24
"""Steps of a colour to each side of 0: what cannot be told apart need not be stored."""


def _coloured(weights: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return weights on -1..1 as colours: of grey images red where ink excites, blue where it inhibits, white at 0."""
    if weights.ndim == 3:
        return np.rint(255 * (0.5 + weights / 2)).astype(np.uint8)
    strength, ends = np.abs(weights)[..., np.newaxis], np.array([[178, 24, 43], [33, 102, 172]])
    colour = np.where(weights[..., np.newaxis] > 0, ends[0], ends[1])
    return np.rint(255 - strength * (255 - colour)).astype(np.uint8)
