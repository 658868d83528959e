"""How long it takes to deform 60,000 images, beside a plain version with SciPy; and a picture of what it does.

The plain version does the same image by image: uniform noise blurred by ``gaussian_filter``, an affine map, and
``map_coordinates`` between the pixels. The tests hold ours to it.
"""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import load_pixels
from benchmarks.measure import compare
from benchmarks.options import Options, say
from benchmarks.rows import EPOCH, OURS
from pipeline import Deform

MINUTES = 1
TARGET = 1.0
"""Seconds that 60,000 images may take on two cores."""
ONE_THREAD, SCIPY = "ours, one thread", "SciPy, image by image, one core"
_ALL = Deform(rotation=12, scale=0.15, shear=10, translation=1.5, elastic=34)
_BATCH, _FEW = 256, 300
_Image = NDArray[Any]


def run(options: Options) -> dict[str, Any]:
    """Measure all three."""
    say("deform: 60,000 images")
    images = {OURS: EPOCH, ONE_THREAD: EPOCH, SCIPY: _FEW}
    jobs = {
        name: {"task": "deform", "folder": options.folder, "name": name, "n_images": options.images(n_images)}
        for name, n_images in images.items()
    }
    figures, _ = compare(jobs, options.turns())
    return {"target": TARGET, "pixels_moved": round(_ALL.rms_displacement(), 2), "sides": figures}


class Task:
    """Deforms images in batches; returns the ``seconds`` of 60,000."""

    def __init__(self, folder: Path, name: str, n_images: int) -> None:
        self.X = load_pixels(folder, "train", n_images)[0].astype(np.float32)
        self.work = _with_scipy if name == SCIPY else _with_ours
        self.n_threads = 2 if name == OURS else 1
        self(0)

    def __call__(self, number: int) -> dict[str, Any]:
        """Deform all images once."""
        began = time.perf_counter()
        self.work(self.X, np.random.default_rng(number), self.n_threads)
        return {"seconds": (time.perf_counter() - began) * EPOCH / len(self.X)}


def _with_ours(X: _Image, rng: np.random.Generator, n_threads: int) -> None:
    """Deform batch after batch, as training does: one draws, and each thread has its share of the images."""
    from pipeline.mlp.threads import bounded_blas  # noqa: PLC0415
    from pipeline.network.parallel.sharding import shard_slice  # noqa: PLC0415 - what training is made of
    from pipeline.network.parallel.workers import Workers  # noqa: PLC0415

    deformers = [_ALL.prepare(X.shape[1]) for _ in range(n_threads)]
    out = np.empty((_BATCH, X.shape[1]), np.float32)
    with bounded_blas(1), Workers(n_threads) as workers:
        for start in range(0, len(X), _BATCH):
            batch = X[start : start + _BATCH]
            moves = deformers[0].draw(len(batch), rng)

            def work(k: int, batch: _Image = batch, moves: _Image = moves) -> None:
                mine = shard_slice(len(batch), k, n_threads)
                deformers[k].warp(batch[mine], moves[:, mine], out[mine])

            workers.run(work)


def _with_scipy(X: _Image, rng: np.random.Generator, n_threads: int) -> None:
    """Deform image by image."""
    from scipy import ndimage  # noqa: PLC0415 - ours does without

    del n_threads
    side = math.isqrt(X.shape[1])
    centre = (side - 1) / 2
    x = np.indices((side, side)) - centre
    for image in X.reshape(-1, side, side):
        noise = rng.uniform(-1, 1, (2, side, side))
        field = [_ALL.elastic * ndimage.gaussian_filter(each, _ALL.smoothness, mode="constant") for each in noise]
        A = _affine(*rng.uniform(-1, 1, 4))
        u = np.einsum("ab,bij->aij", A, x) + centre + rng.uniform(-1.5, 1.5, (2, 1, 1)) + field
        ndimage.map_coordinates(image, u, order=1, mode="grid-constant")


def _affine(turn: float, slant: float, growth: float, across: float) -> _Image:
    """Return the matrix of an affine map."""
    a, b = np.radians(_ALL.rotation * turn), np.radians(_ALL.shear * slant)
    R = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    H = np.array([[1, 0], [np.tan(b), 1]])
    return R @ H @ np.diag([1 / (1 + _ALL.scale * growth), 1 / (1 + _ALL.scale * across)])


def draw(folder: Path, path: Path) -> None:
    """Draw digits beside deformed copies, one way after another, the elastic one at three strengths."""
    from pipeline.plots import deformations, to_png  # noqa: PLC0415 - only this function draws

    strengths = [Deform(elastic=elastic) for elastic in (20, 34, 45)]
    ways = {
        "rotation 12 degrees": Deform(rotation=12),
        "scale 15 %": Deform(scale=0.15),
        "shear 10 degrees": Deform(shear=10),
        "translation 2 pixels": Deform(translation=2),
        **{f"elastic {deform.elastic:g}: {deform.rms_displacement():.1f} pixels": deform for deform in strengths},
        f"all, elastic {_ALL.elastic:g}": _ALL,
    }
    X, y = load_pixels(folder, "train", 1000)
    before = np.stack([X[y == digit][3] for digit in range(2, 2 + len(ways))])
    rng = np.random.default_rng(0)
    after = [
        deform.apply(np.repeat(one[None], 8, axis=0), rng) for one, deform in zip(before, ways.values(), strict=True)
    ]
    shape = (math.isqrt(X.shape[1]),) * 2
    figure = deformations(before.reshape(-1, *shape), np.stack(after).reshape(-1, 8, *shape), list(ways))
    path.write_bytes(to_png(figure))
