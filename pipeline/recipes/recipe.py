"""What a recipe is: parameters for all five stages, seeds to repeat them with, and what an author reported.

Its file has the sections of ``params.yaml`` and the other parameters of ``Recipe`` beside them, and is checked against
the signatures before any work is done. A ``MixedCommittee`` is a recipe that names others in their place.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pipeline.averaging import AverageOverCopies
from pipeline.parameters import ParameterError, parameters_of, read_parameters, read_yaml
from pipeline.recipes.changes import SECTIONS, Changes, lay_over
from pipeline.stages.base import Stage
from pipeline.stages.evaluate import Evaluate
from pipeline.stages.fetch import Fetch
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.split import Split
from pipeline.stages.train import Train

STAGES: dict[str, type[Any]] = {
    "fetch": Fetch,
    "preprocess": Preprocess,
    "split": Split,
    "train": Train,
    "evaluate": Evaluate,
}
"""The sections of a recipe that configure a stage, in the order of the work."""
WORDS = ("title", "reported", "goal", "source", "note", "tried", "trial", "trials", "reported_by_epoch")
"""The parameters of a recipe that change nothing of what is done."""
ADDED = ("members", "of", "test_time")
"""The parameters that older results know nothing of; left out, they mean what was done then."""

APART = ("members", "gradcheck", "numerical", "reported_by_epoch", *SECTIONS)
"""The parameters that belong to one recipe's network, and have no place in a committee of several recipes."""

HELD_BACK = {"split": {"validation_fraction": 1 / 6}}
"""What a trial has that does not say otherwise: 10,000 of 60,000 images."""


@dataclass(frozen=True)
class Recipe:
    """A network of somebody's, and how to train it.

    Parameters
    ----------
    title : str
        What to call it.
    reported : str
        What the author says that it reached.
    source : str
        Who the author is, and where.
    note : str, default=""
        What is done otherwise here, and why.
    goal : str, default=""
        What is aimed at here. A recipe with a goal stands in the table of test errors.
    trial : dict, default={}
        What all trials have in the place of the recipe's own: sections, and ``seeds``. Left out, a sixth of the
        training images is held back.
    trials : dict of dict, default={}
        What it was chosen from: for each setting what is changed, laid over ``trial``. A change of nothing is the
        recipe as it stands.
    tried : str, default=""
        What else was tried, and what it gave.
    reported_by_epoch : dict of tuple of float, default={}
        What the author reported for every epoch, by the columns of ``history.csv``.
    seeds : tuple of int, default=(0, 1, 2)
        What takes the place of every ``random_state``, one after the other.
    gradcheck : int or None, default=None
        On how many images backpropagation is compared with numerical differentiation, before training.
    numerical : int or None, default=None
        How many updates are made by numerical differentiation alone, on the first batch of images, beside training.
    members : int or None, default=None
        How many networks a committee has, for every seed; see ``pipeline.committee``. None is no committee.
    of : tuple of str, default=()
        Names of other recipes of the folder. One network of each is trained, by the same seed, and all together are a
        committee; copies that theirs average over are not made. Read from a file, such a recipe is a
        ``MixedCommittee``.
    test_time : dict, default={}
        Parameters of ``AverageOverCopies``, ``n_copies`` and ``augmentation``: what predicts is the mean over copies.
    fetch, preprocess, split, train, evaluate : dict, default={}
        Parameters of the stages.
    """

    title: str
    reported: str
    source: str
    note: str = ""
    goal: str = ""
    trial: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)
    tried: str = ""
    reported_by_epoch: dict[str, tuple[float, ...]] = field(default_factory=dict)
    seeds: tuple[Annotated[int, ">= 0"], ...] = (0, 1, 2)
    gradcheck: Annotated[int, ">= 1"] | None = None
    numerical: Annotated[int, ">= 1"] | None = None
    members: Annotated[int, ">= 2"] | None = None
    of: tuple[str, ...] = ()
    test_time: dict[str, Any] = field(default_factory=dict)
    fetch: dict[str, Any] = field(default_factory=dict)
    preprocess: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    evaluate: dict[str, Any] = field(default_factory=dict)

    def stages(self, seed: int, where: str = "recipe") -> dict[str, Stage]:
        """Make the stages, drawing by a seed wherever they draw.

        Parameters
        ----------
        seed : int
            What every ``random_state`` becomes.
        where : str, default="recipe"
            What to call the recipe in an error.

        Returns
        -------
        dict of Stage
            In the order of the work.

        Raises
        ------
        ParameterError
            For an unknown name in a section, or a value that is not allowed.

        Examples
        --------
        >>> recipe = Recipe("small", "nothing", "nobody", train={"hidden_layer_sizes": [8]})
        >>> recipe.stages(seed=5)["train"]
        Train(hidden_layer_sizes=(8,), random_state=5)
        """
        made = {}
        for name, stage in STAGES.items():
            arguments = read_parameters(stage, getattr(self, name), f"{where}: {name}")
            seeded = {"random_state": seed} if "random_state" in parameters_of(stage) else {}
            made[name] = stage(**arguments | seeded)
        return made

    def averaged(self, model: Any, seed: int, where: str = "recipe") -> Any:
        """Return what predicts: a model, or the mean over deformed copies of an image, where the recipe asks for that.

        Parameters
        ----------
        model : classifier
            It takes raw pixels.
        seed : int
            What draws the copies.
        where : str, default="recipe"
            What to call the recipe in an error.

        Raises
        ------
        ParameterError
            For an unknown name, or a value that is not allowed.

        Examples
        --------
        >>> Recipe("small", "nothing", "nobody", test_time={"n_copies": 4}).averaged("model", seed=5)
        AverageOverCopies(estimator='model', n_copies=4, random_state=5)
        """
        if not self.test_time:
            return model
        arguments = read_parameters(AverageOverCopies, self.test_time, f"{where}: test_time")
        return AverageOverCopies(**arguments | {"estimator": model, "random_state": seed})

    def trial_recipes(self, where: str = "recipe") -> dict[str, "Recipe"]:
        """Return what is trained in each trial, with rows held back to measure it on, and nothing beside.

        That is one network, or one of each recipe that a committee is of. Copies are averaged over where the trial says
        so.

        Parameters
        ----------
        where : str, default="recipe"
            What to call the recipe in an error.

        Raises
        ------
        ParameterError
            For what no trial can change.

        Examples
        --------
        >>> recipe = Recipe("small", "nothing", "nobody", trial={"seeds": [7]}, trials={"Adam": {}})
        >>> recipe.trial_recipes()["Adam"].seeds
        (7,)
        """
        alone = replace(self, gradcheck=None, numerical=None, members=None, test_time={}, trial={}, trials={})
        common = alone.changed(HELD_BACK, where).changed(self.trial, f"{where}: trial")
        return {name: common.changed(one, f"{where}: trials: {name}") for name, one in self.trials.items()}

    def changed(self, changes: dict[str, Any], where: str = "changes") -> "Recipe":
        """Return a recipe with other seeds, or other parameters in some sections.

        Parameters
        ----------
        changes : dict
            As YAML gives them: the parameters of ``Changes``.
        where : str, default="changes"
            What to call them in an error.

        Raises
        ------
        ParameterError
            For an unknown section, or a parameter of a parameter that has none.
        """
        read = read_parameters(Changes, changes, where)
        if "of" in read:
            raise ParameterError(f"{where}: of is for a committee of other recipes")
        laid = {
            name: lay_over(getattr(self, name), section, f"{where}: {name}")
            for name, section in read.items()
            if name != "seeds"
        }
        return replace(self, **read | laid)

    def learning(self) -> dict[str, Any]:
        """Return all that decides on what is learned, but for the seed."""
        return {name: getattr(self, name) for name in SECTIONS}

    def predicting(self) -> dict[str, Any]:
        """Return all that decides on what predicts, but for the seed: learning, and copies that are averaged over."""
        return self.learning() | ({"test_time": self.test_time} if self.test_time else {})

    def settings(self) -> dict[str, Any]:
        """Return all that decides on what is done: what results are results of."""
        added = {name for name in ADDED if not getattr(self, name)}
        return {name: value for name, value in asdict(self).items() if name not in WORDS and name not in added}


@dataclass(frozen=True)
class MixedCommittee(Recipe):
    """A committee with one network of each of several recipes.

    Parameters
    ----------
    recipes : dict of Recipe, default={}
        Those that ``of`` names, and those that trials name in its place, by their names. All else is as in ``Recipe``.
    """

    recipes: dict[str, Recipe] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Recipe]:
        """The recipes of its networks, by their names."""
        return {name: self.recipes[name] for name in self.of}

    def stages(self, seed: int, where: str = "recipe") -> dict[str, Stage]:
        """Make the stages before training, which are those of the first network, and the committee's own evaluation.

        As ``Recipe.stages`` does; networks that differ in what they learn from raise ParameterError, too.
        """
        first, *others = [one.stages(seed, f"{where}: of {name}") for name, one in self.kinds.items()]
        for name, other in zip(self.of[1:], others, strict=True):
            for shared in ("fetch", "split"):
                if vars(other[shared]) != vars(first[shared]):
                    raise ParameterError(f"{where}: of {self.of[0]} and {name}, which must have the same {shared}")
        del first["train"]
        return first | {"evaluate": super().stages(seed, where)["evaluate"]}

    def changed(self, changes: dict[str, Any], where: str = "changes") -> "MixedCommittee":
        """Return a committee with other seeds, of other recipes, or with other parameters in all of them.

        As ``Recipe.changed`` does.
        """
        read = read_parameters(Changes, changes, where)
        own = {name: read.pop(name) for name in ("seeds", "of", "test_time") if name in read}
        if "test_time" in own:
            own["test_time"] = lay_over(self.test_time, own["test_time"], f"{where}: test_time")
        recipes = {name: one.changed(read, f"{where}: of {name}") for name, one in self.recipes.items()}
        return replace(self, **own, recipes=recipes)

    def learning(self) -> dict[str, Any]:
        """Return all that decides on what each network learns, but for the seed."""
        return {name: one.learning() for name, one in self.kinds.items()}

    def settings(self) -> dict[str, Any]:
        """Return all that decides on what is done, by the networks' recipes as well."""
        own = {name: value for name, value in super().settings().items() if name != "recipes"}
        return own | {"of": self.learning()}


def read_recipe(path: Path) -> Recipe:
    """Read and check a file, and where it names other recipes, theirs.

    Raises
    ------
    ParameterError
        Where it is missing, is no YAML, lacks something, or holds an unknown name or a value that is not allowed.
    """
    recipe = _read_alone(path)
    return _checked(_with_others(recipe, path) if recipe.of else recipe, str(path))


def _read_alone(path: Path) -> Recipe:
    """Read what a file says, and check names and types."""
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise ParameterError(f"{path} must hold a recipe; got {document!r}")
    mixed = "of" in document
    missing = [name for name in ("title", "reported", "source", *(() if mixed else ("train",))) if name not in document]
    if missing:
        raise ParameterError(f"{path} lacks {', '.join(missing)}")
    recipe = Recipe(**read_parameters(Recipe, document, str(path)))
    if mixed:
        _check_names(recipe.of, f"{path}: of")
        apart = [name for name in APART if name in document]
        if apart:
            raise ParameterError(f"{path}: {apart[0]} cannot stand beside of: each network is as its own recipe says")
    return recipe


def _check_names(names: tuple[str, ...], where: str) -> None:
    """Raise unless these are several recipes."""
    if len(names) < 2 or len(set(names)) < len(names):
        told = ", ".join(names) or "none"
        raise ParameterError(f"{where} must be a list of two different recipes at least; got {told}")


def _with_others(recipe: Recipe, path: Path) -> MixedCommittee:
    """Read the recipes that a recipe names, it and its trials."""
    changes = {"trial": recipe.trial} | {f"trials: {name}": one for name, one in recipe.trials.items()}
    read = {where: read_parameters(Changes, one, f"{path}: {where}") for where, one in changes.items()}
    named = {"of": recipe.of} | {f"{where}: of": one["of"] for where, one in read.items() if "of" in one}
    others: dict[str, Recipe] = {}
    for where, names in named.items():
        _check_names(names, f"{path}: {where}")
        others |= {name: _read_other(name, path, where) for name in names if name not in others}
    return MixedCommittee(**vars(recipe), recipes=others)


def _read_other(name: str, path: Path, where: str) -> Recipe:
    """Read a recipe that a file names, which must be one of a single network."""
    known = {one.stem: one for one in _paths(path.parent)}
    if name not in known:
        raise ParameterError(f"{path}: {where}: there is no recipe {name!r}; there are {', '.join(known)}")
    other = _read_alone(known[name])
    if other.of or other.members:
        raise ParameterError(f"{path}: {where}: {name} is a committee itself; its networks must be of single recipes")
    return _checked(other, str(known[name]))


def _checked(recipe: Recipe, where: str) -> Recipe:
    """Return a recipe all parts of which can be made."""
    _check_parts(recipe, where)
    for name, trial in recipe.trial_recipes(where).items():
        split: Any = _check_parts(trial, f"{where}: trials: {name}")["split"]
        if not split.validation_fraction:
            raise ParameterError(f"{where}: trials: {name}: split: validation_fraction must be > 0; got 0")
    return recipe


def _check_parts(recipe: Recipe, where: str) -> dict[str, Stage]:
    """Raise unless there is a seed, and what is made with it can be; return the stages."""
    if not recipe.seeds:
        raise ParameterError(f"{where}: seeds must be a list of one integer at least; got none")
    recipe.averaged(None, recipe.seeds[0], where)
    return recipe.stages(recipe.seeds[0], where)


def read_recipes(folder: Path) -> dict[str, Recipe]:
    """Read all recipes of a folder, by the names of their files.

    Raises
    ------
    ParameterError
        Where there are none, or one is wrong.
    """
    paths = _paths(folder)
    if not paths:
        raise ParameterError(f"{folder} holds no recipes: there should be files NAME.yaml")
    return {path.stem: read_recipe(path) for path in paths}


def _paths(folder: Path) -> list[Path]:
    """Return the files of all recipes of a folder, by name."""
    return sorted(folder.glob("*.yaml"), key=lambda path: path.stem)
