"""Recipes and trials on workers: processes, or a Dask cluster.

Images are fetched and preprocessed once, here, and each worker gets them once. Seeds are trained side by side, and of
an ensemble its members are, too: whichever is done last has the ensemble evaluated, on a worker again. Nothing is
written here before a seed, or a network for the model cache, is done.
"""

import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, ClassVar

from pipeline.artifacts import EVALUATION, MODEL, PREPARED, SPLIT
from pipeline.files import write_new
from pipeline.progress import Progress
from pipeline.recipes.members import trained_already
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.model_cache import (
    ModelCache,
    folder_by_settings,
    one_folder,
    read_training_cost,
    seed_files,
)
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.running import prepare
from pipeline.recipes.tasks import (
    Done,
    EnsembleTask,
    Files,
    MemberTask,
    NetworkTask,
    SeedTask,
    Task,
    TrialTask,
    do,
    read_files,
    sharing_folders,
    write_models,
)
from pipeline.stages.base import replacing_output
from pipeline.workers import Workers

_RETURNED = (PREPARED, SPLIT, MODEL, EVALUATION)


def run_on(
    workers: Workers,
    name: str,
    recipe: Recipe,
    artifacts: Path,
    progress: Progress,
    *,
    without: Collection[int] = (),
    keep: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Run a recipe on workers, and yield what each seed came to as soon as it is done, in whichever order that is.

    Parameters
    ----------
    workers : Workers
        Where seeds, and members of ensembles, are trained.
    name, recipe : str, Recipe
        What to do.
    artifacts, progress, without
        As ``running.run`` takes them.
    keep : Path, optional
        The model cache, into which the networks come; the artifacts are then those of the last seed, in the end.

    Yields
    ------
    dict
        As of ``running.run``, and ``machine``, the one that trained it, in words; of an ensemble those that trained its
        members, and what its members take is what they take one after the other.
    """
    seeds = [seed for seed in recipe.seeds if seed not in without]
    if not seeds:
        return
    prepare(recipe, seeds[0], artifacts, progress)
    last: Files = {}
    work = _Recipes(name, recipe, seeds, keep or artifacts / "members", keep=keep is not None)
    for done in _results(workers, work, artifacts, progress, f"run {name}"):
        last = last or done.folders
        yield done.made | {"machine": work.machines(done)}
    if keep:
        _replace_folders(artifacts, last)


def run_trial_on(
    workers: Workers,
    name: str,
    trial: Recipe,
    artifacts: Path,
    progress: Progress,
    *,
    without: Collection[int] = (),
    cache: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Train the network of a trial on workers, and yield what each seed came to as soon as it is done.

    Parameters
    ----------
    workers : Workers
        Where seeds are trained.
    name, trial, artifacts, progress, without, cache
        As ``running.run_trial`` takes them.

    Yields
    ------
    dict
        As of ``running.run_trial``.
    """
    seeds = [seed for seed in trial.seeds if seed not in without]
    if not seeds:
        return
    prepare(trial, seeds[0], artifacts, progress)
    work = _Trials(name, trial, seeds, cache or artifacts / "members")
    for done in _results(workers, work, artifacts, progress, f"try {name}"):
        yield done.made


class _Work(ABC):
    """The tasks of some seeds: those to begin with, and those that results make possible.

    Of an ensemble every network is a task, and what is left of a seed is another, that begins when they are done.

    Parameters
    ----------
    name, recipe, seeds : str, Recipe, list of int
        What to do.
    cache : Path
        Where networks are looked for, and where those come that come back.
    models : ModelCache
        Where it has those of a recipe.
    """

    trial: ClassVar[bool]

    def __init__(self, name: str, recipe: Recipe, seeds: list[int], cache: Path, models: ModelCache) -> None:
        self.name = name
        self.recipe = recipe
        self.seeds = seeds
        self.cache = cache
        self.models = models
        self.kinds = recipe.kinds if isinstance(recipe, MixedEnsemble) else {}
        self.networks = {seed: self._networks(seed) for seed in seeds}
        self._trained: dict[int, dict[Task, Done]] = {seed: {} for seed in seeds}

    def begin(self) -> list[Task]:
        """Return the tasks that nothing else must be done for."""
        return [task for seed in self.seeds for task in self.networks[seed] or [self._whole(seed, [])]]

    def then(self, task: Task, done: Done) -> list[Task]:
        """Take what came of a task, and return those that it makes possible."""
        write_models(self.cache, done.models)
        if done.whole:
            return []
        trained = self._trained[task.seed]
        trained[task] = done
        networks = self.networks[task.seed]
        return [self._whole(task.seed, [trained[one] for one in networks])] if len(trained) == len(networks) else []

    def machines(self, done: Done) -> str:
        """Return in words what trained the networks of a seed that is done."""
        trained = self._trained[done.seed].values()
        return "; ".join(sorted({one.machine for one in trained} or {done.machine}))

    def lines(self, done: Done) -> list[str]:
        """Return what was said; not that networks are trained already which were trained for this."""
        new = {trained_already(task.name, task.seed) for task in self._trained[done.seed]}
        return [line for line in done.lines if line not in new]

    def _networks(self, seed: int) -> list[Task]:
        """Return what trains the networks of an ensemble that are not there yet."""
        missing = [
            (name, one)
            for name, one in self.kinds.items()
            if read_training_cost(self.models(one), name, one, seed) is None
        ]
        return [NetworkTask(name, one, seed, keep=True, trial=self.trial) for name, one in missing]

    def _cached_files(self, seed: int) -> Files:
        """Return the files that the cache has of the networks that a seed needs."""
        known = self.kinds or {self.name: self.recipe}
        return read_files(self.cache, seed_files(self.models, known.items(), seed))

    @abstractmethod
    def _whole(self, seed: int, trained: list[Done]) -> Task:
        """Return what a seed ends with, once its networks are trained: those of an ensemble."""


class _Recipes(_Work):
    """The tasks of a recipe's seeds.

    Parameters
    ----------
    name, recipe, seeds, cache
        As ``_Work`` takes them.
    keep : bool
        Whether networks come into the cache, and the artifacts of the last seed come back.
    """

    trial = False

    def __init__(self, name: str, recipe: Recipe, seeds: list[int], cache: Path, *, keep: bool) -> None:
        self.keep = keep
        super().__init__(name, recipe, seeds, cache, one_folder(cache))

    def _networks(self, seed: int) -> list[Task]:
        numbers = range(1, 1 + (self.recipe.members or 0))
        members: list[Task] = [MemberTask(self.name, self.recipe, seed, number=number) for number in numbers]
        return members or super()._networks(seed)

    def _whole(self, seed: int, trained: list[Done]) -> Task:
        folders = _RETURNED if self.keep and seed == self.seeds[-1] else ()
        if self.recipe.members:
            members = tuple(done.made for done in trained)
            return EnsembleTask(self.name, self.recipe, seed, folders=folders, members=members)
        models = self._cached_files(seed) if self.kinds else {}
        networks = self.networks[seed] if folders else []
        last = networks[-1].recipe if networks else None
        return SeedTask(self.name, self.recipe, seed, models, self.keep, folders, last)


class _Trials(_Work):
    """The tasks of a trial's seeds.

    Parameters
    ----------
    name, trial, seeds, cache
        As ``_Work`` takes them.
    """

    trial = True

    def __init__(self, name: str, trial: Recipe, seeds: list[int], cache: Path) -> None:
        super().__init__(name, trial, seeds, cache, folder_by_settings(cache))

    def _whole(self, seed: int, trained: list[Done]) -> Task:
        del trained  # their files are in the cache
        return TrialTask(self.name, self.recipe, seed, self._cached_files(seed), keep=True)


def _results(workers: Workers, work: _Work, artifacts: Path, progress: Progress, title: str) -> Iterator[Done]:
    """Yield what comes of each seed, and pass on what was said and warned of on its way."""
    tasks = work.begin()
    n_networks = sum(map(len, work.networks.values()))
    with sharing_folders(workers, artifacts) as at_work:
        at_once = f"{title}, {min(workers.n_jobs, len(tasks))} at once"
        progress.begin(at_once, n_networks or len(tasks), "networks" if n_networks else "seeds")
        try:
            for _, done in at_work.run(do, tasks, work.then):
                for line in work.lines(done):
                    progress.say(line)
                for text, category in done.warned:
                    warnings.warn(text, category, stacklevel=2)
                if not (done.whole and n_networks):
                    progress.advance()
                if done.whole:
                    yield done
        finally:
            progress.end()


def _replace_folders(artifacts: Path, files: Files) -> None:
    """Put the folders of the last seed in place, each whole or not at all."""
    for folder in _RETURNED:
        inside = {name: content for name, content in files.items() if name.startswith(f"{folder}/")}
        if not inside:  # an ensemble's evaluation is in its results alone
            shutil.rmtree(artifacts / folder, ignore_errors=True)
            continue
        with replacing_output(artifacts, folder) as made:
            for name, content in inside.items():
                path = made / name.removeprefix(f"{folder}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                write_new(path, content)
