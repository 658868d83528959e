"""How good the rate is that ``find_learning_rate`` suggests: beside the best of a grid, for five networks.

Short trainings of the same length at a constant rate, from the same seed; the accuracy is that on images held out from
training. Nothing looks at the test images.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from benchmarks.data import load, scaled
from benchmarks.options import Options, say
from pipeline import Fetch, MLPClassifier, find_learning_rate
from pipeline.network.training import DivergenceError

MINUTES = 2
TARGET = 0.95
"""The fraction of the best accuracy that the suggestion is to reach."""
GRID = np.geomspace(1e-5, 1, 12)
_IMAGES, _HELD_OUT = 10_000, 5_000
_COMMON: dict[str, Any] = {"alpha": 0.0, "n_iter_no_change": np.inf, "random_state": 42, "n_threads": 1}
NETWORKS: dict[str, dict[str, Any]] = {
    "784-512-512-10 of params.yaml, dropout, Adam": {
        "hidden_layer_sizes": (512, 512), "dropout": 0.2, "batch_size": 128, "max_iter": 3,
    },
    "784-100-10, SGD": {"hidden_layer_sizes": (100,), "solver": "sgd", "batch_size": 100, "max_iter": 3},
    "784-100-10 sigmoid, SGD": {
        "hidden_layer_sizes": (100,), "activation": "logistic", "solver": "sgd", "batch_size": 32, "max_iter": 3,
    },
    "784-256-128-10, batch normalization, Adam": {
        "hidden_layer_sizes": (256, 128), "batch_norm": True, "batch_size": 128, "max_iter": 3,
    },
    "64-64-10 on scikit-learn's digits, RMSprop": {
        "hidden_layer_sizes": (64,), "solver": "rmsprop", "batch_size": 32, "max_iter": 10,
    },
}  # fmt: skip
_OF_DIGITS = "64-64-10 on scikit-learn's digits, RMSprop"
_Data = tuple[NDArray[Any], NDArray[Any]]


def run(options: Options) -> dict[str, Any]:
    """Train every network at every rate of the grid and at the suggestion."""
    X, y = load(options.folder, "train", options.images(_IMAGES + _HELD_OUT))
    digits, labels = Fetch("digits").load("train")
    found = []
    for name, parameters in NETWORKS.items():
        say(f"rates: {name}")
        data = (scaled(digits), labels) if name == _OF_DIGITS else (X, y)
        found.append({"what": name, **compare(parameters | ({"max_iter": 1} if options.quick else {}), data)})
    return {"target": TARGET, "networks": found}


def compare(parameters: dict[str, Any], data: _Data) -> dict[str, Any]:
    """Return the suggestion and the best rate of the grid, with the accuracy that each comes to."""
    X, y = data
    n = 2 * len(X) // 3
    train, held_out = (X[:n], y[:n]), (X[n:], y[n:])
    suggestion = find_learning_rate(MLPClassifier(**_COMMON, **parameters), *train).suggestion
    grid = {float(f"{rate:.2g}"): accuracy(parameters, rate, train, held_out) for rate in GRID}
    best = max(grid, key=lambda rate: grid[rate])
    reached = accuracy(parameters, suggestion, train, held_out)
    return {
        "suggestion": suggestion,
        "accuracy": reached,
        "best": best,
        "best_accuracy": grid[best],
        "fraction": round(reached / grid[best], 4),
    }


def accuracy(parameters: dict[str, Any], rate: float, train: _Data, held_out: _Data) -> float:
    """Return what a training at a rate comes to on images held out; 0 where it diverges."""
    model = MLPClassifier(**_COMMON, **parameters, learning_rate_init=float(rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return round(float(model.fit(*train).score(*held_out)), 4)
        except DivergenceError:
            return 0.0
