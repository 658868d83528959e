"""What a recipe is: parameters for all five stages, seeds to repeat them with, and what an author reported.

Its file has the sections of ``params.yaml`` and the other parameters of ``Recipe`` beside them, and is checked against
the signatures before any work is done.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pipeline.averaging import AverageOverCopies
from pipeline.parameters import ParameterError, parameters_of, read_parameters, read_yaml
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
WORDS = ("title", "reported", "goal", "source", "note", "tried", "trials", "reported_by_epoch")
"""The parameters of a recipe that change nothing of what is done."""
ADDED = ("members", "test_time")
"""The parameters that older results know nothing of; left out, they mean what was done then."""


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
    trials : dict of tuple of float, default={}
        What it was chosen from: for each setting, its own first, the validation error in percent, seed by seed.
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
    trials: dict[str, tuple[float, ...]] = field(default_factory=dict)
    tried: str = ""
    reported_by_epoch: dict[str, tuple[float, ...]] = field(default_factory=dict)
    seeds: tuple[Annotated[int, ">= 0"], ...] = (0, 1, 2)
    gradcheck: Annotated[int, ">= 1"] | None = None
    numerical: Annotated[int, ">= 1"] | None = None
    members: Annotated[int, ">= 2"] | None = None
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

    def settings(self) -> dict[str, Any]:
        """Return all that decides on what is done: what results are results of."""
        added = {name for name in ADDED if not getattr(self, name)}
        return {name: value for name, value in asdict(self).items() if name not in WORDS and name not in added}


def read_recipe(path: Path) -> Recipe:
    """Read and check a file.

    Raises
    ------
    ParameterError
        Where it is missing, is no YAML, lacks something, or holds an unknown name or a value that is not allowed.
    """
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise ParameterError(f"{path} must hold a recipe; got {document!r}")
    missing = [name for name in ("title", "reported", "source", "train") if name not in document]
    if missing:
        raise ParameterError(f"{path} lacks {', '.join(missing)}")
    recipe = Recipe(**read_parameters(Recipe, document, str(path)))
    if not recipe.seeds:
        raise ParameterError(f"{path}: seeds must be a list of one integer at least; got none")
    for setting, percent in recipe.trials.items():
        if not percent:
            raise ParameterError(f"{path}: trials: {setting!r} has no figure; there must be one at least")
    recipe.stages(recipe.seeds[0], str(path))
    recipe.averaged(None, recipe.seeds[0], str(path))
    return recipe


def read_recipes(folder: Path) -> dict[str, Recipe]:
    """Read all recipes of a folder, by the names of their files.

    Raises
    ------
    ParameterError
        Where there are none, or one is wrong.
    """
    paths = sorted(folder.glob("*.yaml"), key=lambda path: path.stem)
    if not paths:
        raise ParameterError(f"{folder} holds no recipes: there should be files NAME.yaml")
    return {path.stem: read_recipe(path) for path in paths}
