"""The first row alone, and with one process beside it that never rests."""

from dataclasses import replace
from typing import Any

from benchmarks.measure import compare, rounded
from benchmarks.options import Options, say
from benchmarks.rows import FIRST, NUMBA, NUMPY, PYTORCH, SKLEARN
from benchmarks.train import jobs

MINUTES = 4
TARGET = 2.0
"""How many times as long an epoch of ours may take beside a neighbour, on two cores."""


def run(options: Options) -> dict[str, Any]:
    """Measure alone and beside; return seconds and their ratio for each side."""
    say("neighbour: the first row, alone and beside a busy process")
    row = replace(FIRST, sides=(NUMBA, NUMPY, PYTORCH, SKLEARN), training=FIRST.training.shorter(2))
    tasks = jobs(options.row(row), options)
    alone, _ = compare(tasks, options.turns())
    beside, _ = compare(tasks, options.turns(), neighbour=True)
    return {"what": row.describe(), "target": TARGET, "sides": {name: _pair(alone, beside, name) for name in tasks}}


def _pair(alone: dict[str, Any], beside: dict[str, Any], name: str) -> dict[str, Any]:
    """Return both times of a side, and how many times as long it took beside the neighbour."""
    one, two = alone[name]["seconds"], beside[name]["seconds"]
    return {"alone": one, "beside": two, "ratio": rounded(two["median"] / one["median"])}
