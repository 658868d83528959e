"""What compiling the loops costs: the first fit of the first row on 256 images, in a new interpreter.

Cold is a computer that has never compiled them, warm one that has: they are then read from a cache on disk.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import ROOT, environment, summary
from benchmarks.options import Options, present, say
from benchmarks.rows import FIRST, NUMBA, NUMPY

MINUTES = 2
TARGET = 15
"""Seconds that compiling may take the first time."""
COLD, WARM = f"{NUMBA}, the first time", f"{NUMBA}, from then on"
_ROUNDS = 3
_PROGRAM = """
import time
import numpy as np
from benchmarks.rows import FIRST
from benchmarks.sides import side
X = np.random.default_rng(0).random((256, 784), dtype=np.float32)
kind = side({name!r})
began = time.perf_counter()
ours = kind(FIRST.training.shorter(1), seed=0)
ours.fit(X, np.arange(256) % 10)
print(time.perf_counter() - began)
"""


def run(options: Options) -> dict[str, Any]:
    """Fit in new interpreters, each round with an empty cache first."""
    say("compile: the first fit")
    taken: dict[str, list[float]] = {}
    for _ in range(options.turns(_ROUNDS)):
        with TemporaryDirectory() as cache:
            for what, name in ((NUMPY, NUMPY), (COLD, NUMBA), (WARM, NUMBA)):
                if present((name,)):
                    taken.setdefault(what, []).append(_seconds(name, Path(cache)))
    sides = {what: {"seconds": summary(seconds)} for what, seconds in taken.items()}
    return {"what": FIRST.describe(), "target": TARGET, "sides": sides}


def _seconds(name: str, cache: Path) -> float:
    """Return the seconds of a fit in a new interpreter, the import of numba among them, with a cache in a folder."""
    told = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(name=name)],
        check=True,
        cwd=ROOT,
        env=environment() | {"NUMBA_CACHE_DIR": os.fspath(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(told.stdout)
