"""What workers do for recipes: all of a seed, a network of an ensemble, or an ensemble whose networks are there.

Each is a task. It goes to a worker, which does it in a folder of its own, and what is to stay comes back as `Done`.
"""

import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import MODEL, NETWORK, PREPARED, RAW
from pipeline.files import link_file, replace_file, temporary_folder, write_new
from pipeline.mlp.threads import bounded_blas, usable_threads
from pipeline.progress import Progress
from pipeline.recipes.machine import describe_machine, environment
from pipeline.recipes.members import BEFORE, TrainMembers, gather_network
from pipeline.recipes.model_cache import cache_model, folder_by_settings, one_folder
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.running import cost_of_member, evaluate_members, run_seed, run_trial_seed, train_unwatched
from pipeline.stages.train import Train
from pipeline.workers import Workers

SHARED = (RAW, PREPARED)
"""The folders of the artifacts that all seeds have in common."""

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
                for path in files_in(self.root, SHARED):
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
            files = {_name(path, root): np.fromfile(path, np.uint8) for path in files_in(root, SHARED)}
            shared = SharedFolders(root, None, files)
        with workers.sharing(shared) as at_work:
            yield at_work


@dataclass(frozen=True)
class Done:
    """What comes back of a task.

    Parameters
    ----------
    seed : int
        Whose it was.
    whole : bool
        Whether the seed is done with it.
    made : dict
        What it came to.
    machine : str
        The one that did it, in words.
    models, folders : dict of bytes
        Files for the model cache, and of the artifacts.
    lines : list of str
        What was said.
    warned : list of (str, type)
        What was warned of.
    """

    seed: int
    whole: bool
    made: dict[str, Any]
    machine: str
    models: Files
    folders: Files
    lines: list[str]
    warned: list[tuple[str, type[Warning]]]


@dataclass(frozen=True)
class Place:
    """Where a task is done.

    Parameters
    ----------
    stages : dict of Stage
        Those of its recipe and its seed.
    artifacts : Path
        A folder with what the stages before training have made.
    progress : Progress
        What hears how far the work is.
    cache : Path
        The model cache.
    """

    stages: dict[str, Any]
    artifacts: Path
    progress: Progress
    cache: Path


@dataclass(frozen=True, eq=False)
class Task(ABC):
    """What a worker does for a seed of a recipe.

    Parameters
    ----------
    name, recipe, seed : str, Recipe, int
        Which.
    models : dict of bytes, default={}
        What the model cache has for it already.
    keep : bool, default=False
        Whether its networks come back.
    folders : tuple of str, default=()
        Which folders of the artifacts come back.
    """

    whole: ClassVar[bool] = True
    """Whether the seed is done with it."""

    name: str
    recipe: Recipe
    seed: int
    models: Files = field(default_factory=dict, repr=False)
    keep: bool = False
    folders: tuple[str, ...] = ()

    @abstractmethod
    def work(self, place: Place) -> dict[str, Any]:
        """Train or evaluate where the stages before have run, and return what came of it."""

    def __sizeof__(self) -> int:
        """Return the size with the files, for joblib puts what is large on a worker of a cluster at once."""
        return super().__sizeof__() + sum(map(len, self.models.values()))


@dataclass(frozen=True, eq=False)
class SeedTask(Task):
    """What ``running.run`` does for a seed; of an ensemble of other recipes, with networks from the cache.

    Parameters
    ----------
    last : Recipe or None, default=None
        That of the ensemble's networks which was trained last: its images are what stays of the artifacts.
    """

    last: Recipe | None = None

    def work(self, place: Place) -> dict[str, Any]:
        """Train, and evaluate."""
        if self.last:
            for name in BEFORE:
                self.last.stages(self.seed)[name].run(place.artifacts, place.progress)
        made = run_seed(self.recipe, self.seed, place.stages, place.artifacts, place.progress, place.cache)
        if self.keep and not self.recipe.of:
            cache_model(place.cache, self.name, self.recipe, self.seed, place.artifacts / MODEL / NETWORK, made)
        return made


class TrialTask(Task):
    """What ``running.run_trial`` does for a seed."""

    def work(self, place: Place) -> dict[str, Any]:
        """Train, unless the cache has the network, and measure."""
        return run_trial_seed(self.name, self.recipe, self.seed, place.artifacts, place.progress, place.cache)


@dataclass(frozen=True, eq=False)
class NetworkTask(Task):
    """Train a network of another recipe for an ensemble.

    Parameters
    ----------
    trial : bool, default=False
        Whether it is for a trial.
    """

    whole: ClassVar[bool] = False
    trial: bool = False

    def work(self, place: Place) -> dict[str, Any]:
        """Train it into the cache."""
        return gather_network(
            self.name,
            self.recipe,
            self.seed,
            place.artifacts,
            place.progress,
            (folder_by_settings if self.trial else one_folder)(place.cache),
            train_unwatched if self.trial else Train.run,
            BEFORE,
        )


@dataclass(frozen=True, eq=False)
class MemberTask(Task):
    """Train a member of an ensemble.

    Parameters
    ----------
    number : int, default=1
        Which, the first being 1.
    """

    whole: ClassVar[bool] = False
    number: int = 1

    def work(self, place: Place) -> dict[str, Any]:
        """Train it; its file is among what comes of it."""
        members = TrainMembers(place.stages["train"], self.recipe.members or 1, self.seed)
        file, trained = members.run_one(place.artifacts, self.number)
        return cost_of_member(trained) | {"engine": trained.engine_, "file": file}


@dataclass(frozen=True, eq=False)
class EnsembleTask(Task):
    """Evaluate an ensemble whose members are trained.

    Parameters
    ----------
    members : tuple of dict, default=()
        What came of the tasks of each.
    """

    members: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def work(self, place: Place) -> dict[str, Any]:
        """Put the members together, and evaluate."""
        files = [member["file"] for member in self.members]
        costs = [{name: value for name, value in member.items() if name != "file"} for member in self.members]
        return evaluate_members(self.recipe, self.seed, place.stages, place.artifacts, place.progress, files, costs)

    def __sizeof__(self) -> int:
        """Return the size with the files of the members."""
        return super().__sizeof__() + sum(len(member["file"]) for member in self.members)


class _Lines(Progress):
    """Remembers the lines that a person should read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Remember a line."""
        self.lines.append(line)


def do(shared: SharedFolders, task: Task) -> Done:
    """Do a task on a worker, and return what comes of it, with all that is to leave this worker."""
    progress = _Lines()
    with shared.folder() as artifacts, _watched() as warned, bounded_blas(usable_threads()):
        cache = artifacts / "members"
        write_models(cache, task.models)
        stages: dict[str, Any] = task.recipe.stages(task.seed)
        stages["split"].run(artifacts, progress)
        made = task.work(Place(stages, artifacts, progress, cache))
        machine = describe_machine(environment(), made.get("engine", "numpy"))
        models = read_files(cache, files_in(cache, [""])) if task.keep else {}
        new = {name: content for name, content in models.items() if name not in task.models}
        folders = read_files(artifacts, files_in(artifacts, task.folders))
        return Done(task.seed, task.whole, made, machine, new, folders, progress.lines, warned)


@contextmanager
def _watched() -> Iterator[list[tuple[str, type[Warning]]]]:
    """Collect warnings rather than print them."""
    told: list[tuple[str, type[Warning]]] = []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, category, *_, **__: told.append((str(message), category))
        yield told


def files_in(root: Path, folders: Iterable[str]) -> list[Path]:
    """Return all files of some folders, but for what systems and locks have left there."""
    found = (path for folder in folders for path in sorted((root / folder).rglob("*")))
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def read_files(root: Path, paths: Iterable[Path]) -> Files:
    """Return the contents of files by their names below a folder."""
    return {_name(path, root): path.read_bytes() for path in paths}


def write_models(cache: Path, files: Files) -> None:
    """Put networks into the model cache; without what it has learned by, a model does not count, so that comes last."""
    for name, content in sorted(files.items(), key=lambda file: file[0].endswith(".json")):
        path = cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            path.with_suffix(".json").unlink(missing_ok=True)
        replace_file(path, content)
