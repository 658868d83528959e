"""How cost grows: seconds per image against rows, width, batch and threads, beside the floor.

One number moves at a time; the others stay those of a network 784-512-10, batches of 128 by RMSprop, 60,000 rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import compare, rounded
from benchmarks.options import Options, present, say
from benchmarks.rows import ENGINES, EPOCH, FIRST, FLOOR, Training, base

MINUTES = 8
TARGET = 0.15
"""By how much the seconds per image may differ between the fewest rows and the most."""
_ROUNDS = 3
_LEAST = 4_000
_LONG = 300_000
"""Images that a fit sees in all where few rows are measured, so that it is no shorter than with many."""
_BASE = FIRST.training.shorter(2)


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes
    ----------
    axis : str
        What moves.
    value : int
        Where it stands.
    training : Training
        What is trained.
    images : int
        Rows of the data.
    n_threads : int or None
        Threads of each side; None leaves the choice to it.
    """

    axis: str
    value: int
    training: Training = _BASE
    images: int = EPOCH
    n_threads: int | None = None


def points() -> Iterator[Point]:
    """Yield what is measured; few rows where each costs much, for time per image is what counts."""
    for rows in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        yield Point("rows", rows, _BASE.shorter(max(1, _LONG // rows)), rows)
    for width in (32, 64, 128, 256, 512, 1024, 2048, 4096):
        few = min(EPOCH, max(_LEAST, EPOCH * 512 // width))
        yield Point("width", width, replace(_BASE, hidden=(width,)), few)
    for batch in (1, 4, 16, 64, 128, 256, 1024, 4096):
        few = min(EPOCH, max(_LEAST, EPOCH * batch // 64))
        yield Point("batch", batch, replace(_BASE, batch=batch), max(few, batch))
    for n_threads in (1, 2):
        yield Point("threads", n_threads, n_threads=n_threads)


def run(options: Options) -> list[dict[str, Any]]:
    """Measure every point; in a hurry, the last of each axis."""
    chosen = {point.axis: point for point in points()}.values() if options.quick else points()
    return [_measured(point, options) for point in chosen]


def _measured(point: Point, options: Options) -> dict[str, Any]:
    say(f"growth: {point.axis} {point.value}")
    job = {
        "task": "train",
        "folder": options.folder,
        "training": point.training.as_job(),
        "n_threads": point.n_threads,
    }
    ours, floor = options.images(point.images), options.images(min(point.images, EPOCH))  # the floor knows no memory
    jobs = {name: job | {"name": name, "n_images": ours} for name in present(tuple(ENGINES))}
    jobs |= {FLOOR: job | {"name": FLOOR, "n_images": floor}}
    figures, _ = compare(jobs, options.turns(_ROUNDS))
    per_image = {name: rounded(each["seconds"]["median"] / EPOCH) for name, each in figures.items()}
    return {"axis": point.axis, "value": point.value, "images": ours, "seconds_per_image": per_image}


def fraction(point: dict[str, Any]) -> float:
    """Return the share of our time that the floor takes."""
    seconds = point["seconds_per_image"]
    return float(seconds[FLOOR] / seconds[base(seconds)])


def spread_over_rows(measured: list[dict[str, Any]]) -> float:
    """Return by how much the slowest number of rows is slower, per image, than the fastest."""
    of_rows = [point["seconds_per_image"] for point in measured if point["axis"] == "rows"]
    seconds = [each[base(each)] for each in of_rows]
    return float(max(seconds) / min(seconds) - 1)


def draw(measured: list[dict[str, Any]], path: Path) -> None:
    """Draw microseconds per image and the fraction of the floor against everything that moves."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only this function draws

    axes = list(dict.fromkeys(point["axis"] for point in measured))
    figure = Figure(figsize=(3.2 * len(axes), 5), layout="constrained")
    panels = figure.subplots(2, len(axes), squeeze=False, sharex="col")
    for above, below, axis in zip(*panels, axes, strict=True):
        _draw_axis(above, below, axis, [point for point in measured if point["axis"] == axis])
    panels[0][0].set_ylabel("microseconds per image")
    panels[1][0].set_ylabel("share of our time\nthat the floor takes")
    panels[0][0].legend()
    figure.savefig(path, metadata={"Software": None})


def _draw_axis(above: Any, below: Any, axis: str, measured: list[dict[str, Any]]) -> None:
    """Draw one column."""
    values = [point["value"] for point in measured]
    for name in measured[0]["seconds_per_image"]:
        style = "s--" if name == FLOOR else "o-"
        above.plot(values, [1e6 * point["seconds_per_image"][name] for point in measured], style, label=name)
    below.plot(values, [fraction(point) for point in measured], "o-", color="black")
    above.set(xscale="log", yscale="log", title=axis)
    below.set(xlabel=axis)
    below.set_ylim(bottom=0)
    if axis == "threads":
        above.set(xscale="linear", xticks=values)
