"""What a process of its own does: each task prepares itself outside the clock, then does a round whenever it is told.

A round hands back plain figures. Times are wall-clock seconds.
"""

import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import account, account_compiled, deform, recipe, regression
from benchmarks.data import load, load_pixels, scaled
from benchmarks.rows import ENGINES, EPOCH, FLOOR, NUMBA, Training
from benchmarks.sides import side
from pipeline import training_together

_LONG_ENOUGH = 0.3  # seconds, for what takes microseconds


class Train:
    """An epoch's time, from fits of new networks, and the accuracy that they reach."""

    def __init__(self, folder: Path, name: str, training: dict[str, Any], n_images: int) -> None:
        self.training = Training(**training)
        self.X, self.y = load(folder, "train", n_images)
        self.test = load(folder, "test")
        self.side = side(name)(self.training.shorter(1), seed=0)
        self.side.fit(self.X, self.y)  # warms up
        self.learns = name != FLOOR

    def __call__(self, number: int) -> dict[str, Any]:
        """Fit once; return ``seconds`` of an epoch of 60,000 images, and ``accuracy`` on test images."""
        self.side.training, self.side.seed = self.training, number
        began = time.perf_counter()
        self.side.fit(self.X, self.y)
        seconds = (time.perf_counter() - began) / self.training.epochs
        return {"seconds": seconds * EPOCH / len(self.X)} | ({"accuracy": self.accuracy()} if self.learns else {})

    def accuracy(self) -> float:
        """Return the share of test images that are right."""
        X, y = self.test
        return float((self.side.predict_proba(X).argmax(axis=1) == y).mean())


class Reach:
    """The time of a whole training, and what it comes to on images that it has not seen."""

    def __init__(self, folder: Path, name: str, training: dict[str, Any], n_held_out: int, n_images: int) -> None:
        self.side = side(name)(Training(**training), seed=0)
        X, y = load(folder, "train", n_images)
        rows = len(X) - n_held_out
        self.X, self.y = X[:rows], y[:rows]
        self.unseen = (X[rows:], y[rows:]) if n_held_out else load(folder, "test")
        side(name)(Training(**training).shorter(1), seed=0).fit(self.X[:2000], self.y[:2000])  # warms up

    def __call__(self, number: int) -> dict[str, Any]:
        """Train once with the seed ``number``; return ``seconds`` in all, and ``accuracy``."""
        self.side.seed = number
        began = time.perf_counter()
        self.side.fit(self.X, self.y)
        seconds = time.perf_counter() - began
        X, y = self.unseen
        return {"seconds": seconds, "accuracy": float((self.side.predict_proba(X).argmax(axis=1) == y).mean())}


class Predict:
    """The time to say the probabilities of all test images, and those of one."""

    def __init__(self, folder: Path, name: str, training: dict[str, Any], n_images: int) -> None:
        self.side = side(name)(Training(**training).shorter(1), seed=0)
        self.side.fit(*load(folder, "train", n_images))
        self.X = load(folder, "test", 10_000)[0]
        self(0)

    def __call__(self, number: int) -> dict[str, Any]:
        """Return the ``seconds`` of 10,000 images, and of ``one`` of them."""
        image = self.X[number : number + 1]
        return {"seconds": _typical(self.side.predict_proba, self.X), "one": _typical(self.side.predict_proba, image)}


def _typical(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the median seconds of a call, from as many as there is time for."""
    seconds: list[float] = []
    while sum(seconds) < _LONG_ENOUGH:
        began = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


class Search:
    """The time of a grid search: with numba its candidates train together, the others' processes are started before."""

    def __init__(self, folder: Path, name: str, grid: dict[str, Any], max_iter: int, n_images: int) -> None:
        self.grid, self.max_iter = grid, max_iter
        home = "pipeline" if name in ENGINES else "sklearn.neural_network"
        self.classifier = import_module(home).MLPClassifier
        self.given = {"engine": ENGINES[name]} if name in ENGINES else {}
        self.together = training_together if name == NUMBA else nullcontext
        self.X, self.y = load(folder, "train", n_images)
        self._search({key: values[:1] for key, values in grid.items()}, 1)

    def __call__(self, number: int) -> dict[str, Any]:
        """Search once; return ``seconds``, and the best ``accuracy`` of the folds."""
        del number
        began = time.perf_counter()
        accuracy = self._search(self.grid, self.max_iter)
        return {"seconds": time.perf_counter() - began, "accuracy": accuracy}

    def _search(self, grid: dict[str, Any], max_iter: int) -> float:
        from sklearn.model_selection import GridSearchCV  # noqa: PLC0415 - the other tasks do without

        model = self.classifier(max_iter=max_iter, random_state=0, **self.given)
        grid = {key: [tuple(one) if isinstance(one, list) else one for one in values] for key, values in grid.items()}
        with self.together():
            return float(GridSearchCV(model, grid, cv=3, n_jobs=2, refit=False).fit(self.X, self.y).best_score_)


class Memory:
    """How far memory rises while a network is fitted, above the interpreter with its imports."""

    def __init__(self, folder: Path, name: str, training: dict[str, Any], n_images: int) -> None:
        self.folder, self.n_images, self.keeps_pixels = folder, n_images, name in ENGINES
        self.side = side(name)(Training(**training).shorter(1), seed=0)

    def __call__(self, number: int) -> dict[str, Any]:
        """Load uint8 images and fit once; return ``megabytes`` (of 10^6 bytes), images and all."""
        del number
        before = resident("VmRSS")
        X, y = load_pixels(self.folder, "train", self.n_images)
        self.side.fit(X if self.keeps_pixels else scaled(X), y)
        return {"megabytes": (resident("VmHWM") - before) / 1e6}


def resident(which: str) -> int:
    """Return the bytes of this process in memory: ``VmRSS`` now, ``VmHWM`` at the highest; Linux alone tells."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(re.findall(rf"^{which}:\s+(\d+) kB$", status, re.MULTILINE)[0])


TASKS: dict[str, Callable[..., Callable[[int], dict[str, Any]]]] = {
    "train": Train,
    "reach": Reach,
    "predict": Predict,
    "search": Search,
    "memory": Memory,
    "account": account.Task,
    "account compiled": account_compiled.Task,
    "deform": deform.Task,
    "recipe": recipe.Task,
    "regression": regression.Task,
}
