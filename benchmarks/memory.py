"""How far memory rises while the first row is fitted on uint8 images, in a process that does nothing else."""

from typing import Any

from benchmarks.measure import Child, summary
from benchmarks.options import Options, present, say
from benchmarks.rows import EPOCH, FIRST, NUMBA, NUMPY, PYTORCH, SKLEARN

MINUTES = 1
TARGET = 250
"""Megabytes that ours may take above the interpreter with its imports."""
_ROUNDS = 3


def run(options: Options) -> dict[str, Any]:
    """Measure every side in new processes."""
    say("memory: the first row")
    job = {
        "task": "memory",
        "folder": options.folder,
        "training": FIRST.training.as_job(),
        "n_images": options.images(EPOCH),
    }
    sides = {
        name: _risen(job | {"name": name}, options.turns(_ROUNDS)) for name in present((NUMBA, NUMPY, SKLEARN, PYTORCH))
    }
    return {"what": FIRST.describe(), "target": TARGET, "sides": sides}


def _risen(job: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Return the megabytes of several processes, each with one fit."""
    megabytes = []
    for number in range(rounds):
        with Child(**job) as child:
            megabytes.append(child.round(number)["megabytes"])
    return {"megabytes": summary(megabytes)}
