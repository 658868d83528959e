"""The repository's own recipes: they say whose they are, and have results as they stand."""

import json
from dataclasses import replace
from statistics import fmean

import pytest
from recipe_samples import (
    FOLDER,
    RECIPES,
    ran,
)

from pipeline.cli.params_file import check_document, read_document
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.recipe import STAGES, Recipe
from pipeline.recipes.results import (
    make_table,
    read_results,
    read_trials,
    write_results,
)
from pipeline.recipes.table import BEGIN, END


def trained_by(recipe):
    """Return the recipes that the networks of a recipe and of its trials are trained by."""
    every = [recipe, *recipe.trial_recipes().values()]
    return [kind for one in every for kind in (one.kinds.values() if isinstance(one, MixedEnsemble) else [one])]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_whose_it_is_and_repeats_itself(name):
    """Every word is there, and there are three seeds at the least, no two alike."""
    recipe = RECIPES[name]
    assert all((recipe.title, recipe.reported, recipe.source))
    assert len(set(recipe.seeds)) == len(recipe.seeds) >= 3


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_no_seed_of_its_own(name):
    """A ``random_state`` in a section would be replaced without a word."""
    for recipe in trained_by(RECIPES[name]):
        assert not [section for section in STAGES if "random_state" in getattr(recipe, section)]


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "default"])  # that one may stall
def test_a_recipe_trains_for_as_long_as_it_says(name):
    """No patience runs out, in no trial either, and the epochs suffice for the updates."""
    for recipe in trained_by(RECIPES[name]):
        model = recipe.stages(0)["train"]
        assert model.n_iter_no_change >= model.max_iter
        images = round(60000 * (1 - recipe.split["validation_fraction"]))
        assert not model.max_updates or model.max_iter * -(-images // model.batch_size) >= model.max_updates


def test_results_are_of_recipes_as_they_stand():
    """No results are left of a recipe that has changed since, or gone; all seeds are there, and learned something."""
    for path in FOLDER.glob("*.results.json"):
        name = path.name.removesuffix(".results.json").removesuffix(".again")
        if path.name.endswith(".again.results.json"):
            continue  # somebody is running it anew
        runs = read_results(FOLDER, name, RECIPES[name])
        assert tuple(one["seed"] for one in runs) == RECIPES[name].seeds, name
        assert all(one["test"]["accuracy"] > 0.2 for one in runs), name


def test_results_of_trials_are_of_trials_as_they_stand():
    """No figures are left of a trial that has changed since, or gone."""
    for path in FOLDER.glob("*.trials.json"):
        name = path.name.removesuffix(".trials.json")
        kept = {trial: one["runs"] for trial, one in json.loads(path.read_text("utf-8"))["trials"].items()}
        assert kept == {trial: runs for trial, runs in read_trials(FOLDER, name, RECIPES[name]).items() if runs}, name


def test_what_is_kept_is_json_for_all_readers(folder):
    """Infinity is none of its numbers, and a word here, by which settings are still known again."""

    def refuse(constant):
        raise AssertionError(constant)

    for path in FOLDER.glob("*.json"):
        json.loads(path.read_text("utf-8"), parse_constant=refuse)
    recipe = Recipe("t", "r", "s", train={"n_iter_no_change": float("inf"), "alpha": 0.5})
    write_results(folder, "small", recipe, [ran(0)], {})
    assert '"n_iter_no_change": "Infinity"' in (folder / "small.results.json").read_text("utf-8")
    assert read_results(folder, "small", recipe) == [ran(0)]
    assert read_results(folder, "small", replace(recipe, train=recipe.train | {"n_iter_no_change": 9})) == []


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.trials])
def test_a_recipe_was_chosen_by_validation(name):
    """It is one of its trials itself, the best of those that were run or with a reason, and learns from all images."""
    recipe = RECIPES[name]
    errors = {
        trial: fmean(run["validation"]["error_rate"] for run in runs)
        for trial, runs in read_trials(FOLDER, name, recipe).items()
        if runs
    }
    own = recipe.chosen_trial()
    assert own is not None
    assert own in errors or not (errors or read_results(FOLDER, name, recipe))
    assert recipe.tried or not errors or errors[own] <= min(errors.values())
    assert not recipe.goal or recipe.stages(0)["split"].validation_fraction == (0.15 if name == "default" else 0)


def test_the_default_is_that_of_the_workflow():
    """The recipe makes the stages of params.yaml, but for their seeds, the engine and the pictures."""
    sections = read_document(FOLDER.parent / "params.yaml")
    sections["evaluate"]["pictures"] = False
    sections["train"].pop("engine")  # which stands there for the last bits in dvc.lock
    arguments = check_document(sections, STAGES)
    for name, stage in RECIPES["default"].stages(0).items():
        ours = STAGES[name](**arguments[name]).get_params(deep=False)
        theirs = stage.get_params(deep=False)
        assert repr(ours | {"random_state": 0}) == repr(theirs | {"random_state": 0})


def test_the_readme_of_the_recipes_has_the_table_of_the_results():
    """What `recipes table --write` would write is there already."""
    made = make_table(FOLDER, RECIPES)
    assert f"{BEGIN}\n{made}\n{END}" in (FOLDER / "README.md").read_text("utf-8")
