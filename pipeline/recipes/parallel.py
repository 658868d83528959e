"""Seeds of recipes and of trials on workers: processes, or a Dask cluster.

Images are fetched and preprocessed once, here. Each worker gets them once and trains in a folder of its own, and what
is to stay comes back with the results: nothing is written here before a seed is done.
"""

import shutil
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import EVALUATION, MODEL, NETWORK, PREPARED, RAW, SPLIT
from pipeline.files import link_file, replace_file, temporary_folder, write_new
from pipeline.mlp.threads import bounded_blas, usable_threads
from pipeline.progress import Progress
from pipeline.recipes.machine import describe_machine, environment
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.model_cache import cache_model, folder_by_settings, one_folder, seed_files
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.running import prepare, run_seed, run_trial_seed
from pipeline.stages.base import replacing_output
from pipeline.workers import Workers

SHARED = (RAW, PREPARED)
"""The folders of the artifacts that all seeds have in common."""

_RETURNED = (PREPARED, SPLIT, MODEL, EVALUATION)

Files = dict[str, bytes]
"""The contents of files, by their names below a folder."""


@dataclass(frozen=True)
class SharedFolders:
    """What all seeds have in common, on its way to the workers.

    Parameters
    ----------
    root : Path
        The folder that they are in.
    scratch : Path or None
        Where workers of this machine have their own folders; None where workers may be elsewhere.
    files : dict of ndarray
        The bytes of all files for workers elsewhere, by their names; others read them where they are.
    """

    root: Path
    scratch: Path | None
    files: dict[str, NDArray[np.uint8]]

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Hand over a folder of artifacts for one task, with the shared folders in it, and delete it afterwards."""
        with temporary_folder(self.scratch) as artifacts:
            for name in SHARED:
                (artifacts / name).mkdir()
            for name, content in self.files.items():
                write_new(artifacts / name, content.tobytes())
            if self.scratch is not None:
                for path in _files(self.root, SHARED):
                    target = artifacts / path.relative_to(self.root)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if not link_file(path, target):
                        shutil.copyfile(path, target)
            yield artifacts


@contextmanager
def sharing_folders(workers: Workers, root: Path) -> Iterator[Workers]:
    """Hand the shared folders to every worker, once; meanwhile they must stay as they are."""
    with temporary_folder() as scratch:
        if workers.scheduler is None:
            shared = SharedFolders(root.absolute(), scratch.absolute(), {})  # processes may have begun elsewhere
        else:
            files = {_name(path, root): np.fromfile(path, np.uint8) for path in _files(root, SHARED)}
            shared = SharedFolders(root, None, files)
        with workers.sharing(shared) as at_work:
            yield at_work


@dataclass(frozen=True)
class Task:
    """A seed of a recipe.

    Parameters
    ----------
    name, recipe, seed : str, Recipe, int
        Which.
    models : dict of bytes
        What the model cache has for it already.
    keep : bool
        Whether its networks come back.
    folders : tuple of str
        Which folders of the artifacts come back.
    """

    name: str
    recipe: Recipe
    seed: int
    models: Files
    keep: bool
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """What comes back of a task.

    Parameters
    ----------
    made : dict
        What the seed came to.
    models, folders : dict of bytes
        Files for the model cache, and of the artifacts.
    lines : list of str
        What was said.
    warned : list of (str, type)
        What was warned of.
    """

    made: dict[str, Any]
    models: Files
    folders: Files
    lines: list[str]
    warned: list[tuple[str, type[Warning]]]


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
        Where seeds are trained.
    name, recipe : str, Recipe
        What to do.
    artifacts, progress, without
        As ``running.run`` takes them.
    keep : Path, optional
        The model cache, into which the networks come; the artifacts are then those of the last seed, in the end.

    Yields
    ------
    dict
        As of ``running.run``, and ``machine``, the one that trained it, in words.
    """
    seeds = [seed for seed in recipe.seeds if seed not in without]
    if not seeds:
        return
    prepare(recipe, seeds[0], artifacts, progress)
    known = list(recipe.kinds.items()) if isinstance(recipe, MixedEnsemble) else []
    tasks = [
        Task(
            name,
            recipe,
            seed,
            _read(keep, seed_files(one_folder(keep), known, seed)) if keep else {},
            keep=keep is not None,
            folders=_RETURNED if keep and seed == seeds[-1] else (),
        )
        for seed in seeds
    ]
    last: Files = {}
    with sharing_folders(workers, artifacts) as at_work:
        for done in _results(at_work, _run_task, tasks, progress, f"run {name}"):
            if keep:
                _write_models(keep, done.models)
            last = last or done.folders
            yield done.made
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
    cache = cache or artifacts / "members"
    known = trial.kinds if isinstance(trial, MixedEnsemble) else {name: trial}
    models = [_read(cache, seed_files(folder_by_settings(cache), known.items(), seed)) for seed in seeds]
    tasks = [Task(name, trial, seed, each, keep=True, folders=()) for seed, each in zip(seeds, models, strict=True)]
    with sharing_folders(workers, artifacts) as at_work:
        for done in _results(at_work, _run_trial_task, tasks, progress, f"try {name}"):
            _write_models(cache, done.models)
            yield done.made


def _results(
    workers: Workers,
    function: Callable[[SharedFolders, Any], Done],
    tasks: Sequence[Any],
    progress: Progress,
    title: str,
) -> Iterator[Done]:
    """Yield what comes back, and pass on what was said and warned of there."""
    progress.begin(f"{title}, {min(workers.n_jobs, len(tasks))} at once", len(tasks), "seeds")
    try:
        for _, done in workers.run(function, tasks):
            for line in done.lines:
                progress.say(line)
            for text, category in done.warned:
                warnings.warn(text, category, stacklevel=2)
            progress.advance()
            yield done
    finally:
        progress.end()


class _Lines(Progress):
    """Remembers the lines that a person should read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Remember a line."""
        self.lines.append(line)


def _run_task(shared: SharedFolders, task: Task) -> Done:
    """Do on a worker what ``running.run`` does for a seed."""

    def train(stages: dict[str, Any], artifacts: Path, progress: Progress, cache: Path) -> dict[str, Any]:
        made = run_seed(task.recipe, task.seed, stages, artifacts, progress, cache)
        if task.keep and not (task.recipe.members or task.recipe.of):
            cache_model(cache, task.name, task.recipe, task.seed, artifacts / MODEL / NETWORK, made)
        return made | {"machine": describe_machine(environment(), made.get("engine", "numpy"))}

    return _done(shared, task, train)


def _run_trial_task(shared: SharedFolders, task: Task) -> Done:
    """Do on a worker what ``running.run_trial`` does for a seed."""
    return _done(
        shared,
        task,
        lambda _, artifacts, progress, cache: run_trial_seed(
            task.name, task.recipe, task.seed, artifacts, progress, cache
        ),
    )


def _done(shared: SharedFolders, task: Task, train: Callable[..., dict[str, Any]]) -> Done:
    """Split, train, and return what comes of it, with all that is to leave this worker."""
    progress = _Lines()
    with shared.folder() as artifacts, _watched() as warned, bounded_blas(usable_threads()):
        cache = artifacts / "members"
        _write_models(cache, task.models)
        stages: dict[str, Any] = task.recipe.stages(task.seed)
        stages["split"].run(artifacts, progress)
        made = train(stages, artifacts, progress, cache)
        models = _read(cache, _files(cache, [""])) if task.keep else {}
        new = {name: content for name, content in models.items() if name not in task.models}
        return Done(made, new, _read(artifacts, _files(artifacts, task.folders)), progress.lines, warned)


@contextmanager
def _watched() -> Iterator[list[tuple[str, type[Warning]]]]:
    """Collect warnings rather than print them."""
    told: list[tuple[str, type[Warning]]] = []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, category, *_, **__: told.append((str(message), category))
        yield told


def _files(root: Path, folders: Iterable[str]) -> list[Path]:
    """Return all files of some folders, but for what systems and locks have left there."""
    found = (path for folder in folders for path in sorted((root / folder).rglob("*")))
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _read(root: Path, paths: Iterable[Path]) -> Files:
    """Return the contents of files by their names below a folder."""
    return {_name(path, root): path.read_bytes() for path in paths}


def _write_models(cache: Path, files: Files) -> None:
    """Put networks into the model cache; without what it has learned by, a model does not count, so that comes last."""
    for name, content in sorted(files.items(), key=lambda file: file[0].endswith(".json")):
        path = cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            path.with_suffix(".json").unlink(missing_ok=True)
        replace_file(path, content)


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
