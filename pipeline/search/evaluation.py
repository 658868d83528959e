"""One candidate: its network learns from rows of the training file, and is measured on those held back.

This is what workers run. It reads no file and draws nothing but what the candidate's own seeds say, so that a
candidate comes to the same wherever it runs.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from pipeline.callbacks import OnEpoch
from pipeline.image_shape import Shape
from pipeline.metrics import measure
from pipeline.mlp.class_weights import by_label
from pipeline.mlp.threads import bounded_blas
from pipeline.search.samples import Rows, stratified_part
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.train import Train

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
"""How the work on a candidate ended."""

Watch = Callable[[int, float], bool]
"""Hears of the accuracy after an epoch, counted from 1, and tells whether to go on no longer."""


@dataclass(frozen=True)
class Data:
    """What all candidates share.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_pixels)
        The images of the training file: prepared, or as they were fetched where preprocessing varies.
    y : ndarray of shape (n_samples,)
        Their labels.
    folds : sequence of (ndarray, ndarray)
        Rows to learn from and rows to be measured on.
    image_shape : tuple of int or None
        Of an image.
    is_prepared : bool
        Whether X is prepared.
    names : sequence of str or None
        What the classes are called.
    token : str
        What tells these data from others.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    folds: Sequence[tuple[Rows, Rows]]
    image_shape: Shape | None = None
    is_prepared: bool = True
    names: Sequence[str] | None = None
    token: str = ""


@dataclass(frozen=True)
class Task:
    """A candidate, ready to be evaluated.

    Parameters
    ----------
    values : dict
        The candidate: values by dotted name.
    arguments : dict of dict
        What the constructors of ``preprocess`` and ``train`` are given.
    pruning : object or None
        What tells whether to go on after each epoch; see `pipeline.search.pruning`.
    n_samples : int or None, default=None
        How many of a fold's rows it learns from; None is all.
    seed : int, default=0
        What they are drawn by.
    """

    values: dict[str, Any]
    arguments: dict[str, dict[str, Any]] = field(repr=False)
    pruning: Any = None
    n_samples: int | None = None
    seed: int = 0


def evaluate(data: Data, task: Task) -> dict[str, Any]:
    """Train the network of a candidate in every fold, and return what it came to.

    Its threads are one, and BLAS's as well: neighbours work beside it, and the last bits do not depend on how many.

    Returns
    -------
    dict
        ``state``; ``accuracy`` and ``log_loss``, means over the folds; ``epochs``, of all folds together;
        ``curve``, the accuracy after each epoch where there is pruning; ``reason``, where it failed; ``seconds``.
    """
    began = time.perf_counter()
    watched: list[float] = []
    done: dict[str, Any] = {"state": COMPLETE, "accuracy": None, "log_loss": None, "epochs": 0, "reason": None}
    try:
        with bounded_blas(1):
            figures = [
                _fold(data, task, number, done, watched, _watch(task, number)) for number in range(len(data.folds))
            ]
        if done["state"] == COMPLETE:
            for name in ("accuracy", "log_loss"):
                done[name] = round(float(np.mean([one[name] for one in figures])), 6)
    except ValueError as error:  # what was drawn does not go together, or diverges
        done |= {"state": FAILED, "reason": str(error)}
    return done | {"curve": [round(one, 6) for one in watched], "seconds": time.perf_counter() - began}


def _watch(task: Task, number: int) -> Watch | None:
    """Return what prunes, which looks at the first fold alone."""
    watch: Watch | None = None if task.pruning is None or number else task.pruning.begin()
    return watch


def _fold(
    data: Data, task: Task, number: int, done: dict[str, Any], watched: list[float], watch: Watch | None
) -> dict[str, float]:
    """Train on the rows of a fold and measure on the others; after a fold that was pruned there is nothing to do."""
    if done["state"] == PRUNED:
        return {}
    rows, held_back = data.folds[number]
    if task.n_samples is not None:
        rows = stratified_part(rows, data.y, task.n_samples, task.seed)
    X = _prepare(data, task)
    model = Train(**task.arguments["train"] | {"n_threads": 1, "verbose": False})
    model.class_weight = by_label(model.class_weight, data.names)
    if model.augmentation is not None and data.image_shape is not None:
        model.augmentation.check_shape(data.image_shape)
    # Watched wherever the workflow watches: early stopping then goes by the same rows.
    beside = {"X_val": X[held_back], "y_val": data.y[held_back]}
    if watch is not None:
        model.set_callbacks(OnEpoch(lambda trained: _listen(trained, watched, watch, done)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # to have used all epochs is no mishap
            if task.n_samples is not None:
                warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)  # of many rows, it may not be
            model.fit(X[rows], data.y[rows], **(beside if watch is not None or model.early_stopping else {}))
    finally:
        done["epochs"] += len(getattr(model, "history_", {}).get("loss", ()))
    figures = measure(data.y[held_back], model.predict_proba(beside["X_val"]), model.classes_)
    return {name: float(figures[name]) for name in ("accuracy", "log_loss")}


def _listen(trained: Any, watched: list[float], watch: Watch, done: dict[str, Any]) -> bool:
    """Hear of an epoch, and tell whether it was the last; after all of them there is nothing to save."""
    watched.append(float(trained.history_["validation_score"][-1]))
    if len(watched) < trained.max_iter and watch(len(watched), watched[-1]):
        done["state"] = PRUNED
        return True
    return False


_prepared: dict[str, NDArray[Any]] = {}
"""What this process prepared last, by the parameters: candidates that follow each other often share them."""


def _prepare(data: Data, task: Task) -> NDArray[Any]:
    """Return the images as the network takes them; as in the workflow, all of the training file is learned from."""
    if data.is_prepared:
        return data.X
    arguments = task.arguments["preprocess"]
    key = f"{data.token} {arguments}"
    if key not in _prepared:
        _prepared.clear()
        _prepared[key] = Preprocess(**arguments).fit_transform(data.X)
    return _prepared[key]
