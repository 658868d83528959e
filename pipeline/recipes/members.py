"""An ensemble in the place of the network: what ``Train`` is for one, ``TrainMembers`` is for several.

It reads what ``Train`` reads, and writes a model file for each member in the place of one. ``gather_members`` does the
same for networks of other recipes, some of which the model cache may have, one by one with ``gather_network``.
"""

import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from pipeline.artifacts import MODEL, PREPARED, SPLIT, member_name, network_path, read_class_names, read_training
from pipeline.ensemble.voting import make_ensemble, members_at_once, save_ensemble
from pipeline.files import naming_full_disk, temporary_folder, write_new
from pipeline.mlp.class_weights import by_label
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.threads import usable_threads
from pipeline.progress import Progress
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.model_cache import ModelCache, cache_model, model_path, read_training_cost, training_cost_of
from pipeline.recipes.recipe import Recipe
from pipeline.stages.base import Stage, replacing_output
from pipeline.stages.train import Train
from pipeline.workers import Workers

TrainOne = Callable[[Train, Path, Progress], Any]
"""What trains one network: it takes the stage, the artifacts and the progress, and leaves ``model/model.npz``."""

BEFORE = ("preprocess", "split")
"""The stages that run for every network of an ensemble of other recipes."""


class TrainMembers(Stage):
    """Train the members of an ensemble on the training rows: ``model-1.npz``, ``model-2.npz`` and so on.

    As many are trained at once as there are cores for; where the network does not say how many threads it has, it has
    one. Validation rows are not watched meanwhile.

    Parameters
    ----------
    train : Train
        What each member is but for its ``random_state``.
    n_members : int
        How many.
    random_state : int, default=0
        What the members' seeds are made from; see ``member_seeds``.

    Attributes
    ----------
    ensemble_ : VotingClassifier
        Of the members as they were trained.
    seconds_ : float
        Of training, all members together, wall time.
    """

    reads: ClassVar[tuple[str, ...]] = (PREPARED, SPLIT)
    writes: ClassVar[str] = MODEL

    def __init__(self, train: Train, n_members: Annotated[int, ">= 2"], random_state: int = 0) -> None:
        self.train = train
        self.n_members = n_members
        self.random_state = random_state

    def run_one(self, artifacts: Path, number: int) -> tuple[bytes, MLPClassifier]:
        """Train one of the members alone, as it is trained beside the others.

        Parameters
        ----------
        artifacts : Path
            The folder that holds a folder for each stage.
        number : int
            Which, the first being 1.

        Returns
        -------
        bytes
            Its model file.
        MLPClassifier
            The member.
        """
        ensemble = self._ensemble(artifacts, n_jobs=1)
        ensemble.estimators = ensemble.estimators[number - 1 : number]
        with temporary_folder() as folder, parallel_config("sequential"):
            self._fit(ensemble, artifacts, folder)
            return (folder / member_name(1)).read_bytes(), ensemble.estimators_[0]

    def run_trained(self, artifacts: Path, files: Sequence[bytes], progress: Progress) -> None:
        """Leave what ``run`` leaves, with the members that ``run_one`` has trained.

        Parameters
        ----------
        artifacts, progress
            As ``run`` takes them.
        files : sequence of bytes
            The model files of all members, in their order.
        """
        self._trained = files
        self.run(artifacts, progress)

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Fit all members, unless they are trained already, and write a file for each."""
        trained: Sequence[bytes] = getattr(self, "_trained", ())
        for number, content in enumerate(trained, start=1):
            write_new(folder / member_name(number), content)
        return {"members": self.n_members} | ({} if trained else self._run_all(artifacts, folder, progress))

    def _run_all(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Fit all members, as many at once as there are cores for."""
        n_jobs = members_at_once(self.n_members, self._n_threads, usable_threads())
        ensemble = self._ensemble(artifacts, n_jobs)
        progress.begin(f"train {self.n_members} members, {n_jobs} at once", None, "members")
        try:
            with Workers(n_jobs).sharing():
                self._fit(ensemble, artifacts, folder)
        finally:
            progress.end()
        self.ensemble_ = ensemble
        return {"seconds": self.seconds_}

    @property
    def _n_threads(self) -> int:
        """How many threads a member has."""
        return self.train.n_threads or 1

    def _ensemble(self, artifacts: Path, n_jobs: int) -> Any:
        """Return the ensemble that is to learn yet."""
        weights = by_label(self.train.class_weight, read_class_names(artifacts, PREPARED))
        # Cloned, the stage leaves nothing half-trained, and keeps its weights by the names of the classes.
        member = clone(self.train).set_params(n_threads=self._n_threads, class_weight=weights)
        return make_ensemble(member, self.n_members, self.random_state, n_jobs)

    def _fit(self, ensemble: Any, artifacts: Path, folder: Path) -> None:
        """Fit an ensemble to the training rows, and write a file for each of its members."""
        normalize, X, y, _ = read_training(artifacts)
        with warnings.catch_warnings():
            # As in `Train`: to have used all epochs is no mishap. joblib's processes hear of it, too.
            warnings.simplefilter("ignore", ConvergenceWarning)
            began = time.perf_counter()
            ensemble.fit(X, y)
            self.seconds_ = time.perf_counter() - began
        save_ensemble(folder, Pipeline([("preprocess", normalize), ("train", ensemble)]))


def trained_already(name: str, seed: int) -> str:
    """Return what is said where a network is not trained again."""
    return f"{name}, seed {seed}: trained already"


def gather_network(
    name: str,
    recipe: Recipe,
    seed: int,
    artifacts: Path,
    progress: Progress,
    cache: ModelCache,
    train: TrainOne,
    before: Sequence[str] = (),
) -> dict[str, Any]:
    """Train the network of a recipe into the cache, unless it is there; return what its training cost.

    Parameters
    ----------
    name, recipe : str, Recipe
        Whose network.
    seed, artifacts, progress, cache, train
        As ``gather_members`` takes them.
    before : sequence of str, default=()
        The stages of the recipe that must run first, where it is trained.
    """
    cost = read_training_cost(cache(recipe), name, recipe, seed)
    if cost is not None:
        progress.say(trained_already(name, seed))
        return cost
    stages: dict[str, Any] = recipe.stages(seed)
    for stage in before:
        stages[stage].run(artifacts, progress)
    train(stages["train"], artifacts, progress)
    cost = training_cost_of(stages["train"])
    cache_model(cache(recipe), name, recipe, seed, network_path(artifacts), cost)
    return cost


def gather_members(
    recipe: MixedEnsemble,
    seed: int,
    artifacts: Path,
    progress: Progress,
    cache: ModelCache,
    train: TrainOne,
) -> list[dict[str, Any]]:
    """Put networks of other recipes together, ``model-1.npz`` and so on, and train those that the cache has not.

    Parameters
    ----------
    recipe : MixedEnsemble
        Of which recipes.
    seed : int
        Of each network.
    artifacts : path
        The folder that holds a folder for each stage, with the data, and rows for this seed.
    progress : Progress
        What hears how far the work is.
    cache : ModelCache
        Where networks are looked for, and copied to when they are trained.
    train : callable
        What trains one; see ``TrainOne``.

    Returns
    -------
    list of dict
        Of each network the name of its recipe, its seed and what its training cost.
    """
    costs = [
        {"recipe": name, "seed": seed} | gather_network(name, one, seed, artifacts, progress, cache, train, BEFORE)
        for name, one in recipe.kinds.items()
    ]
    with replacing_output(artifacts, MODEL) as folder:
        for number, (name, one) in enumerate(recipe.kinds.items(), start=1):
            model, member = model_path(cache(one), name, seed), folder / member_name(number)
            with naming_full_disk(member, model.stat().st_size):
                shutil.copyfile(model, member)
    return costs
