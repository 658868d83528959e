"""Probabilities of 10,000 images at once, and of one image."""

from typing import Any

from benchmarks.measure import compare
from benchmarks.options import Options, present, say
from benchmarks.rows import FIRST, FLOOR, NUMBA, NUMPY, PYTORCH, SKLEARN

MINUTES = 1
TARGET = 3.0
"""How many times as fast as scikit-learn one prediction is to be."""
_TRAINED_WITH = 10_000


def run(options: Options) -> dict[str, Any]:
    """Measure all sides; the floor is the products forward alone."""
    say("predict: 10,000 images, and one")
    job = {
        "task": "predict",
        "folder": options.folder,
        "training": FIRST.training.as_job(),
        "n_images": options.images(_TRAINED_WITH),
    }
    sides = present((NUMBA, NUMPY, SKLEARN, PYTORCH, FLOOR))
    figures, _ = compare({name: job | {"name": name} for name in sides}, options.turns())
    return {"what": FIRST.describe(), "target": TARGET, "sides": figures}
