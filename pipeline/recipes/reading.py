"""Recipes read from files.

A file has the sections of ``params.yaml`` and the other parameters of ``Recipe`` beside them, and is checked against
the signatures before any work is done.
"""

from pathlib import Path
from typing import Any

from pipeline.parameters import ParameterError, no_such, read_parameters, read_yaml
from pipeline.recipes.changes import SECTIONS, Changes
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.renamed import current_names
from pipeline.stages.base import Stage
from pipeline.stages.train import FIGURES
from pipeline.text import VALUE, shorten, shown_value

APART = ("members", "gradcheck", "numerical", "reported_by_epoch", *SECTIONS)
"""The parameters that belong to one recipe's network, and have no place in an ensemble of several recipes."""


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
        raise ParameterError(f"{path} must hold a recipe; got {shown_value(document)}")
    document = current_names(document, str(path))
    mixed = "of" in document
    missing = [name for name in ("title", "reported", "source", *(() if mixed else ("train",))) if name not in document]
    if missing:
        raise ParameterError(f"{path} lacks {', '.join(missing)}")
    recipe = Recipe(**read_parameters(Recipe, document, str(path)))
    for name in recipe.trials:
        if len(str(name)) > VALUE:
            raise ParameterError(
                f"{path}: trials: a name must have {VALUE} letters at the most; got {shown_value(name)}"
            )
    if mixed:
        _check_names(recipe.of, f"{path}: of")
        apart = [name for name in APART if name in document]
        if apart:
            raise ParameterError(f"{path}: {apart[0]} cannot stand beside of: each network is as its own recipe says")
    return recipe


def _check_names(names: tuple[str, ...], where: str) -> None:
    """Raise unless these are several recipes."""
    if len(names) < 2 or len(set(names)) < len(names):
        told = shorten(", ".join(names), VALUE) or "none"
        raise ParameterError(f"{where} must be a list of two different recipes at least; got {told}")


def _with_others(recipe: Recipe, path: Path) -> MixedEnsemble:
    """Read the recipes that a recipe names, it and its trials."""
    changes = {"trial": recipe.trial} | {f"trials: {name}": one for name, one in recipe.trials.items()}
    read = {where: read_parameters(Changes, one, f"{path}: {where}") for where, one in changes.items()}
    if "of" in read["trial"]:
        raise ParameterError(f"{path}: trial: of is for single trials; what stands in trial is for all of them")
    named = {"of": recipe.of} | {f"{where}: of": one["of"] for where, one in read.items() if "of" in one}
    others: dict[str, Recipe] = {}
    for where, names in named.items():
        _check_names(names, f"{path}: {where}")
        others |= {name: _read_other(name, path, where) for name in names if name not in others}
    return MixedEnsemble(**vars(recipe), recipes=others)


def _read_other(name: str, path: Path, where: str) -> Recipe:
    """Read a recipe that a file names, which must be one of a single network."""
    known = {one.stem: one for one in _paths(path.parent)}
    if name not in known:
        raise ParameterError(f"{path}: {where}: {no_such('recipe', name, known)}")
    other = _read_alone(known[name])
    if other.of or other.members:
        raise ParameterError(f"{path}: {where}: {name} is an ensemble itself; its networks must be of single recipes")
    return _checked(other, str(known[name]))


def _checked(recipe: Recipe, where: str) -> Recipe:
    """Return a recipe all parts of which can be made."""
    _check_parts(recipe, where)
    if recipe.reported_by_epoch:
        _check_by_epoch(recipe, where)
    _check_parts(recipe.common_trial(where), f"{where}: trial")
    for name, trial in recipe.trial_recipes(where).items():
        split: Any = _check_parts(trial, f"{where}: trials: {name}")["split"]
        if not split.validation_fraction:
            raise ParameterError(f"{where}: trials: {name}: split: validation_fraction must be > 0; got 0")
    return recipe


def _check_by_epoch(recipe: Recipe, where: str) -> None:
    """Raise unless what was reported by epoch will stand beside a column of the history."""
    if recipe.members:
        raise ParameterError(f"{where}: reported_by_epoch is for one network, and cannot stand beside members")
    stages: dict[str, Any] = recipe.stages(recipe.seeds[0], where)
    split, train = stages["split"], stages["train"]
    columns = [name for name in FIGURES if split.validation_fraction or not name.startswith("validation")]
    for name, figures in recipe.reported_by_epoch.items():
        if name not in columns:
            raise ParameterError(
                f"{where}: reported_by_epoch: there will be no column {shown_value(name)}; there will be "
                f"{', '.join(columns)}"
            )
        if train.max_updates is None and len(figures) != train.max_iter:
            raise ParameterError(
                f"{where}: reported_by_epoch: {name} must have {train.max_iter} figures, one for each epoch; "
                f"got {len(figures)}"
            )


def _check_parts(recipe: Recipe, where: str) -> dict[str, Stage]:
    """Raise unless there is a seed, and what is made with it can be; return the stages."""
    if not recipe.seeds:
        raise ParameterError(f"{where}: seeds must be a list of one integer at least; got none")
    if len(set(recipe.seeds)) < len(recipe.seeds):
        raise ParameterError(f"{where}: seeds must all be different; got {', '.join(map(str, recipe.seeds))}")
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
