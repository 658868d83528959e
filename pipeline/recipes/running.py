"""A recipe at work: the five stages, and after the first two every seed anew.

All artifacts go to a folder that the caller gives; what is handed on are plain values, one mapping for each seed.
"""

import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from pipeline import assembly, gradcheck
from pipeline.classifier import MLPClassifier
from pipeline.network.gradient_check import train_numerically
from pipeline.recipes.recipe import Recipe
from pipeline.stages.base import Progress, Stage
from pipeline.stages.preprocess import read_labels
from pipeline.stages.train import FIGURES

Samples = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def run(recipe: Recipe, artifacts: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
    """Run a recipe, and yield what each seed came to.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    artifacts : Path
        The folder for a folder of each stage; what it holds is replaced.
    progress : Progress, optional
        Whoever watches.

    Yields
    ------
    dict
        ``seed``; ``layers``, their widths; ``n_parameters``; ``epochs``, ``updates``, ``seconds`` (of training, wall
        time); ``history``, a list for each column of ``history.csv``; ``validation`` and ``test``, the figures of
        ``metrics.json``; and where the recipe asks for them ``gradcheck`` and ``numerical``.
    """
    progress = progress or Progress()
    for number, seed in enumerate(recipe.seeds):
        stages = recipe.stages(seed)
        if number == 0:
            stages["fetch"].run(artifacts, progress)
            stages["preprocess"].run(artifacts, progress)
        stages["split"].run(artifacts, progress)
        yield (
            {"seed": seed}
            | _checks(recipe, stages["train"], artifacts, progress)
            | _trained(stages, artifacts, progress)
        )


def environment() -> dict[str, Any]:
    """Return where and with what results are made: machine, versions, BLAS with its kernel and threads, date."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": _cores()},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("digits-pipeline", "numpy", "scipy", "scikit-learn")},
        "blas": [{name: pool.get(name) for name in _OF_A_POOL} for pool in blas],
    }


_OF_A_POOL = ("internal_api", "version", "architecture", "num_threads")


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _trained(stages: dict[str, Stage], artifacts: Path, progress: Progress) -> dict[str, Any]:
    """Train and evaluate, and say what came of it."""
    stages["train"].run(artifacts, progress)
    measured = stages["evaluate"].run(artifacts, progress)
    model: Any = stages["train"]
    affine = model.network_.affine_layers
    return {
        "layers": [affine[0].n_in, *(layer.n_out for layer in affine)],
        "n_parameters": model.network_.params.size,
        "epochs": model.n_iter_,
        "updates": model._trainer.updates,  # noqa: SLF001 - no fitted attribute of scikit-learn's counts them
        "seconds": round(sum(model.history_["seconds"]), 2),
        "history": _history(model),
        **{part: {name: round(figure, 6) for name, figure in figures.items()} for part, figures in measured.items()},
    }


def _history(model: MLPClassifier) -> dict[str, list[float | None]]:
    """Return what was measured in every epoch."""
    columns = {column: _rounded(model.history_[name]) for column, name in FIGURES.items()}
    return {column: figures for column, figures in columns.items() if any(figure is not None for figure in figures)}


def _rounded(figures: list[float | None]) -> list[float | None]:
    return [None if figure is None else round(figure, 6) for figure in figures]


def _checks(recipe: Recipe, train: Any, artifacts: Path, progress: Progress) -> dict[str, Any]:
    """Do what a recipe asks for beside training: gradients compared, updates by numerical differentiation."""
    done: dict[str, Any] = {}
    if recipe.gradcheck is not None:
        differences = gradcheck.check(train, *_first_samples(artifacts, recipe.gradcheck), progress)
        done["gradcheck"] = [vars(one) for one in differences]
    if recipe.numerical is not None:
        done["numerical"] = _numerical(train, artifacts, recipe.numerical, progress)
    return done


def _numerical(model: MLPClassifier, artifacts: Path, n_updates: int, progress: Progress) -> dict[str, Any]:
    """Train by numerical differentiation alone; return the loss before each update and after the last."""
    n_samples = assembly.sampling(model, len(read_labels(artifacts / "prepared", "train"))).batch_size
    network, X, Y = gradcheck.build(model, *_first_samples(artifacts, n_samples))
    progress.begin("differentiate", n_updates * network.params.size, "parameters")
    began = time.perf_counter()
    try:
        losses = train_numerically(
            network,
            assembly.optimizer(model),
            X,
            Y,
            learning_rate=model.learning_rate_init,
            n_updates=n_updates,
            advance=progress.advance,
        )
    finally:
        progress.end()
    seconds = round(time.perf_counter() - began, 2)
    return {"images": len(X), "losses": _rounded([*losses, network.evaluate(X, Y)]), "seconds": seconds}


def _first_samples(artifacts: Path, n_samples: int) -> Samples:
    """Return the first training images, normalised, with their labels, and all labels that there are."""
    X = np.load(artifacts / "prepared" / "train_X.npy", mmap_mode="r", allow_pickle=False)
    y = read_labels(artifacts / "prepared", "train")
    return X[:n_samples], y[:n_samples], np.unique(y)
