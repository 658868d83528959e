"""Ensembles with one network of each of several recipes: a recipe that names others in the place of parameters."""

from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.parameters import ParameterError, read_parameters
from pipeline.recipes.changes import Changes, lay_over
from pipeline.recipes.recipe import Recipe
from pipeline.stages.base import Stage


@dataclass(frozen=True)
class MixedEnsemble(Recipe):
    """An ensemble with one network of each of several recipes.

    Parameters
    ----------
    recipes : dict of Recipe, default={}
        Those that ``of`` names, and those that trials name in its place, by their names. All else is as in ``Recipe``.
    """

    recipes: dict[str, Recipe] = field(default_factory=dict, repr=False)

    @property
    def kinds(self) -> dict[str, Recipe]:
        """The recipes of its networks, by their names."""
        return {name: self.recipes[name] for name in self.of}

    def stages(self, seed: int, where: str = "recipe") -> dict[str, Stage]:
        """Make the stages before training, which are those of the first network, and the ensemble's own evaluation.

        As ``Recipe.stages`` does; networks that differ in what they learn from raise ParameterError, too.
        """
        first, *others = [one.stages(seed, f"{where}: of {name}") for name, one in self.kinds.items()]
        for name, other in zip(self.of[1:], others, strict=True):
            for shared in ("fetch", "split"):
                if vars(other[shared]) != vars(first[shared]):
                    raise ParameterError(
                        f"{where}: of {self.of[0]} and {name}, which must have the same {shared}; "
                        f"got {first[shared]!r} and {other[shared]!r}"
                    )
        del first["train"]
        return first | {"evaluate": super().stages(seed, where)["evaluate"]}

    def changed(self, changes: dict[str, Any], where: str = "changes") -> "MixedEnsemble":
        """Return an ensemble with other seeds, of other recipes, or with other parameters in all of them.

        As ``Recipe.changed`` does. Recipes that it is not of are changed as well, for others may name them afterwards;
        but where these changes name some, they alone are.
        """
        read = read_parameters(Changes, changes, where)
        own = {name: read.pop(name) for name in ("seeds", "of", "test_time") if name in read}
        if "test_time" in own:
            own["test_time"] = lay_over(self.test_time, own["test_time"], f"{where}: test_time")
        recipes = {
            name: one.changed(read, f"{where}: of {name}")
            for name, one in self.recipes.items()
            if name in own.get("of", self.recipes)
        }
        return replace(self, **own, recipes=self.recipes | recipes)

    def learning(self) -> dict[str, Any]:
        """Return all that decides on what each network learns, but for the seed."""
        return {name: one.learning() for name, one in self.kinds.items()}

    def settings(self) -> dict[str, Any]:
        """Return all that decides on what is done, by the networks' recipes as well."""
        own = {name: value for name, value in super().settings().items() if name != "recipes"}
        return own | {"of": self.learning()}
