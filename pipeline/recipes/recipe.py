"""What a recipe is: parameters for all five stages, seeds to repeat them with, and what an author reported.

``reading`` makes one of a file, and ``mixed`` has the ensembles of several.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

import numpy as np

from pipeline.ensemble.test_time_augmentation import TestTimeAugmentation, check_copies
from pipeline.parameters import ParameterError, parameters_of, read_parameters
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

HELD_BACK = {"split": {"validation_fraction": 1 / 6}}
"""What a trial has that does not say otherwise: 10,000 of 60,000 images."""


@dataclass(frozen=True)
class Recipe:
    """A network that an author has described, and how to train it.

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
        How many networks an ensemble has, for every seed; see ``pipeline.ensemble.voting``. None is no ensemble.
    of : tuple of str, default=()
        Names of other recipes of the folder. One network of each is trained, by the same seed, and all together are an
        ensemble; test-time augmentation of theirs is not done. Read from a file, such a recipe is a
        ``MixedEnsemble``.
    test_time : dict, default={}
        Parameters of ``TestTimeAugmentation``, ``n_copies`` and ``augmentation``: the mean over copies predicts.
    fetch, preprocess, split, train, evaluate : dict, default={}
        Parameters of the stages.
    """

    title: str
    reported: str
    source: str
    note: str = field(default="", repr=False)
    goal: str = ""
    trial: dict[str, Any] = field(default_factory=dict, repr=False)
    trials: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    tried: str = field(default="", repr=False)
    reported_by_epoch: dict[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
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
        >>> recipe = Recipe("small", "nothing", "an author", train={"hidden_layer_sizes": [8]})
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
        >>> Recipe("small", "nothing", "an author", test_time={"n_copies": 4}).averaged("model", seed=5)
        TestTimeAugmentation(estimator='model', n_copies=4, random_state=5)
        """
        if not self.test_time:
            return model
        own = {"estimator", "random_state"} & set(self.test_time)
        if own:
            raise ParameterError(f"{where}: test_time: {min(own)} is the recipe's own, and cannot be given")
        arguments = read_parameters(TestTimeAugmentation, self.test_time, f"{where}: test_time")
        averaged = TestTimeAugmentation(model, random_state=seed, **arguments)
        if averaged.augmentation is not None:
            try:
                check_copies(averaged.augmentation, np.uint8)  # as fetched pixels are
            except ParameterError as error:
                raise ParameterError(f"{where}: test_time: augmentation: {error}") from error
        return averaged

    def trial_recipes(self, where: str = "recipe") -> dict[str, "Recipe"]:
        """Return what is trained in each trial, with rows held back to measure it on, and nothing beside.

        That is one network, or one of each recipe that an ensemble is of, with test-time augmentation where the trial
        has it.

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
        >>> recipe = Recipe("small", "nothing", "an author", trial={"seeds": [7]}, trials={"Adam": {}})
        >>> recipe.trial_recipes()["Adam"].seeds
        (7,)
        """
        common = self.common_trial(where)
        return {name: common.changed(one, f"{where}: trials: {name}") for name, one in self.trials.items()}

    def held_back(self, where: str = "recipe") -> "Recipe":
        """Return one network as the recipe has it, that learns without the rows that a trial is measured on.

        Parameters
        ----------
        where : str, default="recipe"
            What to call the recipe in an error.
        """
        alone = replace(self, gradcheck=None, numerical=None, members=None, trial={}, trials={})
        return alone.changed(HELD_BACK, where)

    def common_trial(self, where: str = "recipe") -> "Recipe":
        """Return what all trials have in common, as ``trial_recipes`` does with the changes of each."""
        return replace(self.held_back(where), test_time={}).changed(self.trial, f"{where}: trial")

    def chosen_trial(self) -> str | None:
        """Return the name of the trial that is the recipe, but for the rows that are held back.

        Where there is none, as all trials are shorter or so, it is the one that changes nothing more, with the recipe's
        copies or without any.

        Examples
        --------
        >>> trials = {"faster": {"train": {"learning_rate_init": 0.1}}, "plain": {}}
        >>> Recipe("small", "nothing", "an author", trials=trials).chosen_trial()
        'plain'
        """
        trials, whole = self.trial_recipes(), self.held_back().predicting()
        alike = [name for name, one in trials.items() if one.predicting() == whole]
        plain = [name for name, changes in self.trials.items() if set(changes) <= {"seeds", "test_time"}]
        by_copies = [name for copies in (self.test_time, {}) for name in plain if trials[name].test_time == copies]
        return next(iter([*alike, *by_copies]), None)

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
            raise ParameterError(f"{where}: of is for an ensemble of other recipes")
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
        """Return all that decides on what predicts, but for the seed: learning, and test-time augmentation."""
        return self.learning() | ({"test_time": self.test_time} if self.test_time else {})

    def settings(self) -> dict[str, Any]:
        """Return all that decides on what is done: what results are results of."""
        added = {name for name in ADDED if not getattr(self, name)}
        return {name: value for name, value in asdict(self).items() if name not in WORDS and name not in added}
