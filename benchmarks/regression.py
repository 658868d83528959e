"""``MLPRegressor`` beside scikit-learn's, with its defaults: a network of 100 units, Adam, batches of 200."""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import compare
from benchmarks.options import Options, present, say
from benchmarks.rows import ENGINES, NUMBA, NUMPY, SKLEARN

MINUTES = 1
TARGET = 3.0
"""How many times as fast as scikit-learn's an epoch is to be."""
N_FEATURES = 50
_SAMPLES, _EPOCHS, _ROUNDS = 20_000, 10, 5
_QUICK = 500


def run(options: Options) -> dict[str, Any]:
    """Measure both engines and scikit-learn on float64, which is what tables come in."""
    n_samples = _QUICK if options.quick else _SAMPLES
    say(f"regression: {n_samples:,} rows of {N_FEATURES}")
    job = {"task": "regression", "folder": options.folder, "n_samples": n_samples, "epochs": _EPOCHS}
    figures, _ = compare(
        {name: job | {"name": name} for name in present((NUMBA, NUMPY, SKLEARN))}, options.turns(_ROUNDS)
    )
    return {"samples": n_samples, "features": N_FEATURES, "target": TARGET, "sides": figures}


class Task:
    """An epoch's time, from fits of new networks, and the R^2 that they reach on other rows."""

    def __init__(self, folder: Path, name: str, n_samples: int, epochs: int) -> None:
        del folder
        home = "pipeline" if name in ENGINES else "sklearn.neural_network"
        self.regressor = import_module(home).MLPRegressor
        self.given = {"engine": ENGINES[name]} if name in ENGINES else {}
        self.epochs = epochs
        self.X, self.y = table(n_samples)
        self.unseen = table(n_samples // 4, seed=1)
        self._fit(0, 1)  # warms up

    def __call__(self, number: int) -> dict[str, Any]:
        """Fit once with the seed ``number``; return ``seconds`` of an epoch, and ``r2``."""
        began = time.perf_counter()
        model = self._fit(number, self.epochs)
        return {"seconds": (time.perf_counter() - began) / self.epochs, "r2": float(model.score(*self.unseen))}

    def _fit(self, seed: int, epochs: int) -> Any:
        """Fit for so many epochs, whatever the loss does."""
        model = self.regressor(max_iter=epochs, n_iter_no_change=epochs + 1, random_state=seed, **self.given)
        return model.fit(self.X, self.y)


def table(n_samples: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return standardized features (n_samples, n_features), and targets that depend on them in curves, with noise.

    Examples
    --------
    >>> X, y = table(1000)
    >>> X.shape, bool(abs(y.mean()) < 1e-9), round(float(y.std()), 9)
    ((1000, 50), True, 1.0)
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, N_FEATURES))
    curves = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + 0.5 * X[:, 4]
    y = curves + 0.3 * rng.normal(size=n_samples)
    return X, (y - y.mean()) / y.std()
