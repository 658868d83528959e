"""A search at work: candidates evaluated by workers, results kept as they come, and the tables made of them.

All is in the folder ``search`` of the artifacts; what is handed on are the trials.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from pipeline.artifacts import (
    MAKERS,
    PREPARED,
    RAW,
    SPLIT,
    read_class_names,
    read_images,
    read_labels,
    read_normalizer,
    read_pixels,
    read_rows,
    remedy,
)
from pipeline.files import replace_file, sweep
from pipeline.image_shape import Shape, image_shape
from pipeline.locking import locking
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.provenance import digest_folder
from pipeline.search.evaluation import Data, Task, evaluate
from pipeline.search.methods import (
    EPOCHS,
    EvaluateBatch,
    Resource,
    Trial,
    search_grid,
    search_halving,
    search_random,
    with_epochs,
)
from pipeline.search.pruning import import_optuna, rule, search_optuna
from pipeline.search.samples import Rows
from pipeline.search.space import Candidate, Space, to_plain
from pipeline.search.store import FOLDER, PICTURE, RESULTS, SECONDS, Store, clear
from pipeline.search.table import best_of, importances, seconds_to_csv, to_csv
from pipeline.stages.base import MissingInputError
from pipeline.workers import Workers

Method = Literal["random", "grid", "halving", "optuna"]
"""How candidates are chosen."""

ResourceName = Literal["epochs", "samples"]
"""What successive halving gives out."""

ArgumentsOf = Callable[[Candidate], dict[str, dict[str, Any]]]
"""Returns what the constructors of ``preprocess`` and ``train`` are given for a candidate."""


@dataclass(frozen=True)
class Search:
    """A search over parameters of the workflow.

    Parameters
    ----------
    space : dict of Choice or Range
        What may vary.
    arguments_of : callable
        What the stages are given for a candidate.
    fixed : mapping
        The parameters as they stand in the file, in JSON's own types: another file is another search.
    method : {"random", "grid", "halving", "optuna"}, default="random"
        How candidates are chosen.
    n_candidates : int, default=20
        How many are drawn; a grid has its own number.
    seed : int, default=0
        What they are drawn by.
    cv : int or None, default=None
        Folds of cross-validation; None measures on the rows that ``split`` holds back.
    prune : bool, default=True
        Whether Optuna stops candidates that do badly; of several folds, it looks at the first.
    resource : {"epochs", "samples"}, default="epochs"
        What successive halving gives candidates more and more of.
    """

    space: Space
    arguments_of: ArgumentsOf
    fixed: Mapping[str, Any]
    method: Method = "random"
    n_candidates: int = 20
    seed: int = 0
    cv: int | None = None
    prune: bool = True
    resource: ResourceName = "epochs"

    def run(
        self, artifacts: Path, workers: Workers, progress: Progress, *, again: bool = False, wait: bool = False
    ) -> list[Trial]:
        """Evaluate the candidates that have not been evaluated yet, and write the tables.

        Parameters
        ----------
        artifacts : Path
            The folder that holds a folder for each stage; the first three must have run.
        workers : Workers
            Where candidates are evaluated.
        progress : Progress
            What hears how far the work is.
        again : bool, default=False
            Whether results that are there are deleted first.
        wait : bool, default=False
            Whether to wait for another process that searches in the folder.

        Returns
        -------
        list of Trial
            With their results, in the order of their numbers.

        Raises
        ------
        MissingInputError
            Where a stage has not run yet.
        OtherSearchError
            Where the folder has the results of another search.
        """
        if self.method == "optuna":
            import_optuna()  # better missed now than later
        data = read_data(artifacts, self.space, self.cv, self.seed)
        folder = artifacts / FOLDER
        with locking(folder, wait=wait, say=progress.say):
            if again:
                clear(folder)
            store = Store(folder, self._settings(data))
            with workers.sharing(data):
                evaluate_batch = _Evaluator(self, store, workers, progress)
                try:
                    trials = self._search(data, evaluate_batch)
                finally:
                    evaluate_batch.end()
            replace_file(folder / RESULTS, to_csv(trials, self.space))
            replace_file(folder / SECONDS, seconds_to_csv(trials))
            _draw(folder / PICTURE, trials, self.space)
        return trials

    def _settings(self, data: Data) -> dict[str, Any]:
        """Return what makes it this search."""
        return {
            "method": self.method,
            "seed": self.seed,
            "cv": self.cv,
            "resource": self.resource if self.method == "halving" else None,
            "pruning": self.method == "optuna" and self.prune and rule(self._most_epochs),
            "space": to_plain(self.space),
            "parameters": dict(self.fixed),
            "data": data.token,
        }

    def _search(self, data: Data, evaluate_batch: EvaluateBatch) -> list[Trial]:
        """Let the method choose."""
        if self.method == "grid":
            return search_grid(self.space, evaluate_batch)
        if self.method == "halving":
            return search_halving(self.space, self.n_candidates, self.seed, self._resource(data), evaluate_batch)
        if self.method == "optuna":
            max_iter = self._most_epochs if self.prune else None
            return search_optuna(self.space, self.n_candidates, self.seed, evaluate_batch, max_iter=max_iter)
        return search_random(self.space, self.n_candidates, self.seed, evaluate_batch)

    def _resource(self, data: Data) -> Resource:
        """Return what successive halving gives out, and how much of it there is.

        Raises
        ------
        ParameterError
            Where it varies by itself.
        """
        if self.resource == "samples":
            n_samples = min(len(rows) for rows, _ in data.folds)
            return Resource("n_samples", n_samples, least=2 * len(np.unique(data.y)))
        if EPOCHS in self.space:
            raise ParameterError(f"--method {self.method} gives out {EPOCHS}, which cannot vary by itself")
        return Resource("max_iter", self._most_epochs)

    @property
    def _most_epochs(self) -> int:
        """The epochs that no candidate has more of."""
        if EPOCHS in self.space:
            return int(max(self.space[EPOCHS].extremes))
        return int(self.fixed["train"].get("max_iter", 200))


class _Evaluator:
    """Evaluates trials on workers, but those whose results are kept already."""

    def __init__(self, search: Search, store: Store, workers: Workers, progress: Progress) -> None:
        self.search, self.store, self.workers, self.progress = search, store, workers, progress
        self.best = 0.0
        self.has_begun = False

    def __call__(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the trials with their results."""
        results = [self.store.find(_describe(trial)) for trial in trials]
        left = [number for number, result in enumerate(results) if result is None]
        self._begin(len(trials))
        for result in results:
            if result is not None:
                self._advance(result)
        tasks = [self._task(trials[number]) for number in left]
        for place, result in self.workers.run(evaluate, tasks):
            number = left[place]
            self.store.keep(_describe(trials[number]), result)
            results[number] = result
            self._advance(result)
        return [replace(trial, result=result or {}) for trial, result in zip(trials, results, strict=True)]

    def _begin(self, n_trials: int) -> None:
        """Tell that a batch begins: one of several is work of its own, where it is a rung of halving."""
        if self.search.method != "optuna":
            self.end()
        if not self.has_begun:
            total = self.search.n_candidates if self.search.method == "optuna" else n_trials
            self.progress.begin(f"search ({self.search.method})", total, "candidates")
            self.has_begun = True

    def end(self) -> None:
        """Tell that what has begun is over."""
        if self.has_begun:
            self.progress.end()
            self.has_begun = False

    def _task(self, trial: Trial) -> Task:
        """Return what a worker does for a trial."""
        arguments = self.search.arguments_of(with_epochs(trial))
        return Task(trial.values, arguments, trial.pruning, trial.n_samples, self.search.seed)

    def _advance(self, result: Mapping[str, Any]) -> None:
        """Tell that a candidate is done, and how good the best is."""
        self.best = max(self.best, result["accuracy"] or 0.0)
        self.progress.advance(1, best_accuracy=self.best)


def _describe(trial: Trial) -> dict[str, Any]:
    """Return all that the result of a trial depends on, beside the settings of the search."""
    description: dict[str, Any] = {"values": with_epochs(trial)}
    if trial.n_samples is not None:
        description |= {"n_samples": trial.n_samples}
    return description if trial.pruning is None else description | {"pruning": trial.pruning.describe()}


def read_data(artifacts: Path, space: Space, cv: int | None = None, seed: int = 0) -> Data:
    """Read what the candidates of a space share.

    Raises
    ------
    MissingInputError
        Where a stage has not run yet.
    ParameterError
        Where no rows are held back, or there are too few for the folds.
    """
    varies = any(name.startswith("preprocess.") for name in space)
    needed = [RAW if varies else PREPARED, *([] if cv else [SPLIT])]
    sweep(artifacts, needed)
    for name in needed:
        if not (artifacts / name).is_dir():
            raise MissingInputError(f"{artifacts / name} is missing: {remedy(MAKERS[name], artifacts)} makes it")
    token = " ".join(digest_folder(artifacts / name) for name in needed)
    X, y, shape = _raw_samples(artifacts) if varies else _prepared_samples(artifacts)
    names = read_class_names(artifacts, RAW if varies else PREPARED)
    folds = list(_folds(y, cv, seed)) if cv else [_held_back(artifacts, len(y))]
    return Data(X, y, folds, shape, not varies, names, token)


def _raw_samples(artifacts: Path) -> tuple[NDArray[Any], NDArray[Any], Shape | None]:
    """Return the images of the training file as rows of pixels, their labels, and the shape of an image."""
    images, labels = read_images(artifacts, "train")
    shape = image_shape(images.shape[1:], images[0].size)
    return images.reshape(len(images), -1), labels.astype(np.int64), shape


def _prepared_samples(artifacts: Path) -> tuple[NDArray[Any], NDArray[Any], Shape | None]:
    """Return the same as `Preprocess` has made it."""
    shape = getattr(read_normalizer(artifacts), "image_shape_", None)
    return read_pixels(artifacts, "train"), read_labels(artifacts, "train"), shape


def _folds(y: Any, cv: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield the folds of cross-validation over the training file."""
    fewest = int(np.bincount(y)[np.unique(y)].min())
    if fewest < cv:
        raise ParameterError(f"--cv must be at most {fewest}, the rows of the rarest class; got {cv}")
    yield from StratifiedKFold(cv, shuffle=True, random_state=seed).split(np.zeros(len(y)), y)


def _held_back(artifacts: Path, n_samples: int) -> tuple[Rows, Rows]:
    """Return the rows of the workflow's split."""
    rows, held_back = (read_rows(artifacts, part, n_samples) for part in ("train", "validation"))
    if not len(held_back):
        raise ParameterError(
            f"{artifacts / SPLIT} holds no rows back to measure on: set split.validation_fraction, or --cv 5"
        )
    return rows, held_back


def _draw(path: Path, trials: Sequence[Trial], space: Space) -> None:
    """Draw what mattered, where matplotlib is installed and there is something to see."""
    found = importances(trials, space)
    path.unlink(missing_ok=True)
    if not found or best_of(trials) is None:
        return
    try:
        from pipeline.search.picture import draw_importances  # noqa: PLC0415 - matplotlib is an extra
    except ModuleNotFoundError:
        return
    replace_file(path, draw_importances(found, trials, space))
