"""A grid search of 12 candidates by 3 folds, on two cores: by two processes, ours with numba by two threads."""

from typing import Any

from benchmarks.measure import compare
from benchmarks.options import Options, present, say
from benchmarks.rows import NUMBA, NUMPY, SKLEARN

MINUTES = 3
TARGET = 4.0
"""How many times as fast as scikit-learn's a search is to be."""
GRID = {
    "hidden_layer_sizes": [[50], [100], [100, 50]],
    "learning_rate_init": [0.001, 0.003],
    "alpha": [0.0001, 0.01],
}
_IMAGES, _EPOCHS, _ROUNDS = 10_000, 10, 5


def run(options: Options) -> dict[str, Any]:
    """Measure scikit-learn's ``GridSearchCV`` of ours and of its own classifier."""
    say("search: 12 candidates by 3 folds")
    job = {
        "task": "search",
        "folder": options.folder,
        "grid": GRID,
        "max_iter": 1 if options.quick else _EPOCHS,
        "n_images": options.images(_IMAGES),
    }
    figures, _ = compare(
        {name: job | {"name": name} for name in present((NUMBA, NUMPY, SKLEARN))}, options.turns(_ROUNDS)
    )
    return {"images": job["n_images"], "epochs": job["max_iter"], "target": TARGET, "sides": figures}
