"""The table: seconds per epoch of every row and side, with the accuracy that was reached."""

from typing import Any

from benchmarks.measure import compare
from benchmarks.options import Options, present, say
from benchmarks.rows import Row

MINUTES = 12


def run(options: Options) -> list[dict[str, Any]]:
    """Measure every row; return what it is and what each side came to."""
    return [_measured(row, options) for row in options.chosen_rows()]


def jobs(row: Row, options: Options) -> dict[str, dict[str, Any]]:
    """Return what each side of a row has to do."""
    job = {"task": "train", "folder": options.folder, "training": row.training.as_job(), "n_images": row.images}
    return {name: job | {"name": name} for name in present(row.sides)}


def _measured(row: Row, options: Options) -> dict[str, Any]:
    say(f"train: {row.describe()}")
    figures, pools = compare(jobs(row, options), options.turns())
    told = {"name": row.name, "what": row.describe(), "images": row.images, "epochs": row.training.epochs}
    return (
        told
        | {"targets": dict(row.targets), "sides": figures, "pools": pools}
        | {"failed": [name for name in present(row.sides) if name not in figures]}
    )
