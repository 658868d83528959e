"""Data that are large for the memory there is: all five stages in a process that may hold less than a copy of them."""

import json
import subprocess
import sys

import numpy as np
import pytest

from pipeline.data.idx import write_part

pytest.importorskip("resource", reason="there are no limits of memory on this system")

N, N_TEST, N_PIXELS = 200_000, 2_000, 784
RAW = N * N_PIXELS
"""Bytes of the training images; 85 % of them are learned from."""

ALLOWED = 120 * 2**20
"""Bytes beyond the interpreter with its imports: less than the rows that are learned from take, as bytes."""

RUN = """
import json, resource, sys
from pathlib import Path

import numpy as np

from pipeline import Evaluate, Fetch, Preprocess, Split, Train

source, artifacts, allowed = sys.argv[1], sys.argv[2], int(sys.argv[3])
options = {"batch_size": 500, "max_iter": 2, "n_threads": 1, "engine": "numpy", "random_state": 0}
stages = [
    Fetch(source, link=True),
    Preprocess(stored_as="uint8"),
    Split(),
    Train((16,), early_stopping=True, learning_rate_init=0.01, **options),
    Evaluate(pictures=False),
]
status = Path("/proc/self/status").read_text("utf-8")
used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + allowed, -1))
for stage in stages:
    figures = stage.run(artifacts)
try:
    np.ones(allowed, np.uint8)
    limited = False
except MemoryError:
    limited = True
print(json.dumps(figures | {"limited": limited}))
"""


def write_images(folder):
    """Write a data set of ten patterns in noise, a piece at a time."""
    rng = np.random.default_rng(0)
    patterns = 150 * rng.integers(2, size=(10, 28, 28), dtype=np.uint8)
    folder.mkdir()
    for part, n in (("train", N), ("test", N_TEST)):
        labels = rng.integers(10, size=n, dtype=np.uint8)
        pieces = (
            patterns[labels[start : start + 4000]] + rng.integers(90, size=(1, 28, 28), dtype=np.uint8)
            for start in range(0, n, 4000)
        )
        write_part(folder, part, (n, 28, 28), pieces, labels)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds a process to RLIMIT_DATA")
def test_five_stages_of_200000_images_take_less_than_a_copy_of_them(tmp_path):
    """Fetched, prepared, split, learned from with early stopping and evaluated; on disk there is one file of them."""
    write_images(tmp_path / "source")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "source"), str(tmp_path / "artifacts"), str(ALLOWED)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["limited"]
    assert ALLOWED < 0.85 * RAW
    assert figures["validation"]["accuracy"] > 0.99
    files = {path.stat().st_ino: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert sum(files.values()) < 1.3 * RAW
